"""The race: how many items a candidate is asked, who drops out after a round, and whom the search prefers at its end.

Successive halving (Karnin et al. 2013; Jamieson and Talwalkar 2016) on the same items for all, so that candidates are
compared in pairs, item by item. It differs in two ways: who is shown to be worse than the leader drops out at once, and
a recipe never pushes out a part of itself, so that what its further steps bring can be told.

Pure functions of scores and costs: the engine, the simulated races and the tests call the same ones.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

FIRST, MOST_FIRST = 16, 64  # items of the first round
FINALISTS = 3
WORSE = 2.0  # standard errors behind the leader at which a candidate is out
EQUAL = 0.5  # standard errors within which a cheaper candidate is an equal of the best
PART = 1.5  # the same for a part of the best: longer recipes have to show what their further steps bring
MARGIN = 0.01  # differences that nobody would pay for

Reason = Literal["worse", "dearer", "halved"]


@dataclass(frozen=True)
class Runner:
    """One candidate's standing. `scores` are for the first items of the search, `cost` is that of a mean item."""

    name: str
    steps: frozenset[object]  # with the base model as one of them
    scores: Sequence[float]
    cost: float

    @property
    def mean(self) -> float:
        return sum(self.scores) / len(self.scores) if self.scores else 0.0


@dataclass(frozen=True)
class Out:
    name: str
    why: Reason
    by: str


def rounds(items: int) -> tuple[int, ...]:
    """The number of search items that a candidate has seen at the end of each round; each doubles the one before."""
    at = min(max(FIRST, items // 4), MOST_FIRST)
    ends = []
    while 1.5 * at <= items:
        ends.append(at)
        at *= 2
    return (*ends, items)


def keep(candidates: int, ends: Sequence[int], finalists: int) -> tuple[int, ...]:
    """The most candidates that go on after each round, the plain model not counted: half of them each time."""
    kept, left = [], candidates
    for _ in ends[1:]:
        left = min(left, max(finalists, math.ceil(left / 2)))
        kept.append(left)
    return (*kept, min(left, finalists))


def cull(plain: Runner, others: Sequence[Runner], most: int) -> tuple[list[Runner], list[Out]]:
    """Who goes on, best first, at most `most` (at least one) of `others`; and who is out, with the reason."""
    ranked = sorted(others, key=best_first)
    leader = min((plain, *ranked), key=best_first)
    good = [runner for runner in ranked if not _behind(runner, leader, WORSE, 0.0)] or ranked[:1]
    going: list[Runner] = []
    for runner in good:
        parts = [part for part in good if part not in going and _is_part(part, runner)]
        if runner not in going and len(going) + len(parts) < most:
            going += [*parts, runner]
    going = going or good[:1]
    out = [_reason(runner, leader, good, going) for runner in ranked if runner not in going]
    return sorted(going, key=best_first), out


def preference(runners: Sequence[Runner]) -> list[Runner]:
    """The runners in the order in which the search would use them: the cheapest equal of the best, then by score.

    An equal is one that is less than `EQUAL` standard errors behind the best, or `PART` if it is a part of it.
    """
    ranked = sorted(runners, key=best_first)
    if not ranked:
        return []
    best = ranked[0]
    equals = [r for r in ranked if not _behind(r, best, PART if _is_part(r, best) else EQUAL, MARGIN)]
    chosen = min(equals, key=lambda runner: (runner.cost, -runner.mean))
    return [chosen, *(runner for runner in ranked if runner is not chosen)]


def best_first(runner: Runner) -> tuple[float, float]:
    """The key to sort by: score, then price."""
    return -runner.mean, runner.cost


def _is_part(part: Runner, whole: Runner) -> bool:
    return part.steps < whole.steps and part.cost < whole.cost


def _reason(runner: Runner, leader: Runner, good: Sequence[Runner], going: Sequence[Runner]) -> Out:
    return beaten(runner, going) if runner in good else Out(runner.name, "worse", leader.name)


def beaten(runner: Runner, going: Sequence[Runner]) -> Out:
    """Why these go on, and `runner` does not, though it is not shown to be worse."""
    cheaper = next((g for g in going if g.cost < runner.cost and g.mean >= runner.mean), None)
    return Out(runner.name, "dearer", cheaper.name) if cheaper else Out(runner.name, "halved", going[0].name)


def _behind(runner: Runner, other: Runner, errors: float, margin: float) -> bool:
    """Whether `runner` is more than so many standard errors (and the margin) behind `other`.

    Paired differences with one better and one worse pair added (as Agresti and Min 2005), so that a few items without
    any difference are no proof.
    """
    n = min(len(runner.scores), len(other.scores))
    differences = [other.scores[i] - runner.scores[i] for i in range(n)]
    gap = sum(differences) / (n + 2)
    spread = (sum(d * d for d in differences) + 2) / (n + 2) - gap * gap
    return gap > max(margin, errors * math.sqrt(max(spread, 0.0) / (n + 2)))
