"""The gate: the best draft of the search replaces the start only if it beats it on items that the search never saw.

One draft is tried, fixed before the first of these items is asked, so its interval and its p need no correction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...errors import BudgetExceeded
from ...stats import Estimate, Paired, mean, paired
from ...tasks.task import Item
from .evaluator import SAFETY, BudgetAccount, Evaluator, QuestionCost, mean_cost
from .prompt_draft import ScoredDraft

ALPHA = 0.05
CHUNK = 25  # items asked at once, after which it is seen whether more can be paid


@dataclass(frozen=True)
class HoldoutTest:
    """Start and best draft on the same unseen items, in the order in which they were asked."""

    start: ScoredDraft
    best: ScoredDraft
    items: tuple[Item, ...]
    wanted: int  # how many would have been asked, had the budget lasted

    @property
    def clusters(self) -> tuple[str, ...] | None:
        grouped = any(item.cluster for item in self.items)
        return tuple(item.cluster or item.id for item in self.items) if grouped else None

    def estimate(self, tried: ScoredDraft) -> Estimate:
        return mean(self._scores(tried), self.clusters)

    @property
    def pair(self) -> Paired:
        return paired(self._scores(self.start), self._scores(self.best), self.clusters)

    @property
    def passed(self) -> bool:
        return self.pair.difference > 0 and self.pair.p < ALPHA

    def _scores(self, tried: ScoredDraft) -> list[float]:
        return [tried.answers[item.id].score for item in self.items]


async def run_holdout_test(
    asking: Evaluator, account: BudgetAccount, start: ScoredDraft, best: ScoredDraft, final: Sequence[Item]
) -> HoldoutTest:
    """Ask both all `final` items, or as many as the budget can still pay: that does not depend on the answers."""
    first = ScoredDraft(start.number, start.draft, start.round)
    second = ScoredDraft(best.number, best.draft, best.round)
    a_pair = (mean_cost(start) + mean_cost(best)).times(SAFETY)
    a_pair = QuestionCost(asking.bound(start) + asking.bound(best), a_pair.tokens, a_pair.usd)
    asked: list[Item] = []
    while len(asked) < len(final):
        chunk = final[len(asked) : len(asked) + CHUNK]
        chunk = chunk[: account.affordable(a_pair, QuestionCost())]
        if not chunk:
            break
        try:
            await asking.ask([(tried, item) for item in chunk for tried in (first, second)])
        except BudgetExceeded:
            break
        asked += chunk
    return HoldoutTest(first, second, tuple(asked), len(final))
