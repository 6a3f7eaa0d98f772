"""Searching an index: full text, and vectors where it has some. The same code for an index on disk and in memory."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

import anyio.to_thread
import numpy as np

from ..contract import Embedder
from ..sync import unwrap_exception_group
from .chunk_store import ChunkStore
from .embed_chunks import vectors_of
from .full_text import is_spaceless, match_terms
from .full_text_search import Filter, FullTextSearch
from .fusion import merged, vector_weight
from .retriever import Hit
from .vector_file import Rows, VectorFile, Vectors

TEXT_CANDIDATES, VECTOR_CANDIDATES = 300, 100
SAMPLE = 1000  # chunks whose cosines show what is usual
FEW = 5_000  # chunks that a filter leaves: their cosines are computed one and all


@dataclass(frozen=True, slots=True)
class EmbeddedChunks:
    """The vectors of one embedder: `number` in the database, `rows` in the array."""

    embedder: Embedder
    name: str
    number: int
    rows: int
    array: VectorFile


class Search:
    """A Retriever over one store."""

    def __init__(self, store: ChunkStore) -> None:
        self.store = store
        self._text = FullTextSearch(store)
        self._sample: tuple[tuple[int, int], Rows, Rows] | None = None  # of which state; rows and parts

    def close(self) -> None:
        self.store.close()

    async def search(
        self, query: str, k: int, *, path: str | None = None, language: str | None = None
    ) -> tuple[Hit, ...]:
        """The `k` chunks nearest to the query, best first; overlapping ones are merged, equal ones are there once.

        `path`: only files of this name, below this folder, or that this pattern (`*.md`) fits; `language`: only chunks
        in this one (`en`, `zh`). A query without a letter or digit finds nothing.
        """
        terms = match_terms(query)
        if not terms or k < 1:
            return ()
        chosen = Filter(await anyio.to_thread.run_sync(self._files, path), language)
        scores: dict[int, float] = {}

        async def full_text() -> None:
            nonlocal scores
            scores = await anyio.to_thread.run_sync(self._text.scores, terms, max(TEXT_CANDIDATES, 4 * k), chosen)

        embedded = await self._embedded_chunks()
        if embedded is None:
            await full_text()
        else:
            vector = (await vectors_of(embedded.embedder, [query]))[0]
            weights = [vector_weight(embedded.name, int(is_spaceless(query)), part) for part in (0, 1)]
            parts = replace(chosen, parts=tuple(np.flatnonzero(weights).tolist()))
            with unwrap_exception_group():
                async with anyio.create_task_group() as group:  # SQLite and NumPy each let the other run
                    group.start_soon(full_text)
                    nearest = await anyio.to_thread.run_sync(
                        self._nearest, embedded, vector, max(VECTOR_CANDIDATES, 4 * k), parts
                    )
            scores = await anyio.to_thread.run_sync(self._with_vectors, scores, embedded, vector, nearest, weights)
        return await anyio.to_thread.run_sync(self._hits, scores, k)

    async def _embedded_chunks(self) -> EmbeddedChunks | None:
        """None: there are no vectors."""
        return None

    def _hits(self, scores: dict[int, float], k: int) -> tuple[Hit, ...]:
        best = sorted(scores, key=lambda number: (-scores[number], number))[: max(50, 4 * k)]
        chunks = self.store.chunks(best)
        return merged([Hit(chunks[number], scores[number]) for number in best if number in chunks], k)

    def _files(self, path: str | None) -> tuple[int, ...] | None:
        if path is None:
            return None
        below = f"{path.rstrip('/')}/"
        rows = self.store.rows("select id, name from files")
        return tuple(id for id, name in rows if name == path or name.startswith(below) or fnmatchcase(name, path))

    def _with_vectors(
        self, scores: dict[int, float], embedded: EmbeddedChunks, vector: Vectors, nearest: list[tuple[int, int, int]],
        weights: list[float],
    ) -> dict[int, float]:  # fmt: skip
        """The scores of all candidates, those of the full text and those of the vectors."""
        rows = {row: (number, part) for number, row, part in nearest}
        rows |= {
            row: (number, part)
            for number, row, part in self.store.rows(
                f"{_OF_CHUNKS} where chunks.id in (select value from json_each(?))",
                (embedded.number, json.dumps(list(scores))),
            )
        }
        places = np.fromiter(rows, np.int64, len(rows))
        usual = self._usual_cosines(embedded, vector)
        fused = dict(scores)  # a chunk that has no vector yet keeps its text's score
        for (number, part), cosine in zip(rows.values(), embedded.array.cosines(vector, places).tolist(), strict=True):
            mean, deviation = usual[part]
            fused[number] = scores.get(number, 0.0) + weights[part] * (cosine - mean) / deviation
        return fused

    def _nearest(
        self, embedded: EmbeddedChunks, vector: Vectors, most: int, chosen: Filter
    ) -> list[tuple[int, int, int]]:
        """The chunks with the nearest vectors: number, row, part. The filter comes first, or the search goes on until
        enough are through it."""
        condition, values = chosen.condition()
        if chosen.files is not None or chosen.language is not None:
            few = self.store.rows(f"{_OF_CHUNKS} where {condition} limit ?", (embedded.number, *values, FEW + 1))
            if len(few) <= FEW:
                cosines = embedded.array.cosines(vector, np.array([row for _, row, _ in few], np.int64))
                return [few[place] for place in np.argsort(-cosines)[:most].tolist()]
        wanted = 2 * most
        while True:
            rows, cosines = embedded.array.nearest(vector, embedded.rows, wanted)
            found = self.store.rows(
                f"{_OF_ROWS} where vectors.row in (select value from json_each(?)) and {condition}",
                (embedded.number, json.dumps(rows.tolist()), *values),
            )
            if len(found) >= most or wanted >= embedded.rows:
                order = dict(zip(rows.tolist(), cosines.tolist(), strict=True))
                return sorted(found, key=lambda row: -order[row[1]])[:most]
            wanted *= 8  # rows of texts that are gone, or that the filter leaves out

    def _usual_cosines(self, embedded: EmbeddedChunks, vector: Vectors) -> list[tuple[float, float]]:
        """Mean and standard deviation of the query's cosines with a sample of each part's chunks."""
        last = int(self.store.rows("select ifnull(max(id), 0) from chunks")[0][0])
        state = embedded.rows, last
        if self._sample is None or self._sample[0] != state:
            step = max(1, last // SAMPLE)
            spread = json.dumps(list(range(1, last + 1, step)))
            found = self.store.rows(
                f"{_OF_CHUNKS} where chunks.id in (select value from json_each(?))", (embedded.number, spread)
            )
            self._sample = (
                state,
                np.array([r for _, r, _ in found], np.int64),
                np.array([p for _, _, p in found], np.int64),
            )
        _, rows, parts = self._sample
        cosines = embedded.array.cosines(vector, rows)
        usual = []
        for part in (0, 1):
            own = cosines[parts == part]
            usual.append((float(own.mean()), max(float(own.std()), 1e-6)) if len(own) > 1 else (0.0, 1.0))
        return usual


# The number of a chunk, the row of its vector, its part. SQLite keeps the order of a cross join: from the few on.
_COLUMNS = "select chunks.id, vectors.row, chunks.part"
_JOINED = "on vectors.embedder = ? and vectors.hash = chunks.hash"
_OF_CHUNKS = f"{_COLUMNS} from chunks cross join vectors {_JOINED}"
_OF_ROWS = f"{_COLUMNS} from vectors cross join chunks {_JOINED}"
