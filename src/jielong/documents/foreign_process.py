"""What reads foreign formats, in a warm process that is killed when it takes too long or too much memory.

PDF, DOCX, HTML and EPUB come from anywhere, and their parsers can be made to run for ever, to unpack a few bytes into
all of memory, or to crash. The process gets a path or bytes and returns a text and its blocks as JSON.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ..errors import MissingExtra
from ..killable_worker import KillableWorker
from ..regular_files import read_regular_file
from ..runtime.runtime import active_runtime
from .docx_reader import read_docx
from .epub_reader import read_epub
from .file_kinds import Kind
from .html_reader import read_html
from .pdf_reader import read_pdf
from .text_builder import TextBuilder
from .unreadable import Unread

READER, PAGE_READER = (f"jielong.documents.foreign_process:{name}" for name in ("reader", "page_reader"))
SECONDS: dict[Kind, float] = {"pdf": 60.0, "docx": 60.0, "html": 10.0, "epub": 60.0}
MEMORY = 2 << 30
MOST_BYTES = 200_000_000
MOST_CHARACTERS = 20_000_000
LIBRARIES: dict[Kind, str] = {"pdf": "pypdf", "docx": "docx", "html": "trafilatura", "epub": "trafilatura"}


def worker(kind: Kind) -> KillableWorker:
    """Raises MissingExtra."""
    if find_spec(LIBRARIES[kind]) is None:
        raise MissingExtra(f"reading {kind.upper()}", "rag")
    function = PAGE_READER if kind == "html" else READER
    return active_runtime().get(KillableWorker, function, SECONDS[kind], MEMORY)


def reader() -> Callable[[Kind, str, str, str], dict[str, Any]]:
    """What reads in the process of its own."""

    def read(kind: Kind, path: str, page: str, charset: str) -> dict[str, Any]:
        try:
            data = base64.b64decode(page) if page else read_regular_file(Path(path), MOST_BYTES)
            into = TextBuilder()
            notes = _read(kind, data, charset, into)
        except Unread as unread:
            return {"unread": [unread.reason, unread.detail]}
        except MemoryError:
            raise
        except Exception as error:  # whatever a parser raises at what it was not made for
            if type(error).__name__ == "LimitReachedError":  # pypdf's
                return {"unread": ["too large", _words(error)]}
            return {"unread": ["broken", _words(error)]}
        text = into.text
        if len(text) > MOST_CHARACTERS:
            return {"unread": ["too large", f"{len(text):,} characters"]}
        headings = {each: number for number, each in enumerate({block.headings: 0 for block in into.blocks})}
        blocks = [[b.start, b.end, b.kind, b.page, headings[b.headings]] for b in into.blocks]
        return {"text": text, "blocks": blocks, "headings": list(headings), "notes": notes}

    return read


def page_reader() -> Callable[[Kind, str, str, str], dict[str, Any]]:
    """As `reader`, with what is slow at the first page behind it, as pages have little time."""
    read_html(b"<html><body><p>The first page is slow.</p></body></html>", "", TextBuilder())
    return reader()


def _read(kind: Kind, data: bytes, charset: str, into: TextBuilder) -> tuple[str, ...]:
    if kind == "pdf":
        return read_pdf(data, into)
    if kind == "html":
        read_html(data, charset, into)
    else:
        (read_docx if kind == "docx" else read_epub)(data, into)
    return ()


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
