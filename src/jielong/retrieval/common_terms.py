"""What common words add to BM25, for the few chunks that the rare words of a query have found.

FTS5 walks through all occurrences of a term twice, however few chunks it is asked about. So the words of these chunks
are counted here, by FTS5's own formula (k1 = 1.2, b = .75), and stemmed by FTS5 itself.
"""

from __future__ import annotations

import math
import re
import sqlite3
import threading
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from .full_text import TOKENIZER

K1, B = 1.2, 0.75
MOST_STEMS = 100_000  # that are kept


class CommonTerms:
    """Safe for threads. Keeps the stems of words that it met."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._stems: dict[str, str] = {}  # "": FTS5 takes the word for several, or for none
        self._tokenizer = sqlite3.connect(":memory:", check_same_thread=False)
        self._tokenizer.execute(f"create virtual table words using fts5(word, {TOKENIZER})")
        self._tokenizer.execute("create virtual table terms using fts5vocab(words, instance)")

    def scores(
        self, bodies: Mapping[int, str], frequencies: Mapping[str, int], total: int, average: float
    ) -> dict[int, float]:
        """For each text as full text has it (folded): the sum over the terms, which are single words. `frequencies` are
        the chunks that have each term, of `total`; `average` is the length of a chunk in words."""
        own = self._stems_of(frequencies)
        weights = {own[term]: weight(total, n) for term, n in frequencies.items() if own[term]}
        # A stem differs from its words behind the first letters alone, so that only words with these are looked at.
        begins = "|".join({re.escape(stem[: min(3, max(1, len(stem) - 1))]) for stem in weights})
        alike = re.compile(rf"\b(?:{begins})[^\W_]*")
        words = {number: alike.findall(body.lower()) for number, body in bodies.items()}
        stems = self._stems_of({word for each in words.values() for word in each})
        scores = {}
        for number, each in words.items():
            counts = Counter(stem for word in each if (stem := stems[word]) in weights)
            length = K1 * (1 - B + B * (bodies[number].count(" ") + 1) / average)
            scores[number] = sum(weights[stem] * n * (K1 + 1) / (n + length) for stem, n in counts.items())
        return scores

    def _stems_of(self, words: Iterable[str]) -> dict[str, str]:
        """As FTS5 indexes each."""
        with self._lock:
            if len(self._stems) > MOST_STEMS:
                self._stems.clear()
            stems = {word: self._stems.get(word) for word in words}
            if new := [word for word, stem in stems.items() if stem is None]:
                self._stems |= self._stem(new)
            return {word: self._stems[word] for word in stems}

    def _stem(self, words: Sequence[str]) -> dict[str, str]:
        with self._tokenizer as database:
            database.execute("delete from words")
            database.executemany("insert into words(rowid, word) values(?, ?)", enumerate(words))
            found = database.execute("select doc, term from terms").fetchall()
        several = {number for number, times in Counter(number for number, _ in found).items() if times > 1}
        stems = {words[number]: term for number, term in found if number not in several}
        return {word: stems.get(word, "") for word in words}


def weight(total: int, frequency: int) -> float:
    """The logarithm of the odds that a chunk does not have the term; FTS5 has none below this."""
    return max(1e-6, math.log((total - frequency + 0.5) / (frequency + 0.5))) if frequency < total else 1e-6
