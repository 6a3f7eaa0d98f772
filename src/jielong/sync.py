"""The door from synchronous code: one event loop in a thread of its own, which works inside a notebook, too."""

from __future__ import annotations

import asyncio
import atexit
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import cache
from typing import TypeVar
from weakref import WeakKeyDictionary

from anyio import CapacityLimiter
from anyio.from_thread import BlockingPortal, start_blocking_portal

T = TypeVar("T")


def run_sync(call: Callable[..., Awaitable[T]], *arguments: object) -> T:
    """Await one call on the portal thread. Ctrl-C cancels everything beneath it."""
    future = _portal().start_task_soon(call, *arguments)
    try:
        return future.result()
    except BaseException:
        future.cancel()
        raise


class LoopLimiter:
    """At most so many at once in each event loop: a limiter of anyio belongs to the loop that it was first used in."""

    def __init__(self, at_once: int) -> None:
        self._at_once = at_once
        self._of_loop: WeakKeyDictionary[asyncio.AbstractEventLoop, CapacityLimiter] = WeakKeyDictionary()

    def here(self) -> CapacityLimiter:
        return self._of_loop.setdefault(asyncio.get_running_loop(), CapacityLimiter(self._at_once))


@contextmanager
def unwrap_exception_group() -> Iterator[None]:
    """Raises the first real error of a task group instead of the group around it."""
    try:
        yield
    except BaseExceptionGroup as group:
        error: BaseException = group
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        raise error from error.__cause__


@cache
def _portal_thread() -> AbstractContextManager[BlockingPortal]:
    return start_blocking_portal()  # the cache keeps it: once collected, it would close the portal


@cache
def _portal() -> BlockingPortal:
    atexit.register(_portal_thread().__exit__, None, None, None)
    return _portal_thread().__enter__()
