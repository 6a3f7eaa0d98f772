"""What `improve` is about to do, known before a token is spent: who runs, on which items, and the most it can take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..contract import Model
from ..errors import BadInput
from ..measuring.evaluate import item_request
from ..measuring.judge import Judge, check_judged
from ..recipe import RecipeStep, build, load, parse
from ..runtime.provider import Provider
from ..stats import minimum_detectable
from ..tasks.task import Task
from . import racing
from .candidate_catalogue import candidates
from .data_splits import Split, split_items
from .improve_result import ImprovePlan, Note

FEW = 40  # items under which it is said how little they can show
FEWEST_TO_PASS = 6  # with fewer items in the final even "all better" is no proof: 2 ** -(5 - 1) > .05


@dataclass(frozen=True)
class PlannedCandidate:
    """One recipe in the race: a base model with steps around it, none for a plain model."""

    recipe: str
    base: str
    steps: str
    model: Model

    @property
    def parts(self) -> frozenset[object]:
        return frozenset((self.base, *_steps(self.steps)))

    @property
    def kind(self) -> tuple[str, ...]:
        """Its model and techniques without their options: two spells are of one kind."""
        return (self.base, *(step.name for step in _steps(self.steps)))


def _steps(steps: str) -> tuple[RecipeStep, ...]:
    return parse(f"scripted | {steps}").steps if steps else ()


@dataclass(frozen=True)
class PreparedImprove:
    """`entrants[0]` is the plain model that all are compared with."""

    task: Task
    split: Split
    entrants: tuple[PlannedCandidate, ...]
    plan: ImprovePlan
    seed: int
    judge: Judge | None
    notes: tuple[Note, ...]

    @property
    def bases(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(entrant.base for entrant in self.entrants))


def prepare(
    task: Task,
    models: Sequence[str | Model],
    *,
    seed: int = 0,
    judge: Judge | None = None,
    budget: Mapping[str, float] | None = None,
) -> PreparedImprove:
    """The race of every fitting candidate on every model. Raises BadInput where it cannot be held.

    `budget` has the keys usd, tokens, seconds, or some of them.
    """
    if not models:
        raise BadInput("nothing to improve: expected at least one model (-m RECIPE)")
    check_judged(task, judge)
    parts = split_items(task.items, seed)
    steps = candidates(task, parts.examples)
    bases = [load(model) if isinstance(model, str) else model for model in models]
    entrants = {entrant.recipe: entrant for base in bases for step in steps for entrant in [_entrant(base, step)]}
    plan = _plan(task, parts, tuple(entrants.values()), len({base.name for base in bases}), seed, judge, budget or {})
    return PreparedImprove(task, parts, tuple(entrants.values()), plan, seed, judge, _notes(task, parts, plan))


def spells(prepared: PreparedImprove) -> tuple[int, int, int]:
    """How many candidates are a spell and nothing else, the most calls that they take in the first round, and the most
    that all of it takes."""
    grading = prepared.judge.model.max_calls() if prepared.judge else 0
    first = prepared.plan.rounds[0]
    calls = [first * (entrant.model.max_calls() + grading) for entrant in prepared.entrants]
    spoken = [taken for entrant, taken in zip(prepared.entrants, calls, strict=True) if entrant.kind[1:] == ("spell",)]
    return len(spoken), sum(spoken), sum(calls)


def _entrant(base: Model, steps: str) -> PlannedCandidate:
    model = build(parse(f"scripted | {steps}"), base) if steps else base  # the name before the steps is not used
    return PlannedCandidate(model.name, base.name, steps, model)


def _plan(
    task: Task,
    parts: Split,
    entrants: Sequence[PlannedCandidate],
    bases: int,
    seed: int,
    judge: Judge | None,
    budget: Mapping[str, float],
) -> ImprovePlan:
    final = len(parts.final)
    finalists = min(_finalists(final) + bases - 1, len(entrants) - 1)
    ends = racing.rounds(len(parts.search))
    kept = racing.keep(len(entrants) - 1, ends, finalists)
    grading = judge.model.max_calls() if judge else 0
    calls = [entrant.model.max_calls() + grading for entrant in entrants]
    prices = [_dollars(task, parts, entrant, seed) for entrant in entrants]
    judged = _per_call(task, parts, judge.model, seed) if judge else 0.0
    known = [price for price in prices if price is not None]
    usd = None
    if len(known) == len(prices) and judged is not None:
        usd = _most([price + grading * judged for price in known], ends, kept, final, finalists)
        usd = min(usd, budget.get("usd", usd))
    return ImprovePlan(
        candidates=len(entrants) - 1,
        rounds=ends,
        keep=kept,
        finalists=finalists,
        max_calls=int(_most(calls, ends, kept, final, finalists)),
        max_usd=usd,
        all_calls=(len(parts.search) + final) * sum(calls),
        detectable=minimum_detectable(final, alpha=0.05 / max(1, finalists)),
        budget=dict(budget),
    )


def _finalists(final: int) -> int:
    """As many as a test on so few items could still pass, if every item speaks for them."""
    passing = [k for k in range(1, racing.FINALISTS + 1) if k * 0.5 ** (final - 1) < 0.05]
    return max(passing, default=1)


def _most(each: Sequence[float], ends: Sequence[int], kept: Sequence[int], final: int, finalists: int) -> float:
    """The most that the race can take, `each` being what an item takes of an entrant: the dearest go on."""
    plain, dearest = each[0], sorted(each[1:], reverse=True)
    total, at, alive = 0.0, 0, len(dearest)
    for end, most in zip(ends, kept, strict=True):
        total += (end - at) * (plain + sum(dearest[:alive]))
        at, alive = end, min(alive, most)
    return total + final * (plain + sum(dearest[:finalists]))


def _dollars(task: Task, parts: Split, entrant: PlannedCandidate, seed: int) -> float | None:
    price = _per_call(task, parts, entrant.model, seed)
    return None if price is None else price * entrant.model.max_calls()


def _per_call(task: Task, parts: Split, model: Model, seed: int) -> float | None:
    """The most dollars that one call on a mean item takes, if its reply is as long as it may be."""
    found = provider(model)
    prices = [found.most(item_request(task, item, seed)).usd if found else None for item in parts.search[:20]]
    known = [price for price in prices if price is not None]
    return sum(known) / len(known) if len(known) == len(prices) else None


def provider(model: Model) -> Provider | None:
    """The provider under a model's techniques."""
    at: object = model
    while at is not None and not isinstance(at, Provider):
        at = getattr(at, "model", None)
    return at


def _notes(task: Task, parts: Split, plan: ImprovePlan) -> tuple[Note, ...]:
    n, final = len(task.items), len(parts.final)
    if final < FEWEST_TO_PASS:
        return (Note("hopeless", {"n": n, "final": final}),)
    if n < FEW:
        return (Note("few", {"n": n, "search": len(parts.search), "final": final}),)
    return ()
