"""The search of an index over chunks in memory, such as those of the files of one request."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import anyio
import numpy as np

from ..contract import Embedder
from ..documents.document import Chunk
from .chunk_store import ChunkStore, IndexedFile
from .embed_chunks import vectors_of
from .search import EmbeddedChunks, Search
from .vector_file import VectorFile

AT_ONCE = 32  # texts, for an Embedder that does not say how many it takes


class MemoryIndex(Search):
    """A Retriever over `chunks`, whose vectors are made at the first search. Nothing is written anywhere."""

    def __init__(self, chunks: Iterable[Chunk], embedder: Embedder | None = None) -> None:
        super().__init__(ChunkStore(":memory:"))
        self._embedder = embedder
        self._embedded: EmbeddedChunks | None = None
        self._embedding = anyio.Lock()
        documents: dict[str, list[Chunk]] = {}
        for chunk in chunks:
            documents.setdefault(chunk.document, []).append(chunk)
        for name, own in documents.items():
            self.store.put_file(IndexedFile(name, "", len(own)), own)

    async def _embedded_chunks(self) -> EmbeddedChunks | None:
        async with self._embedding:
            if self._embedded is None and self._embedder is not None:
                self._embedded = await self._embed(self._embedder)
        return self._embedded

    async def _embed(self, embedder: Embedder) -> EmbeddedChunks | None:
        texts = self.store.texts()
        at_once = getattr(embedder, "texts_at_once", AT_ONCE)
        batches = [texts[start : start + at_once] for start in range(0, len(texts), at_once)]
        vectors = [await vectors_of(embedder, [text for _, text in batch]) for batch in batches]
        if not vectors:
            return None
        rows = ((1, digest, row) for row, (digest, _) in enumerate(texts))
        self.store.many("insert into vectors values(?, ?, ?)", rows)
        array = VectorFile(Path(), vectors[0].shape[1], np.concatenate(vectors))
        return EmbeddedChunks(embedder, getattr(embedder, "name", ""), 1, len(texts), array)
