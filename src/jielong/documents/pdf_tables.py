"""Rows of a table in the text of a PDF page. PDF has no tables, only words at places: pypdf's layout mode keeps the
places, and its plain mode the order in which columns are read. So rows are found in the one and marked in the other.

Left alone are tables whose cells have several lines, and columns of prose, which are wider than cells.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

CELL_END = "\x1f"  # between the cells of a row, which is a line
_GAP = re.compile(r"\s{3,}")
_FEWEST_ROWS = 3
_CELL, _LINE = 25, 45  # characters that a cell has on the average, and a line of such cells at most


def may_hold_table(text: str) -> bool:
    """Whether it is worth looking: many lines are short."""
    lines = [line for line in text.split("\n") if line.strip()]
    short = sum(len(line) <= _LINE for line in lines)
    return short >= _FEWEST_ROWS and short >= 0.3 * len(lines)


def with_rows(text: str, layout: str) -> str:
    """The plain text, its rows as lines with CELL_END between their cells."""
    place = 0
    for group in _groups(layout):
        ends = place
        parts: list[tuple[re.Match[str], list[str]]] = []
        for row in group:
            match = re.compile(r"\s+".join(map(_pattern, row))).search(text, ends)
            if match is None or (parts and text[ends : match.start()].strip()):
                break
            parts.append((match, row))
            ends = match.end()
        if len(parts) < len(group):
            continue
        start, rows = parts[0][0].start(), "\n".join(CELL_END.join(row) for _, row in parts)
        text = f"{text[:start].rstrip(' ')}\n{rows}\n{text[ends:]}"
        place = start + len(rows)
    return text


def _pattern(cell: str) -> str:
    return r"\s+".join(map(re.escape, cell.split()))


def _groups(layout: str) -> Iterator[list[list[str]]]:
    """Lines that follow each other and have as many cells."""
    rows: list[list[str]] = []
    for line in [*layout.split("\n"), "end"]:
        cells = _GAP.split(line.strip())
        if not line.strip():
            continue
        if rows and len(cells) == len(rows[-1]) > 1:
            rows.append(cells)
            continue
        if len(rows) >= _FEWEST_ROWS and sum(len(c) for row in rows for c in row) <= _CELL * len(rows) * len(rows[0]):
            yield rows
        rows = [cells]
