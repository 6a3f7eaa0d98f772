"""Time that passes only where somebody waits for it: an event loop whose clock jumps to its next timer.

A reply that takes three seconds takes three seconds of this clock and none of the test's, so what a run does with its
time is the same on every machine.
"""

from __future__ import annotations

import asyncio
import selectors
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import anyio
import pytest


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


class _Jumping(selectors.SelectSelector):
    """Waits for nothing: when no event is there, the time of the next timer has come."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self.clock = clock

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(timeout if timeout is None else 0)
        if not ready and timeout:
            self.clock.now += timeout
        return ready


@contextmanager
def virtual_time() -> Iterator[Clock]:
    """`time.monotonic`, which budgets and event loops read, is the clock within this block."""
    clock = Clock()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(time, "monotonic", clock)
        yield clock


def run(work: Callable[[], Awaitable[Any]], clock: Clock) -> None:
    options = {"loop_factory": lambda: asyncio.SelectorEventLoop(_Jumping(clock))}
    anyio.run(work, backend_options=options)
