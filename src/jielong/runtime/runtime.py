"""What belongs to a process rather than to a call: limiters, connection pools, what endpoints refuse, loaded weights.

Everything runs in the Runtime that is open around it, else in the one of this process, which is made at its first use:

    async with Runtime():   # a server, a test or a notebook that wants to share nothing with the code around
        …
"""

from __future__ import annotations

import atexit
from functools import cache
from inspect import iscoroutinefunction

from .. import call_context
from ..lifetime import Lifetime


class Runtime(Lifetime):
    """`initial_concurrency`: the calls at once that the limiter of a new endpoint starts with. `shared`: runs are those
    of different clients, none of which may keep the others waiting."""

    def __init__(self, *, initial_concurrency: int = 32, shared: bool = False) -> None:
        super().__init__()
        self.initial_concurrency, self.shared = initial_concurrency, shared

    def _replace_context(self) -> call_context.replace:
        return call_context.replace(runtime=self, lifetime=self)

    def close_at_exit(self) -> None:
        """Ends processes and threads; what lives in an event loop ended with its loop."""
        for each in self._take():
            if hasattr(each, "close") and not iscoroutinefunction(each.close):
                each.close()


def active_runtime() -> Runtime:
    return call_context.current().runtime or _process_runtime()


def active_lifetime() -> Lifetime:
    """The nearest `async with model:` or Runtime: what ends first of the blocks around."""
    return call_context.current().lifetime or _process_runtime()


@cache
def _process_runtime() -> Runtime:
    runtime = Runtime()
    atexit.register(runtime.close_at_exit)
    return runtime
