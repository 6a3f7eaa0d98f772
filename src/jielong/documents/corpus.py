"""A corpus piece by piece: texts, JSON lines, JSON, Parquet, compressed or not, whole folders of them.

What a file is, its name says; every other file that is no binary is a text, whatever its markup. Of JSON and Parquet
all strings count, wherever they stand; a line that is no JSON is a text.
"""

from __future__ import annotations

import bz2
import codecs
import gzip
import lzma
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from ..bounded_json import read_json
from ..errors import BadInput, MissingExtra
from ..regular_files import MAX_DATA_BYTES, check_regular_file
from .encodings import encoding_of, unescaped
from .folder import files_below

PIECE = 1 << 18  # characters of a long text that are handed out together; bytes that are read at once
_PACKED: dict[str, Callable[[Path, str], Any]] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}


@dataclass(frozen=True, slots=True)
class Passage:
    """A text of a corpus: a row of a file, or a piece of one that begins in this line."""

    file: str
    line: int
    text: str
    is_row: bool = True


def corpus_files(path: Path) -> list[Path]:
    """Raises BadInput for what is not there, no file and no folder."""
    if not path.exists():
        raise BadInput(f"{path}: no such file or folder; --corpus names what is to be searched")
    if not path.is_dir():
        check_regular_file(path)
        return [path]
    return files_below(path)


def read_passages(file: Path, overlap: int, note: Callable[[str], None]) -> Iterator[Passage]:
    """Pieces of one long text repeat the last `overlap` characters of the piece before. `note` is told which files are
    not read. Raises BadInput, MissingExtra."""
    kind = file.with_suffix("").suffix.lower() if file.suffix.lower() in _PACKED else file.suffix.lower()
    if kind == ".parquet":
        yield from _parquet(file)
        return
    try:
        with _PACKED.get(file.suffix.lower(), open)(file, "rb") as opened:
            head = opened.read(PIECE)
            encoding = encoding_of(head)
            if encoding is None:
                note(f"{file} is no text and is not searched")
            elif kind == ".json":
                yield from _json(str(file), (head + opened.read(MAX_DATA_BYTES)).decode(encoding, "replace"))
            elif kind in (".jsonl", ".ndjson"):
                yield from _json_lines(str(file), _lines(head, opened, encoding))
            else:
                yield from _pieces(str(file), _decoded(head, opened, encoding), overlap)
    except (OSError, EOFError, lzma.LZMAError) as error:
        raise BadInput(f"{file}: cannot be read ({getattr(error, 'strerror', None) or error})") from None


def _decoded(head: bytes, opened: IO[bytes], encoding: str) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder(encoding)("replace")
    while head:
        yield decoder.decode(head)
        head = opened.read(PIECE)


def _pieces(file: str, texts: Iterator[str], overlap: int) -> Iterator[Passage]:
    line, before = 1, ""
    for text in map(unescaped, texts):
        yield Passage(file, line - before.count("\n"), before + text, is_row=False)
        line += text.count("\n")
        before = (before + text)[-overlap:] if overlap else ""


def _lines(head: bytes, opened: IO[bytes], encoding: str) -> Iterator[str]:
    rest = ""
    for text in _decoded(head, opened, encoding):
        *lines, rest = (rest + text).split("\n")
        yield from lines
    yield rest


def _json_lines(file: str, lines: Iterator[str]) -> Iterator[Passage]:
    for number, line in enumerate(lines, 1):
        if line.strip():
            yield Passage(file, number, _text_of(line))


def _text_of(line: str) -> str:
    try:
        return "\n".join(_strings(read_json(line)))
    except ValueError:
        return unescaped(line)


def _json(file: str, text: str) -> Iterator[Passage]:
    try:
        document = read_json(text, longest=MAX_DATA_BYTES)
    except ValueError:  # JSON lines under another name, or none at all
        yield from _json_lines(file, iter(text.split("\n")))
        return
    for number, row in enumerate(document if isinstance(document, list) else [document], 1):
        yield Passage(file, number, "\n".join(_strings(row)))


def _strings(value: Any) -> Iterator[str]:
    """All strings in it; numbers too, as answers may be some."""
    if isinstance(value, dict | list | tuple):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _strings(inner)
    elif value is not None:
        yield str(value)


def _parquet(file: Path) -> Iterator[Passage]:
    try:
        from pyarrow import ArrowException
        from pyarrow.parquet import ParquetFile
    except ImportError:
        raise MissingExtra(f"reading {file.name}", "data") from None
    try:
        rows = (row for batch in ParquetFile(file).iter_batches(4096) for row in batch.to_pylist())
        yield from (Passage(str(file), number, "\n".join(_strings(row))) for number, row in enumerate(rows, 1))
    except (ArrowException, OSError) as error:
        raise BadInput(f"{file}: not a Parquet file that can be read ({str(error).splitlines()[0]})") from None
