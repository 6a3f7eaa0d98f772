"""A notifier that wakes waiters in any thread and any event loop; what limiter, budget and single flight wait on.

Take `seen` before looking at the state, then wait for a notification after that number: no wake-up is ever lost.
"""

from __future__ import annotations

import asyncio
import threading
from itertools import islice

import anyio


class Notifier:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[anyio.Event, asyncio.AbstractEventLoop] = {}
        self._notifications = 0

    @property
    def notifications(self) -> int:
        return self._notifications

    def notify(self, wake: int | None = None) -> None:
        """Wake all who wait, or the `wake` who have waited longest."""
        with self._lock:
            self._notifications += 1
            count = len(self._waiting) if wake is None else min(wake, len(self._waiting))
            woken = [(event, self._waiting.pop(event)) for event in list(islice(self._waiting, count))] if count else []
        for event, loop in woken:
            if loop is _running_loop():
                event.set()
            elif not loop.is_closed():
                loop.call_soon_threadsafe(event.set)

    async def wait_for_change(self, seen: int) -> None:
        """Return once there were more than `seen` notifications and this waiter was among those woken."""
        event = anyio.Event()
        with self._lock:
            if self._notifications != seen:
                return
            self._waiting[event] = asyncio.get_running_loop()
        try:
            await event.wait()
        except BaseException:
            with self._lock:
                was_woken = self._waiting.pop(event, None) is None
            if was_woken:
                self.notify(1)  # the wake-up was meant for a waiter that can use it
            raise


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
