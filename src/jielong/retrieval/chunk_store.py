"""The database of an index: its files, their chunks, and the full text of these. SQLite in WAL mode.

A file is replaced in one transaction, chunks and full text together, so whoever reads, and whoever is killed, has the
old file or the new one. Nothing else is done while a transaction is open.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TypeVar

from ..atomic_write import private_opener
from ..bounded_json import read_json, well_formed
from ..documents.document import Chunk
from ..errors import BadInput, DamagedFile
from ..regular_files import check_regular_file
from . import full_text

T = TypeVar("T")
FORMAT = "1"  # of the tables and of how texts are folded; another one is built anew
_SCHEMA = """
create table if not exists settings(name text primary key, value text not null) without rowid;
create table if not exists files(
    id integer primary key, name text not null unique, hash text not null, error text, language text not null);
create table if not exists chunks(
    id integer primary key, file integer not null, start integer not null, end integer not null, page integer,
    line integer, headings text not null, language text not null, hash blob not null, part integer not null,
    text text not null);
create index if not exists chunks_of_file on chunks(file);
create index if not exists chunks_of_hash on chunks(hash);
"""


@dataclass(frozen=True, slots=True)
class IndexedFile:
    """A file of an index. `error` says why it could not be read; then it has no chunks."""

    name: str
    hash: str
    chunks: int
    language: str = ""
    error: str | None = None


class ChunkStore:
    """One open database; safe for many threads and processes. `:memory:` is one that nobody else sees."""

    def __init__(self, file: Path | str) -> None:
        self.file = Path(file)
        self._lock = threading.RLock()
        with self._errors():
            if str(file) != ":memory:":
                check_regular_file(self.file)
                if not self.file.exists():
                    open(self.file, "a", opener=private_opener).close()
            self._db = sqlite3.connect(file, isolation_level=None, check_same_thread=False, timeout=60)
            self._db.executescript(
                f"pragma journal_mode = wal; pragma synchronous = normal; {_SCHEMA}{full_text.SCHEMA}"
            )

    def close(self) -> None:
        self._db.close()

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            with self._lock:
                yield
        except sqlite3.OperationalError as error:
            raise BadInput(f"the index {self.file} cannot be used: {error}; free space or set JIELONG_HOME") from None
        except sqlite3.DatabaseError as error:
            raise DamagedFile(
                f"the index {self.file} is damaged ({error}); remove its folder and build it again"
            ) from None

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Inside, everything is written or nothing; others wait for it, so it is short."""
        with self._errors():
            self._db.execute("begin immediate")
            try:
                yield
            except BaseException:
                self._db.execute("rollback")
                raise
            self._db.execute("commit")

    def rows(self, query: str, values: Sequence[object] = ()) -> list[tuple[object, ...]]:
        with self._errors():
            return self._db.execute(query, tuple(values)).fetchall()

    def setting(self, name: str) -> str | None:
        rows = self.rows("select value from settings where name = ?", (name,))
        return str(rows[0][0]) if rows else None

    def set(self, name: str, value: str) -> None:
        with self._errors():
            self._db.execute("insert or replace into settings values(?, ?)", (name, value))

    def files(self) -> list[IndexedFile]:
        counted = "left join (select file, count(*) as n from chunks group by file) as counts on counts.file = files.id"
        rows = self.rows(f"select name, hash, ifnull(n, 0), language, error from files {counted} order by name")
        return [IndexedFile(*row) for row in rows]  # type: ignore[arg-type]

    def put_file(self, file: IndexedFile, chunks: Sequence[Chunk]) -> None:
        """In place of what the index holds under this name."""
        with self.transaction():
            self._remove(file.name)
            row = (file.name, file.hash, file.error and well_formed(file.error), file.language)
            number = self._db.execute(
                "insert into files(name, hash, error, language) values(?, ?, ?, ?)", row
            ).lastrowid
            for chunk in chunks:
                self._insert(number, chunk)

    def remove_file(self, name: str) -> None:
        with self.transaction():
            self._remove(name)

    def _insert(self, file: int | None, chunk: Chunk) -> None:
        text, headings = well_formed(chunk.text), json.dumps(chunk.headings, ensure_ascii=False)
        part = full_text.part_of(text)
        row = (
            file,
            chunk.start,
            chunk.end,
            chunk.page,
            chunk.line,
            headings,
            chunk.language,
            text_hash(chunk),
            part,
            text,
        )
        number = self._db.execute(
            "insert into chunks(file, start, end, page, line, headings, language, hash, part, text) "
            "values(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row
        ).lastrowid  # fmt: skip
        self._db.execute(
            f"insert into {full_text.PARTS[part]}(rowid, title, body) values(?, ?, ?)",
            (number, *_folded(headings, text)),
        )

    def _remove(self, name: str) -> None:
        rows = self._db.execute(
            "select id, headings, text, part from chunks where file = (select id from files where name = ?)", (name,)
        ).fetchall()
        for number, headings, text, part in rows:
            table = full_text.PARTS[part]  # without a copy of the text, FTS5 has to be told what it forgets
            self._db.execute(
                f"insert into {table}({table}, rowid, title, body) values('delete', ?, ?, ?)",
                (number, *_folded(headings, text)),
            )
        self._db.execute("delete from chunks where file = (select id from files where name = ?)", (name,))
        self._db.execute("delete from files where name = ?", (name,))

    def chunks(self, numbers: Sequence[int]) -> dict[int, Chunk]:
        """Those that are still there."""
        marks = ",".join("?" * len(numbers))
        rows = self.rows(
            "select chunks.id, name, start, end, text, page, line, headings, chunks.language "
            f"from chunks join files on files.id = file where chunks.id in ({marks})",
            numbers,
        )
        return {number: Chunk(*row, tuple(read_json(headings)), language) for number, *row, headings, language in rows}  # type: ignore


def embedded_text(chunk: Chunk) -> str:
    """What stands for a chunk as a vector: its text beneath its headings."""
    return "\n".join([" > ".join(chunk.headings), chunk.text]) if chunk.headings else chunk.text


def text_hash(chunk: Chunk) -> bytes:
    return sha256(well_formed(embedded_text(chunk)).encode()).digest()[:16]


def _folded(headings: str, text: str) -> tuple[str, str]:
    return full_text.folded("\n".join(read_json(headings))), full_text.folded(text)
