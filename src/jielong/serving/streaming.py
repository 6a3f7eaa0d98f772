"""One answer as server-sent events.

The head of the response goes out with the first event, so an error before that still has its own status; later ones are
an event of the stream. One task writes: what comes while it writes goes out together. While a technique works and
nothing can be shown yet, comment lines tell how far it is.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any

import anyio
from aiohttp import web

from ..contract import Model, Request
from ..events import Delta, Event, Listener
from ..runtime.telemetry import spans
from ..scope import Scope
from ..sync import unwrap_exception_group
from .error_responses import error_response
from .n_choices import generate_choices
from .response_schema import Choice, ServedReply, account, comment, event, progress, usage

KEEP_ALIVE, SLOWEST_READER = 15.0, 60.0  # seconds
MOST_PENDING = 256_000  # bytes; whoever says more waits for the client to read
_HEADERS = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-cache",
    "X-Accel-Buffering": "no",
}


class Stream:
    """What is to go to one client, and what went."""

    def __init__(self, request: web.Request) -> None:
        self.request, self.response = request, web.StreamResponse(headers=_HEADERS)
        self.begun = self.shown = self.over = self.moved = False
        self.more, self._room = asyncio.Event(), asyncio.Event()
        self._pending: list[bytes] = []
        self._size = 0

    async def say(self, data: bytes) -> None:
        self._pending.append(data)
        self._size += len(data)
        self.more.set()
        if self._size > MOST_PENDING:
            self._room.clear()
            await self._room.wait()

    def moves(self) -> None:
        self.moved = True
        self.more.set()

    def end(self) -> None:
        self.over = True
        self.more.set()

    async def flush(self, more: bytes = b"") -> None:
        """Write all that is pending. A client that does not read for long is let go."""
        with anyio.move_on_after(SLOWEST_READER) as in_time:
            await self._flush(more)
        if in_time.cancelled_caught and self.request.transport:
            self.request.transport.abort()

    async def _flush(self, more: bytes) -> None:
        data = b"".join(self._pending) + more
        self._pending.clear()
        self._size = 0
        self._room.set()
        if data and not self.begun:
            await self.response.prepare(self.request)
            self.begun = True
        if data:
            await self.response.write(data)


async def stream(
    http: web.Request, model: Model, request: Request, n: int, answer: ServedReply, here: Scope, with_usage: bool
) -> web.StreamResponse:
    """Raises what the model raises if nothing was sent before; after that the error is an event."""
    out = Stream(http)
    parts = [Choice(answer, i) for i in range(n)]

    def hear(i: int) -> Listener:
        async def heard(happened: Event) -> None:
            if isinstance(happened, Delta) and happened.text:
                out.shown = True
                await out.say(parts[i].piece(happened))

        return heard

    max_calls = n * model.max_calls()
    here.on_charge = out.moves if max_calls > 1 else None
    try:
        with unwrap_exception_group():
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(_write, out, here, max_calls)
                replies = await generate_choices(model, request, n, hear)
                out.end()
    except Exception as error:
        if not out.begun or isinstance(error, ConnectionError):
            raise
        if seen := spans():
            seen.failed(error)
        await out.flush(event(error_response(error).body()))
        return out.response
    if seen := spans():
        seen.told(answer.id, answer.model, replies)
    told: dict[str, Any] = {"jielong": account(here)}
    ends = [part.end(reply, None) for part, reply in zip(parts[:-1], replies[:-1], strict=True)]
    ends.append(parts[-1].end(replies[-1], None if with_usage else told))
    if with_usage:
        ends.append(answer.chunk([], {"usage": usage(here.usage), **told}))
    await out.flush(b"".join(ends) + b"data: [DONE]\n\n")
    await out.response.write_eof()
    return out.response


async def _write(out: Stream, here: Scope, max_calls: int) -> None:
    """Everything that is said, progress, and signs of life."""
    began = time.monotonic()
    while not out.over:
        with anyio.move_on_after(KEEP_ALIVE) as quiet:
            await out.more.wait()
        out.more.clear()
        news = b""
        if not out.shown and (out.moved or quiet.cancelled_caught):
            news = comment(progress(here, max_calls, time.monotonic() - began))
        out.moved = False
        await out.flush(news)
