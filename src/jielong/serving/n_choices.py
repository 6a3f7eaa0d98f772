"""The `n` choices of one request. One choice is the request itself, so its seed is the caller's own; each of several is
a sample of its own, as the samples of a technique are."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import anyio
from anyio.lowlevel import checkpoint

from .. import call_context
from ..call_context import sub_path
from ..contract import Model, Reply, Request
from ..events import Listener
from ..runtime.runtime import active_runtime
from ..sync import LoopLimiter, unwrap_exception_group
from ..technique import AT_ONCE, with_sampling_temperature

Listeners = Callable[[int], Listener]


class _Turns(LoopLimiter):
    def __init__(self) -> None:
        super().__init__(1)


async def generate_choices(model: Model, request: Request, n: int, listeners: Listeners | None) -> tuple[Reply, ...]:
    """All replies, in order; `listeners(i)` hears choice `i` as it arrives. An error of one cancels the others."""
    if n == 1:
        return (await _generate(model, request, listeners and listeners(0)),)
    request = with_sampling_temperature(request, n)
    replies: dict[int, Reply] = {}

    async def sample(i: int) -> None:
        with sub_path(i):
            replies[i] = await _generate(model, request, listeners and listeners(i))

    with unwrap_exception_group():
        async with anyio.create_task_group() as tasks:
            for first in range(0, n, AT_ONCE):
                async with _turn(n):
                    for i in range(first, min(n, first + AT_ONCE)):
                        tasks.start_soon(sample, i)
    return tuple(replies[i] for i in range(n))


@asynccontextmanager
async def _turn(n: int) -> AsyncIterator[None]:
    """Some of many choices begin, which takes each a millisecond or two; then others have as much time."""
    if n <= AT_ONCE:
        yield
        return
    async with active_runtime().get(_Turns).here():
        started = time.thread_time()
        yield
        await checkpoint()
        await anyio.sleep(time.thread_time() - started)


async def _generate(model: Model, request: Request, listener: Listener | None) -> Reply:
    with call_context.replace(listener=listener):
        return await model.generate(request)
