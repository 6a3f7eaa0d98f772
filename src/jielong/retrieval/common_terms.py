"""What common words add to BM25, for the few chunks that the rare words of a query have found.

FTS5 walks through all occurrences of a term twice, however few chunks it is asked about. So the words of these chunks
are counted here, by FTS5's own formula (k1 = 1.2, b = .75), and stemmed by FTS5 itself.
"""

from __future__ import annotations

import math
import re
import sqlite3
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from .full_text import TOKENIZER

K1, B = 1.2, 0.75


def common_scores(
    bodies: Mapping[int, str], frequencies: Mapping[str, int], total: int, average: float
) -> dict[int, float]:
    """For each text as full text has it (folded): the sum over the terms, which are single words. `frequencies` are the
    chunks that have each term, of `total`; `average` is the length of a chunk in words."""
    weights = {stem: weight(total, frequencies[term]) for term, stem in _stems(frequencies).items()}
    # A stem differs from its words behind the first letters alone, so that only words with these are looked at.
    begins = "|".join({re.escape(stem[: min(3, max(1, len(stem) - 1))]) for stem in weights})
    alike = re.compile(rf"\b(?:{begins})[^\W_]*")
    words = {number: alike.findall(body.lower()) for number, body in bodies.items()}
    stems = {
        word: stem for word, stem in _stems({w for each in words.values() for w in each}).items() if stem in weights
    }
    scores = {}
    for number, each in words.items():
        counts = Counter(stems[word] for word in each if word in stems)
        length = K1 * (1 - B + B * (bodies[number].count(" ") + 1) / average)
        scores[number] = sum(weights[stem] * n * (K1 + 1) / (n + length) for stem, n in counts.items())
    return scores


def weight(total: int, frequency: int) -> float:
    """The logarithm of the odds that a chunk does not have the term; FTS5 has none below this."""
    return max(1e-6, math.log((total - frequency + 0.5) / (frequency + 0.5))) if frequency < total else 1e-6


def _stems(words: Iterable[str]) -> dict[str, str]:
    """As FTS5 indexes each; none of a word that it takes for several or for none."""
    listed: Sequence[str] = list(words)
    database = _tokenizer()
    with database:
        database.execute("delete from words")
        database.executemany("insert into words(rowid, word) values(?, ?)", enumerate(listed))
        found = database.execute("select doc, term from terms").fetchall()
    several = {number for number, times in Counter(number for number, _ in found).items() if times > 1}
    return {listed[number]: term for number, term in found if number not in several}


def _tokenizer() -> sqlite3.Connection:
    database = sqlite3.connect(":memory:")
    database.execute(f"create virtual table words using fts5(word, {TOKENIZER})")
    database.execute("create virtual table terms using fts5vocab(words, instance)")
    return database
