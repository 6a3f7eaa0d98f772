"""The holdout test: the best draft replaces the start only if it beats it on items that the search never saw.

One draft is tried, fixed before the first of these items is asked, so its interval and its p need no correction.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from ...errors import BudgetExceeded
from ...measuring.evaluate import clusters
from ...measuring.results import ItemResult, compare_scores, mean_score, too_many_lost
from ...stats import Estimate, PairedDifference
from ...tasks.item import Item
from .evaluator import Evaluator
from .prompt_draft import ScoredDraft

ALPHA = 0.05
CHUNK = 25  # items asked at once, after which it is seen whether more can be paid


@dataclass(frozen=True)
class HoldoutTest:
    """Start and best draft on the same unseen items, in the order in which they were asked."""

    start: ScoredDraft
    best: ScoredDraft
    items: tuple[Item, ...]
    planned: int  # how many would have been asked, had the budget lasted

    def estimate(self, scored: ScoredDraft) -> Estimate:
        return mean_score(self._scores(scored), clusters(self.items))

    @property
    def pair(self) -> PairedDifference:
        return compare_scores(self._scores(self.start), self._scores(self.best), clusters(self.items))

    @property
    def inconclusive(self) -> str | None:
        """Why nothing is concluded: too many items of one of the two were lost."""
        return too_many_lost(self._results(self.start)) or too_many_lost(self._results(self.best))

    @property
    def passed(self) -> bool:
        p = self.pair.p
        return self.inconclusive is None and self.pair.difference > 0 and p is not None and p < ALPHA

    def _results(self, scored: ScoredDraft) -> list[ItemResult]:
        return [scored.answers[item.id] for item in self.items]

    def _scores(self, scored: ScoredDraft) -> list[float | None]:
        return [result.score for result in self._results(scored)]


async def run_holdout_test(
    evaluator: Evaluator, start: ScoredDraft, best: ScoredDraft, final: Sequence[Item]
) -> HoldoutTest:
    """Ask both all `final` items, or as many as the budget can still pay: that does not depend on the answers."""
    # Fresh copies: the answers of the search must not count among those of the holdout test.
    first, second = (ScoredDraft(scored.number, scored.draft, scored.round) for scored in (start, best))
    pair_cost = evaluator.item_cost(start) + evaluator.item_cost(best)
    items: list[Item] = []
    while len(items) < len(final):
        chunk = final[len(items) :][: min(CHUNK, evaluator.experiment.forecast().affordable(pair_cost))]
        if not chunk:
            break
        try:
            await evaluator.ask([(scored, item) for item in chunk for scored in (first, second)])
        except BudgetExceeded:
            break
        items += chunk
    return HoldoutTest(first, second, tuple(items), len(final))
