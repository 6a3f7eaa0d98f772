"""Readers of formats that are no texts put their document together here: its text, and what each stretch of it is."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from .document import Block, Kind

_SPACES = re.compile(r"[^\S\n]+")
_INVISIBLE = re.compile("[\u00ad\u200b\u2060\ufeff\U000e0000-\U000e007f]")  # soft hyphens, tags: no reader sees them
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff]")


class TextBuilder:
    """`add` what stands in the document, in its order; then `text` and `blocks` are the document."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._length = 0
        self._headings: list[tuple[int, str]] = []
        self.blocks: list[Block] = []
        self.page: int | None = None

    @property
    def text(self) -> str:
        return "".join(self._parts)

    def heading(self, level: int, text: str) -> None:
        """A heading of its level, 1 the outermost; what follows stands under it."""
        if title := clean_line(text):
            self._leave(level)
            self.add(title, "heading")
            self._headings.append((level, title))

    def enter(self, level: int, title: str) -> None:
        """What follows stands under this heading, which is not in the text."""
        self._leave(level)
        self._headings.append((level, clean_line(title)))

    def _leave(self, level: int) -> None:
        while self._headings and self._headings[-1][0] >= level:
            self._headings.pop()

    def rows(self, rows: list[list[str]]) -> None:
        """Of a table, the first one its header unless it begins with a number. Each is a line; a table of one column is
        paragraphs."""
        lines = [" | ".join(map(clean_line, row)) for row in rows if any(map(clean_line, row))]
        if not lines or max(map(len, rows)) == 1:
            for line in lines:
                self.add(line)
            return
        header = "" if is_number(lines[0].partition(" | ")[0]) else lines[0]
        for number, line in enumerate(lines):
            self.add(line, "table", header=header if number else "")

    def add(self, text: str, kind: Kind = "paragraph", *, header: str = "", line: int | None = None) -> None:
        text = _FORBIDDEN.sub("", _INVISIBLE.sub("", text))
        text = text.strip("\n").rstrip() if kind == "code" else clean(text)
        if not text or text.isspace():
            return
        if self.blocks:
            is_next_line = (
                kind in ("table", "list")
                and self.blocks[-1].kind == kind
                and (kind == "list" or header or is_number(text.partition(" | ")[0]))
            )
            self._append("\n" if is_next_line else "\n\n")
        start = self._length
        self._append(text)
        headings = (*(title for _, title in self._headings), *([header] if header else []))
        self.blocks.append(Block(start, self._length, kind, self.page, line, headings))

    def take(self, other: TextBuilder, blocks: Sequence[Block]) -> None:
        """These blocks of another one, as they stand there."""
        for number, block in enumerate(blocks):
            if self.blocks:
                is_next = number and not other.text[blocks[number - 1].end : block.start].strip("\n")
                self._append(other.text[blocks[number - 1].end : block.start] if is_next else "\n\n")
            start = self._length
            self._append(other.text[block.start : block.end])
            self.blocks.append(replace(block, start=start, end=self._length))

    def _append(self, text: str) -> None:
        self._parts.append(text)
        self._length += len(text)


def clean(text: str) -> str:
    """Without spaces that no page shows: several in a row, and at the ends of lines."""
    lines = (_SPACES.sub(" ", line).strip() for line in text.split("\n"))
    return "\n".join(line for line in lines if line)


def clean_line(text: str) -> str:
    return " ".join(_FORBIDDEN.sub("", _INVISIBLE.sub("", text)).split())


def is_number(cell: str) -> bool:
    return cell.strip(" \"'%$€¥").replace(".", "").replace(",", "").lstrip("-+").isdecimal()
