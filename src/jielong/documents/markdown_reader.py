"""Markdown → blocks: headings, paragraphs, lists, fenced code, rows of tables.

What is a heading is decided outside of code and front matter alone. Comments, which no rendered page shows, are taken
out; their line ends stay, so that lines keep their numbers. A row of a table is a block of its own with the table's
header as its last heading, so that a row is understood wherever it stands.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from .document import Block, Kind

_FENCE = re.compile(r"[\s>]*(?:(?:[-*+]|\d{1,9}[.)])\s+)?(`{3,}(?=[^`]*$)|~{3,})")
_HTML_CODE = re.compile(r" {0,3}<(pre|script|style|textarea)[\s>]", re.IGNORECASE)
_HEADING = re.compile(r" {0,3}(#{1,6})(?=[ \t]|$)")
_UNDERLINE = re.compile(r" {0,3}(=+|-+)[ \t]*$")
_DELIMITERS = re.compile(r"\|?(?:\s*:?-+:?\s*\|)+(?:\s*:?-+:?)?$")
_ITEM = re.compile(r"\s*(?:[-*+]|\d{1,9}[.)])\s")
_LONGEST = 2_000  # characters of a line that can be a heading or a fence


class _Fences:
    """Says of each line in turn whether it belongs to fenced code, or to an element of HTML that holds some."""

    def __init__(self) -> None:
        self._open = ""

    def holds(self, line: str) -> bool:
        if self._open.startswith("</"):
            self._open = "" if self._open in line.lower() else self._open
            return True
        if not self._open and (html := _HTML_CODE.match(line)):
            end = f"</{html[1].lower()}>"
            self._open = "" if end in line.lower() else end
            return True
        match = _FENCE.match(line) if len(line) < _LONGEST else None
        if self._open:
            if match and match[1].startswith(self._open) and not line[match.end() :].strip():
                self._open = ""
            return True
        self._open = match[1] if match else ""
        return match is not None


def without_comments(text: str) -> str:
    """`<!-- … -->` outside of code becomes the line ends in it; one that is never closed stays."""
    if "<!--" not in text:
        return text
    fences, kept, in_comment = _Fences(), [], False
    last = text.count("\n", 0, text.rfind("-->")) if "-->" in text else -1  # the line in which one can still end
    for number, line in enumerate(text.split("\n")):
        if not in_comment and fences.holds(line):
            kept.append(line)
            continue
        shown, place = "", 0
        while place < len(line):
            if in_comment:
                end = line.find("-->", place)
                in_comment, place = end < 0, end + 3 if end >= 0 else len(line)
                continue
            start = line.find("<!--", place)
            closes = start >= 0 and (number < last or "-->" in line[start:])
            if not closes or line.count("`", 0, start) % 2:
                start, closes = len(line), False
            shown += line[place:start]
            in_comment, place = closes, start + 4 * closes
        kept.append(shown)
    return "\n".join(kept)


def markdown_blocks(text: str) -> Iterator[Block]:
    """The blocks of a text that `without_comments` returned."""
    return _Reader(text).blocks()


class _Reader:
    def __init__(self, text: str) -> None:
        self._lines = text.split("\n")
        self._headings: list[tuple[int, str]] = []  # with their levels
        self._place = self._number = 0  # of the next line

    def blocks(self) -> Iterator[Block]:
        if matter := self._front_matter():
            yield self._take(matter, "code")
        while self._number < len(self._lines):
            line = self._lines[self._number]
            if not line or line.isspace():
                self._pass(1)
            elif title := self._title(line):
                yield from self._heading(*title, lines=1)
            elif _Fences().holds(line):
                yield self._take(self._fenced(), "code")
            elif self._is_table():
                yield from self._table()
            else:
                yield from self._paragraph()

    def _front_matter(self) -> int:
        """Its lines, those that bound it included."""
        mark = self._lines[0].rstrip()
        if mark in ("---", "+++"):
            for number, line in enumerate(self._lines[1:200], 1):
                if line.rstrip() == mark:
                    return number + 1
        return 0

    def _title(self, line: str) -> tuple[int, str] | None:
        match = _HEADING.match(line) if len(line) < _LONGEST else None
        if not match:
            return None
        title = line[match.end() :].strip()
        bare = title.rstrip("#")
        return len(match[1]), bare.rstrip() if not bare or bare[-1].isspace() else title

    def _heading(self, level: int, title: str, lines: int) -> Iterator[Block]:
        while self._headings and self._headings[-1][0] >= level:
            self._headings.pop()
        yield self._take(lines, "heading")
        if title:
            self._headings.append((level, title))

    def _fenced(self) -> int:
        fences, number = _Fences(), self._number
        fences.holds(self._lines[number])
        if not fences._open:  # an element that ends in its line
            return 1
        while (number := number + 1) < len(self._lines):
            if fences.holds(self._lines[number]) and not fences._open:
                return number + 1 - self._number
        return number - self._number

    def _is_table(self) -> bool:
        rows = self._lines[self._number : self._number + 2]
        return len(rows) == 2 and "|" in rows[0] and bool(_DELIMITERS.match(rows[1][:_LONGEST].strip()))

    def _table(self) -> Iterator[Block]:
        header = self._lines[self._number].strip()
        yield self._take(2, "table")
        while self._number < len(self._lines) and "|" in self._lines[self._number]:
            yield self._take(1, "table", header)

    def _paragraph(self) -> Iterator[Block]:
        """As far as the next blank line or other block; an underline makes a heading of it."""
        first = self._number
        number = first + 1
        while number < len(self._lines) and (line := self._lines[number]) and not line.isspace():
            if _UNDERLINE.match(line[:_LONGEST]) and len(line) < _LONGEST and not _ITEM.match(self._lines[first]):
                title = " ".join(part.strip() for part in self._lines[first:number])
                yield from self._heading(1 if "=" in line else 2, title, number + 1 - first)
                return
            is_item = _ITEM.match(line) is not None
            if self._title(line) or _Fences().holds(line) or (is_item and not _ITEM.match(self._lines[first])):
                break
            number += 1
        yield self._take(number - first, "list" if _ITEM.match(self._lines[first]) else "paragraph")

    def _take(self, lines: int, kind: Kind, header: str = "") -> Block:
        start, line = self._place, self._number + 1
        self._pass(lines)
        titles = (*(title for _, title in self._headings), *([header] if header else []))
        return Block(start, self._place - 1, kind, line=line, headings=titles)

    def _pass(self, lines: int) -> None:
        self._place += sum(len(line) + 1 for line in self._lines[self._number : self._number + lines])
        self._number += lines
