"""Answers that rest on documents: whether they are right, and whether they stand in the documents.

An item that its documents do not answer has a reply such as "The sources do not tell" as its accepted answer, in
whatever words (answers/not_told.py). Neither metric asks a model: `grounded` is of words, so that a paraphrase in other
words counts as not grounded, and a false one in the documents' own words as grounded.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from ..answers.not_told import not_told
from ..answers.quotation import SearchedText, units
from ..contract import Reply
from .free_text import FreeText
from .item import Item
from .metric import Score

GROUNDED_SHARE = 0.6  # of the words of a statement that must be the documents'
_STATEMENT = re.compile(r"[^.!?。！？\n]*(?:[.!?](?!\s|$)[^.!?。！？\n]*)*[.!?。！？\n]?")
_ARTICLES = frozenset({"a", "an", "the"})


@dataclass(frozen=True)
class AnswerMetric(FreeText):
    """An accepted answer stands in the reply; or, where it is not told, the reply says so. Its parts are the F1 of
    words as SQuAD counts it, and whether the reply says that it is not told: a false refusal, where it is."""

    name: str = "answered"

    async def score(self, item: Item, reply: Reply) -> Score:
        text = self.extract(reply)
        if text is None:
            return Score(0.0, None)
        refuses = not_told(text)
        if any(not_told(answer) for answer in item.accepted):
            return Score(float(refuses), text, {"f1": float(refuses), "not_told": float(refuses)})
        searched = SearchedText(text)
        right = not refuses and any(searched.find(answer) is not None for answer in item.accepted)
        f1 = 0.0 if refuses else max((_f1(text, answer) for answer in item.accepted), default=0.0)
        return Score(float(right), text, {"f1": f1, "not_told": float(refuses)})


@dataclass(frozen=True)
class GroundedMetric(FreeText):
    """The share of a reply's statements whose numbers and most of whose words stand in the item's documents or in the
    sources that the reply cites. Without any document nothing is grounded but that it is not told, which always is."""

    name: str = "grounded"

    async def score(self, item: Item, reply: Reply) -> Score:
        text = self.extract(reply)
        if text is None:
            return Score(0.0, None)
        if not_told(text):
            return Score(1.0, text, {"not_told": 1.0})
        held = _words([*item.context, *(source.text for source in reply.sources)])
        statements = [words for match in _STATEMENT.finditer(text) if (words := _words([match[0]]))]
        grounded = [_is_grounded(words, held) for words in statements]
        return Score(sum(grounded) / len(grounded) if grounded else 0.0, text, {"not_told": 0.0})


def _words(texts: Iterable[str]) -> list[str]:
    return [unit.text for text in texts for unit in units(text) if unit.text not in _ARTICLES]


def _is_grounded(words: list[str], held: list[str]) -> bool:
    known = set(held)
    numbers = all(word in known for word in words if word[-1].isdigit())
    return numbers and sum(word in known for word in words) >= GROUNDED_SHARE * len(words)


def _f1(text: str, answer: str) -> float:
    words, gold = Counter(_words([text])), Counter(_words([answer]))
    shared = (words & gold).total()
    return 2 * shared / (words.total() + gold.total()) if shared else 0.0


answered, grounded = AnswerMetric(), GroundedMetric()
