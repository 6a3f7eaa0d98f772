"""A file → a Document: one text and its blocks, whatever the format.

What a file is, its content says where it has a mark (PDF, zip), else its name. Texts are read in this process by
algorithms of linear time.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from ..errors import BadInput
from ..regular_files import read_regular_file
from .document import Block, Document
from .encodings import decoded
from .language import language_of
from .markdown_reader import markdown_blocks, without_comments
from .text_reader import text_blocks

Reason: TypeAlias = Literal["broken", "empty", "encrypted", "scanned", "too large", "too slow", "not a text"]
MOST_TEXT_BYTES = 64_000_000


class UnreadableDocument(BadInput):
    """A file of which nothing could be read; `reason` is one of few words, by which such files are counted."""

    def __init__(self, name: str, reason: Reason, detail: str = "") -> None:
        super().__init__(f"{name}: {reason}{detail and f' ({detail})'}")
        self.name, self.reason, self.detail = name, reason, detail


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A file of a folder that was set aside."""

    name: str
    reason: Reason
    detail: str = ""


def read_document(path: Path, name: str = "") -> Document:
    """Raises UnreadableDocument, BadInput for what is no file, OSError, MissingExtra. `name`: how it is called."""
    name = name or path.name
    data = _bytes(path, name)
    text = decoded(data)
    if text is None:
        raise UnreadableDocument(name, "not a text")
    if not text or text.isspace():
        raise UnreadableDocument(name, "empty")
    if path.suffix.lower() in (".md", ".markdown"):
        text = without_comments(text)
        return document_of(name, text, markdown_blocks(text))
    return document_of(name, text, text_blocks(text))


def document_of(name: str, text: str, blocks: Iterable[Block]) -> Document:
    return Document(name, text, tuple(blocks), language_of(text))


def read_folder(path: Path) -> Iterator[Document | Unreadable]:
    """All files below a folder, or the one file, in order of their names; hidden ones are passed over."""
    if not path.is_dir():
        yield read_document(path)
        return
    for file in files_below(path):
        name = file.relative_to(path).as_posix()
        try:
            yield read_document(file, name)
        except UnreadableDocument as unread:
            yield Unreadable(name, unread.reason, unread.detail)
        except (BadInput, OSError) as error:
            yield Unreadable(name, "broken", getattr(error, "strerror", None) or str(error))


def files_below(folder: Path) -> list[Path]:
    """In order; what is hidden, and what lies in a hidden folder, is not among them."""
    files: list[Path] = []
    for below, folders, names in os.walk(folder):
        folders[:] = [each for each in folders if not each.startswith(".")]
        files += [Path(below) / each for each in names if not each.startswith(".")]
    return sorted(file for file in files if file.is_file())


def _bytes(path: Path, name: str) -> bytes:
    try:
        return read_regular_file(path, MOST_TEXT_BYTES)
    except BadInput:
        if path.is_file():
            raise UnreadableDocument(name, "too large", f"over {MOST_TEXT_BYTES:,} bytes") from None
        raise
