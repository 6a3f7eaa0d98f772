"""An index on disk: `JIELONG_HOME/indexes/NAME`, built by `jielong index build`, searched by many at once."""

from __future__ import annotations

import re
from pathlib import Path

import anyio.to_thread

from ..errors import BadInput
from ..runtime.home import home_path, is_home_chosen
from .chunk_store import ChunkStore, vector_path
from .embedders import NO_EMBEDDER, IndexEmbedder, embedder
from .lance_vectors import LanceVectors, table_folder
from .search import EmbeddedChunks, Search
from .vector_file import VectorFile


class Index(Search):
    """A Retriever. Builders may be at work meanwhile: each search sees what is there then. To be closed at the end."""

    def __init__(self, name: str) -> None:
        file = index_folder(name) / "index.db"
        if not file.is_file():
            raise BadInput(f"no index is called {name!r}; {_known()}")
        super().__init__(ChunkStore(file))
        self.name = name
        self._embedder: IndexEmbedder | None = None
        self._arrays: dict[int, VectorFile] = {}

    @classmethod
    async def open(cls, name: str) -> Index:
        """Raises BadInput where there is none, DamagedFile for what is no database."""
        return await anyio.to_thread.run_sync(cls, name)

    async def _embedded_chunks(self) -> EmbeddedChunks | None:
        name = self.store.setting("embedder") or NO_EMBEDDER
        known = self.store.rows("select id, dimensions, next_row from embedders where name = ?", (name,))
        if not known or not known[0][2]:
            return None
        number, dimensions, rows = known[0]
        if self._embedder is None or self._embedder.name != name:
            self._embedder = _trusted(self.name, name)
        if number not in self._arrays:
            file = vector_path(self.store, number)
            kind = LanceVectors if table_folder(file).exists() else VectorFile
            self._arrays[number] = await anyio.to_thread.run_sync(kind, file, dimensions)
        return EmbeddedChunks(self._embedder, name, number, rows, self._arrays[number])


def _trusted(index: str, name: str) -> IndexEmbedder:
    """Queries, and the key that an address names, go only where the user's own home says."""
    if "@" in name and not is_home_chosen():
        raise BadInput(
            f"the index {index!r} sends queries to {name}, and may have come with somebody's files; "
            "if it is yours, set JIELONG_HOME to the folder it lies in"
        )
    return embedder(name)


def index_folder(name: str) -> Path:
    """Where an index of this name lies. Raises BadInput for what is no name of a folder."""
    if not re.fullmatch(r"\w[\w.-]{0,99}", name):
        raise BadInput(f"{name!r} is no name for an index; use letters, digits, - and _, as in my-notes")
    return home_path() / "indexes" / name


def index_names() -> list[str]:
    return sorted(file.parent.name for file in (home_path() / "indexes").glob("*/index.db"))


def _known() -> str:
    names = ", ".join(index_names())
    return f"there are: {names}" if names else "build one: jielong index build DIR --out NAME"
