"""What an index holds, as plain data."""

from __future__ import annotations

from dataclasses import dataclass, field

from .embedders import NO_EMBEDDER
from .index import Index, index_folder


@dataclass(frozen=True, slots=True)
class IndexFacts:
    """`unreadable`: files that were set aside, with the reason. Not `complete`: a build is under way, or was killed.
    `bytes` on the disk."""

    name: str
    files: int
    chunks: int
    embedder: str
    complete: bool
    bytes: int
    languages: dict[str, int] = field(default_factory=dict)
    unreadable: dict[str, str] = field(default_factory=dict)


def index_facts(index: Index) -> IndexFacts:
    files = index.store.files()
    languages = index.store.rows("select language, count(*) from chunks group by language order by 2 desc")
    return IndexFacts(
        index.name,
        sum(file.error is None for file in files),
        sum(file.chunks for file in files),
        index.store.setting("embedder") or NO_EMBEDDER,
        index.store.setting("state") == "complete",
        sum(file.stat().st_size for file in index_folder(index.name).iterdir() if file.is_file()),
        dict(languages),
        {file.name: file.error for file in files if file.error},
    )
