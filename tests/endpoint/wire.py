"""An endpoint that says what a test writes down, word for word: whole replies, streams of chunks, refusals."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from aiohttp import web

from jielong import call_context
from jielong.contract import Message, Reply, Request, Thinking, ToolSpec
from jielong.events import Delta
from jielong.recipe import load
from jielong.runtime.runtime import Runtime
from loopback import Loopback

Json = dict[str, Any]
CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
WEATHER = ToolSpec("get_weather", "The weather of a city", CITY)
CLOCK = ToolSpec("get_time", "The time in a city", CITY)
USAGE = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}


@dataclass(frozen=True)
class Sent:
    """`body` is JSON, or text as it is; a list of chunks is a stream (a str among them is a raw line)."""

    body: Any
    status: int = 200
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)


class WireEndpoint(Loopback):
    """`answer(body, n)` says what is sent; a list of `Sent` is sent in turn, the last one again and again.

    What is learned of it is forgotten at its end, as another may get its port.
    """

    def __init__(self, answer: Callable[[Json, int], Sent] | Sequence[Sent], host: str = "127.0.0.1") -> None:
        self.answer, self.host = answer, host
        self.bodies: list[Json] = []
        self.headers: list[dict[str, str]] = []
        self.paths: list[str] = []

    def __enter__(self) -> Self:
        self.forgetting = call_context.replace(runtime=Runtime())
        self.forgetting.__enter__()
        return super().__enter__()

    def __exit__(self, *error: Any) -> None:
        super().__exit__(*error)
        self.forgetting.__exit__(*error)

    async def start(self) -> None:
        app = web.Application(client_max_size=2**26)
        app.router.add_route("*", "/{path:.*}", self.handle)
        self.runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
        await self.runner.setup()
        site = web.TCPSite(self.runner, self.host, 0)
        await site.start()
        self.port = site._server.sockets[0].getsockname()[1]  # type: ignore[union-attr]
        self.url = f"http://127.0.0.1:{self.port}/v1"

    async def handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        self.bodies.append(body)
        self.headers.append(dict(request.headers))
        self.paths.append(request.path)
        n = len(self.bodies)
        sent = self.answer(body, n) if callable(self.answer) else self.answer[min(n, len(self.answer)) - 1]
        if not isinstance(sent.body, list):
            text = sent.body if isinstance(sent.body, str) else json.dumps(sent.body, ensure_ascii=False)
            return web.Response(text=text, status=sent.status, content_type=sent.content_type, headers=sent.headers)
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for chunk in sent.body:
            line = chunk if isinstance(chunk, str) else f"data: {json.dumps(chunk, ensure_ascii=False)}"
            await response.write(f"{line}\n\n".encode())
        await response.write_eof()
        return response


def whole(message: Json, finish: Any = "stop", usage: Any = USAGE, **more: Any) -> Sent:
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": finish}
    return Sent({"id": "x", "object": "chat.completion", "model": "m", "choices": [choice], "usage": usage, **more})


def chunk(delta: Json, finish: Any = None, **more: Any) -> Json:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return {"id": "x", "object": "chat.completion.chunk", "model": "m", "choices": [choice], **more}


def streamed(deltas: Sequence[Json], finish: Any = "stop", usage: Any = USAGE) -> Sent:
    last = {"id": "x", "object": "chat.completion.chunk", "model": "m", "choices": [], "usage": usage}
    return Sent([*map(chunk, deltas), chunk({}, finish), *([last] if usage else []), "data: [DONE]"])


def in_pieces(text: str, size: int = 3, key: str = "content") -> list[Json]:
    return [{key: text[i : i + size]} for i in range(0, len(text), size)]


async def ask(url: str, request: Request, *, stream: bool = False, name: str = "openai:m") -> tuple[Reply, list[Delta]]:
    """The reply, and what a listener heard of it."""
    model = load(f"{name}@{url}")
    if not stream:
        return await model.generate(request), []
    async with model.stream(request) as events:
        got = [event async for event in events]
    reply = got[-1]
    assert isinstance(reply, Reply)
    return reply, [event for event in got if isinstance(event, Delta)]


def heard(deltas: Sequence[Delta], *, thinking: bool = False) -> str:
    return "".join(delta.text for delta in deltas if delta.thinking == thinking)


def thoughts(reply: Reply) -> str:
    return "".join(part.text for part in reply.message.content if isinstance(part, Thinking))


def question(text: str = "What is 6 * 7?", *tools: ToolSpec) -> Request:
    return Request((Message("user", text),), tools=tools)
