"""`jielong prompts search`: the loop. Proposers take turns; a draft goes on as long as it may still be the best.

1. The start is asked all search items.
2. Each round one proposer makes `DRAFTS` drafts. A draft is first asked `FIRST` items, half of them mistakes of its
   parent, and has to get more of them right than its parent did (as GEPA's minibatch, Agrawal et al. 2025). Then it is
   asked twice as many, and so on, until it is clearly worse than the best on the same items or has been asked them all.
3. When the budget's share for the search is spent, or nothing is left to gain, the best draft takes the holdout test.

All of it follows from the seed and the replies: a run that was killed and resumed pays nothing twice and ends the same.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any, TypeAlias

from ...contract import Model, Usage
from ...errors import BadInput, BudgetExceeded, EndpointUnfit
from ...measuring.cost_forecast import BudgetLimits, ItemCost
from ...measuring.experiment import Experiment
from ...measuring.judge import judge_model
from ...measuring.results import compare_scores, too_many_lost
from ...prompts import language
from ...stats import PairedDifference
from ...tasks.item import Item
from ...tasks.metric import answer_rule
from ...tasks.task import Task
from ..data_splits import Split
from .edit_proposers import propose_at_random, propose_edits
from .evaluator import Evaluator
from .example_proposers import propose_examples
from .holdout_test import HoldoutTest, run_holdout_test
from .leakage import LeakageCheck
from .llm_proposers import propose_from_examples, propose_from_history, propose_from_mistakes
from .phrase_grammar import Grammar
from .prompt_draft import PromptDraft, ScoredDraft, words
from .search_state import Proposer, SearchState

PROPOSERS: Mapping[str, Proposer] = {
    "edits": propose_edits,
    "examples": propose_examples,
    "induce": propose_from_examples,
    "history": propose_from_history,
    "reflect": propose_from_mistakes,
    "chance": propose_at_random,
}
WRITERS = ("induce", "history", "reflect")  # those that need a model that writes
DRAFTS, FIRST = 4, 4
FEWEST = 10  # items that the search and the holdout test need at least, whatever the budget
FULL_LOOKS = 12  # the search items are so few that the budget pays for so many drafts on all of them
CLEARLY = 0.1  # p below which a draft that is behind the best is given up
IDLE = 3  # rounds of each proposer without anything new, after which the search ends
UNPAID = "the budget was spent before it was asked all items"


@dataclass(frozen=True)
class SearchPlan:
    """A prompt search that can begin: known before a token is spent."""

    task: Task
    model: Model
    split: Split
    start: PromptDraft
    proposers: tuple[str, ...]
    writer: Model | None
    limits: BudgetLimits
    max_words: int
    seed: int

    def __post_init__(self) -> None:
        if not self.proposers:
            raise BadInput(f"no proposer; expected one of {', '.join(PROPOSERS)}")
        needy = [name for name in self.proposers if name in WRITERS]
        if needy and self.writer is None:
            raise BadInput(f"{needy[0]} needs a model that writes prompts: --writer RECIPE, or use edits and examples")
        if (count := words(self.start.text)) > self.max_words:
            raise BadInput(f"the starting prompt has {count} words, more than --max-words {self.max_words}")

    def state(self, items: tuple[Item, ...]) -> SearchState:
        pool, start, words = self.split.search, self.start, self.max_words
        prompt_language = language(start.text or items[0].request().messages[-1].text)
        grammar = Grammar(prompt_language, answer_rule(self.task.metric) or "judge")
        leakage = LeakageCheck(pool, start.text)
        return SearchState(items, pool, start.place, prompt_language, grammar, leakage, words, self.seed, self.writer)


@dataclass
class SearchResult:
    """What a search has found so far; `stopped` says why it ended."""

    state: SearchState
    experiment: Experiment
    holdout: HoldoutTest | None = None
    stopped: str = ""
    notes: dict[str, None] = field(default_factory=dict)

    @property
    def usage(self) -> Usage:
        return self.experiment.usage()


OnRound: TypeAlias = Callable[[SearchResult], None] | None


async def search(plan: SearchPlan, experiment: Experiment, on_round: OnRound = None) -> SearchResult:
    """Search, then let the best draft take the holdout test. `experiment` is open: see `search_prompts.run_search`."""
    evaluator = Evaluator(experiment, plan.model)
    with experiment.stage("prompt search", "search") as stage:
        result = SearchResult(plan.state(plan.split.search), experiment)
        state = result.state
        start = state.admit(plan.start)
        assert start
        calls, items = evaluator.max_calls(start), FIRST + 3 * FEWEST
        if experiment.forecast().affordable(ItemCost(calls)) < items:
            raise BadInput(f"the budget is too small to find out anything: expected at least {calls * items} calls")
        await evaluator.ask([(start, item) for item in state.items[:FIRST]])
        experiment.margin = evaluator.margin(plan.max_words)
        state.items, final = _sized(plan, evaluator, start)
        await evaluator.ask([(start, item) for item in state.items])
        if why := too_many_lost(list(start.answers.values())):
            raise EndpointUnfit(f"nothing can be compared with the starting prompt: {why}")
        start.complete = True
        try:
            result.stopped = await _rounds(plan, evaluator, result, len(final), on_round)
        except BudgetExceeded:
            result.stopped = "budget"
        for scored in state.drafts:
            if not scored.complete and not scored.why:
                scored.why = UNPAID
        if state.best is not start:
            result.holdout = await run_holdout_test(evaluator, start, state.best, final)
        result.notes = dict(stage.notes)
    return result


def _sized(plan: SearchPlan, evaluator: Evaluator, start: ScoredDraft) -> tuple[tuple[Item, ...], tuple[Item, ...]]:
    """The items of the search and of the holdout test that this budget can pay; the latter takes at most half of it."""
    affordable = evaluator.experiment.forecast().affordable(evaluator.item_cost(start))
    n_final = min(len(plan.split.final), max(FEWEST, affordable // 4))
    n_search = min(len(plan.split.search), max(FEWEST, (affordable - 2 * n_final) // FULL_LOOKS))
    return plan.split.search[:n_search], plan.split.final[:n_final]


async def _rounds(plan: SearchPlan, evaluator: Evaluator, result: SearchResult, n_final: int, on_round: OnRound) -> str:
    state, idle = result.state, 0

    # Asked again before every wave: each answer changes what a further item is thought to cost.
    def room() -> int:
        """The items that can be asked while enough is left for the holdout test."""
        calls = evaluator.max_calls(state.start)
        costs = {scored.number: replace(evaluator.item_cost(scored), calls=calls) for scored in state.complete}
        dearest = max(costs.values(), key=lambda cost: cost.tokens)
        reserved = (costs[state.start.number] + costs[state.best.number]) * n_final
        return evaluator.experiment.forecast().affordable(dearest, reserved)

    while True:
        if state.best.mean >= 1:
            return "perfect"
        if idle >= IDLE * len(plan.proposers):
            return "nothing new"
        if room() < FIRST:
            return "budget"
        state.round += 1
        name = plan.proposers[(state.round - 1) % len(plan.proposers)]
        rng = random.Random(f"{plan.seed} {state.round} {name}")
        drafts = await PROPOSERS[name](state, DRAFTS, rng)
        admitted = [scored for draft in drafts if (scored := state.admit(draft))]
        new = [scored for scored in admitted if not scored.why][: room() // FIRST]
        idle = 0 if new else idle + 1
        await _compare_new(state, evaluator, new, room, rng)
        if on_round:
            on_round(result)


async def _compare_new(
    state: SearchState, evaluator: Evaluator, new: list[ScoredDraft], room: Callable[[], int], rng: random.Random
) -> None:
    """Ask the new drafts more and more items, as long as each may still be the best."""
    first = {scored.number: _first_items(state, scored, rng) for scored in new}
    await evaluator.ask([(scored, item) for scored in new for item in first[scored.number]])
    remaining = []
    for scored in new:
        parent, items = state.parent(scored.draft), first[scored.number]
        if _compared(parent, scored, [item.id for item in items]).difference > 0:
            remaining.append(scored)
        else:
            scored.why = f"no better than its parent on {len(items)} items"
    waves = [0, *(FIRST * 2**i for i in range(1, 20) if FIRST * 2**i < len(state.items)), len(state.items)]
    for begin, end in pairwise(waves):
        remaining = [scored for scored in remaining if not _clearly_worse(state, scored)]
        remaining.sort(key=lambda scored: scored.rank)
        pairs: list[tuple[ScoredDraft, Item]] = []
        for scored in list(remaining):
            more = [(scored, item) for item in state.items[begin:end] if item.id not in scored.answers]
            if len(pairs) + len(more) > room():
                remaining.remove(scored)
                scored.why = UNPAID
            else:
                pairs += more
        await evaluator.ask(pairs)
    for scored in remaining:
        scored.why = too_many_lost(list(scored.answers.values())) or ""
        scored.complete = not scored.why


def _first_items(state: SearchState, scored: ScoredDraft, rng: random.Random) -> list[Item]:
    """Half mistakes of the parent, where a better draft has to show itself, and half what the parent could."""
    parent = state.parent(scored.draft)
    wrong, right = parent.mistakes(state.items), parent.successes(state.items)
    rng.shuffle(wrong)
    rng.shuffle(right)
    n = min(FIRST, len(state.items))
    # More mistakes where the parent has too few successes to fill the other half.
    n_wrong = max(min(len(wrong), n // 2), n - len(right))
    return [*wrong[:n_wrong], *right[: n - n_wrong]]


def _compared(a: ScoredDraft, b: ScoredDraft, ids: Sequence[str]) -> PairedDifference:
    return compare_scores([a.answers[id].score for id in ids], [b.answers[id].score for id in ids])


def _clearly_worse(state: SearchState, scored: ScoredDraft) -> bool:
    best = state.best
    seen = [id for id in scored.answers if id in best.answers]
    pair = _compared(best, scored, seen)
    if pair.difference < 0 and pair.p is not None and pair.p < CLEARLY:
        scored.why = f"clearly worse than the best on {len(seen)} items"
        return True
    return False


def to_json(plan: SearchPlan) -> dict[str, Any]:
    """What was asked for: two searches with equal plans are the same work."""
    judge = judge_model(plan.task)
    return {
        "task": plan.task.name,
        "task_sha256": plan.task.sha256,
        "rule": plan.task.metric.name,
        "model": plan.model.name,
        "start": {"text": plan.start.text, "place": plan.start.place},
        "proposers": list(plan.proposers),
        "writer": plan.writer.name if plan.writer else None,
        "judge": judge.name if judge else None,
        "budget": {"calls": plan.limits.calls, "tokens": plan.limits.tokens, "usd": plan.limits.usd},
        "max_words": plan.max_words,
        "seed": plan.seed,
        "splits": {"search": [item.id for item in plan.split.search], "final": [item.id for item in plan.split.final]},
    }
