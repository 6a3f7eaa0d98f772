"""Building an index from folders and files: what is new, changed or gone since the last time, and nothing else."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import anyio.to_thread

from ..atomic_write import make_folder
from ..documents.chunking import chunk
from ..documents.document import Chunk
from ..documents.read_document import files_below, read_document
from ..documents.unreadable import UnreadableDocument
from ..errors import BadInput, MissingExtra
from ..runtime.home import home_folder
from .chunk_store import ChunkStore, IndexedFile
from .embed_chunks import Progress, embed_chunks
from .embedders import NO_EMBEDDER, IndexEmbedder, default_embedder, embedder
from .embedding_endpoint import approximate_tokens
from .index import index_folder

MOST_TOKENS = 320  # of a chunk, by `approximate_tokens`


@dataclass(slots=True)
class BuildResult:
    """What a build did, in files, and in texts that got a vector. `unreadable`: files set aside, with the reason."""

    added: int = 0
    changed: int = 0
    removed: int = 0
    unchanged: int = 0
    embedded: int = 0
    unreadable: dict[str, str] = field(default_factory=dict)


async def build_index(
    name: str, places: Sequence[Path], embedder_name: str | None = None, progress: Progress | None = None
) -> BuildResult:
    """The index then holds the files beneath `places`, and no others. What a killed build had done is not done again.

    `embedder_name`: as `embedder` takes it, or "none"; by default the one that the index has, else the default one.
    Until a new embedder has a vector for every chunk, searches use the old one's. Raises BadInput for a place that is
    not there, MissingExtra, MissingKey, and what the embedder raises.
    """
    folder, files = index_folder(name), list(_files(places))
    if embedder_name:
        _model(embedder_name)  # before anything is made
    home_folder()
    make_folder(folder)
    store = ChunkStore(folder / "index.db")
    try:
        chosen = embedder_name or store.setting("embedder") or default_embedder() or NO_EMBEDDER
        model = _model(chosen)
        store.set("state", "building")
        result = await anyio.to_thread.run_sync(_update, store, files, progress)
        if model:
            result.embedded = await embed_chunks(store, model, progress)
        store.set("embedder", model.name if model else NO_EMBEDDER)
        store.set("state", "complete")
        return result
    finally:
        store.close()


def _model(name: str) -> IndexEmbedder | None:
    return None if name == NO_EMBEDDER else embedder(name)


def _update(store: ChunkStore, files: Sequence[tuple[str, Path]], progress: Progress | None) -> BuildResult:
    known = {file.name: file for file in store.files()}
    result = BuildResult()
    for number, (name, path) in enumerate(files, 1):
        file = known.pop(name, None)
        if file and file.hash and file.hash == _hash(path):
            result.unchanged += 1
        else:
            result.changed += file is not None
            result.added += file is None
            file = _put(store, name, path)
        if file.error:
            result.unreadable[name] = file.error
        if progress:
            progress(number, len(files))
    for name in known:
        store.remove_file(name)
        result.removed += 1
    return result


def _put(store: ChunkStore, name: str, path: Path) -> IndexedFile:
    """A file that could not be read for want of something here has no hash, so that it is tried again."""
    digest, language = _hash(path), ""
    chunks: tuple[Chunk, ...] = ()
    error: str | None = None
    try:
        document = read_document(path, name)
        chunks, language = chunk(document, MOST_TOKENS, approximate_tokens), document.language
        error = "; ".join(document.notes) or None
    except UnreadableDocument as unread:
        error = str(unread).removeprefix(f"{unread.name}: ")
    except (MissingExtra, OSError) as failure:
        digest, error = "", getattr(failure, "strerror", None) or str(failure)
    except BadInput as failure:
        error = str(failure)
    file = IndexedFile(name, digest, len(chunks), language, error)
    store.put_file(file, chunks)
    return file


def _hash(path: Path) -> str:
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""


def _files(places: Sequence[Path]) -> Iterator[tuple[str, Path]]:
    """Each with its name in the index: its path below the one place, or, where there are several, below its place."""
    names = [place.resolve().name for place in places]
    for place in places:
        if not place.exists():
            raise BadInput(f"{place}: no such file or folder")
        root, name = place.resolve(), place.resolve().name
        above = "" if len(places) == 1 else f"{name if names.count(name) == 1 else root.as_posix().strip('/')}/"
        if place.is_file():
            yield name, place
            continue
        for file in files_below(place):
            if file.resolve().is_relative_to(root):  # a link that leads elsewhere may lead anywhere
                yield above + file.relative_to(place).as_posix(), file
