"""One candidate while it runs: what it has answered so far, and what an item takes of it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count, takewhile

from ..contract import Usage
from ..measuring.results import ItemResult
from .improve_plan import PlannedCandidate
from .improve_result import Dropped
from .successive_halving import Standing


@dataclass
class CandidateState:
    """A planned candidate and its answers, by the number of the item in its split."""

    planned: PlannedCandidate
    search: dict[int, ItemResult] = field(default_factory=dict)
    final: dict[int, ItemResult] = field(default_factory=dict)
    dropped: Dropped | None = None

    @property
    def name(self) -> str:
        return self.planned.recipe

    def answers(self) -> list[ItemResult]:
        return [*self.search.values(), *self.final.values()]

    def seen(self) -> list[ItemResult]:
        """Its answers up to the first search item that it was not asked."""
        return [self.search[n] for n in takewhile(self.search.__contains__, count())]

    def standing(self, in_dollars: bool) -> Standing:
        """How it stands in the search; its cost is what an item takes its user, so without the judge."""
        answers = self.seen()
        costs = [_cost(answer.usage, in_dollars) for answer in answers]
        cost = sum(costs) / len(costs) if costs else 0.0
        return Standing(self.name, self.planned.parts, [answer.score for answer in answers], cost)


def _cost(usage: Usage, in_dollars: bool) -> float:
    return (usage.usd or 0.0) if in_dollars else usage.input_tokens + usage.output_tokens


def in_dollars(states: Sequence[CandidateState]) -> bool:
    """Candidates are compared by price where all prices are known and not all of them are 0, else by tokens."""
    prices = [answer.usage.usd for state in states for answer in state.search.values()]
    return None not in prices and any(prices)
