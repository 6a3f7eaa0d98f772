"""HTML → text and blocks: the main text of a page as trafilatura finds it, all that is visible where it finds none.

Runs in the process that foreign_process.py describes. What is invisible is taken out before. The elements that
trafilatura returns and those of HTML are walked by the same rules.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any, TypeAlias

from .document import Block
from .encodings import decoded
from .html_visibility import remove_invisible
from .text_builder import TextBuilder, clean_line

Element: TypeAlias = Any  # of lxml, which has no types

_CHARSET = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([\w-]{2,40})", re.IGNORECASE)
_LETTERS = re.compile(r"\w+")
_PART_END = re.compile(r"[.!?。！？;；\n|]")
_SHORT = 20  # letters: less may stand in another text by chance
_FURNITURE = ("nav", "footer", "aside", "form", "iframe")  # what surrounds the text of a page of a web site
_ITEMS = frozenset({"li", "item", "dt", "dd"})
_INLINE = frozenset(
    "a abbr acronym b bdi bdo big cite code data del dfn em font hi i img ins kbd label mark meter q rp rt ruby s samp"
    " small span strike strong sub sup time tt u var wbr graphic ref button".split()
)
_TITLE_LEVELS = {f"h{level}": level for level in range(1, 7)}


def read_html(data: bytes, charset: str, into: TextBuilder) -> None:
    from trafilatura import bare_extraction

    page = _visible(data, charset)
    if page is None:
        return
    whole, main = TextBuilder(), TextBuilder()
    _Walk(whole).container(page, "p")
    is_plain = next(page.iter(*_FURNITURE), None) is None
    found: Any = bare_extraction(page, include_comments=False, include_formatting=True, favor_recall=True)
    if found is not None and found.body is not None:
        _Walk(main).container(found.body, "p")
    chosen = _blocks_of(main, whole, 0.8 if is_plain else 0.98)
    if sum(block.end - block.start for block in chosen) < 0.8 * len(main.text):
        into.take(main, main.blocks)  # it is put together in another way
    else:
        into.take(whole, chosen)


def _blocks_of(main: TextBuilder, whole: TextBuilder, nearly_all: float) -> list[Block]:
    """The blocks of the whole page that belong to its main text, and the headings above them: trafilatura knows which
    text is the main one, and loses headings and code on many pages. All blocks where it finds nearly all or nothing."""
    lines = Counter(_letters(main.text[block.start : block.end]) for block in main.blocks)
    joined = _letters(main.text)
    if len(joined) > nearly_all * len(_letters(whole.text)) or not joined:
        return whole.blocks
    chosen: list[Block] = []
    above: list[Block] = []
    for block in whole.blocks:
        text = whole.text[block.start : block.end]
        letters = _letters(text)
        if lines[letters] > 0 or (letters not in lines and len(letters) > _SHORT and _share_in(text, joined) > 0.5):
            lines[letters] -= 1  # a title that stands beside the text again is not taken again
            chosen += [*above, block]
            above = []
        elif block.kind == "heading":
            above = [*(each for each in above if each.headings == block.headings[:-1] != ()), block]
        else:
            above = []
    return chosen


def _share_in(text: str, joined: str) -> float:
    letters = _letters(text)
    if letters in joined:
        return 1.0
    parts = [part for part in map(_letters, _PART_END.split(text)) if part]
    return sum(len(part) for part in parts if len(part) > _SHORT and part in joined) / max(1, len(letters))


def _letters(text: str) -> str:
    return "".join(_LETTERS.findall(text))


def read_xhtml(data: bytes, into: TextBuilder, charset: str = "") -> None:
    """All that is visible, as in a chapter of a book."""
    page = _visible(data, charset)
    if page is not None:
        _Walk(into).container(page, "p")


def _visible(data: bytes, charset: str) -> Element | None:
    page = _parsed(data, charset)
    if page is not None:
        remove_invisible(page)
        _fill_spans(page)
    return page


def _parsed(data: bytes, charset: str) -> Element | None:
    """The root element; None for what holds nothing. A page that is no UTF-8 has the charset of its server, else of its
    own <meta>."""
    from lxml import html

    stated = _CHARSET.search(data[:4096])
    text = decoded(data, charset or (stated[1].decode() if stated else ""))
    if not text or not text.strip():
        return None
    parser = html.HTMLParser(encoding="utf-8", huge_tree=True, remove_comments=True, remove_pis=True)
    root = html.document_fromstring(text.encode("utf-8", "replace"), parser=parser)
    return root


def _fill_spans(page: Element) -> None:
    """A cell that stands beside several rows is repeated in each, so that each row tells all."""
    for table in page.iter("table"):
        open_cells: dict[int, tuple[int, Element]] = {}
        for row in table.iter("tr"):
            cells, column = [cell for cell in row if cell.tag in ("td", "th")], 0
            for cell in [*cells, None]:
                while column in open_cells:
                    left, spanning = open_cells.pop(column)
                    copy = row.makeelement("td")
                    copy.text = clean_line(spanning.text_content())
                    row.insert(column, copy)
                    if left > 1:
                        open_cells[column] = (left - 1, spanning)
                    column += 1
                if cell is not None:
                    more = _number(cell.get("rowspan")) - 1
                    if more > 0:
                        open_cells[column] = (more, cell)
                        del cell.attrib["rowspan"]
                    column += 1


def _number(value: str | None) -> int:
    return min(int(value), 1000) if value and value.isdecimal() else 1


class _Walk:
    """Adds what is in an element to the builder, in its order."""

    def __init__(self, into: TextBuilder) -> None:
        self._into = into
        self._line: list[str] = []
        self._kind: Any = "paragraph"

    def container(self, element: Element, tag: str) -> None:
        before, self._kind = self._kind, "list" if tag in _ITEMS else self._kind
        if tag in _ITEMS:
            self._line.append("- ")
        self._inside(element)
        self._flush()
        self._kind = before

    def _inside(self, element: Element) -> None:
        self._line.append(self._flat(element.text))
        for child in element:
            if isinstance(child.tag, str):
                self._child(child, child.tag)
            self._line.append(self._flat(child.tail))

    def _flat(self, text: str | None) -> str:
        return re.sub(r"\s+", " ", text or "")

    def _child(self, child: Element, tag: str) -> None:
        if tag in ("br", "lb"):
            self._line.append("\n")
        elif tag == "pre" or (tag == "code" and "\n" in _text(child).strip()):
            self._flush()
            self._into.add(_text(child), "code")
        elif tag in _INLINE:
            self._inside(child)
        elif level := _TITLE_LEVELS.get(child.get("rend", "") if tag == "head" else tag):
            self._flush()
            self._into.heading(level, _text(child))
        elif tag == "table":
            self._flush()
            self._into.rows([[_text(cell, " ") for cell in row] for row in _rows(child)])
        else:
            self._flush()
            self.container(child, tag)

    def _flush(self) -> None:
        text = "".join(self._line)
        self._line = []
        if text.strip(" \n") not in ("", "-"):
            self._into.add(text, self._kind)


def _text(element: Element, between: str = "") -> str:
    """All text in it, `between` around what is no part of a line."""
    return "".join(_pieces(element, between))


def _pieces(element: Element, between: str) -> Iterator[str]:
    yield element.text or ""
    for child in element:
        if isinstance(child.tag, str):
            apart = "\n" if child.tag in ("br", "lb") else between * (child.tag not in _INLINE)
            yield apart
            yield from _pieces(child, between)
            yield apart
        yield child.tail or ""


def _rows(table: Element) -> Iterator[list[Element]]:
    """Those of tables within its cells belong to the cell."""
    for row in table.iter("tr", "row"):
        nearest = next(row.iterancestors("table"), None)
        if nearest is table:
            yield [cell for cell in row if cell.tag in ("td", "th", "cell")]
