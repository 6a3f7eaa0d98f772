"""The `n` choices of one request. One choice is the request itself, so its seed is the caller's own; each of several is
a sample of its own, as the samples of a technique are."""

from __future__ import annotations

from collections.abc import Callable

import anyio

from .. import context
from ..context import sub_path
from ..contract import Model, Reply, Request
from ..events import Listener
from ..sync import unwrap_exception_group
from ..technique import with_sampling_temperature

Listeners = Callable[[int], Listener]


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
            for i in range(n):
                tasks.start_soon(sample, i)
    return tuple(replies[i] for i in range(n))


async def _generate(model: Model, request: Request, listener: Listener | None) -> Reply:
    with context.replace(listener=listener):
        return await model.generate(request)
