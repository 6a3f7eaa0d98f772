"""DOCX → text and blocks in the order of the page: paragraphs, headings, lists, tables, text boxes, notes.

Runs in the process that foreign_process.py describes. python-docx opens the package; its `paragraph.text` leaves out
insertions that were not accepted yet, forms, tables of contents and text boxes, so the tree is walked here. What was
deleted and what is hidden stays out.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import Any, TypeAlias

from .text_builder import TextBuilder, clean_line
from .zip_limits import check_zip

Element: TypeAlias = Any  # of lxml, which has no types

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_NOTES = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/"
_LEFT_OUT = frozenset({"del", "moveFrom", "instrText", "delText", "delInstrText", "rPr", "pPr", "Fallback", "fldData"})
_SIGNS = {"tab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "-"}


def read_docx(data: bytes, into: TextBuilder) -> None:
    """Raises Unread, and whatever python-docx raises."""
    from docx.oxml import parse_xml
    from docx.package import Package

    check_zip(data)
    main: Any = Package.open(io.BytesIO(data)).main_document_part
    related = {each.reltype: each.target_part for each in main.rels.values() if not each.is_external}
    styles = related.get(_NOTES + "styles")
    notes = {
        f"{kind}{note.get(_W + 'id')}": note
        for kind in ("footnote", "endnote")
        if (part := related.get(f"{_NOTES}{kind}s")) is not None
        for note in parse_xml(part.blob).iter(_W + kind)
    }
    levels = _Levels(parse_xml(styles.blob) if styles is not None else None)
    _Walk(into, levels, notes).container(parse_xml(main.blob).find(_W + "body"))


class _Levels:
    """Which level of heading a style is, 1 the outermost; `lists`: the styles of lists."""

    def __init__(self, styles: Element | None) -> None:
        self._levels: dict[str, int] = {}
        self.lists: set[str] = set()
        for style in styles.iter(_W + "style") if styles is not None else ():
            name, parent = (_value(style.find(_W + tag)) or "" for tag in ("name", "basedOn"))
            key = style.get(_W + "styleId") or ""
            outline = _value(style.find(f"{_W}pPr/{_W}outlineLvl"))
            if match := re.fullmatch(r"heading (\d)", name.lower()):
                self._levels[key] = int(match[1])
            elif name.lower() == "title":
                self._levels[key] = 1
            elif outline and outline.isdecimal() and int(outline) < 9:
                self._levels[key] = int(outline) + 1
            elif parent in self._levels:
                self._levels[key] = self._levels[parent]
            if style.find(f"{_W}pPr/{_W}numPr") is not None or parent in self.lists:
                self.lists.add(key)

    def of(self, style: str, outline: str | None) -> int | None:
        if outline and outline.isdecimal():
            return int(outline) + 1 if int(outline) < 9 else None
        return self._levels.get(style)


class _Walk:
    def __init__(self, into: TextBuilder, levels: _Levels, notes: dict[str, Element]) -> None:
        self._into, self._levels, self._notes = into, levels, notes
        self._after: list[Element] = []  # text boxes and notes of the paragraph that is read

    def container(self, element: Element) -> None:
        for child in element:
            tag = _name(child)
            if tag == "p":
                self._paragraph(child)
            elif tag == "tbl":
                self._table(child)
            elif tag not in _LEFT_OUT:
                self.container(child)

    def _paragraph(self, element: Element) -> None:
        properties = element.find(_W + "pPr")
        style = outline = numbering = None
        if properties is not None:
            style, outline = (_value(properties.find(_W + tag)) for tag in ("pStyle", "outlineLvl"))
            numbering = properties.find(_W + "numPr")
        text = "".join(self._runs(element))
        after, self._after = self._after, []
        level = self._levels.of(style or "", outline)
        if level:
            self._into.heading(level, text)
        elif text.strip() and (numbering is not None or style in self._levels.lists):
            self._into.add("- " + text.strip(), "list")
        else:
            self._into.add(text)
        for each in after:
            self.container(each)

    def _runs(self, element: Element, in_table: bool = False) -> Iterator[str]:
        for child in element:
            tag = _name(child)
            if tag == "t":
                yield child.text or ""
            elif tag in _SIGNS:
                yield _SIGNS[tag]
            elif tag == "txbxContent":
                self._after.append(child)
            elif tag in ("footnoteReference", "endnoteReference"):
                note = self._notes.get(tag.removesuffix("Reference") + (child.get(_W + "id") or ""))
                if note is not None and note not in self._after:
                    self._after.append(note)
            elif tag not in _LEFT_OUT and not (tag == "r" and _is_hidden(child, in_table)):
                yield from self._runs(child, in_table)

    def _table(self, table: Element) -> None:
        rows = [row for row in table.iter(_W + "tr") if next(row.iterancestors(_W + "tbl")) is table]
        kept = [row for row in rows if row.find(f"{_W}trPr/{_W}del") is None]
        cells = [[c for c in row.iter(_W + "tc") if next(c.iterancestors(_W + "tr")) is row] for row in kept]
        if max(map(len, cells), default=0) <= 1:  # a frame around text
            for row in cells:
                for cell in row:
                    self.container(cell)
            return
        texts: list[list[str]] = []
        for row in cells:
            line: list[str] = []
            for cell in row:
                merge = cell.find(f"{_W}tcPr/{_W}vMerge")
                is_continued = merge is not None and _value(merge) != "restart"
                above = texts[-1][len(line)] if is_continued and texts and len(line) < len(texts[-1]) else ""
                line.append(self._cell(cell) or above)
                span = _value(cell.find(f"{_W}tcPr/{_W}gridSpan")) or "1"
                line += [""] * (min(int(span), 64) - 1 if span.isdecimal() else 0)
            texts.append(line)
        self._into.rows(texts)

    def _cell(self, cell: Element) -> str:
        texts = ["".join(self._runs(each, in_table=True)) for each in cell.iter(_W + "p")]
        return clean_line("\n".join(texts))


def _is_hidden(run: Element, in_table: bool) -> bool:
    """By itself, in a size that nobody reads, or white; a cell's background may come from the table's style."""
    properties = run.find(_W + "rPr")
    if properties is None:
        return False
    vanish = properties.find(_W + "vanish")
    if vanish is not None and _value(vanish) not in ("0", "false", "off"):
        return True
    size = _value(properties.find(_W + "sz"))
    if size and size.isdecimal() and int(size) <= 2:  # half points
        return True
    is_white = (_value(properties.find(_W + "color")) or "").upper() == "FFFFFF"
    above = run.getparent().find(_W + "pPr")
    shades = [properties, *([above] if above is not None else [])]
    return (
        is_white
        and not in_table
        and not any(each.find(_W + tag) is not None for each in shades for tag in ("shd", "highlight"))
    )


def _value(element: Element | None) -> str | None:
    value: str | None = None if element is None else element.get(_W + "val")
    return value


def _name(element: Element) -> str:
    tag = element.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""
