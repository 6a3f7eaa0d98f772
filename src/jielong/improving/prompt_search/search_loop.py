"""`jielong prompts search`: the loop. Proposers take turns; a draft goes on as long as it may still be the best.

1. The start is asked all search items.
2. Each round one proposer makes `DRAFTS` drafts. A draft is first asked `FIRST` items, half of them mistakes of its
   parent, and has to get more of them right than its parent did (as GEPA's minibatch, Agrawal et al. 2025). Then it is
   asked twice as many, and so on, until it is clearly worse than the best on the same items or has been asked them all.
3. When the budget's share for the search is spent, or nothing is left to gain, the best draft goes through the gate.

All of it follows from the seed and the replies: a run that was killed goes on, pays nothing twice and ends the same.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from ...contract import Model
from ...errors import BadInput, BudgetExceeded
from ...measuring.judge import Judge
from ...prompts import language
from ...scope import Scope, scope
from ...stats import paired
from ...tasks.task import Item, Task
from ..data_splits import Split
from .edit_proposers import chance, edits
from .evaluator import SAFETY, BudgetAccount, BudgetLimits, Evaluator, QuestionCost, mean_cost
from .example_proposers import examples
from .holdout_test import HoldoutTest, run_holdout_test
from .leakage import LeakageCheck
from .llm_proposers import history, induce, reflect
from .phrase_grammar import Grammar
from .prompt_draft import PromptDraft, ScoredDraft, words
from .search_state import Proposer, SearchState

PROPOSERS: Mapping[str, Proposer] = {
    "edits": edits,
    "examples": examples,
    "induce": induce,
    "history": history,
    "reflect": reflect,
    "chance": chance,
}
WRITERS = ("induce", "history", "reflect")  # those that need a model that writes
DRAFTS, FIRST = 4, 4
FEWEST = 10  # items that the search and the gate need at least, whatever the budget
FULL_LOOKS = 12  # the search items are so few that the budget pays for so many drafts on all of them
CLEARLY = 0.1  # p below which a draft that is behind the best is given up
IDLE = 3  # rounds of each proposer without anything new, after which the search ends


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
    most_words: int
    seed: int
    judge: Judge | None = None

    def __post_init__(self) -> None:
        if not self.proposers:
            raise BadInput(f"no proposer; expected one of {', '.join(PROPOSERS)}")
        needy = [name for name in self.proposers if name in WRITERS]
        if needy and self.writer is None:
            raise BadInput(f"{needy[0]} needs a model that writes prompts: --writer RECIPE, or use edits and examples")
        if words(self.start.text) > self.most_words:
            found = words(self.start.text)
            raise BadInput(f"the starting prompt has {found} words, more than --max-words {self.most_words}")

    def state(self, items: tuple[Item, ...]) -> SearchState:
        first = items[0].request().messages[-1].text
        spoken = language(self.start.text or first)
        return SearchState(
            items,
            self.split.search,
            self.start.place,
            spoken,
            Grammar(spoken, self.task.rule),
            LeakageCheck(self.split.search, self.start.text),
            self.most_words,
            self.seed,
            self.writer,
        )


@dataclass
class SearchResult:
    """What a search has found so far; `stopped` says why it ended."""

    state: SearchState
    whole: Scope
    gate: HoldoutTest | None = None
    stopped: str = ""
    notes: dict[str, None] = field(default_factory=dict)


async def search(
    plan: SearchPlan,
    *,
    concurrency: int = 64,
    on_round: Callable[[SearchResult], None] | None = None,
) -> SearchResult:
    """Search, then let the best draft through the gate. The ledger and the purse are around it: see `run.py`."""
    asking = Evaluator(plan.task, plan.model, plan.seed, concurrency, plan.judge)
    with scope("prompt search", kind="search") as whole:
        found = SearchResult(plan.state(plan.split.search), whole)
        state = found.state
        start = state.admit(plan.start)
        assert start
        most = QuestionCost(asking.bound(start))
        if BudgetAccount(plan.limits, whole, QuestionCost()).affordable(most, QuestionCost()) < FIRST + 3 * FEWEST:
            raise BadInput(f"the budget is too small to find out anything: expected at least "
                           f"{asking.bound(start) * (FIRST + 3 * FEWEST)} calls")  # fmt: skip
        await asking.ask([(start, item) for item in state.items[:FIRST]])
        account = BudgetAccount(plan.limits, whole, _margin(asking, plan, start))
        state.items, final = _sized(plan, account, start, most)
        await asking.ask([(start, item) for item in state.items])
        start.kept = True
        try:
            found.stopped = await _rounds(plan, asking, account, found, len(final), on_round)
        except BudgetExceeded:
            found.stopped = "budget"
        for tried in state.tried:
            if not tried.kept and not tried.why:
                tried.why = "the budget was spent before it was asked all items"
        if state.best is not start:
            found.gate = await run_holdout_test(asking, account, start, state.best, final)
        found.notes = dict(whole.notes)
    return found


def _margin(asking: Evaluator, plan: SearchPlan, start: ScoredDraft) -> QuestionCost:
    """What a purse holds for one call, of which it gives most back: dollars as for output tokens at five times."""
    tokens = asking.longest(plan.task.items) + plan.most_words * 8
    average = mean_cost(start)
    return QuestionCost(0, tokens, 5 * average.usd / average.tokens * tokens if average.tokens else 0.0)


def _sized(
    plan: SearchPlan, account: BudgetAccount, start: ScoredDraft, most: QuestionCost
) -> tuple[tuple[Item, ...], tuple[Item, ...]]:
    """The items of the search and of the gate that this budget can pay; at most half of it goes into the gate."""
    questions = account.affordable(_question(start, most), QuestionCost())
    n_final = min(len(plan.split.final), max(FEWEST, questions // 4))
    n_search = min(len(plan.split.search), max(FEWEST, (questions - 2 * n_final) // FULL_LOOKS))
    return plan.split.search[:n_search], plan.split.final[:n_final]


def _question(tried: ScoredDraft, most: QuestionCost) -> QuestionCost:
    """What a further question may take: calls by their bound, the rest by experience."""
    average = mean_cost(tried)
    return QuestionCost(most.calls, average.tokens * SAFETY, average.usd * SAFETY)


async def _rounds(
    plan: SearchPlan,
    asking: Evaluator,
    account: BudgetAccount,
    found: SearchResult,
    n_final: int,
    on_round: Callable[[SearchResult], None] | None,
) -> str:
    state, idle = found.state, 0
    most = QuestionCost(asking.bound(state.start))

    def room() -> int:
        """The questions that can be asked while enough is left for the gate."""
        start, best = _question(state.start, most), _question(state.best, most)
        dearest = max((_question(tried, most) for tried in state.kept), key=lambda cost: cost.tokens)
        return account.affordable(dearest, (start + best).times(n_final))

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
        admitted = [tried for draft in drafts if (tried := state.admit(draft))]
        new = [tried for tried in admitted if not tried.why][: room() // FIRST]
        idle = 0 if new else idle + 1
        await _raced(state, asking, new, room, rng)
        if on_round:
            on_round(found)


async def _raced(
    state: SearchState, asking: Evaluator, new: list[ScoredDraft], room: Callable[[], int], rng: random.Random
) -> None:
    first = {tried.number: _first_items(state, tried, rng) for tried in new}
    await asking.ask([(tried, item) for tried in new for item in first[tried.number]])
    going = []
    for tried in new:
        parent, items = state.parent(tried.draft), first[tried.number]
        if _score(tried, items) > _score(parent, items):
            going.append(tried)
        else:
            tried.why = f"no better than its parent on {len(items)} items"
    waves = [0, *(FIRST * 2**i for i in range(1, 20) if FIRST * 2**i < len(state.items)), len(state.items)]
    for begin, end in pairwise(waves):
        going = [tried for tried in going if not _clearly_worse(state, tried)]
        going.sort(key=lambda tried: tried.rank)
        wave = state.items[begin:end]
        asked: list[tuple[ScoredDraft, Item]] = []
        for tried in list(going):
            more = [(tried, item) for item in wave if item.id not in tried.answers]
            if len(asked) + len(more) > room():
                going.remove(tried)
                tried.why = "the budget was spent before it was asked all items"
            else:
                asked += more
        await asking.ask(asked)
    for tried in going:
        tried.kept = True


def _first_items(state: SearchState, tried: ScoredDraft, rng: random.Random) -> list[Item]:
    """Half mistakes of the parent, where a better draft has to show itself, and half what the parent could."""
    answers = state.parent(tried.draft).answers
    wrong = [item for item in state.items if answers[item.id].score < 1]
    right = [item for item in state.items if answers[item.id].score >= 1]
    rng.shuffle(wrong)
    rng.shuffle(right)
    n = min(FIRST, len(state.items))
    n_wrong = max(min(len(wrong), n // 2), n - len(right))
    return [*wrong[:n_wrong], *right[: n - n_wrong]]


def _score(tried: ScoredDraft, items: list[Item]) -> float:
    return sum(tried.answers[item.id].score for item in items)


def _clearly_worse(state: SearchState, tried: ScoredDraft) -> bool:
    best = state.best
    seen = [id for id in tried.answers if id in best.answers]
    pair = paired([best.answers[id].score for id in seen], [tried.answers[id].score for id in seen])
    if pair.difference < 0 and pair.p < CLEARLY:
        tried.why = f"clearly worse than the best on {len(seen)} items"
        return True
    return False


def to_json(plan: SearchPlan) -> dict[str, Any]:
    """What was asked for: two searches with equal plans are the same work."""
    return {
        "task": plan.task.name,
        "task_sha256": plan.task.sha256,
        "rule": plan.task.rule,
        "model": plan.model.name,
        "start": {"text": plan.start.text, "place": plan.start.place},
        "proposers": list(plan.proposers),
        "writer": plan.writer.name if plan.writer else None,
        "judge": plan.judge.model.name if plan.judge else None,
        "budget": {"calls": plan.limits.calls, "tokens": plan.limits.tokens, "usd": plan.limits.usd},
        "max_words": plan.most_words,
        "seed": plan.seed,
        "splits": {
            "search": [item.id for item in plan.split.search],
            "final": [item.id for item in plan.split.final],
        },
    }
