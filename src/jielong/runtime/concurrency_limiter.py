"""How many calls an endpoint gets at once, learned from how it answers.

One limiter for each endpoint of a Runtime. It starts small, doubles with each round of answers until the endpoint
says that it is overloaded (429, 503), then halves and grows by one a round (additive increase, multiplicative decrease:
Chiu and Jain 1989, as in TCP). A `Retry-After` holds all calls to the endpoint back, not only the one that got it.
"""

from __future__ import annotations

import random
import threading
import time

import anyio

from ..call_context import current
from .notifier import Notifier
from .runtime import active_runtime

MAX_ATTEMPTS, MAX_WAIT = 8, 120.0


class AttemptFailed(Exception):
    """One attempt gave no reply, and another may.

    `overloaded`: the endpoint asks for less (429, 503). `after`: its Retry-After in seconds. `unsettled`: the attempt
    reached the endpoint and nobody knows what it cost. `final`: another attempt would end in the same way.
    """

    def __init__(
        self,
        message: str,
        *,
        overloaded: bool = False,
        after: float | None = None,
        unsettled: bool = False,
        final: bool = False,
    ) -> None:
        super().__init__(message)
        self.overloaded, self.after, self.unsettled, self.final = overloaded, after, unsettled, final


class ConcurrencyLimiter:
    def __init__(self, limit: int = 32) -> None:
        self.limit = float(limit)
        self.in_flight = 0
        self._doubling = True
        self._halvings = 0
        self._closed_until = 0.0
        self._notifier = Notifier()
        self._lock = threading.Lock()

    async def acquire(self) -> int:
        """Wait until the endpoint may get one more call. Returns the number that `overloaded` takes."""
        max_concurrency = current().max_concurrency
        while True:
            seen = self._notifier.notifications
            with self._lock:
                wait = self._closed_until - time.monotonic()
                limit = min(int(self.limit), max_concurrency)
                if wait <= 0 and self.in_flight < limit:
                    self.in_flight += 1
                    has_room, halvings = self.in_flight < limit, self._halvings
                    break
            if wait > 0:
                await self._sleep(wait)
            else:
                await self._notifier.wait_for_change(seen)
        if has_room:
            self._notifier.notify(1)  # each wakes one: who leaves, and who comes in where there is room for more
        return halvings

    def release(self) -> None:
        with self._lock:
            self.in_flight -= 1
        self._notifier.notify(1)

    async def _sleep(self, seconds: float) -> None:
        try:
            await anyio.sleep(seconds)
        except BaseException:
            self._notifier.notify(1)  # the wake-up that led here was meant for one who goes on
            raise

    def answered(self) -> None:
        """Grow, but only where the limit is made use of (as RFC 7661): an answer says nothing of a load never tried."""
        with self._lock:
            if self.in_flight >= self.limit / 2 - 1:
                self.limit += 1 if self._doubling else 1 / self.limit

    def overloaded(self, after: float | None, halvings: int) -> None:
        """Halve, once for all calls that were in flight at that moment, as they all report the same overload."""
        with self._lock:
            if halvings == self._halvings:
                self.limit = max(1.0, min(self.limit, self.in_flight + 1.0) / 2)  # of what was tried, as RFC 5681
                self._halvings, self._doubling = self._halvings + 1, False
            if after:
                self._closed_until = max(self._closed_until, time.monotonic() + min(after, MAX_WAIT))


def _new_limiter(endpoint: str) -> ConcurrencyLimiter:
    return ConcurrencyLimiter(active_runtime().initial_concurrency)


def limiter_of(endpoint: str) -> ConcurrencyLimiter:
    """The one limiter of this endpoint, made at its first call."""
    return active_runtime().get(_new_limiter, endpoint)


def retry_delay(attempt: int, after: float | None) -> float:
    """Seconds to wait before attempt number `attempt` (from 1): Retry-After, else exponential with full jitter."""
    return min(after, MAX_WAIT) if after is not None else random.uniform(0, min(30.0, 0.5 * 2**attempt))
