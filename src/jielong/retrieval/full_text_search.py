"""BM25 over the full text, at a price that does not grow with common words.

FTS5 scores every chunk that has any term of the query, which takes seconds for `what is the …` over a million chunks.
So the rarest terms choose the chunks, as many terms as FTS5 scores in some hundredths of a second, and what the others
add is computed for the best of these; then the next rarest, until what is left could not lift another chunk among the
best (as in MaxScore, Turtle & Flood 1995). How rare a term is, is counted within each part: the chunks of a kind of
script.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from heapq import nlargest

from .chunk_store import ChunkStore
from .common_terms import CommonTerms, weight
from .full_text import PARTS, is_spaceless

COUNTED = 10_000  # of a term; more are estimated
# Chunks that are scored in each round, in each part, unless its rarest term alone has more.
MOST_MATCHES = 4_000, 6_000, 10_000
MOST_HELPING = 100_000  # that the next rarest terms have, which help to choose among these
STRETCHES = 20  # of the index, in which a common term is counted
SMALL = 30_000  # chunks, which are all scored
RESCORED = 300  # of them at most, with all terms
RESCORED_AT_ONCE = 100
LIFTED = 30  # of the best have their places by all terms; behind them, the rare ones may decide alone
SURE = 10  # of the best are certain, but for the last round
LARGEST = 1.4  # times its weight, that a term adds to a chunk in which it stands twice
FEW = 100  # chunks, of which nobody can tell what is common
COMMON = 0.05  # of the chunks with spaces between words: a word like that, in a Chinese chunk, tells nothing
TITLE_WEIGHT, BODY_WEIGHT = 0.5, 1.0


@dataclass(frozen=True, slots=True)
class Size:
    """Of a part: its chunks, and the words that one has on average."""

    chunks: int
    average: float


@dataclass(frozen=True, slots=True)
class Filter:
    """Which chunks a search is about: those of some files, of a language, of some parts."""

    files: tuple[int, ...] | None = None
    language: str | None = None
    parts: tuple[int, ...] | None = None

    def condition(self) -> tuple[str, list[object]]:
        """For a row of `chunks`."""
        parts, values = ["1"], list[object]()
        if self.parts is not None:
            parts.append(f"part in ({', '.join(map(str, self.parts))})")
        if self.files is not None:
            parts.append("file in (select value from json_each(?))")
            values.append(json.dumps(self.files))
        if self.language is not None:
            parts.append("language = ?" if self.files is None else "+language = ?")  # files are fewer: their index
            values.append(self.language)
        return " and ".join(parts), values


class FullTextSearch:
    def __init__(self, store: ChunkStore) -> None:
        self._store = store
        self._frequencies: dict[tuple[int, str], int] = {}
        self._common = CommonTerms()

    def scores(self, terms: Sequence[str], most: int, chosen: Filter) -> dict[int, float]:
        """The best `most` chunks of each part, by their numbers."""
        scores: dict[int, float] = {}
        for part in range(len(PARTS)):
            size = self._size(part)
            if size.chunks:
                scores |= self._scores(part, size, self._telling(terms, part), most, chosen)
        return scores

    def _scores(self, part: int, size: Size, terms: Sequence[str], most: int, chosen: Filter) -> dict[int, float]:
        frequencies = {term: n for term in terms if (n := self._frequency(part, term, size))}
        left = sorted(frequencies, key=lambda term: frequencies[term])
        found: dict[int, float] = {}
        for matches in MOST_MATCHES if left else ():  # each round with the next rarest terms
            used, left = _rarest(left, frequencies, matches) if size.chunks > SMALL else (left, [])
            wanted = max(most, RESCORED) if left or found else most
            best: dict[int, float] = {}
            if left:  # commoner terms help to choose: what has several terms comes first, and has less to be scored
                helpers, _ = _rarest(left, frequencies, MOST_HELPING)
                match = f"({' OR '.join(used)}) AND ({' OR '.join(helpers)})"
                best = self._whole(part, size, match, [*used, *helpers], frequencies, wanted, chosen)
            if len(best) < wanted or sum(frequencies[term] for term in used) <= matches:
                best = self._whole(part, size, " OR ".join(used), used, frequencies, wanted, chosen) | best
            found |= best
            sure = sorted(found.values(), reverse=True)[: min(most, SURE)]
            without = LARGEST * sum(weight(size.chunks, frequencies[term]) for term in left)
            if not left or (len(sure) == min(most, SURE) and sure[-1] >= without):
                break  # what has none of the terms so far cannot be among the best
        return {number: found[number] for number in nlargest(most, found, key=lambda number: found[number])}

    def _whole(
        self, part: int, size: Size, match: str, used: Sequence[str], frequencies: Mapping[str, int], most: int,
        chosen: Filter,
    ) -> dict[int, float]:  # fmt: skip
        """The best chunks by the terms that are `used` in the match, with what the others add to each."""
        best = self._best(part, match, most, chosen)
        others = {term[1:-1]: n for term, n in frequencies.items() if term not in used and term[1:-1].isalnum()}
        if not others or not best:
            return best
        greatest = LARGEST * sum(weight(size.chunks, n) for n in others.values())
        ranked, scores = sorted(best, key=lambda number: -best[number]), dict(best)
        for start in range(0, len(ranked), RESCORED_AT_ONCE):
            batch = ranked[start : start + RESCORED_AT_ONCE]
            enough = nlargest(min(most, LIFTED), scores.values())[-1]
            if start and best[batch[0]] + greatest < enough:
                break  # nor could what comes after it be lifted among the best
            texts = self._store.folded_texts(batch)
            for number, added in self._common.scores(texts, others, size.chunks, size.average).items():
                scores[number] += added
        return scores

    def _telling(self, terms: Sequence[str], part: int) -> Sequence[str]:
        """Without English function words among Chinese chunks, where they are rare and would count for much."""
        size = self._size(0)
        if part == 0 or size.chunks < FEW:
            return terms
        return [t for t in terms if is_spaceless(t) or self._frequency(0, t, size) <= COMMON * size.chunks]

    def _size(self, part: int) -> Size:
        """From FTS5's own record of it: the number of rows, then the words in each column."""
        rows = self._store.rows(f"select block from {PARTS[part]}_data where id = 1")
        chunks, *words = _variable_integers(rows[0][0]) if rows and rows[0][0] else [0]
        return Size(chunks, max(1.0, sum(words) / max(1, chunks)))

    def _frequency(self, part: int, term: str, size: Size) -> int:
        """How many chunks have it: counted, or, of a common one, estimated from stretches all over the index, as a word
        may stand in one folder alone. What changes meanwhile is too little to matter."""
        key = part, term
        if key not in self._frequencies:
            matches = f"from {PARTS[part]} where {PARTS[part]} match ?"
            query = f"select count(*) from (select 1 {matches} limit ?)"
            count = int(self._store.rows(query, (term, COUNTED))[0][0])
            if count == COUNTED:
                last = int(self._store.rows("select max(id) from chunks")[0][0])
                width = max(20, last // 2000)
                starts = range(0, last, max(width, last // STRETCHES))
                query = f"select count(*) {matches} and rowid between ? and ?"
                seen = sum(self._store.rows(query, (term, start + 1, start + width))[0][0] for start in starts)
                count = min(size.chunks, max(count, round(seen * last / (width * len(starts)))))
            self._frequencies[key] = count
        return self._frequencies[key]

    def _best(self, part: int, match: str, most: int, chosen: Filter) -> dict[int, float]:
        table = PARTS[part]
        condition, values = chosen.condition()
        # A subquery for each row, in the order of rank: joined, FTS5 would search once for every chunk of the filter.
        where = f"and (select {condition} from chunks where id = {table}.rowid)" if values else ""
        rank = f"rank match 'bm25({TITLE_WEIGHT}, {BODY_WEIGHT})'"
        query = f"select rowid, -rank from {table} where {table} match ? and {rank} {where} order by rank limit ?"
        return dict(self._store.rows(query, (match, *values, most)))


def _rarest(terms: list[str], frequencies: Mapping[str, int], most: int) -> tuple[list[str], list[str]]:
    """The rarest terms that together have few enough matches, and the others; at least one."""
    matches = 0
    for place, term in enumerate(terms):
        matches += frequencies[term]
        if place and matches > most:
            return terms[:place], terms[place:]
    return terms, []


def _variable_integers(data: bytes) -> list[int]:
    """SQLite's varints: seven bits a byte, the highest first, where the eighth says that more follow."""
    numbers, number = list[int](), 0
    for byte in data:
        number = number << 7 | byte & 0x7F
        if byte < 0x80:
            numbers.append(number)
            number = 0
    return numbers
