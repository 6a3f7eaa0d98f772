"""Asking drafts items, as trials of one experiment, and what a further item of each draft costs."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from ...contract import Model
from ...measuring.cost_forecast import ItemCost, call_margin, mean_cost
from ...measuring.experiment import Experiment, Trial, item_request
from ...measuring.judge import grading_calls
from ...measuring.results import ItemResult
from ...tasks.item import Item
from .prompt_draft import PromptDraft, ScoredDraft

SAFETY = 1.2  # a further item may cost so much more than the items so far
BYTES_A_WORD = 8  # by which a draft may make a request longer


@dataclass
class Evaluator:
    """Asks items of the experiment's task to `model` under a draft."""

    experiment: Experiment
    model: Model
    _models: dict[PromptDraft, Model] = field(default_factory=dict)

    async def ask(self, pairs: Sequence[tuple[ScoredDraft, Item]]) -> None:
        """Fill in the answers that are missing. Raises BudgetExceeded; what came back until then stays."""

        def receive(scored: ScoredDraft, item: Item, result: ItemResult) -> None:
            scored.answers[item.id] = result

        trials = [Trial(scored, self._under(scored), item) for scored, item in pairs if item.id not in scored.answers]
        await self.experiment.ask(trials, receive)

    def _under(self, scored: ScoredDraft) -> Model:
        if scored.draft not in self._models:
            self._models[scored.draft] = scored.draft.around(self.model)
        return self._models[scored.draft]

    def max_calls(self, scored: ScoredDraft) -> int:
        """The most calls that one item takes."""
        return self._under(scored).max_calls() + grading_calls(self.experiment.task)

    def item_cost(self, scored: ScoredDraft) -> ItemCost:
        """What a further item may take: calls by their bound, the rest by experience."""
        return replace(mean_cost(scored.answers.values()) * SAFETY, calls=self.max_calls(scored))

    def margin(self, max_words: int) -> ItemCost:
        """What the budget sets aside for one call, of which it gives most back."""
        task, seed = self.experiment.task, self.experiment.seed
        margin = call_margin([self.model], [item_request(task, item, seed) for item in task.items])
        return margin + ItemCost(tokens=max_words * BYTES_A_WORD)
