"""What reads foreign formats, in a warm process that is killed when it takes too long or too much memory.

PDF, DOCX, HTML and EPUB come from anywhere, and their parsers can be made to run for ever, to unpack a few bytes into
all of memory, or to crash. The process gets a path or bytes and returns a text and its blocks as JSON.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Generator
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeAlias

from ..errors import MissingExtra
from ..killable_worker import KillableWorker
from ..regular_files import read_regular_file
from ..runtime.runtime import active_runtime
from .document import Block, Document
from .docx_reader import read_docx
from .epub_reader import read_epub
from .file_kinds import Kind
from .html_reader import read_html
from .pdf_reader import PdfPages, add_pages
from .text_builder import TextBuilder
from .unreadable import Unread

Request: TypeAlias = tuple[Kind, str, str, str, int]  # format, path or else bytes, charset, first page
READER, PAGE_READER = (f"jielong.documents.foreign_process:{name}" for name in ("reader", "page_reader"))
SECONDS: dict[Kind, float] = {"pdf": 40.0, "docx": 60.0, "html": 10.0, "epub": 60.0}
MEMORY = 2 << 30
MOST_BYTES = 200_000_000
SECONDS_AT_ONCE, MOST_SECONDS = 10.0, 600.0  # for some pages of a PDF, for all of them
LIBRARIES: dict[Kind, str] = {"pdf": "pypdf", "docx": "docx", "html": "trafilatura", "epub": "trafilatura"}


def worker(kind: Kind) -> KillableWorker:
    """Raises MissingExtra."""
    if find_spec(LIBRARIES[kind]) is None:
        raise MissingExtra(f"reading {kind.upper()}", "rag")
    function = PAGE_READER if kind == "html" else READER
    return active_runtime().get(KillableWorker, function, SECONDS[kind], MEMORY)


def exchange(kind: Kind, path: str, page: str, charset: str) -> Generator[Request, dict[str, Any], Document]:
    """Yields what to ask the worker next, is sent what it answered, and returns the document, which has no name yet. A
    PDF is read some pages at a time, so that a long one is not taken for one that hangs. Raises Unread."""
    result = _read_or_raise((yield (kind, path, page, charset, 0)))
    if kind != "pdf":
        headings = [tuple(each) for each in result["headings"]]
        blocks = (Block(start, end, of, None, None, headings[number]) for start, end, of, number in result["blocks"])
        return Document("", result["text"], tuple(blocks))
    pages, titles, started = result["pages"], result["titles"], time.monotonic()
    while result["next"]:
        if time.monotonic() - started > MOST_SECONDS:
            raise Unread("too slow", f"it took over {MOST_SECONDS:g} s")
        result = _read_or_raise((yield (kind, path, page, charset, result["next"])))
        pages += result["pages"]
    into = TextBuilder()
    notes = add_pages(pages, titles, into)
    return Document("", into.text, tuple(into.blocks), notes=notes)


def _read_or_raise(result: dict[str, Any]) -> dict[str, Any]:
    if "unread" in result:
        raise Unread(*result["unread"])
    return result


def reader() -> Callable[[Kind, str, str, str, int], dict[str, Any]]:
    """What reads in the process of its own."""
    last_pdf: list[tuple[tuple[str, str], PdfPages]] = []

    def read(kind: Kind, path: str, page: str, charset: str, first: int) -> dict[str, Any]:
        try:
            if kind == "pdf" and first and last_pdf and last_pdf[0][0] == (path, page):
                return last_pdf[0][1].read(first, SECONDS_AT_ONCE)
            data = base64.b64decode(page) if page else read_regular_file(Path(path), MOST_BYTES)
            if kind == "pdf":
                last_pdf[:] = [((path, page), PdfPages(data))]
                return last_pdf[0][1].read(first, SECONDS_AT_ONCE)
            return _read(kind, data, charset)
        except Unread as unread:
            return {"unread": [unread.reason, unread.detail]}
        except MemoryError:
            raise
        except Exception as error:  # whatever a parser raises at what it was not made for
            words = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
            return {"unread": ["too large" if "LimitReached" in words else "broken", words]}

    return read


def _read(kind: Kind, data: bytes, charset: str) -> dict[str, Any]:
    into = TextBuilder()
    if kind == "html":
        read_html(data, charset, into)
    else:
        (read_docx if kind == "docx" else read_epub)(data, into)
    headings = {each: number for number, each in enumerate({block.headings: 0 for block in into.blocks})}
    blocks = [[block.start, block.end, block.kind, headings[block.headings]] for block in into.blocks]
    return {"text": into.text, "blocks": blocks, "headings": list(headings)}


def page_reader() -> Callable[[Kind, str, str, str, int], dict[str, Any]]:
    """As `reader`, with what is slow at the first page behind it, as pages have little time."""
    read_html(b"<html><body><p>The first page is slow.</p></body></html>", "", TextBuilder())
    return reader()
