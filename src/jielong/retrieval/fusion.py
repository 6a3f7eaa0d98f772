"""How full text and vectors become one order, and how hits that overlap become one.

A chunk's score is its BM25 score and, times a weight, its cosine in standard deviations above the mean cosine of the
chunks of its script. BM25 adds up logarithms of odds, so it has a scale of its own; a cosine has none, and its usual
value differs by embedder and language. Ranks (reciprocal rank fusion) throw away how clear a lead is, and lose to full
text alone where the vectors are weak: docs/decisions/0014-hybrid-search.md has the figures.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..documents.document import Chunk
from .retriever import Hit

SPACED, SPACELESS = 0, 1
_WORDLLAMA = {(SPACED, SPACED): 1.2, (SPACELESS, SPACELESS): 0.4}  # part of the query, part of the chunk


def vector_weight(embedder: str, query_part: int, part: int) -> float:
    """What one standard deviation of the cosine is worth in BM25's scale. wordllama knows little Chinese, and nothing
    across languages; of others nothing is known, but that they are trained on whole sentences and on many languages."""
    if embedder == "wordllama":
        return _WORDLLAMA.get((query_part, part), 0.0)
    return 2.0


def merged(hits: Sequence[Hit], k: int) -> tuple[Hit, ...]:
    """The first `k`, of which none repeats another. Of two that overlap, the better one takes in the other, as long as
    it does not get longer than twice its length."""
    kept: list[Hit] = []
    longest: list[int] = []  # that each may become
    texts: set[str] = set()
    for hit in hits:
        if hit.chunk.text in texts:
            continue
        place = next((n for n, other in enumerate(kept) if overlaps(other.chunk, hit.chunk)), None)
        if place is not None:
            union = joined(kept[place].chunk, hit.chunk)
            if len(union.text) <= longest[place]:
                kept[place] = Hit(union, kept[place].score)
        elif len(kept) < k:
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
    return replace(first, end=max(a.end, b.end), text=text)
