"""Rows of CSV files as people and spreadsheets write them: commas, semicolons, tabs or bars between cells, a comment
before the header, `sep=;`, empty rows and columns at the end. A row that cannot be read costs that row alone.
"""

import csv
import io
import re
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from ..errors import BadInput
from .data_row import BadRow, DataRow

csv.field_size_limit(2**31 - 1)  # a cell may hold a book; the default ends at 128 KiB

SEPARATORS = ",;\t|"
_COMMENT = re.compile(r"#(?: .*|[^,;\t|\r\n]*)[\r\n]+")
_UNSEEN = "\ufeff\u200b\u200c\u200d\u2060\xa0\u3000 \t\r\n"  # what editors leave around names
_LETTERS = "ABCDEFGHIJ"


def separated_rows(file: Path, text: str) -> Iterator[DataRow | BadRow]:
    """The rows under the header. Raises BadInput where two columns have one name."""
    start, separator = _beginning(text, "\t" if file.suffix.lower() == ".tsv" else ",")
    records = _records(text[start:], separator, text.count("\n", 0, start) + 1)
    first = list(islice((record for record in records if isinstance(record, BadRow) or any(record[1])), 30))
    first = without_title(first)
    header = _published_header([record[1] for record in first if not isinstance(record, BadRow)])
    for record in _chained(first, records):
        if isinstance(record, BadRow):
            yield record
            continue
        line, cells = record
        if not header:
            header = column_names(file, cells)
            continue
        while len(cells) > len(header) and not cells[-1].strip():
            cells.pop()
        if len(cells) == len(header):
            yield DataRow(line, dict(zip(header, cells, strict=True)))
        elif any(cell.strip() for cell in cells):
            hint = f"; a cell that holds a {separator!r} stands in quotes" if len(cells) > len(header) else ""
            yield BadRow(line, f"expected {len(header)} cells, found {len(cells)}{hint}", separator.join(cells))


_Row = TypeVar("_Row", bound=tuple[int, list[str]] | BadRow)


def without_title(rows: list[_Row]) -> list[_Row]:
    """The rows without a title that a spreadsheet has above its header: one cell in a row that has more."""
    while len(rows) > 1 and not isinstance(rows[0], BadRow) and not isinstance(rows[1], BadRow):
        (_, cells), (_, below) = rows[0], rows[1]
        if len(cells) < 2 or not cells[0] or any(cells[1:]) or not all(below[: len(cells)]):
            break
        rows = rows[1:]
    return rows


def column_names(file: Path, cells: Sequence[Any]) -> list[str]:
    """The cells of the first row as names, without empty ones at the end. Raises BadInput where two are the same."""
    names = ["" if cell is None else str(cell).strip(_UNSEEN) for cell in cells]
    while names and not names[-1]:
        names.pop()
    if twice := next((name for i, name in enumerate(names) if name and name in names[:i]), None):
        raise BadInput(f"{file}: two columns are called {twice!r}; rename one of them")
    return names


def _beginning(text: str, usual: str) -> tuple[int, str]:
    """Where the header begins, behind comments and empty lines, and what separates the cells of this file."""
    start = 0
    while match := re.compile(r"[\r\n]+").match(text, start) or _COMMENT.match(text, start):
        start = match.end()
    if told := re.compile(r"sep=(.)\r?\n").match(text, start):
        return told.end(), told[1]
    sample, best = text[start : start + 100_000], (0.0, usual)
    for separator in (usual, *SEPARATORS):
        records = islice(csv.reader(io.StringIO(sample, newline=""), delimiter=separator), 50)
        try:
            widths = [len(cells) for cells in records if cells]
        except csv.Error:
            continue
        same = widths.count(widths[0]) / len(widths) if widths and widths[0] > 1 else 0.0
        if same > best[0]:
            best = (same, separator)
    return start, best[1]


_Record = tuple[int, list[str]] | BadRow


def _records(text: str, separator: str, first_line: int) -> Iterator[_Record]:
    """The cells of each row, and the line that it begins on."""
    # Lines end where CSV says so: `splitlines` would also cut at U+2028, U+0085 and form feeds.
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    while True:
        line = first_line + reader.line_num
        try:
            yield line, next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            if "unexpected end" in str(error):
                yield BadRow(line, "a quote is opened here and never closed; what follows is not read", "")
                return
            yield BadRow(line, f"not CSV: {error}", "")


def _chained(first: list[_Record], rest: Iterator[_Record]) -> Iterator[_Record]:
    yield from first
    yield from rest


def _published_header(rows: Sequence[Sequence[str]]) -> list[str]:
    """The columns that MMLU's own files have and do not name: a question, its choices, the letter of the right one."""
    width = len(rows[0]) if rows else 0
    letters = _LETTERS[: max(0, width - 2)]
    if width >= 4 and all(len(row) == width and row[-1].strip() in tuple(letters) for row in rows):
        return ["question", *letters, "answer"]
    return []
