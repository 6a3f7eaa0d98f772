"""Building an index from folders and files: what is new, changed or gone since the last time, and nothing else."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..atomic_write import make_folder
from ..documents.document import Chunk, Document
from ..errors import BadInput
from ..runtime.home import home_folder
from .chunk_store import FORMAT, ChunkStore, IndexedFile
from .index import index_folder

MOST_TOKENS = 320  # of a chunk
Read = Callable[[Path], Document]
Cut = Callable[[Document, int, Callable[[str], int]], tuple[Chunk, ...]]


@dataclass(slots=True)
class BuildResult:
    """What a build did, in files; `unreadable` are those it set aside, with the reason."""

    added: int = 0
    changed: int = 0
    removed: int = 0
    unchanged: int = 0
    unreadable: tuple[tuple[str, str], ...] = ()


def build_index(name: str, places: Sequence[Path], read: Read, cut: Cut) -> BuildResult:
    """The index then holds the files beneath `places`, and no others. Raises BadInput for a place that is not there."""
    folder = index_folder(name)
    home_folder()
    make_folder(folder)
    store = ChunkStore(folder / "index.db")
    try:
        store.set("format", FORMAT)
        return _update(store, places, read, cut)
    finally:
        store.close()


def _update(store: ChunkStore, places: Sequence[Path], read: Read, cut: Cut) -> BuildResult:
    known = {file.name: file for file in store.files()}
    result, seen = BuildResult(), set[str]()
    unreadable = []
    for file_name, path in _files(places):
        seen.add(file_name)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        old = known.get(file_name)
        if old and old.hash == digest:
            result.unchanged += 1
        else:
            file, chunks = _read(file_name, path, digest, read, cut)
            store.put_file(file, chunks)
            result.added += old is None
            result.changed += old is not None
            old = file
        if old.error:
            unreadable.append((file_name, old.error))
    for gone in known.keys() - seen:
        store.remove_file(gone)
        result.removed += 1
    result.unreadable = tuple(unreadable)
    return result


def _read(name: str, path: Path, digest: str, read: Read, cut: Cut) -> tuple[IndexedFile, tuple[Chunk, ...]]:
    try:
        document = read(path)
    except BadInput as error:
        return IndexedFile(name, digest, 0, error=str(error)), ()
    document = Document(name, document.text, document.blocks, document.language)
    chunks = cut(document, MOST_TOKENS, approximate_tokens)
    return IndexedFile(name, digest, len(chunks), document.language), chunks


def _files(places: Sequence[Path]) -> Iterator[tuple[str, Path]]:
    for place in places:
        if not place.exists():
            raise BadInput(f"{place}: no such file or folder")
        if place.is_file():
            yield place.name, place
        for folder, folders, names in os.walk(place):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            for name in sorted(names):
                if not name.startswith("."):
                    path = Path(folder) / name
                    yield path.relative_to(place).as_posix(), path


def approximate_tokens(text: str) -> int:
    """About as many as most tokenizers make of it, rather more than fewer: a third of its bytes."""
    return len(text.encode("utf-8", "replace")) // 3 + 1
