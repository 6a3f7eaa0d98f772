"""An index on disk: `JIELONG_HOME/indexes/NAME`, built by `jielong index build`, searched by many at once."""

from __future__ import annotations

import re
from pathlib import Path

import anyio.to_thread

from ..errors import BadInput
from ..runtime.home import home_path
from .chunk_store import FORMAT, ChunkStore
from .search import Search


class Index(Search):
    """A Retriever. `close` it at the end, or open it by `active_lifetime().get(…)`, which does."""

    def __init__(self, name: str) -> None:
        folder = index_folder(name)
        if not (folder / "index.db").is_file():
            raise BadInput(f"no index is called {name!r}; {_known()}")
        super().__init__(ChunkStore(folder / "index.db"))
        if self.store.setting("format") != FORMAT:
            self.close()
            raise BadInput(f"the index {name!r} was made by another version; build it again")
        self.name = name

    @classmethod
    async def open(cls, name: str) -> Index:
        """Raises BadInput where there is none, DamagedFile for what is no database."""
        return await anyio.to_thread.run_sync(cls, name)


def index_folder(name: str) -> Path:
    """Where an index of this name lies. Raises BadInput for what is no name of a folder."""
    if not re.fullmatch(r"\w[\w.-]{0,99}", name):
        raise BadInput(f"{name!r} is no name for an index; use letters, digits, - and _, as in `my-notes`")
    return home_path() / "indexes" / name


def index_names() -> list[str]:
    return sorted(file.parent.name for file in (home_path() / "indexes").glob("*/index.db"))


def _known() -> str:
    names = ", ".join(index_names())
    return f"there are: {names}" if names else "build one: jielong index build DIR --out NAME"
