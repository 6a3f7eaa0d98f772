"""One answer as server-sent events.

The head of the response goes out with the first event, so an error before that still has its own status; later ones are
an event of the stream. One task writes: what comes while it writes goes out together. While a technique works and
nothing can be shown yet, comment lines tell how far it is.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from functools import partial

import anyio
from fastapi.responses import StreamingResponse
from starlette.types import Receive, Send
from starlette.types import Scope as AsgiScope

from ..contract import Model, Request
from ..events import Delta, Event, Listener
from ..runtime.long_texts import LONG, in_turn
from ..runtime.telemetry import spans
from ..scope import Scope
from ..sync import unwrap_exception_group
from .error_responses import error_response
from .n_choices import generate_choices
from .response_schema import Json, ServedReply, StreamedChoice, account, comment, event, progress, usage

KEEP_ALIVE = 15.0  # seconds
MAX_PENDING = 256_000  # bytes; a model that is faster waits for the client to read


class EventStream(StreamingResponse):
    """The response whose events `produce` writes. It begins with the first of them, so `produce` may raise before."""

    media_type = "text/event-stream"

    def __init__(self, produce: Callable[[EventStream], Awaitable[None]]) -> None:
        super().__init__((), headers={"Cache-Control": "no-cache", "X-Accel-Buffering": "no"})
        self.produce = produce
        self.begun = self.ended = False
        self.news, self._room = asyncio.Event(), asyncio.Event()
        self._pending: list[bytes] = []
        self._size = 0

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        self._send = send
        await self.produce(self)
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def write(self, data: bytes) -> None:
        """Leave this to the writing task, and wait while too much is left to it."""
        self._pending.append(data)
        self._size += len(data)
        self.news.set()
        if self._size > MAX_PENDING:
            self._room.clear()
            await self._room.wait()

    async def flush(self, more: bytes = b"") -> None:
        data = b"".join(self._pending) + more
        self._pending.clear()
        self._size = 0
        self._room.set()
        if data and not self.begun:
            self.begun = True
            await self._send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        if data:
            await self._send({"type": "http.response.body", "body": data, "more_body": True})


async def stream_answer(
    out: EventStream, model: Model, request: Request, n: int, answer: ServedReply, scope: Scope, with_usage: bool
) -> None:
    """Raises what the model raises if nothing was sent before; after that the error is an event."""
    choices = [StreamedChoice(answer, i) for i in range(n)]
    progress_lines = _Progress(scope, n * model.max_calls(), out.news)

    def listeners(i: int) -> Listener:
        async def listen(happened: Event) -> None:
            if isinstance(happened, Delta) and happened.text:
                progress_lines.over = True
                if len(happened.text) < LONG:  # nearly all of very many
                    await out.write(choices[i].chunk(happened))
                else:
                    await out.write(await in_turn(len(happened.text), partial(choices[i].chunk, happened)))

        return listen

    try:
        with unwrap_exception_group():
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(_write, out, progress_lines)
                replies = await generate_choices(model, request, n, listeners)
                out.ended = True
                out.news.set()
    except Exception as error:
        if not out.begun:
            raise
        if observer := spans():
            observer.failed(error)
        await out.flush(event(error_response(error).body()))
        return
    if observer := spans():
        observer.record_response(answer.id, answer.model, replies)
    spent: Json = {"jielong": account(scope)}
    end = b""
    for choice, reply in zip(choices, replies, strict=True):
        for chunk in choice.end(reply, None if with_usage or choice is not choices[-1] else spent):
            end += chunk
            if reply.logprobs:
                await asyncio.sleep(0)
            if len(end) > MAX_PENDING:
                await out.flush(end)
                end = b""
    if with_usage:
        end += answer.chunk([], {"usage": usage(scope.usage), **spent})
    await out.flush(end + b"data: [DONE]\n\n")


class _Progress:
    """How far a technique is: comment lines until something of the answer itself can be shown."""

    def __init__(self, scope: Scope, max_calls: int, news: asyncio.Event) -> None:
        self.scope, self.max_calls, self.news = scope, max_calls, news
        self.over = self._call_ended = False
        self._began = time.monotonic()
        scope.on_charge = self._count_call if max_calls > 1 else None

    def _count_call(self) -> None:
        self._call_ended = True
        self.news.set()

    async def next_line(self) -> bytes:
        """Waits for news of any kind. Gives the line that tells them, or a sign of life after a long silence."""
        if self.over:  # most pieces come here, and a timer costs more than all else that is done for one of them
            await self.news.wait()
            return b""
        with anyio.move_on_after(KEEP_ALIVE) as waiting:
            await self.news.wait()
        call_ended, self._call_ended = self._call_ended, False
        if self.over or not (call_ended or waiting.cancelled_caught):
            return b""
        return comment(progress(self.scope, self.max_calls, time.monotonic() - self._began))


async def _write(out: EventStream, progress_lines: _Progress) -> None:
    while not out.ended:
        line = await progress_lines.next_line()
        out.news.clear()
        await out.flush(line)
