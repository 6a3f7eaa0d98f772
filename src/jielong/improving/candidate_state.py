"""One candidate while it runs: what it has answered so far, and what an item takes of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ..contract import Usage
from ..measuring.evaluate import ItemResult
from ..tasks.task import Item
from . import racing
from .improve_plan import PlannedCandidate
from .improve_result import Candidate, Dropped


@dataclass
class CandidateState:
    """An entrant and its answers, by the number of the item in its split."""

    entrant: PlannedCandidate
    search: dict[int, ItemResult] = field(default_factory=dict)
    final: dict[int, ItemResult] = field(default_factory=dict)
    notes: dict[str, None] = field(default_factory=dict)
    dropped: Dropped | None = None

    @property
    def name(self) -> str:
        return self.entrant.recipe

    def answers(self) -> list[ItemResult]:
        return [*self.search.values(), *self.final.values()]

    def seen(self) -> list[ItemResult]:
        """Its answers up to the first search item that it was not asked."""
        found: list[ItemResult] = []
        while (answer := self.search.get(len(found))) is not None:
            found.append(answer)
        return found

    def takes(self, kind: str) -> float:
        """Dollars or tokens that a mean item of the search took, judge included: what budgets pay for."""
        found = [total_cost(answer.usage, kind) + total_cost(answer.judging, kind) for answer in self.search.values()]
        return sum(found) / len(found) if found else 0.0

    def runner(self, in_dollars: bool) -> racing.Runner:
        """Its standing in the race; its cost is what an item takes its user, so without the judge."""
        answers = self.seen()
        costs = [total_cost(answer.usage, "usd" if in_dollars else "tokens") for answer in answers]
        cost = sum(costs) / len(costs) if costs else 0.0
        return racing.Runner(self.name, self.entrant.parts, [answer.score for answer in answers], cost)

    def candidate(self, clusters: tuple[str, ...] | None) -> Candidate:
        answers = self.seen()
        return Candidate(
            self.name,
            self.entrant.base,
            self.entrant.steps,
            tuple(answer.score for answer in answers),
            clusters,
            sum((answer.usage for answer in answers), Usage()),
            tuple(answer.seconds for answer in answers),
            self.dropped,
            tuple(self.notes),
        )


def total_cost(usage: Usage, kind: str) -> float:
    return (usage.usd or 0.0) if kind == "usd" else usage.input_tokens + usage.output_tokens


def in_dollars(arms: Sequence[CandidateState]) -> bool:
    """Candidates are compared by price where all prices are known and not all of them are 0, else by tokens."""
    known = [answer.usage.usd for arm in arms for answer in arm.search.values()]
    return None not in known and any(known)


def clusters(items: Sequence[Item], among: Sequence[Item]) -> tuple[str, ...] | None:
    """The clusters of `items`; None where no item of the task has one."""
    if not any(item.cluster for item in among):
        return None
    return tuple(item.cluster or item.id for item in items)
