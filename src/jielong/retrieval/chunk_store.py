"""The database of an index: its files, their chunks, and the full text of these. SQLite in WAL mode.

A file is replaced in one transaction, chunks and full text together, so whoever reads, and whoever is killed, has the
old file or the new one. Nothing else is done while a transaction is open.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from ..atomic_write import private_opener
from ..bounded_json import read_json, well_formed
from ..documents.document import Chunk
from ..errors import BadInput, DamagedFile
from ..regular_files import check_regular_file
from .full_text import PARTS, SCHEMA, folded, part_of

FORMAT = "1"  # of the tables and of how texts are folded; another one is built anew
_SCHEMA = """
create table if not exists settings(name text primary key, value text not null) without rowid;
create table if not exists files(
    id integer primary key, name text not null unique, hash text not null, chunks integer not null,
    language text not null, error text);
create table if not exists chunks(
    id integer primary key, file integer not null, start integer not null, end integer not null, page integer,
    line integer, headings text not null, language text not null, hash blob not null, part integer not null,
    text text not null);
create index if not exists chunks_of_file on chunks(file);
create index if not exists chunks_of_hash on chunks(hash);
create index if not exists chunks_of_language on chunks(language);
create table if not exists embedders(
    id integer primary key, name text not null unique, dimensions integer not null default 0,
    next_row integer not null default 0);
create table if not exists vectors(
    embedder integer not null, hash blob not null, row integer not null, primary key(embedder, hash)) without rowid;
create unique index if not exists vectors_of_row on vectors(embedder, row);
create table if not exists claims(
    embedder integer not null, hash blob not null, builder text not null, primary key(embedder, hash)) without rowid;
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
            self._db.executescript(f"pragma journal_mode = wal; pragma synchronous = normal; {_SCHEMA}{SCHEMA}")
        if self.setting("format") is None:
            self.set("format", FORMAT)
        elif self.setting("format") != FORMAT:
            self.close()
            raise BadInput(f"the index {self.file.parent} was made by another version; remove it and build it again")

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

    def rows(self, query: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        with self._errors():
            return self._db.execute(query, tuple(values)).fetchall()

    def many(self, statement: str, rows: Iterable[Sequence[object]]) -> None:
        with self.transaction():
            self._db.executemany(statement, rows)

    def texts(self) -> list[tuple[bytes, str]]:
        """What is embedded, each text once, with its hash."""
        rows = self.rows("select hash, headings, text from chunks group by hash order by min(id)")
        return [(digest, "\n".join((*read_json(headings), text))) for digest, headings, text in rows]

    def folded_texts(self, numbers: Sequence[int]) -> dict[int, str]:
        """As full text has them."""
        query = "select id, text from chunks where id in (select value from json_each(?))"
        return {number: folded(text) for number, text in self.rows(query, (json.dumps(numbers),))}

    def setting(self, name: str) -> str | None:
        rows = self.rows("select value from settings where name = ?", (name,))
        return str(rows[0][0]) if rows else None

    def set(self, name: str, value: str) -> None:
        with self._errors():
            self._db.execute("insert or replace into settings values(?, ?)", (name, value))

    def files(self) -> list[IndexedFile]:
        rows = self.rows("select name, hash, chunks, language, error from files order by name")
        return [IndexedFile(*row) for row in rows]

    def put_file(self, file: IndexedFile, chunks: Sequence[Chunk]) -> bool:
        """In place of what the index holds under this name. False: another builder has done it meanwhile."""
        rows = [_row(chunk, _titles(file.name, chunk.headings)) for chunk in chunks]
        with self.transaction():
            if self._db.execute("select 1 from files where name = ? and hash = ?", (file.name, file.hash)).fetchone():
                return False
            self._remove(file.name)
            values = (file.name, file.hash, len(chunks), file.language, file.error and well_formed(file.error))
            number = self._db.execute(f"insert into files(name, hash, chunks, language, error) {_marks(5)}", values)
            for part, title, body, kept in rows:
                columns = "start, end, page, line, headings, language, hash, text, part, file"
                row = self._db.execute(
                    f"insert into chunks({columns}) {_marks(10)}", (*kept, part, number.lastrowid)
                ).lastrowid
                self._db.execute(f"insert into {PARTS[part]}(rowid, title, body) {_marks(3)}", (row, title, body))
            return True

    def remove_file(self, name: str) -> None:
        with self.transaction():
            self._remove(name)

    def _remove(self, name: str) -> None:
        number = self._db.execute("select id from files where name = ?", (name,)).fetchone()
        rows = self._db.execute("select id, headings, text, part from chunks where file = ?", number or (0,)).fetchall()
        for row, headings, text, part in rows:  # FTS5 keeps no copy of the text, so it is told what it forgets
            values = (row, _titles(name, read_json(headings)), folded(text))
            self._db.execute(
                f"insert into {PARTS[part]}({PARTS[part]}, rowid, title, body) {_marks(4)}", ("delete", *values)
            )
        self._db.execute("delete from chunks where file = ?", number or (0,))
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


def _row(chunk: Chunk, title: str) -> tuple[int, str, str, tuple[object, ...]]:
    """Its part, its title and body as full text has them, and what is kept of it."""
    text, context = well_formed(chunk.text), well_formed(chunk.in_context)
    headings = json.dumps([well_formed(each) for each in chunk.headings], ensure_ascii=False)
    values = (chunk.start, chunk.end, chunk.page, chunk.line, headings, chunk.language)
    return part_of(text), title, folded(text), (*values, text_hash(context), text)


def vector_path(store: ChunkStore, embedder: int) -> Path:
    return store.file.with_name(f"vectors-{embedder}.f32")


def text_hash(context: str) -> bytes:
    """By which a text and its vector are known, whatever file they stand in."""
    return sha256(context.encode()).digest()[:16]


def _titles(name: str, headings: Sequence[str]) -> str:
    """What a chunk stands under: words of its file's name, without the ending, and its headings."""
    return folded("\n".join((name.rpartition(".")[0] or name, *headings)))


def _marks(count: int) -> str:
    return f"values({', '.join('?' * count)})"
