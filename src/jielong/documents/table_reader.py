"""CSV and TSV → one block for each row, with the header as its heading. The text is that of the file."""

from __future__ import annotations

import csv
from collections.abc import Iterator

from .document import Block
from .text_builder import is_number

_MOST_LINES = 1000  # of a row: beyond, a quote was never closed


def table_blocks(text: str) -> Iterator[Block]:
    """The first row is the header, unless it begins with a number."""
    lines = text.split("\n")
    first = next((line for line in lines if line.strip()), "")
    delimiter = max(",;\t|", key=first.count)
    header: str | None = None
    place = 0
    for number, count in _rows(lines, delimiter):
        length = sum(len(line) + 1 for line in lines[number : number + count]) - 1
        row = text[place : place + length]
        if row.strip():
            yield Block(place, place + length, "table", line=number + 1, headings=(header,) if header else ())
            if header is None:
                header = "" if is_number(row.partition(delimiter)[0]) else row.strip()
        place += length + 1


def _rows(lines: list[str], delimiter: str) -> Iterator[tuple[int, int]]:
    """The first line of each row and the number of its lines."""
    number = 0
    while number < len(lines):
        reader = csv.reader(lines[number : number + _MOST_LINES], delimiter=delimiter)
        count = 1
        if lines[number].count('"') % 2:
            try:
                next(reader)
                count = reader.line_num if reader.line_num < _MOST_LINES else 1
            except (csv.Error, StopIteration):
                count = 1
        yield number, count
        number += count
