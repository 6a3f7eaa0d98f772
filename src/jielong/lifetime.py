"""What is opened at its first use, shared by all who use it, and closed together."""

from __future__ import annotations

import threading
from collections.abc import Callable
from inspect import isawaitable
from types import TracebackType
from typing import Any, Self, TypeVar, cast

from . import context
from .sync import run_sync

T = TypeVar("T")


class Lifetime:
    """`lifetime.get(kind)` is its one object of a kind, made by `kind()` at the first call.

    Closing closes them in reverse order, those that have a `close()`; it may be asynchronous.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._objects: dict[Callable[[], Any], Any] = {}
        self._block: context.replace | None = None

    def get(self, kind: Callable[[], T]) -> T:
        if kind not in self._objects:
            with self._lock:
                if kind not in self._objects:
                    self._objects[kind] = kind()
        return cast(T, self._objects[kind])

    def open(self) -> Self:
        """From now on, until it is closed, what the current task calls uses this lifetime."""
        self._block = self._replace_context()
        self._block.__enter__()
        return self

    def _replace_context(self) -> context.replace:
        return context.replace(lifetime=self)

    def close(self) -> None:
        """As `aclose`, from synchronous code."""
        self._leave()
        run_sync(self.aclose)

    async def aclose(self) -> None:
        self._leave()
        for each in self._take():
            if hasattr(each, "close") and isawaitable(closing := each.close()):
                await closing

    def _leave(self) -> None:
        block, self._block = self._block, None
        if block:
            block.__exit__(None, None, None)

    def _take(self) -> list[Any]:
        with self._lock:
            objects, self._objects = list(reversed(self._objects.values())), {}
        return objects

    async def __aenter__(self) -> Self:
        return self.open()

    async def __aexit__(
        self, kind: type[BaseException] | None, e: BaseException | None, tb: TracebackType | None
    ) -> None:
        await self.aclose()
