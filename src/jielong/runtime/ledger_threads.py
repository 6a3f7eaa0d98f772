"""The threads of a ledger: one for long rows, one for short work that finds the ledger busy, one that moves its log.

Each does its work in the order in which it comes. After a long row its thread may rest, so that a crowd of them leaves
the file, the disk and the interpreter to others most of the time.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any, TypeVar

R = TypeVar("R")


class LedgerThreads:
    def __init__(self) -> None:
        self._executors: dict[str, ThreadPoolExecutor] = {}
        self._unfinished: set[Future[Any]] = set()
        self._closing = threading.Event()
        self._moving: Future[None] | None = None

    def submit(self, work: Callable[[], R], *, long: bool, rest: float) -> Future[R]:
        """`rest`: for how many times as long as the work took nothing long follows."""
        seconds = 0.0

        def timed() -> R:
            nonlocal seconds
            began = time.monotonic()
            try:
                return work()
            finally:
                seconds = time.monotonic() - began

        future = self._executor("long" if long else "short").submit(timed)
        self._unfinished.add(future)
        future.add_done_callback(self._unfinished.discard)
        if long and rest:
            self._executor("long").submit(lambda: self._closing.wait(rest * seconds))
        return future

    def move(self, work: Callable[[], None]) -> bool:
        """False: it is being done already."""
        if self._moving and not self._moving.done():
            return False
        self._moving = self._executor("log").submit(work)
        return True

    def wait(self) -> None:
        """Until all that was submitted is done."""
        wait(list(self._unfinished))

    def close(self) -> None:
        self._closing.set()
        for name in ("long", "short", "log"):  # the log last: the others fill it
            if executor := self._executors.get(name):
                executor.shutdown()

    def _executor(self, name: str) -> ThreadPoolExecutor:
        return self._executors.setdefault(name, ThreadPoolExecutor(1, f"jielong ledger {name}"))
