"""PDF → text and blocks, page by page, by pypdf. Runs in the process that foreign_process.py describes.

Against what pypdf returns: Chinese lines are joined without a space, words that a line end divided are put together,
ligatures and radicals become the characters that they show, and page numbers at a page's edge are left out.
"""

from __future__ import annotations

import io
import re
import unicodedata
from collections import Counter
from typing import Any

from .text_builder import TextBuilder
from .unreadable import Unread

MOST_PAGES = 20_000
_FEW = 30  # characters that a page of pictures may have all the same: a stamp, a page number
_WIDE = "\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef\u3000-\u303f"
_CHINESE_LINE_END = re.compile(rf"(?<=[{_WIDE}])[ \t]*\n[ \t]*(?=[{_WIDE}])")
_DIVIDED = re.compile(r"([A-Za-z]{2,30})-\n([a-z]{2,30})")
_PAGE_NUMBER = re.compile(
    r"[\s\-–—·|]*(?:page|第|p\.)?\s*\d{1,5}\s*(?:(?:of|/|共)\s*\d{1,5})?\s*(?:页)?[\s\-–—·|]*", re.I
)
_FORMS = re.compile("[\ufb00-\ufb06\u2e80-\u2fdf]")
_PARAGRAPH_END = re.compile(r"[.。！？!?:：;；”\"]\s*$")


def read_pdf(data: bytes, into: TextBuilder) -> tuple[str, ...]:
    """What could not be read. Raises Unread, and whatever pypdf raises."""
    from pypdf import PasswordType, PdfReader

    reader = PdfReader(io.BytesIO(data))
    if reader.is_encrypted and reader.decrypt("") == PasswordType.NOT_DECRYPTED:
        raise Unread("encrypted", "it needs a password")
    if len(reader.pages) > MOST_PAGES:
        raise Unread("too large", f"{len(reader.pages):,} pages")
    titles = _titles(reader)
    pages = [(page.extract_text() or "", _has_pictures(page)) for page in reader.pages]
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
        _add_page(text, titles.get(number - 1, {}), into)
    return (f"pages that are pictures without text: {_ranges(pictures)}",) if pictures else ()


def _own_length(text: str, repeated: Counter[str]) -> int:
    return sum(len("".join(line.split())) for line in text.split("\n") if repeated[line] < 3)


def _has_pictures(page: Any) -> bool:
    """Images, or drawings without a font: letters that were made into curves."""
    resources = page.get("/Resources")
    resources = resources.get_object() if resources is not None else {}
    objects = resources.get("/XObject")
    of_images = (
        each.get_object().get("/Subtype") in ("/Image", "/Form")
        for each in (objects.get_object() if objects is not None else {}).values()
    )
    contents = page.get_contents()
    return any(of_images) or (contents is not None and len(contents.get_data()) > 500)


def _titles(reader: Any) -> dict[int, dict[str, int]]:
    """The levels of the bookmarks' titles, spaces left out, by page."""
    found: dict[int, dict[str, int]] = {}

    def visit(items: list[Any], level: int) -> None:
        for item in items:
            if isinstance(item, list):
                visit(item, level + 1)
            elif (number := reader.get_destination_page_number(item)) is not None:
                found.setdefault(number, {})["".join(str(item.title).split())] = level

    try:
        visit(reader.outline, 1)
    except Exception:  # bookmarks are often broken where the pages are not
        return {}
    return found


def _add_page(text: str, titles: dict[str, int], into: TextBuilder) -> None:
    lines = [line for line in readable(text).split("\n") if line.strip()]
    for edge in (0, -1):
        if lines and _PAGE_NUMBER.fullmatch(lines[edge]):
            del lines[edge]
    widest = max(map(len, lines), default=0)
    paragraph: list[str] = []
    for line in lines:
        level = titles.get("".join(line.split()))
        if level is None:
            paragraph.append(line)
        if paragraph and (level is not None or (len(line) < 0.8 * widest and _PARAGRAPH_END.search(line))):
            into.add("\n".join(paragraph))
            paragraph = []
        if level is not None:
            into.heading(level, line)
    into.add("\n".join(paragraph))


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
