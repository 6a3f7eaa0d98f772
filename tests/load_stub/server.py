"""The stub of load tests. `python -m load_stub KIND RATE SECONDS PORT` serves one in a process of its own.

A request is answered by server-sent events: an empty role chunk at once, the first token after `first` seconds, the
end after `whole` seconds, both from the moment at which the request arrived. `GET /drawn` gives what was drawn, and how
late each answer left in truth.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from loopback import Loopback


@dataclass(frozen=True)
class Delays:
    """Seconds from the arrival. `tokens` come in `chunks` pieces; `thought`: the first piece is one of thoughts.
    `status`: sent instead of a reply."""

    first: float
    whole: float
    tokens: int = 16
    chunks: int = 4
    thought: bool = False
    status: int = 200
    usage: dict[str, Any] = field(default_factory=dict)


Draw = Callable[[int, float], Delays]  # the number of the request, and when it arrived in monotonic seconds


def independent(seed: int, mean: float = 0.1) -> Draw:
    """Gamma-distributed delays, whatever else is going on."""
    drawn = random.Random(seed)

    def draw(n: int, arrived: float) -> Delays:
        whole = 0.02 + drawn.gammavariate(2, mean / 2)
        return Delays(whole * drawn.uniform(0.3, 0.7), whole)

    return draw


def single_server(seed: int, per_second: float) -> Draw:
    """An M/M/1 queue once arrivals are Poisson: one at a time, in order, with exponential times. The queue is kept on
    paper, so a busy machine that answers late does not serve more slowly."""
    drawn, free = random.Random(seed), 0.0

    def draw(n: int, arrived: float) -> Delays:
        nonlocal free
        free = max(free, arrived) + drawn.expovariate(per_second)
        return Delays(free - arrived, free - arrived)

    return draw


class DelayedEndpoint(Loopback):
    def __init__(self, draw: Draw) -> None:
        self.draw = draw
        self.drawn: list[Delays] = []
        self.late: list[float] = []  # seconds by which whole answers left later than drawn
        self.prompts: list[str] = []
        self.bodies: list[dict[str, Any]] = []

    async def start(self, port: int = 0) -> None:
        app = web.Application(client_max_size=2**26)
        app.router.add_post("/v1/chat/completions", self.chat)
        app.router.add_get("/v1/models", self.models)
        app.router.add_get("/health", self.models)
        app.router.add_get("/drawn", self.report)
        await self.listen(app, port)

    async def models(self, request: web.Request) -> web.Response:
        return web.json_response({"object": "list", "data": [{"id": "stub", "object": "model"}]})

    async def report(self, request: web.Request) -> web.Response:
        """What was drawn since the last time it was asked."""
        drawn, late, self.drawn, self.late = self.drawn, self.late, [], []
        return web.json_response({"whole": [d.whole for d in drawn], "first": [d.first for d in drawn], "late": late})

    async def chat(self, request: web.Request) -> web.StreamResponse:
        arrived = time.monotonic()
        delays = self.draw(len(self.drawn), arrived)
        self.drawn.append(delays)
        body = await request.json()
        self.bodies.append(body)
        self.prompts.append(body["messages"][-1]["content"])
        if delays.status != 200:
            await _until(arrived + delays.whole)
            return web.Response(status=delays.status, text='{"error": {"message": "out of luck"}}')
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        await _send(response, {"role": "assistant", "content": ""})
        await _until(arrived + delays.first)
        for piece in range(delays.chunks):
            name = "reasoning_content" if delays.thought and piece == 0 else "content"
            await _send(response, {name: "word " * (delays.tokens // delays.chunks)})
            if delays.chunks > 1:
                share = (piece + 1) / (delays.chunks - 1)
                await _until(arrived + delays.first + min(1.0, share) * (delays.whole - delays.first))
        await _until(arrived + delays.whole)
        usage = {"prompt_tokens": 20, "completion_tokens": delays.tokens, **delays.usage}
        await _send(response, {}, "stop", usage)
        await response.write(b"data: [DONE]\n\n")
        self.late.append(time.monotonic() - arrived - delays.whole)
        return response


async def _until(moment: float) -> None:
    """Timers of the loop are up to 2 ms late; the last moments are waited for awake."""
    if (left := moment - time.monotonic() - 0.002) > 0:
        await asyncio.sleep(left)
    while time.monotonic() < moment:  # noqa: ASYNC110 — an event would be as late as a timer
        await asyncio.sleep(0)


async def _send(
    response: web.StreamResponse, delta: dict[str, Any], finish: str | None = None, usage: Any = None
) -> None:
    chunk = {"id": "x", "object": "chat.completion.chunk", "created": 1, "model": "stub",
             "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}  # fmt: skip
    if usage:
        chunk["usage"] = usage
    await response.write(f"data: {json.dumps(chunk)}\n\n".encode())


def main() -> None:
    kind, rate, seconds, port = sys.argv[1], float(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4])
    draws = {"independent": independent(1, rate), "single_server": single_server(1, rate)}

    async def serve() -> None:
        endpoint = DelayedEndpoint(draws[kind])
        await endpoint.start(port)
        print(endpoint.url, flush=True)
        await asyncio.sleep(seconds)

    asyncio.run(serve())
