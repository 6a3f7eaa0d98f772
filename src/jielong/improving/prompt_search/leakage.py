"""A prompt that quotes the items it was tuned on is no prompt but a leak: no eight words in a row may be theirs."""

from collections.abc import Iterable, Iterator

from ...tasks.item import Item
from .prompt_draft import WORD

N = 8


class LeakageCheck:
    """The 8-grams of the search items: question, documents, choices, answers; those of the start are everyone's."""

    def __init__(self, items: Iterable[Item], start: str) -> None:
        of_items = {gram for item in items for text in _texts(item) for gram in word_ngrams(text)}
        self.grams = of_items.difference(word_ngrams(start))

    def quotation(self, text: str) -> str | None:
        """The first eight words that were copied, or None."""
        return next((" ".join(gram) for gram in word_ngrams(text) if gram in self.grams), None)


def word_ngrams(text: str) -> Iterator[tuple[str, ...]]:
    words = [word.lower() for word in WORD.findall(text)]
    return (tuple(words[i : i + N]) for i in range(len(words) - N + 1))


def _texts(item: Item) -> Iterator[str]:
    yield from (message.text for message in item.request().messages)
    yield from item.accepted
