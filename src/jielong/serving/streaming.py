"""One answer as server-sent events.

The head of the response goes out with the first event, so an error before that still has its own status; later ones are
an event of the stream. While a technique works and nothing can be shown yet, comment lines tell how far it is.
"""

from __future__ import annotations

import time
from typing import Any

import anyio
from aiohttp import web

from ..contract import Delta, Event, Listener, Model, Request, ungrouped
from ..scope import Scope
from .choices import choices
from .failures import failure_of
from .told import Answer, Choice, account, comment, event, progress, usage

KEEP_ALIVE, PROGRESS, SLOWEST_READER = 15.0, 0.2, 60.0  # seconds
_HEADERS = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-cache",
    "X-Accel-Buffering": "no",
}


class Stream:
    """What has gone to one client, and whether it reads."""

    def __init__(self, request: web.Request) -> None:
        self.request, self.response = request, web.StreamResponse(headers=_HEADERS)
        self.begun = self.shown = False
        self.writing_since: float | None = None
        self._first = anyio.Lock()

    async def write(self, data: bytes) -> None:
        if not self.begun:
            async with self._first:
                if not self.begun:
                    await self.response.prepare(self.request)
                    self.begun = True
        self.writing_since = self.writing_since or time.monotonic()
        await self.response.write(data)
        self.writing_since = None


async def stream(
    http: web.Request, model: Model, request: Request, n: int, answer: Answer, here: Scope, with_usage: bool
) -> web.StreamResponse:
    """Raises what the model raises if nothing was sent before; after that the error is an event."""
    out = Stream(http)
    parts = [Choice(answer, i) for i in range(n)]

    def hear(i: int) -> Listener:
        async def heard(happened: Event) -> None:
            if isinstance(happened, Delta) and happened.text:
                out.shown = True
                await out.write(parts[i].piece(happened))

        return heard

    try:
        with ungrouped():
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(_meanwhile, out, here, n * model.bound())
                replies = await choices(model, request, n, hear)
                tasks.cancel_scope.cancel()
    except Exception as error:
        if not out.begun or isinstance(error, ConnectionError):
            raise
        await out.write(event(failure_of(error).body()))
        return out.response
    told: dict[str, Any] = {"jielong": account(here)}
    for i, reply in enumerate(replies):
        last = i == n - 1 and not with_usage
        await out.write(parts[i].end(reply, told if last else None))
    if with_usage:
        await out.write(answer.chunk([], {"usage": usage(here.usage), **told}))
    await out.write(b"data: [DONE]\n\n")
    await out.response.write_eof()
    return out.response


async def _meanwhile(out: Stream, here: Scope, most_calls: int) -> None:
    """Progress and signs of life while there is nothing to show. A client that does not read is let go."""
    began = time.monotonic()
    more = anyio.Event()

    def ended() -> None:
        more.set()

    here.watch = ended if most_calls > 1 else None
    while True:
        with anyio.move_on_after(KEEP_ALIVE):
            await more.wait()
        more = anyio.Event()
        if out.writing_since and time.monotonic() - out.writing_since > SLOWEST_READER:
            assert out.request.transport
            out.request.transport.abort()
            return
        if not out.shown:
            await out.write(comment(progress(here, most_calls, time.monotonic() - began)))
            await anyio.sleep(PROGRESS)
