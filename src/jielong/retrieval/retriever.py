"""What techniques ask for chunks: an index on disk, one over the files of a request, a web search."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from ..documents.document import Chunk


@dataclass(frozen=True, slots=True)
class Hit:
    chunk: Chunk
    score: float  # comparable within one search only


class Retriever(Protocol):
    async def search(self, query: str, k: int) -> Sequence[Hit]:
        """The `k` chunks nearest to the query, best first, overlapping ones once."""
