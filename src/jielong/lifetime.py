"""What is opened at its first use, shared by all who use it, and closed together."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from inspect import isawaitable
from typing import Any, Self, TypeVar, TypeVarTuple, cast

from . import call_context
from .sync import run_sync

T = TypeVar("T")
Key = TypeVarTuple("Key")


class Lifetime:
    """`lifetime.get(kind, *key)` is its one object of a kind and key, made by `kind(*key)` at the first call.

    Closing closes them in reverse order, those that have a `close()`; it may be asynchronous.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._objects: dict[tuple[Callable[..., Any], tuple[Hashable, ...]], Any] = {}
        self._block: call_context.replace | None = None

    def get(self, kind: Callable[[*Key], T], *key: *Key) -> T:
        if (kind, key) not in self._objects:
            with self._lock:
                if (kind, key) not in self._objects:
                    self._objects[kind, key] = kind(*key)
        return cast(T, self._objects[kind, key])

    def open(self) -> Self:
        """From now on, until it is closed, what the current task calls uses this lifetime."""
        self._block = self._replace_context()
        self._block.__enter__()
        return self

    def _replace_context(self) -> call_context.replace:
        return call_context.replace(lifetime=self)

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

    async def __aexit__(self, *error: object) -> None:
        await self.aclose()
