"""The search: how many items a candidate is asked, who is eliminated after a round, and who is preferred at the end.

Successive halving (Karnin et al. 2013; Jamieson and Talwalkar 2016) on the same items for all, so that candidates are
compared in pairs, item by item. It differs in two ways: who is shown to be worse than the leader is eliminated at once,
and a recipe never pushes out a part of itself, so that what its further steps bring can be told.

Pure functions of scores and costs: the engine, the simulations and the tests call the same ones.
"""

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
class Standing:
    """How one candidate stands. `scores` are for the first items of the search, None where one was lost; `cost` is that
    of a mean item."""

    name: str
    steps: frozenset[object]  # with the base model as one of them
    scores: Sequence[float | None]
    cost: float

    @property
    def mean(self) -> float:
        scored = [score for score in self.scores if score is not None]
        return sum(scored) / len(scored) if scored else 0.0


@dataclass(frozen=True)
class Elimination:
    name: str
    why: Reason
    by: str


def rounds(items: int) -> tuple[int, ...]:
    """The number of search items that a candidate has seen at the end of each round; each doubles the one before."""
    end, ends = min(max(FIRST, items // 4), MOST_FIRST), []
    while 1.5 * end <= items:
        ends.append(end)
        end *= 2
    return (*ends, items)


def keep(candidates: int, ends: Sequence[int], finalists: int) -> tuple[int, ...]:
    """The most candidates that go on after each round, the plain model not counted: half of them each time."""
    counts, left = [], candidates
    for _ in ends[1:]:
        left = min(left, max(finalists, math.ceil(left / 2)))
        counts.append(left)
    return (*counts, min(left, finalists))


def eliminate(plain: Standing, others: Sequence[Standing], limit: int) -> tuple[list[Standing], list[Elimination]]:
    """Who goes on, best first, at most `limit` (at least one) of `others`; and who is out, with the reason."""
    ranked = sorted(others, key=best_first)
    # The plain model can lead: then a candidate has to be no worse than what costs nothing extra.
    leader = min((plain, *ranked), key=best_first)
    good = [standing for standing in ranked if not _behind(standing, leader, WORSE, 0.0)] or ranked[:1]
    survivors: list[Standing] = []
    for standing in good:
        # A recipe goes on with those of its parts that are still good, or not at all: else nobody could tell what its
        # further steps bring.
        parts = [part for part in good if part not in survivors and _is_part(part, standing)]
        if standing not in survivors and len(survivors) + len(parts) < limit:
            survivors += [*parts, standing]
    survivors = survivors or good[:1]
    out = [
        beaten(standing, survivors) if standing in good else Elimination(standing.name, "worse", leader.name)
        for standing in ranked
        if standing not in survivors
    ]
    return sorted(survivors, key=best_first), out


def preference(standings: Sequence[Standing]) -> list[Standing]:
    """The candidates in the order in which the search would use them: the cheapest equal of the best, then by score. An
    equal is one that is less than `EQUAL` standard errors behind the best, or `PART` if it is a part of it."""
    ranked = sorted(standings, key=best_first)
    if not ranked:
        return []
    best = ranked[0]
    equals = (s for s in ranked if not _behind(s, best, PART if _is_part(s, best) else EQUAL, MARGIN))
    chosen = min(equals, key=lambda standing: (standing.cost, -standing.mean))
    return [chosen, *(standing for standing in ranked if standing is not chosen)]


def best_first(standing: Standing) -> tuple[float, float]:
    """The key to sort by: score, then price."""
    return -standing.mean, standing.cost


def _is_part(part: Standing, longer: Standing) -> bool:
    return part.steps < longer.steps and part.cost < longer.cost


def beaten(standing: Standing, survivors: Sequence[Standing]) -> Elimination:
    """Why these go on and `standing` does not, though it is not shown to be worse."""
    cheaper = next((s for s in survivors if s.cost < standing.cost and s.mean >= standing.mean), None)
    return Elimination(standing.name, "dearer" if cheaper else "halved", (cheaper or survivors[0]).name)


def _behind(standing: Standing, other: Standing, errors: float, margin: float) -> bool:
    """Whether `standing` is more than so many standard errors (and the margin) behind `other`. Paired differences with
    one better and one worse pair added (as Agresti and Min 2005), so that a few items without any difference are no
    proof."""
    pairs = zip(standing.scores, other.scores, strict=False)  # one may have been asked fewer items
    differences = [better - score for score, better in pairs if score is not None and better is not None]
    n = len(differences)
    gap = sum(differences) / (n + 2)
    spread = (sum(d * d for d in differences) + 2) / (n + 2) - gap * gap
    return gap > max(margin, errors * math.sqrt(max(spread, 0.0) / (n + 2)))
