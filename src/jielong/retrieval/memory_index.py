"""The search of an index over chunks in memory, such as the files of one request."""

from __future__ import annotations

from collections.abc import Iterable

from ..contract import Embedder
from ..documents.document import Chunk
from .chunk_store import ChunkStore, IndexedFile
from .search import Search


class MemoryIndex(Search):
    """A Retriever over `chunks`. Nothing is written anywhere."""

    def __init__(self, chunks: Iterable[Chunk], embedder: Embedder | None = None) -> None:
        super().__init__(ChunkStore(":memory:"))
        documents: dict[str, list[Chunk]] = {}
        for chunk in chunks:
            documents.setdefault(chunk.document, []).append(chunk)
        for name, own in documents.items():
            self.store.put_file(IndexedFile(name, "", len(own)), own)
