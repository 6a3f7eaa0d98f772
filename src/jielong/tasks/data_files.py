"""Rows of a data file with the line each stands on; what cannot be read is named by file and line and set aside."""

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, time
from pathlib import Path
from typing import Any

from ..bounded_json import read_json
from ..errors import BadInput, MissingExtra
from ..regular_files import MAX_DATA_BYTES, read_regular_file
from .data_row import BadRow, DataRow, Fields
from .separated_values import column_names, separated_rows, without_title
from .text_decoding import decode

KINDS = (".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".parquet", ".xlsx")


def read(file: Path, note: Callable[[str], None] = lambda text: None) -> Iterator[DataRow | BadRow]:
    """The rows of a JSON lines, JSON, CSV, TSV, Parquet or Excel file, in order; what is NaN in it is None.

    `note` is told what a person should check: an encoding that was inferred, sheets that are not read. Raises BadInput,
    MissingExtra.
    """
    for row in _rows(file, note):
        yield DataRow(row.line, _without_nan(row.fields)) if isinstance(row, DataRow) else row


def _rows(file: Path, note: Callable[[str], None]) -> Iterator[DataRow | BadRow]:
    kind = file.suffix.lower()
    if kind not in KINDS:
        raise BadInput(f"{file}: unknown kind of file; expected {', '.join(KINDS)}")
    data = _bytes(file)
    if kind == ".parquet":
        return _parquet(file)
    if kind == ".xlsx":
        return _excel(file, note)
    if data.startswith(b"PK\3\4"):
        raise BadInput(f"{file}: this is no text, but a zip archive or an Excel file; rename it to .xlsx if it is one")
    text, encoding = decode(file, data)
    if encoding:
        note(f"{file}: read as {encoding}; where letters look wrong, save it as UTF-8")
    if kind in (".csv", ".tsv"):
        return separated_rows(file, text)
    return _json(file, text) if kind == ".json" else _json_lines(file, text)


def _bytes(file: Path) -> bytes:
    try:
        return read_regular_file(file, MAX_DATA_BYTES)
    except IsADirectoryError:
        raise BadInput(f"{file} is a folder; expected a file ({', '.join(KINDS)})") from None
    except OSError as error:
        raise BadInput(f"{file}: cannot be read ({error.strerror})") from None


def _without_nan(fields: Fields) -> Fields:
    """pandas writes NaN where there is nothing."""
    return {name: None if isinstance(cell, float) and math.isnan(cell) else cell for name, cell in fields.items()}


def _json_lines(file: Path, text: str) -> Iterator[DataRow | BadRow]:
    if text.lstrip().startswith("[") and (whole := _parsed(text)) is not None:  # a list under another name
        yield from _document_rows(file, whole)
        return
    at_head = True
    for number, line in enumerate(text.split("\n"), 1):
        at_head = at_head and re.match(r"\s*(?:#|//|$)", line) is not None
        if at_head or not line.strip():
            continue
        try:
            yield _object(number, read_json(line), line)
        except ValueError:
            yield BadRow(number, "not JSON", line)


def _object(number: int, fields: Any, text: str) -> DataRow | BadRow:
    if isinstance(fields, dict):
        return DataRow(number, fields)
    return BadRow(number, f"expected a JSON object, found {type(fields).__name__}", text)


def _parsed(text: str) -> Any:
    try:
        return read_json(text, longest=MAX_DATA_BYTES)
    except ValueError:
        return None


def _json(file: Path, text: str) -> Iterator[DataRow | BadRow]:
    try:
        document = read_json(text, longest=MAX_DATA_BYTES)
    except ValueError as error:
        if text.lstrip().startswith("{") and "Extra data" in str(error):  # JSON lines under another name
            return _json_lines(file, text)
        raise BadInput(f"{file}: not JSON ({error}); one object a line goes into a .jsonl file") from None
    return _document_rows(file, document)


def _document_rows(file: Path, document: Any) -> Iterator[DataRow | BadRow]:
    rows = _listed(document)
    if rows is None:
        found = f"an object with {', '.join(document)}" if isinstance(document, dict) else type(document).__name__
        raise BadInput(f"{file}: expected a list of objects, found {found[:200]}")
    for number, fields in enumerate(rows, 1):
        yield _object(number, fields, json.dumps(fields))


def _listed(document: Any) -> Sequence[Any] | None:
    """The rows of a document: it is a list, or its columns, or objects by number, or an object that holds one of these
    beside other things. SQuAD's questions lie three lists deep."""
    if isinstance(document, list):
        return [row for one in document for row in _squad(one)]
    if not isinstance(document, dict) or not document:
        return None
    values = list(document.values())
    if all(isinstance(value, dict) for value in values):
        if not _are_numbers(document) and all(
            _are_numbers(value) for value in values
        ):  # columns, as pandas writes them
            return [{name: document[name].get(row) for name in document} for row in values[0]]
        if len({frozenset(value) for value in values}) == 1:
            return values
    lists = [value for value in values if isinstance(value, list)]
    if len(lists) == len(values) and len(set(map(len, lists))) == 1 and lists[0] and not isinstance(lists[0][0], dict):
        return [dict(zip(document, cells, strict=True)) for cells in zip(*lists, strict=True)]
    inner = {
        name: value for name, value in document.items() if isinstance(value, list | dict) and _holds_objects(value)
    }
    if len(inner) > 1:
        inner = {name: inner[name] for name in ("examples", "data") if name in inner}
    return _listed(next(iter(inner.values()))) if inner else None


def _are_numbers(names: Mapping[str, Any]) -> bool:
    return all(name.isdecimal() for name in names)


def _holds_objects(cells: Any) -> bool:
    return bool(cells) and isinstance(next(iter(cells.values() if isinstance(cells, dict) else cells)), dict)


def _squad(row: Any) -> list[Any]:
    if not (isinstance(row, dict) and isinstance(row.get("paragraphs"), list)):
        return [row]
    return [
        {"title": row.get("title", ""), "context": paragraph["context"], **question}
        for paragraph in row["paragraphs"]
        for question in paragraph["qas"]
    ]


def _parquet(file: Path) -> Iterator[DataRow | BadRow]:
    try:
        from pyarrow import ArrowException
        from pyarrow.parquet import ParquetFile
    except ImportError:
        raise MissingExtra(f"reading {file.name}", "data") from None
    try:
        rows = (_without_gaps(fields) for batch in ParquetFile(file).iter_batches() for fields in batch.to_pylist())
        yield from (DataRow(number, fields) for number, fields in enumerate(rows, 1))
    except (ArrowException, OSError) as error:
        raise BadInput(f"{file}: not a Parquet file that can be read ({str(error).splitlines()[0]})") from None


def _without_gaps(fields: Fields) -> Fields:
    """A column of objects has every field that one of them has: what is null in another was not there."""

    def within(cell: Any) -> Any:
        if isinstance(cell, list):
            return [within(each) for each in cell]
        if isinstance(cell, dict):
            return {name: within(value) for name, value in cell.items() if value is not None}
        return cell

    return {name: within(cell) for name, cell in fields.items()}


def _excel(file: Path, note: Callable[[str], None]) -> Iterator[DataRow | BadRow]:
    """The first sheet that is not empty; the names of the others are noted."""
    try:
        from python_calamine import CalamineError, load_workbook
    except ImportError:
        raise MissingExtra(f"reading {file.name}", "data") from None
    try:
        book = load_workbook(str(file))
        sheets = {name: book.get_sheet_by_name(name).to_python(skip_empty_area=False) for name in book.sheet_names}
    except (CalamineError, OSError) as error:
        raise BadInput(f"{file}: not an Excel file that can be read ({error})") from None
    filled = [name for name, rows in sheets.items() if any(any(map(_text, cells)) for cells in rows)]
    if filled[1:]:
        note(f"{file}: the sheet {filled[0]!r} is read, not {', '.join(map(repr, filled[1:]))}")
    rows = (
        [(line, [_text(cell) for cell in cells]) for line, cells in enumerate(sheets[filled[0]], 1)] if filled else []
    )
    rows = without_title([row for row in rows if any(row[1])])
    header = list[str]()
    for line, texts in rows:
        if not header:
            header = column_names(file, texts)
            continue
        if any(texts[len(header) :]):
            yield BadRow(line, f"expected {len(header)} cells, found {len(texts)}", "\t".join(texts))
        else:
            yield DataRow(line, dict(zip(header, texts, strict=False)))


def _text(cell: Any) -> str:
    """A cell as a spreadsheet shows it. Excel has no whole numbers: 36 comes as 36.0."""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    if isinstance(cell, datetime) and cell.time() == time():
        return str(cell.date())
    return str(cell).strip()
