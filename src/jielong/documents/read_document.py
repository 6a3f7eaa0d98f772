"""A file, a folder or the bytes of a page → Documents: one text each and its blocks, whatever the format.

Texts are read in this process, by algorithms of linear time; formats whose parsers can run away are read in the one
that foreign_process.py describes.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from ..errors import BadInput, MissingExtra, WorkStopped
from ..regular_files import read_regular_file
from .code_reader import code_blocks
from .document import Block, Document
from .encodings import decoded, unescaped
from .file_kinds import Kind, file_kind
from .folder import files_below as files_below  # for those who walk a folder by themselves
from .foreign_process import MOST_BYTES, exchange, worker
from .language import language_of
from .markdown_reader import markdown_blocks, without_comments
from .notebook_reader import notebook_text
from .table_reader import table_blocks
from .text_reader import text_blocks
from .unreadable import Reason, Unread, UnreadableDocument

MOST_TEXT_BYTES = 64_000_000
_BLOCKS: dict[Kind, Callable[[str], Iterable[Block]]] = {
    "markdown": markdown_blocks,
    "notebook": markdown_blocks,
    "table": table_blocks,
    "code": code_blocks,
    "text": text_blocks,
}


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A file of a folder that was set aside."""

    name: str
    reason: Reason
    detail: str = ""


def read_document(path: Path, name: str = "") -> Document:
    """`name`: how the document is called, else as the file. Waits for another process where the format needs one.
    Raises UnreadableDocument, BadInput for what is no file, OSError, MissingExtra."""
    name = name or path.name
    try:
        data = _bytes(path)
        if not data:
            raise Unread("empty")
        kind = file_kind(name, data)
        if kind in _BLOCKS:
            return _from_text(name, kind, data, "")
        asking = exchange(kind, str(path.absolute()), "", "")
        request, process = next(asking), worker(kind)
        while True:
            request = asking.send(process.run(*request))
    except StopIteration as end:
        return _named(name, end.value)
    except (Unread, WorkStopped) as stopped:
        raise _unreadable(name, stopped) from None


async def read_bytes(data: bytes, name: str, media_type: str = "", charset: str = "") -> Document:
    """Of a page or a file that came over the network, with what its server says of it. Raises as read_document."""
    try:
        kind = file_kind(name, data, media_type)
        if kind in _BLOCKS:
            return _from_text(name, kind, data, charset)
        asking = exchange(kind, "", base64.b64encode(data).decode(), charset)
        request, process = next(asking), worker(kind)
        while True:
            answer = await process.call(*request)
            try:
                request = asking.send(answer)
            except StopIteration as end:  # which no coroutine may raise
                return _named(name, end.value)
    except (Unread, WorkStopped) as stopped:
        raise _unreadable(name, stopped) from None


def read_folder(path: Path) -> Iterator[Document | Unreadable]:
    """All files below a folder, or the one file, in the order of their names; what is hidden is passed over, and a link
    that leads out of the folder is set aside. Raises BadInput where nothing is there."""
    if not path.exists():
        raise BadInput(f"{path}: no such file or folder; name the folder with the documents")
    root = path.resolve()
    for file in files_below(path) if path.is_dir() else [path]:
        name = file.relative_to(path).as_posix() if path.is_dir() else path.name
        try:
            if path.is_dir() and not file.resolve().is_relative_to(root):
                raise Unread("link", "it leads out of the folder")
            yield read_document(file, name)
        except UnreadableDocument as unread:
            yield Unreadable(name, unread.reason, unread.detail)
        except Unread as unread:
            yield Unreadable(name, unread.reason, unread.detail)
        except MissingExtra as missing:
            yield Unreadable(name, "not installed", str(missing))
        except (BadInput, OSError) as error:
            yield Unreadable(name, "broken", getattr(error, "strerror", None) or str(error))


def document_of(name: str, text: str, blocks: Iterable[Block], notes: tuple[str, ...] = ()) -> Document:
    return Document(name, text, tuple(blocks), language_of(text), notes)


def _bytes(path: Path) -> bytes:
    """All of a text; of a foreign format as much, too, as its kind is seen there."""
    try:
        return read_regular_file(path, MOST_BYTES)
    except BadInput:
        if path.is_file():
            raise Unread("too large", f"over {MOST_BYTES:,} bytes") from None
        raise


def _from_text(name: str, kind: Kind, data: bytes, charset: str) -> Document:
    if len(data) > MOST_TEXT_BYTES:
        raise Unread("too large", f"a text of over {MOST_TEXT_BYTES:,} bytes")
    text = decoded(data, charset)
    if text is None:
        raise Unread("not a text")
    if kind == "notebook":
        text = notebook_text(text)
    elif kind == "markdown":
        text = without_comments(text)
    elif name.lower().endswith((".json", ".jsonl", ".ndjson")):
        text = unescaped(text)
    if not text or text.isspace():
        raise Unread("empty")
    blocks = _BLOCKS[kind](text)
    if kind == "notebook":  # whose lines are not those of its file
        blocks = (replace(block, line=None) for block in blocks)
    return document_of(name, text, blocks)


def _named(name: str, document: Document) -> Document:
    if not document.text.strip():
        raise _unreadable(name, Unread("empty", "there is no text in it"))
    return replace(document, name=name, language=language_of(document.text))


def _unreadable(name: str, error: Unread | WorkStopped) -> UnreadableDocument:
    if isinstance(error, Unread):
        return UnreadableDocument(name, error.reason, error.detail)
    return UnreadableDocument(name, "too slow" if str(error).startswith("it took") else "too large", str(error))
