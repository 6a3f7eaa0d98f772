"""BM25 over the full text, at a price that does not grow with common words.

FTS5 scores every chunk that has any term of the query, which takes seconds for `what is the …` over a million chunks.
So the commonest terms are left out as long as there are rarer ones: they tell chunks apart least. BM25 with FTS5's own
constants (k1 = 1.2, b = .75); a chunk's scores are counted within its part, the chunks of its kind of script.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from .chunk_store import ChunkStore
from .full_text import PARTS, is_spaceless

MOST_MATCHES = 40_000  # chunks that are scored for a query, in each part, unless its rarest term alone has more
COMMON = 0.05  # of the chunks with spaces between words: a word like that, in a Chinese chunk, tells nothing
TITLE_WEIGHT, BODY_WEIGHT = 0.5, 1.0


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
            parts.append("language = ?")
            values.append(self.language)
        return " and ".join(parts), values


class FullTextSearch:
    def __init__(self, store: ChunkStore) -> None:
        self._store = store
        self._frequencies: dict[tuple[int, str], int] = {}

    def scores(self, terms: Sequence[str], most: int, chosen: Filter) -> dict[int, float]:
        """The best `most` chunks of each part, by their numbers."""
        scores: dict[int, float] = {}
        for part in range(len(PARTS)):
            left = sorted(self._telling(terms, part), key=lambda term: self._frequency(part, term))
            found: dict[int, float] = {}
            while left and len(found) < most:
                chosen_terms, left = self._split(left, part)
                found = self._best(part, " OR ".join(chosen_terms), most, chosen) | found
                if chosen == Filter():
                    break  # without a filter, what the rare terms find is enough
            scores |= found
        return scores

    def _telling(self, terms: Sequence[str], part: int) -> list[str]:
        """Without English function words among Chinese chunks, where they are rare and would count for much."""
        total = self._store.rows("select count(*) from (select 1 from chunks where part = 0 limit 2000)")[0][0]
        if part == 0 or total < 100:
            return list(terms)
        return [term for term in terms if is_spaceless(term) or self._frequency(0, term) <= COMMON * total]

    def _split(self, terms: list[str], part: int) -> tuple[list[str], list[str]]:
        """The rarest terms that together have few enough matches, and the others."""
        matches = 0
        for place, term in enumerate(terms):
            matches += self._frequency(part, term)
            if place and matches > MOST_MATCHES:
                return terms[:place], terms[place:]
        return terms, []

    def _frequency(self, part: int, term: str) -> int:
        """How many chunks have it, counted as far as it matters; what changes meanwhile is too little to matter."""
        key = part, term
        if key not in self._frequencies:
            table = PARTS[part]
            query = f"select count(*) from (select 1 from {table} where {table} match ? limit ?)"
            self._frequencies[key] = int(self._store.rows(query, (term, MOST_MATCHES + 1))[0][0])
        return self._frequencies[key]

    def _best(self, part: int, match: str, most: int, chosen: Filter) -> dict[int, float]:
        table = PARTS[part]
        condition, values = chosen.condition()
        # A subquery for each row, in the order of rank: joined, FTS5 would search once for every chunk of the filter.
        where = f"and (select {condition} from chunks where id = {table}.rowid)" if values else ""
        rank = f"rank match 'bm25({TITLE_WEIGHT}, {BODY_WEIGHT})'"
        query = f"select rowid, -rank from {table} where {table} match ? and {rank} {where} order by rank limit ?"
        return dict(self._store.rows(query, (match, *values, most)))
