"""Searching an open index: full text, vectors, both together."""

from __future__ import annotations

from collections.abc import Sequence

import anyio.to_thread

from ..documents.document import Chunk
from .chunk_store import ChunkStore
from .full_text import PARTS, match_terms
from .retriever import Hit

CANDIDATES = 50  # from each list, before overlapping ones are merged


class Search:
    """The search over one store, whether it lies on disk or in memory."""

    def __init__(self, store: ChunkStore) -> None:
        self.store = store

    async def search(self, query: str, k: int) -> tuple[Hit, ...]:
        """The `k` chunks nearest to the query, best first; overlapping ones are merged, equal ones are there once."""
        return await anyio.to_thread.run_sync(self._search, query, k)

    def close(self) -> None:
        self.store.close()

    def _search(self, query: str, k: int) -> tuple[Hit, ...]:
        scores = self._text_scores(match_terms(query), max(CANDIDATES, 3 * k))
        best = sorted(scores, key=lambda number: (-scores[number], number))
        chunks = self.store.chunks(best)
        return merged([Hit(chunks[number], scores[number]) for number in best if number in chunks], k)

    def _text_scores(self, terms: Sequence[str], most: int) -> dict[int, float]:
        if not terms:
            return {}
        scores: dict[int, float] = {}
        for table in PARTS:
            query = f"select rowid, -rank from {table} where {table} match ? order by rank limit ?"
            scores |= dict(self.store.rows(query, (" OR ".join(terms), most)))  # type: ignore[arg-type]
        return scores


def merged(hits: Sequence[Hit], k: int) -> tuple[Hit, ...]:
    """The first `k`, of which none repeats another. Of two that overlap, the better one takes in the other, as long as
    it does not get longer than twice its length."""
    kept: list[Hit] = []
    longest: list[int] = []  # that each may become
    texts: set[str] = set()
    for hit in hits:
        if hit.chunk.text in texts:
            continue
        for n, other in enumerate(kept):
            if overlaps(other.chunk, hit.chunk):
                union = joined(other.chunk, hit.chunk)
                if len(union.text) <= longest[n]:
                    kept[n] = Hit(union, other.score)
                break
        else:
            if len(kept) < k:
                kept.append(hit)
                longest.append(2 * len(hit.chunk.text))
                texts.add(hit.chunk.text)
    return tuple(kept)


def overlaps(a: Chunk, b: Chunk) -> bool:
    return a.document == b.document and a.start < b.end and b.start < a.end


def joined(a: Chunk, b: Chunk) -> Chunk:
    """The stretch of the document that two overlapping chunks cover."""
    first, second = sorted((a, b), key=lambda chunk: (chunk.start, -chunk.end))
    text = first.text + second.text[max(0, first.end - second.start) :]
    return Chunk(
        first.document, first.start, max(a.end, b.end), text, first.page, first.line, first.headings, first.language
    )
