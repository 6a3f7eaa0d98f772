"""The ledger: every call to a provider is in it before its reply is used. SQLite in WAL mode, JSON, no pickle.

From this one record follow the cache, going on after kill -9, exact cost, the trace and replay. A row is `done` (a
reply), `failed` (the endpoint gave none) or `cut` (broken off; what it cost is unknown and at most `bound_tokens`).
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import sqlite3
import threading
import time
import uuid
import weakref
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, closing, contextmanager, suppress
from dataclasses import dataclass, field, replace
from json.encoder import encode_basestring
from pathlib import Path
from types import TracebackType
from typing import Any, Generic, Literal, TypeVar

from .. import call_context
from ..atomic_write import PRIVATE_FILE, private_opener
from ..bounded_json import read_json, well_formed
from ..contract import Request, Usage
from ..errors import BadInput, DamagedFile
from ..regular_files import check_regular_file
from .home import close_to_others
from .ledger_json import Json, check_request, check_result, decode_usage, encode_request, encode_usage
from .ledger_threads import LedgerThreads
from .long_texts import LONG, PAUSE, PIECE, encode_text, length
from .notifier import Notifier
from .runtime import active_runtime

State = Literal["done", "failed", "cut"]
R = TypeVar("R")
LOG_BYTES = 16_000_000  # in the write-ahead log, before they are moved into the database
ROW_BYTES = 20_000  # that the shortest row takes there: a page of the table and of each index

_COLUMNS = "key, run, state, provider, request, reply, error, usage, bound_tokens, at"

_BEHIND = "\U0010ffff"  # sorts behind every character of a key

_SCHEMA = """
create table if not exists calls(
    id integer primary key, key text not null, run text not null, state text not null, provider text not null,
    request text not null, reply text, error text, usage text not null, bound_tokens integer, at real not null);
create unique index if not exists done on calls(key) where state = 'done';
create index if not exists unanswered on calls(key) where state <> 'done';
create index if not exists run on calls(run);
create table if not exists runs(
    run text primary key, fingerprint text not null, what text not null, started real not null, finished real);
"""

_NO_ROW = (ValueError, KeyError, TypeError, AttributeError, OverflowError)  # what is no call raises one of these


@dataclass(frozen=True, slots=True)
class CachedResult(Generic[R]):
    """What a call gave, from the ledger, and the run that paid for it."""

    result: R
    run: str


@dataclass(frozen=True, slots=True)
class LedgerRow:
    key: str
    run: str
    state: State
    provider: str
    request: dict[str, Any]
    reply: dict[str, Any] | None
    error: str | None
    usage: dict[str, Any]
    bound_tokens: int | None
    at: float


class Ledger:
    """One open ledger file; safe for many threads, loops and processes. `to_read`: it is there, and nothing is written,
    so that it may lie on a disk that cannot be written."""

    def __init__(self, file: Path | str, *, to_read: bool = False) -> None:
        self.file = Path(file)
        self._lock, self._flights_lock = threading.RLock(), threading.Lock()
        self._in_flight: dict[str, Notifier] = {}
        self._threads = LedgerThreads()
        self._log_bytes = 0
        check_regular_file(self.file)
        with self._reading():
            if to_read:
                # Where no log can be made beside it, SQLite wants to be told that nobody else writes.
                fixed = not os.access(self.file.parent, os.W_OK) and not Path(f"{self.file}-wal").exists()
                uri = f"{self.file.resolve().as_uri()}?{'immutable=1' if fixed else 'mode=ro'}"
                self._db = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False, timeout=60)
                return
            self._close_to_others()
            self._db = sqlite3.connect(self.file, isolation_level=None, check_same_thread=False, timeout=60)
            self._db.execute("pragma journal_mode = wal")
            self._db.execute("pragma synchronous = normal")
            self._db.execute("pragma wal_autocheckpoint = 0")  # it waits for the disk, so `_move_log` does it elsewhere
            self._db.executescript(_SCHEMA)

    def __enter__(self) -> Ledger:
        return self

    def __exit__(self, kind: type[BaseException] | None, e: BaseException | None, tb: TracebackType | None) -> None:
        self._threads.close()
        self._db.close()

    def _close_to_others(self) -> None:
        """SQLite gives the files that it makes beside the ledger the ledger's own mode."""
        if str(self.file) == ":memory:":
            return
        with suppress(OSError):  # where it cannot be written, SQLite says so
            if not self.file.exists():
                open(self.file, "a", opener=private_opener).close()
            for file in filter(Path.exists, (self.file, Path(f"{self.file}-wal"), Path(f"{self.file}-shm"))):
                close_to_others(file, PRIVATE_FILE)

    @contextmanager
    def _reading(self) -> Iterator[None]:
        try:
            with self._lock:
                yield
        except sqlite3.OperationalError as error:
            raise BadInput(
                f"the ledger {self.file} cannot be written: {error}; free space or set JIELONG_HOME"
            ) from None
        except sqlite3.DatabaseError as error:
            raise DamagedFile(f"the ledger {self.file} is damaged ({error}); move it away to start a new one") from None

    def find(self, key: str, decode: Callable[[Json], R]) -> CachedResult[R] | None:
        with self._reading():
            row = self._db.execute("select reply, run from calls where key = ? and state = 'done'", (key,)).fetchone()
        try:
            return CachedResult(decode(read_json(row[0])), str(row[1])) if row else None
        except _NO_ROW:
            raise self._damaged(key) from None

    def reply(self, key: str) -> LedgerRow | None:
        """The one call that was answered under this key."""
        with self._reading():
            row = self._db.execute(f"select {_COLUMNS} from calls where key = ? and state = 'done'", (key,)).fetchone()
        return self._row(row) if row else None

    def put(
        self,
        key: str,
        run: str,
        provider: str,
        request: str,
        *,
        usage: Usage,
        reply: Json | None = None,
        error: str | None = None,
        bound_tokens: int | None = None,
        size: int = 0,
    ) -> None:
        """Write one call down; `usage`, which holds the retries, takes the place of the reply's own. `size`: about
        how long the row is, where it may be long.

        A second `done` row for a key (another process was faster) is kept as `failed`, so that a key has one reply for
        ever, and the cost of both is known.
        """
        state: State = "done" if reply else "cut" if usage.unsettled_calls else "failed"
        usage_json = encode_usage(usage)
        body = encode_text({**reply, "usage": usage_json}, size) if reply else None
        error = error and well_formed(error)
        row = (key, run, provider, request, body, error, json.dumps(usage_json), bound_tokens, time.time())
        insert = "insert into calls(key, run, provider, request, reply, error, usage, bound_tokens, at, state)"
        with self._reading():
            try:
                self._db.execute(f"{insert} values(?,?,?,?,?,?,?,?,?,?)", (*row, state))
            except sqlite3.IntegrityError:
                self._db.execute(f"{insert} values(?,?,?,?,?,?,?,?,?,'failed')", row)
            self._log_bytes += ROW_BYTES + len(request) + len(body or "")
            if self._log_bytes > LOG_BYTES and str(self.file) != ":memory:" and self._threads.move(self._move_log):
                self._log_bytes = 0

    def _move_log(self) -> None:
        """From the log into the database: most of it while others write, then the rest, as the log would never begin
        anew else. What cannot be moved stays in the log, where it is as safe."""
        with suppress(sqlite3.Error), closing(sqlite3.connect(self.file, isolation_level=None, timeout=60)) as db:
            db.execute("pragma wal_checkpoint(passive)").fetchall()
            with self._lock:
                db.execute("pragma wal_checkpoint(passive)").fetchall()

    async def aside(self, size: int, work: Callable[[], R]) -> R:
        """What `work`, a `find` or `put` of about `size` characters, returns; the event loop waits neither for the disk
        nor for those who do. Short work is done at once if nobody else is at the file. Who is cancelled does not wait;
        the work is done all the same, before the ledger is closed."""
        if size < LONG and self._lock.acquire(blocking=False):
            try:
                return work()
            finally:
                self._lock.release()
        rest = PAUSE if active_runtime().shared else 0
        return await asyncio.shield(asyncio.wrap_future(self._threads.submit(work, long=size >= LONG, rest=rest)))

    @asynccontextmanager
    async def single_flight(self, key: str) -> AsyncIterator[None]:
        """Inside, nobody else asks for this key: equal calls at the same moment are one call. A leader that is
        cancelled hands over to the next in line."""
        while True:
            with self._flights_lock:
                notifier = self._in_flight.get(key)
                if notifier is None:
                    self._in_flight[key] = Notifier()
                    break
                seen = notifier.notifications
            await notifier.wait_for_change(seen)
        try:
            yield
        finally:
            with self._flights_lock:
                notifier = self._in_flight.pop(key)
            notifier.notify()

    def begin(self, fingerprint: str, what: str) -> str:
        """The run that this fingerprint's work belongs to: the one that was interrupted, else a new one."""
        with self._reading():
            row = self._db.execute(
                "select run from runs where fingerprint = ? and finished is null order by started desc", (fingerprint,)
            ).fetchone()
            if row:
                return str(row[0])
            run = uuid.uuid4().hex[:12]
            self._db.execute("insert into runs values(?,?,?,?,null)", (run, fingerprint, what, time.time()))
            return run

    def finish(self, run: str) -> None:
        with self._reading():
            self._db.execute("update runs set finished = ? where run = ?", (time.time(), run))

    def rows(self, run: str | None = None, key: str | None = None) -> Iterator[LedgerRow]:
        """The calls in order of writing; of one run, or whose key begins with `key`."""
        self._threads.wait()
        where, values = "id > ?", list[str]()
        if run is not None:
            where += " and run = ?"
            values.append(run)
        if key:
            # Each half has an index of its own; `key like ?` or one condition for both would read the whole table.
            begins = "key >= ? and key < ?"
            where += f" and ((state = 'done' and {begins}) or (state <> 'done' and {begins}))"
            values += [key, key + _BEHIND] * 2
        last = 0
        while True:
            with self._reading():
                rows = self._db.execute(
                    f"select id, {_COLUMNS} from calls where {where} order by id limit 1000",
                    (last, *values),
                ).fetchall()
            if not rows:
                return
            for last, *columns in rows:  # noqa: B007
                yield self._row(columns)

    def _row(self, columns: Sequence[Any]) -> LedgerRow:
        """A row, each part of which is what its name says: a ledger may come from somebody else."""
        key, run, state, provider, request, reply, error, usage, bound, at = columns
        try:
            parsed = check_result(read_json(reply)) if reply else None
            request_row, usage_row = check_request(read_json(request)), read_json(usage)
            decode_usage(usage_row)
            bound, error = None if bound is None else int(bound), None if error is None else str(error)
            return LedgerRow(
                str(key), str(run), state, str(provider), request_row, parsed, error, usage_row, bound, float(at)
            )
        except _NO_ROW:
            raise self._damaged(str(key)) from None

    def _damaged(self, key: str) -> DamagedFile:
        return DamagedFile(f"the ledger {self.file} is damaged (call {key[:12]}); move it away to start a new one")


@dataclass(frozen=True, slots=True)
class ActiveRun:
    """An open ledger, the run that writes to it, and the keys that this process has used in it."""

    ledger: Ledger
    run: str
    used: set[str] = field(default_factory=set)


@contextmanager
def use_ledger(file: Path | str, run: str | None = None) -> Iterator[Ledger]:
    """Inside, provider calls are written to this ledger, as part of `run` (a new one by default)."""
    with Ledger(file) as ledger:
        with call_context.replace(active_run=ActiveRun(ledger, run or uuid.uuid4().hex[:12])):
            yield ledger


def call_key(
    identity: str,
    operation: str,
    request: Request,
    arguments: Mapping[str, Any],
    path: tuple[int | str, ...],
    sampled: bool = True,
) -> tuple[str, str]:
    """The key of a call, and its request as JSON.

    A sample without a seed has no identity, so its key is a new one; what is not sampled is the same anywhere.
    """
    sample: Any = None
    if sampled:
        sample = path if request.sampling.seed is not None else uuid.uuid4().hex
    size = length(request)
    begin = active_runtime().get(_LongRequests).begin if size >= LONG and not arguments else _begin
    digest, request_json = begin(identity, operation, request, arguments, size)
    digest = digest.copy()
    digest.update(f'", {json.dumps(sample, ensure_ascii=False)}]'.encode())
    return digest.hexdigest(), request_json


def _begin(
    identity: str, operation: str, request: Request, arguments: Mapping[str, Any], size: int
) -> tuple[hashlib._Hash, str]:
    """The digest of all parts of a key but the sample, as the beginning of one list; and the request as JSON."""
    request_json = encode_text({**encode_request(request), **arguments}, size, sort_keys=True)
    digest = hashlib.sha256(f'{json.dumps([identity, operation], ensure_ascii=False)[:-1]}, "'.encode())
    for start in range(0, len(request_json), PIECE):  # a long text would hold the interpreter's lock
        digest.update(encode_basestring(request_json[start : start + PIECE])[1:-1].encode())
    return digest, request_json


class _LongRequests:
    """What `_begin` gives for long requests, as long as they live: all samples of one are the same object."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, str, str], tuple[weakref.ref[Request], hashlib._Hash, str]] = {}

    def begin(
        self, identity: str, operation: str, request: Request, arguments: Mapping[str, Any], size: int
    ) -> tuple[hashlib._Hash, str]:
        key = id(request), identity, operation
        if known := self._known.get(key):
            return known[1:]
        begun = _begin(identity, operation, request, arguments, size)
        self._known[key] = weakref.ref(request, lambda _: self._known.pop(key, None)), *begun
        return begun


def with_derived_seed(request: Request, path: tuple[int | str, ...]) -> Request:
    """The request with the seed of its own sample: seed + path, as 31 bits. At the root the caller's seed is kept."""
    seed = request.sampling.seed
    if seed is None or not path:
        return request
    digest = hashlib.sha256(json.dumps([seed, path]).encode()).digest()
    return replace(request, sampling=replace(request.sampling, seed=int.from_bytes(digest[:4], "big") >> 1))
