"""Vectors for the chunks that have none yet, by several builders at once.

A builder claims some texts in a short transaction, embeds them while nothing is locked, writes the vectors, and names
them in a second short one. Claims of a builder that is gone are given up: its lock, which its process holds, is free.
So each text is paid for once, and one that was paid for is never lost: what reached the database stays, and what did
not is in the ledger, as batches are cut in the same places again.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeAlias

import anyio
import anyio.to_thread
import numpy as np
from filelock import FileLock, Timeout

from ..bounded_json import read_json, well_formed
from ..contract import Embedder
from ..errors import BadInput, JielongError
from ..sync import unwrap_exception_group
from .chunk_store import ChunkStore, vector_path
from .embedders import IndexEmbedder
from .lance_vectors import update_table
from .vector_file import VectorFile, Vectors, unit

WAIT = 0.2  # seconds between two looks at what another builder has done
Progress: TypeAlias = Callable[[int, int], None]
Text: TypeAlias = tuple[int, bytes, str]  # the number of the chunk, its hash, its text below its headings


async def embed_chunks(store: ChunkStore, embedder: IndexEmbedder, progress: Progress | None = None) -> int:
    """When it returns, every chunk has a vector of this embedder; how many this builder made. `progress` is told how
    many there are, of how many. Raises whatever the embedder raises; what was made until then stays.
    """
    with _builder(store.file.parent) as builder:
        work = _Work(store, embedder, builder, progress)
        try:
            while work.left():
                work.give_up_claims_of_the_gone()
                work.cursor = 0
                with unwrap_exception_group():
                    async with anyio.create_task_group() as group:
                        for _ in range(embedder.calls_at_once):
                            group.start_soon(work.until_nothing_is_free)
                if work.failure:
                    raise work.failure
                if work.left():  # another builder has claimed it
                    await anyio.sleep(WAIT)
        finally:
            store.rows("delete from claims where builder = ?", (builder,))
        known = store.rows("select dimensions, next_row from embedders where id = ?", (work.number,))
        for dimensions, rows in known:
            await anyio.to_thread.run_sync(update_table, VectorFile(vector_path(store, work.number), dimensions), rows)
        return work.made


@contextmanager
def _builder(folder: Path) -> Iterator[str]:
    """The name of this builder; whoever can take its lock knows that it is gone."""
    name = uuid.uuid4().hex
    with FileLock(folder / f"builder-{name}.lock"):
        yield name
    (folder / f"builder-{name}.lock").unlink(missing_ok=True)


class _Work:
    def __init__(self, store: ChunkStore, embedder: IndexEmbedder, builder: str, progress: Progress | None) -> None:
        self.store, self.embedder, self.builder, self.progress = store, embedder, builder, progress
        self.failure: JielongError | None = None
        self.cursor = self.made = 0  # chunks up to this one have a vector, or a builder
        with store.transaction():
            store.rows("insert or ignore into embedders(name) values(?)", (embedder.name,))
        self.number = int(store.rows("select id from embedders where name = ?", (embedder.name,))[0][0])
        self.total, self.done = 0, 0
        if progress:
            self.total = int(store.rows("select count(distinct hash) from chunks")[0][0])
            missing = store.rows(f"select count(distinct hash) from chunks where {_NO_VECTOR}", (self.number,))
            self.done = self.total - int(missing[0][0])

    def left(self) -> bool:
        return bool(self.store.rows(f"select 1 from chunks where {_NO_VECTOR} limit 1", (self.number,)))

    def give_up_claims_of_the_gone(self) -> None:
        for (name,) in self.store.rows("select distinct builder from claims where builder <> ?", (self.builder,)):
            file = self.store.file.with_name(f"builder-{name}.lock")
            with suppress(Timeout), FileLock(file, timeout=0):
                with self.store.transaction():
                    self.store.rows("delete from claims where builder = ?", (name,))
                file.unlink(missing_ok=True)

    async def until_nothing_is_free(self) -> None:
        while not self.failure and (texts := self._claim()):
            try:
                vectors = await vectors_of(self.embedder, [text for _, _, text in texts])
            except JielongError as error:  # the calls beside this one are paid for, and finish
                self.failure = error
                return
            await anyio.to_thread.run_sync(self._store, texts, vectors)
            self.made += len(texts)
            if self.progress:
                self.progress(self.done + self.made, self.total)

    def _claim(self) -> list[Text]:
        """The next texts without a vector, each once."""
        with self.store.transaction():
            texts: dict[bytes, Text] = {}
            while len(texts) < self.embedder.texts_at_once:
                rows = self.store.rows(
                    f"select id, hash, headings, text from chunks where id > ? and {_NO_VECTOR} and {_NO_CLAIM} "
                    "order by id limit ?",
                    (self.cursor, self.number, self.number, self.embedder.texts_at_once - len(texts)),
                )
                if not rows:
                    break
                for number, digest, headings, text in rows:
                    texts.setdefault(digest, (number, digest, "\n".join((*read_json(headings), text))))
                self.cursor = rows[-1][0]
            for digest in texts:
                self.store.rows("insert into claims values(?, ?, ?)", (self.number, digest, self.builder))
        return list(texts.values())

    def _store(self, texts: Sequence[Text], vectors: Vectors) -> None:
        count, dimensions = vectors.shape
        with self.store.transaction():  # makes room for them
            known, row = self.store.rows("select dimensions, next_row from embedders where id = ?", (self.number,))[0]
            if known not in (0, dimensions):
                raise BadInput(f"{self.embedder.name} gives vectors of {dimensions} numbers, and gave {known} before")
            change = "update embedders set dimensions = ?, next_row = ? where id = ?"
            self.store.rows(change, (dimensions, row + count, self.number))
        VectorFile(vector_path(self.store, self.number), dimensions).write(row, vectors)
        with self.store.transaction():
            for place, (_, digest, _) in enumerate(texts):
                self.store.rows("insert or ignore into vectors values(?, ?, ?)", (self.number, digest, row + place))
                self.store.rows("delete from claims where hash = ? and builder = ?", (digest, self.builder))


async def vectors_of(embedder: Embedder, texts: Sequence[str]) -> Vectors:
    """A row for each text. Of a text that is longer than the embedder reads, the mean of its halves' vectors."""
    pieces = [_pieces(well_formed(text), embedder) for text in texts]
    embeddings = await embedder.embed([piece for each in pieces for piece in each])
    vectors = unit(np.asarray(embeddings.vectors, np.float32))
    ends = np.cumsum([len(each) for each in pieces])
    return unit(np.add.reduceat(vectors, ends - [len(each) for each in pieces]))


def _pieces(text: str, embedder: Embedder) -> list[str]:
    most: int | None = getattr(embedder, "most_tokens", None)  # any Embedder may serve an index in memory
    count: Callable[[str], int] = getattr(embedder, "count_tokens", len)
    if most is None or len(text) < 2 or len(text.encode()) <= most or count(text) <= most:
        return [text]
    middle = len(text) // 2
    return _pieces(text[:middle], embedder) + _pieces(text[middle:], embedder)


_NO_VECTOR = "not exists (select 1 from vectors where embedder = ? and vectors.hash = chunks.hash)"
_NO_CLAIM = "not exists (select 1 from claims where embedder = ? and claims.hash = chunks.hash)"
