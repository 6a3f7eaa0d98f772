"""What `improve` is about to do, known before a token is spent: who runs, on which items, and the most it can take."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ..contract import Model, Scorer
from ..errors import BadInput
from ..measuring.cost_forecast import BudgetLimits, provider
from ..measuring.evaluate import clusters
from ..measuring.experiment import item_request
from ..measuring.judge import grading_calls, judge_model, with_judge
from ..recipe import RecipeStep, build, load, parse, read_options
from ..stats import MIN_CLUSTERS, minimum_detectable
from ..tasks.metric import require_replies
from ..tasks.task import Task
from ..techniques.cooperate.cascade import cascade
from . import successive_halving
from .candidate_catalogue import candidates, cascades
from .data_splits import Split, split_items
from .improve_result import ImprovePlan, Note

FEW = 40  # items under which it is said how little they can show
FEWEST_TO_PASS = 6  # with fewer items in the final even "all better" is no proof: 2 ** -(5 - 1) > .05


@dataclass(frozen=True)
class PlannedCandidate:
    """One recipe to try: a base model with steps around it, none for a plain model."""

    recipe: str
    base: str
    steps: str
    model: Model

    @property
    def parts(self) -> frozenset[object]:
        return frozenset((self.base, *_steps(self.steps)))

    @property
    def is_cascade(self) -> bool:
        return "cascade" in self.kind

    @property
    def kind(self) -> tuple[str, ...]:
        """Its model and techniques without their options: two spells are of one kind."""
        return (self.base, *(step.name for step in _steps(self.steps)))


def _steps(steps: str) -> tuple[RecipeStep, ...]:
    return parse(f"scripted | {steps}").steps if steps else ()


@dataclass(frozen=True)
class PreparedImprove:
    """`candidates[0]` is the plain model that all are compared with."""

    task: Task
    split: Split
    candidates: tuple[PlannedCandidate, ...]
    plan: ImprovePlan
    limits: BudgetLimits
    seed: int
    notes: tuple[Note, ...]

    @property
    def bases(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(candidate.base for candidate in self.candidates))


def prepare(
    task: Task,
    models: Sequence[str | Model],
    *,
    seed: int = 0,
    judge: Scorer | None = None,
    limits: BudgetLimits | None = None,
) -> PreparedImprove:
    """The search of every fitting candidate on every model. Raises BadInput where it cannot be held."""
    if not models:
        raise BadInput("nothing to improve: expected at least one model (-m RECIPE)")
    task, limits = with_judge(task, judge, seed), limits or BudgetLimits()
    require_replies(task.metric)
    split = split_items(task.items, seed)
    steps = candidates(task, split.examples)
    bases = [load(model) if isinstance(model, str) else model for model in models]
    planned = [_candidate(base, step) for base in bases for step in steps] + _cascades(task, split, bases, seed)
    everyone = tuple({one.recipe: one for one in planned}.values())
    plan = _plan(task, split, everyone, len({base.name for base in bases}), seed, limits)
    return PreparedImprove(task, split, everyone, plan, limits, seed, _notes(task, split))


def spells(prepared: PreparedImprove) -> tuple[int, int, int]:
    """How many candidates are a spell and nothing else, the most calls that they take in the first round, and the most
    that all of it takes."""
    first = prepared.plan.rounds[0]
    calls = {one: first * (one.model.max_calls() + grading_calls(prepared.task)) for one in prepared.candidates}
    of_spells = [taken for one, taken in calls.items() if one.kind[1:] == ("spell",)]
    return len(of_spells), sum(of_spells), sum(calls.values())


def _candidate(base: Model, steps: str) -> PlannedCandidate:
    model = build(parse(f"scripted | {steps}"), base) if steps else base  # the name before the steps is not used
    return PlannedCandidate(model.name, base.name, steps, model)


def _cascades(task: Task, split: Split, bases: Sequence[Model], seed: int) -> list[PlannedCandidate]:
    """From the cheapest model to the dearest, as they were named where prices are equal or not known."""
    different = tuple({base.name: base for base in bases}.values())
    if len(different) < 2:
        return []
    first, *others = sorted(different, key=lambda base: _per_call(task, split, base, seed) or 0.0)
    steps = [parse(f"scripted | {text}").steps[0] for text in cascades(task)]
    bound = [cascade(models=tuple(others), **read_options(step)) for step in steps]
    return [PlannedCandidate((first | each).name, first.name, str(each), first | each) for each in bound]


def _plan(
    task: Task, split: Split, everyone: Sequence[PlannedCandidate], bases: int, seed: int, limits: BudgetLimits
) -> ImprovePlan:
    final = len(split.final)
    finalists = min(_finalists(final) + bases - 1, len(everyone) - 1)
    ends = successive_halving.rounds(len(split.search))
    keep = successive_halving.keep(len(everyone) - 1, ends, finalists)
    grading, judge = grading_calls(task), judge_model(task)
    calls = [candidate.model.max_calls() for candidate in everyone]
    prices = [_per_call(task, split, candidate.model, seed) for candidate in everyone]
    judged = _per_call(task, split, judge, seed) if judge else 0.0
    known = [price for price in prices if price is not None]
    usd = None
    if len(known) == len(prices) and judged is not None:
        costs = [price * n + grading * judged for price, n in zip(known, calls, strict=True)]
        usd = min(_at_most(costs, ends, keep, final, finalists), math.inf if limits.usd is None else limits.usd)
    return ImprovePlan(
        candidates=len(everyone) - 1,
        rounds=ends,
        keep=keep,
        finalists=finalists,
        max_calls=int(_at_most([n + grading for n in calls], ends, keep, final, finalists))
        + (bases * len(split.search) * (max(calls) + grading) if bases > 1 else 0),  # what a route is fitted on
        max_usd=usd,
        all_calls=(len(split.search) + final) * sum(n + grading for n in calls),
        detectable=minimum_detectable(final, alpha=0.05 / max(1, finalists)),
        budget=limits.given(),
    )


def _finalists(final: int) -> int:
    """As many as a test on so few items could still pass, if every item speaks for them."""
    return max((k for k in range(1, successive_halving.FINALISTS + 1) if k * 0.5 ** (final - 1) < 0.05), default=1)


def _at_most(costs: Sequence[float], ends: Sequence[int], keep: Sequence[int], final: int, finalists: int) -> float:
    """The most that the search and the final can take, `costs` being those of an item: the dearest go on."""
    plain, dearest = costs[0], sorted(costs[1:], reverse=True)
    total, done, alive = 0.0, 0, len(dearest)
    for end, limit in zip(ends, keep, strict=True):
        total += (end - done) * (plain + sum(dearest[:alive]))
        done, alive = end, min(alive, limit)
    return total + final * (plain + sum(dearest[:finalists]))


def _per_call(task: Task, split: Split, model: Model, seed: int) -> float | None:
    """The most dollars that one call on a mean item takes, if its reply is as long as it may be."""
    base = provider(model)
    prices = [base.max_cost(item_request(task, item, seed)).usd if base else None for item in split.search[:20]]
    known = [price for price in prices if price is not None]
    return sum(known) / len(known) if len(known) == len(prices) else None


def _notes(task: Task, split: Split) -> tuple[Note, ...]:
    n, final = len(task.items), len(split.final)
    grouped = clusters(split.final, task.items)
    if grouped and len(set(grouped)) < MIN_CLUSTERS:
        return (Note("few_clusters", {"clusters": len(set(grouped))}),)
    if final < FEWEST_TO_PASS:
        return (Note("hopeless", {"n": n, "final": final}),)
    return (Note("few", {"n": n, "search": len(split.search), "final": final}),) if n < FEW else ()
