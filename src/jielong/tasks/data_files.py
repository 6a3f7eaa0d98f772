"""Rows of a data file with the line each stands on; what cannot be read is named by file and line and set aside."""

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import BadInput, MissingExtra

Fields = dict[str, Any]
KINDS = (".jsonl", ".json", ".csv", ".tsv", ".parquet")


@dataclass(frozen=True)
class DataRow:
    line: int
    fields: Fields


@dataclass(frozen=True)
class BadRow:
    line: int
    why: str
    text: str


def read(file: Path) -> Iterator[DataRow | BadRow]:
    """The rows of a JSON lines, JSON, CSV, TSV or Parquet file, in order. Raises BadInput, MissingExtra."""
    if file.suffix == ".parquet":
        yield from _parquet(file)
        return
    text = _text(file)
    if file.suffix == ".jsonl":
        yield from _json_lines(text)
    elif file.suffix == ".json":
        yield from _json(file, text)
    elif file.suffix in (".csv", ".tsv"):
        yield from _separated(file, text)
    else:
        raise BadInput(f"{file}: unknown kind of file; expected {', '.join(KINDS)}")


def _text(file: Path) -> str:
    try:
        return file.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise BadInput(f"{file}: not UTF-8; save it as UTF-8 (for example with iconv -f GB18030 -t UTF-8)") from None
    except IsADirectoryError:
        raise BadInput(f"{file} is a folder; expected a file ({', '.join(KINDS)})") from None
    except OSError as error:
        raise BadInput(f"{file}: cannot be read ({error.strerror})") from None


def _json_lines(text: str) -> Iterator[DataRow | BadRow]:
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            fields = json.loads(line)
        except (ValueError, RecursionError):
            yield BadRow(number, "not JSON", line)
        else:
            yield _object(number, fields, line)


def _object(number: int, fields: Any, text: str) -> DataRow | BadRow:
    if isinstance(fields, dict):
        return DataRow(number, fields)
    return BadRow(number, f"expected a JSON object, found {type(fields).__name__}", text)


def _json(file: Path, text: str) -> Iterator[DataRow | BadRow]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        if text.lstrip().startswith("{") and "Extra data" in str(error):  # JSON lines under another name
            yield from _json_lines(text)
            return
        raise BadInput(f"{file}: not JSON ({error}); one object a line goes into a .jsonl file") from None
    rows = document.get("examples", document.get("data")) if isinstance(document, dict) else document
    rows = list(rows.values()) if isinstance(rows, dict) else rows  # numbered rows, as {"1": {…}, "2": {…}}
    if not isinstance(rows, list):
        raise BadInput(f"{file}: expected a list of objects, found {type(document).__name__}")
    yield from (_object(number, fields, json.dumps(fields)) for number, fields in enumerate(rows, 1))


def _separated(file: Path, text: str) -> Iterator[DataRow | BadRow]:
    reader = csv.reader(text.splitlines(keepends=True), delimiter="\t" if file.suffix == ".tsv" else ",", strict=True)
    header, start = list[str](), 1
    try:
        for cells in reader:
            if start == 1:
                header = [cell.strip() for cell in cells]
            elif len(cells) == len(header):
                yield DataRow(start, dict(zip(header, cells, strict=True)))
            elif cells:
                yield BadRow(start, f"expected {len(header)} cells, found {len(cells)}", ",".join(cells))
            start = reader.line_num + 1
    except csv.Error as error:
        yield BadRow(start, f"not CSV: {error}", "")


def _parquet(file: Path) -> Iterator[DataRow | BadRow]:
    try:
        from pyarrow import ArrowException
        from pyarrow.parquet import ParquetFile
    except ImportError:
        raise MissingExtra(f"reading {file.name}", "data") from None
    try:
        rows = (fields for batch in ParquetFile(file).iter_batches() for fields in batch.to_pylist())
        yield from (DataRow(number, fields) for number, fields in enumerate(rows, 1))
    except (ArrowException, OSError) as error:
        raise BadInput(f"{file}: not a Parquet file that can be read ({str(error).splitlines()[0]})") from None
