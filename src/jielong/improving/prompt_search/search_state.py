"""What a prompt search knows at any moment: all that was tried, on what, how well. Proposers read it, the loop writes.

A draft is admitted once: not twice the same prompt, not longer than allowed, no eight words in a row from the items.
"""

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from ...contract import Model
from ...prompts import Language
from ...tasks.item import Item
from ...techniques.prompting import Place
from .leakage import LeakageCheck
from .phrase_grammar import Grammar
from .prompt_draft import PromptDraft, ScoredDraft, words


@dataclass
class SearchState:
    """`items` are asked and scored; `pool` are all items of the search split, from which examples may be drawn."""

    items: tuple[Item, ...]
    pool: tuple[Item, ...]
    place: Place
    language: Language
    grammar: Grammar
    leakage: LeakageCheck
    max_words: int
    seed: int
    writer: Model | None = None
    round: int = 0
    drafts: list[ScoredDraft] = field(default_factory=list)
    _keys: set[str] = field(default_factory=set)

    def admit(self, draft: PromptDraft) -> ScoredDraft | None:
        """The draft as one more that is tried, with `why` if it may not be; None when it was tried already."""
        if draft.key in self._keys:
            return None
        self._keys.add(draft.key)
        scored = ScoredDraft(len(self.drafts), draft, self.round)
        self.drafts.append(scored)
        if words(draft.text) > self.max_words:
            scored.why = f"too long: {words(draft.text)} words, at most {self.max_words}"
        elif quotation := self.leakage.quotation(draft.text):
            scored.why = f"copies the items: {quotation!r}"
        return scored

    @property
    def start(self) -> ScoredDraft:
        return self.drafts[0]

    @property
    def complete(self) -> list[ScoredDraft]:
        """The drafts that were asked all items, the best first."""
        return sorted((scored for scored in self.drafts if scored.complete), key=lambda scored: scored.rank)

    @property
    def best(self) -> ScoredDraft:
        return self.complete[0]

    def parent(self, draft: PromptDraft) -> ScoredDraft:
        """What the draft has to beat first: what it was made from, else the start."""
        return self.start if draft.parent is None else self.drafts[draft.parent]


# k further drafts, or fewer
Proposer: TypeAlias = Callable[[SearchState, int, random.Random], Awaitable[list[PromptDraft]]]


def pareto(drafts: list[ScoredDraft], items: tuple[Item, ...]) -> dict[int, int]:
    """Agrawal et al. (2025), algorithm 2: which drafts are best on some item, with the number of such items. A draft
    whose items are all won by others on the front as well is left out, the weakest first."""
    winners: list[set[int]] = []
    for item in items:
        scores = {scored.number: scored.answers[item.id].score or 0.0 for scored in drafts}
        winners.append({number for number, score in scores.items() if score == max(scores.values())})
    front = set().union(*winners)
    for scored in sorted(drafts, key=lambda scored: scored.rank, reverse=True):
        number = scored.number
        if number in front and all(won & front != {number} for won in winners if number in won):
            front.remove(number)
    return {number: sum(number in won for won in winners) for number in sorted(front)}
