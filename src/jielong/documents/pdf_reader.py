"""PDF → text and blocks, page by page, by pypdf. Runs in the process that foreign_process.py describes.

Against what pypdf returns: Chinese lines are joined without a space, words that a line end divided are put together,
ligatures and radicals become the characters that they show, and page numbers at a page's edge are left out.
"""

from __future__ import annotations

import io
import re
import time
import unicodedata
from collections import Counter
from typing import Any

from .pdf_tables import CELL_END, may_hold_table, with_rows
from .text_builder import TextBuilder
from .unreadable import Unread

MOST_PAGES = 20_000
_STAMPED = 300  # characters that a page of pictures may have where they are the same on each
_FEW = 30  # characters that a page of pictures may have all the same: a stamp, a page number
_WIDE = "\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef\u3000-\u303f"
_CHINESE_LINE_END = re.compile(rf"(?<=[{_WIDE}])(?<![。！？：；])[ \t]*\n[ \t]*(?=[{_WIDE}])")
_DIVIDED = re.compile(r"([A-Za-z]{2,30})-\n([a-z]{2,30})")
_PAGE_NUMBER = re.compile(
    r"[\s\-–—·|]*(?:page|第|p\.)?\s*\d{1,5}\s*(?:(?:of|/|共)\s*\d{1,5})?\s*(?:页)?[\s\-–—·|]*", re.I
)
_FORMS = re.compile("[\ufb00-\ufb06\u2e80-\u2fdf]")
_PARAGRAPH_END = re.compile(r"[.。！？!?:：;；”\"]\s*$")


class PdfPages:
    """An open PDF in the process of foreign_process.py. Raises Unread, and whatever pypdf raises."""

    def __init__(self, data: bytes) -> None:
        from pypdf import PasswordType, PdfReader

        self._reader = PdfReader(io.BytesIO(data))
        if self._reader.is_encrypted and self._reader.decrypt("") == PasswordType.NOT_DECRYPTED:
            raise Unread("encrypted", "it needs a password")
        if len(self._reader.pages) > MOST_PAGES:
            raise Unread("too large", f"{len(self._reader.pages):,} pages")

    def read(self, first: int, seconds: float) -> dict[str, Any]:
        """The pages from `first` on that are read in this time, at least one; `next`: where to go on, 0 at the end."""
        until = time.monotonic() + seconds
        pages: list[tuple[str, bool]] = []
        count = len(self._reader.pages)
        while first + len(pages) < count and (not pages or time.monotonic() < until):
            page = self._reader.pages[first + len(pages)]
            text = page.extract_text() or ""
            if may_hold_table(text):
                text = with_rows(text, page.extract_text(extraction_mode="layout"))
            pages.append((text, len(text) < _STAMPED and _has_pictures(page, text)))
        after = first + len(pages)
        return {"pages": pages, "next": after if after < count else 0, "titles": [] if first else _titles(self._reader)}


def add_pages(pages: list[tuple[str, bool]], titles: list[tuple[int, int, str]], into: TextBuilder) -> tuple[str, ...]:
    """What `PdfPages` read, put together; what could not be read is returned. Raises Unread."""
    repeated = Counter(line for text, _ in pages for line in {*text.split("\n")})
    pictures = [
        number
        for number, (text, has_pictures) in enumerate(pages, 1)
        if has_pictures and _own_length(text, repeated if len(pages) > 2 else Counter()) < _FEW
    ]
    if pictures and len(pictures) >= sum(bool(text.strip() or pictured) for text, pictured in pages):
        raise Unread("scanned", "its pages are pictures without text; run it through OCR first")
    for number, (text, _) in enumerate(pages, 1):
        into.page = number
        _add_page(text, [(level, title) for at, level, title in titles if at == number], into)
    return (f"pages that are pictures without text: {_ranges(pictures)}",) if pictures else ()


def _own_length(text: str, repeated: Counter[str]) -> int:
    """Without the stamp that stands on each page."""
    return sum(len("".join(line.split())) for line in text.split("\n") if repeated[line] < 3)


def _has_pictures(page: Any, text: str) -> bool:
    """Images, or drawings alone: letters that were made into curves."""
    if _has_images(page, 3):
        return True
    contents = None if text.strip() else page.get_contents()
    return contents is not None and len(contents.get_data()) > 500


def _has_images(page_or_form: Any, depth: int) -> bool:
    resources = page_or_form.get("/Resources")
    objects = None if resources is None else resources.get_object().get("/XObject")
    for each in [] if objects is None else objects.get_object().values():
        drawn = each.get_object()
        if drawn.get("/Subtype") == "/Image" or (depth and _has_images(drawn, depth - 1)):
            return True
    return False


def _titles(reader: Any) -> list[tuple[int, int, str]]:
    """The bookmarks: page, level and title of each."""
    found: list[tuple[int, int, str]] = []

    def visit(items: list[Any], level: int) -> None:
        for item in items:
            if isinstance(item, list):
                visit(item, level + 1)
            elif (number := reader.get_destination_page_number(item)) is not None:
                found.append((number + 1, level, str(item.title)))

    try:
        visit(reader.outline, 1)
    except Exception:  # bookmarks are often broken where the pages are not
        return []
    return found


def _add_page(text: str, titles: list[tuple[int, str]], into: TextBuilder) -> None:
    lines = [line for line in readable(text).split("\n") if line.strip()]
    for edge in (0, -1):
        if lines and _PAGE_NUMBER.fullmatch(lines[edge]):
            del lines[edge]
    widest = max(map(len, lines), default=0)
    ends = [_packed(title) for _, title in titles]
    for (level, title), end in zip(titles, ends, strict=True):
        if not any(_is_title(line, end) for line in lines):
            into.enter(level, title)  # it stands on the page in another form
    paragraph: list[str] = []
    rows: list[list[str]] = []
    for line in [*lines, ""]:
        level = next((each for (each, _), end in zip(titles, ends, strict=True) if _is_title(line, end)), 0)
        is_row = CELL_END in line
        if paragraph and (
            level or is_row or (len(paragraph[-1]) < 0.8 * widest and _PARAGRAPH_END.search(paragraph[-1]))
        ):
            into.add("\n".join(paragraph))
            paragraph = []
        if rows and not is_row:
            into.rows(rows)
            rows = []
        if is_row:
            rows.append(line.split(CELL_END))
        elif level:
            into.heading(level, line)
        elif line:
            paragraph.append(line)
    into.add("\n".join(paragraph))


def _packed(text: str) -> str:
    return "".join(text.split())


def _is_title(line: str, title: str) -> bool:
    """A number may stand before it: Chapter 3."""
    packed = _packed(line)
    return bool(title) and packed.endswith(title) and len(packed) <= len(title) + 12


def readable(text: str) -> str:

    text = _FORMS.sub(lambda match: unicodedata.normalize("NFKC", match[0]), text)
    text = _CHINESE_LINE_END.sub("", text)
    return _DIVIDED.sub(lambda m: m[1] + "-" * (f"{m[1]}-{m[2]}" in text) + m[2] + "\n", text)


def _ranges(numbers: list[int]) -> str:
    parts: list[list[int]] = []
    for number in numbers:
        if parts and parts[-1][-1] == number - 1:
            parts[-1] = [parts[-1][0], number]
        else:
            parts.append([number])
    return ", ".join("-".join(map(str, part)) for part in parts)
