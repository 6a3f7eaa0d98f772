"""The stub endpoint. A token is a word. It counts every request by its id, and fails in the ways real ones do."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import Any, Literal

from aiohttp import web

from loopback import Loopback


@dataclass(frozen=True)
class Answer:
    text: str = ""
    reasoning: str | None = None
    refusal: str | None = None
    tool_calls: tuple[tuple[str, str, str], ...] = ()  # id, name, arguments
    finish: str = "stop"
    logprobs: tuple[tuple[str, float], ...] | None = None
    status: int = 200
    body: str | None = None  # sent instead of a JSON reply
    headers: dict[str, str] = field(default_factory=dict)
    fault: str | None = None  # "cut", "malformed", "hang"
    seconds: float = 0.0
    usage: bool = True
    extra_usage: dict[str, Any] = field(default_factory=dict)
    model: str | None = None  # that answers; None: the one that was asked


Behaviour = Callable[[dict[str, Any], int], Answer]


def echo(body: dict[str, Any], n: int) -> Answer:
    return Answer(f"echo: {body['messages'][-1]['content']}")


def judging(body: dict[str, Any], n: int) -> Answer:
    """A judge: a grade, or which of two replies is better, that is a function of the messages alone."""
    question = body["messages"][-1]["content"]
    drawn = hashlib.sha256(question.encode()).digest()[0]
    return Answer(f"Verdict: {'AB'[drawn % 2]}" if "Verdict:" in question else f"Grade: {drawn % 11}")


def numbered(body: dict[str, Any], n: int) -> Answer:
    """A number that is a function of the messages and the seed alone."""
    said = json.dumps([body["messages"], body.get("seed")]).encode()
    return Answer(f"The answer is {int.from_bytes(hashlib.sha256(said).digest()[:2], 'big') % 5}")


@dataclass
class Stats:
    requests: int = 0
    finished: int = 0
    cancelled: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    in_flight: int = 0
    in_flight_max: int = 0
    first_at: float = 0.0  # when the first request came, and when the last answer left: seconds of one clock
    last_at: float = 0.0
    statuses: dict[int, int] = field(default_factory=dict)
    by_id: dict[str, tuple[int, int]] = field(default_factory=dict)  # finished ones: tokens in and out
    bodies: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    traces: list[str | None] = field(default_factory=list)  # the traceparent of each request


FAULTS = ("429", "500", "cut", "malformed", "hang")


class Endpoint(Loopback):
    """`with Endpoint(behaviour) as e: e.url`: the server runs in a thread of its own."""

    def __init__(
        self,
        behaviour: Behaviour = echo,
        *,
        latency: float = 0.0,
        faults: float = 0.0,
        kinds: tuple[str, ...] = FAULTS,
        seed: int = 0,
        keep: bool = True,
    ) -> None:
        self.behaviour, self.latency, self.faults, self.kinds, self.keep = behaviour, latency, faults, kinds, keep
        self.random = random.Random(seed)
        self.stats = Stats()
        self.ended: SimpleQueue[Literal["answered", "cancelled", "failed"]] = SimpleQueue()  # each request, as it ends

    async def start(self, port: int = 0) -> None:
        app = web.Application(client_max_size=2**26)
        app.router.add_post("/v1/chat/completions", self.chat)
        app.router.add_get("/v1/models", self.models)
        app.router.add_get("/stats", self.report)
        await self.listen(app, port)

    async def models(self, request: web.Request) -> web.Response:
        return web.json_response({"object": "list", "data": [{"id": "stub", "object": "model"}]})

    async def report(self, request: web.Request) -> web.Response:
        return web.json_response({k: v for k, v in vars(self.stats).items() if k not in ("bodies", "keys", "traces")})

    async def chat(self, request: web.Request) -> web.StreamResponse:
        stats = self.stats
        stats.requests += 1
        stats.first_at = stats.first_at or time.monotonic()
        stats.in_flight += 1
        stats.in_flight_max = max(stats.in_flight_max, stats.in_flight)
        end: Literal["answered", "cancelled", "failed"] = "failed"
        try:
            body = await request.json()
            if self.keep:
                stats.bodies.append(body)
                stats.keys.append(request.headers.get("Authorization", ""))
                stats.traces.append(request.headers.get("traceparent"))
            answer = self.behaviour(body, stats.requests)
            if self.faults and self.random.random() < self.faults:
                answer = self.fault(answer)
            await asyncio.sleep(self.latency + answer.seconds)
            response = await self.reply(request, body, answer)
            end = "answered"
            return response
        except asyncio.CancelledError:
            stats.cancelled += 1
            end = "cancelled"
            raise
        finally:
            stats.in_flight -= 1
            stats.last_at = time.monotonic()
            self.ended.put(end)

    def fault(self, answer: Answer) -> Answer:
        kind = self.random.choice(self.kinds)
        if kind == "429":
            return Answer(status=429, headers={"Retry-After": "0.05"}, body='{"error": {"message": "slow down"}}')
        if kind == "500":
            return Answer(status=500, body="Internal Server Error")
        return Answer(answer.text, fault=kind)

    async def reply(self, request: web.Request, body: dict[str, Any], answer: Answer) -> web.StreamResponse:
        stats = self.stats
        stats.statuses[answer.status] = stats.statuses.get(answer.status, 0) + 1
        if answer.status != 200:
            return web.Response(status=answer.status, text=answer.body or "", headers=answer.headers)
        if answer.fault == "hang":
            await asyncio.sleep(3600)
        if answer.fault == "malformed":
            return web.Response(text='{"choices": [{"mess', content_type="application/json")
        given = sum(len(str(message.get("content") or "").split()) for message in body["messages"])
        made = len(answer.text.split()) + len((answer.reasoning or "").split())
        usage = {"prompt_tokens": given, "completion_tokens": made, "total_tokens": given + made, **answer.extra_usage}
        if body.get("stream"):
            response = await self.stream(request, body, answer, usage)
        elif answer.fault == "cut":
            assert request.transport
            request.transport.close()
            return web.Response()
        else:
            said = self.whole(answer, usage, body.get("model", "stub"))
            response = web.Response(text=answer.body or json.dumps(said), content_type="application/json")
        stats.finished += 1
        stats.input_tokens += given
        stats.output_tokens += made
        stats.by_id[request.headers.get("X-Client-Request-Id", str(stats.requests))] = (given, made)
        return response

    def whole(self, answer: Answer, usage: dict[str, Any], asked: str) -> dict[str, Any]:
        message: dict[str, Any] = {"role": "assistant", "content": answer.text or None, "refusal": answer.refusal}
        if answer.reasoning is not None:
            message["reasoning_content"] = answer.reasoning
        if answer.tool_calls:
            message["tool_calls"] = [
                {"id": i, "type": "function", "function": {"name": name, "arguments": arguments}}
                for i, name, arguments in answer.tool_calls
            ]
        choice: dict[str, Any] = {"index": 0, "message": message, "finish_reason": answer.finish, "logprobs": None}
        if answer.logprobs is not None:
            choice["logprobs"] = {"content": [_logprob(token, value) for token, value in answer.logprobs]}
        said = {"id": "x", "object": "chat.completion", "created": 1, "choices": [choice]}
        said["model"] = answer.model or asked
        return {**said, "usage": usage} if answer.usage else said

    async def stream(
        self, request: web.Request, body: dict[str, Any], answer: Answer, usage: dict[str, Any]
    ) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        head: dict[str, Any] = {"id": "x", "object": "chat.completion.chunk", "created": 1}
        head["model"] = answer.model or body.get("model", "stub")

        async def send(delta: dict[str, Any], finish: str | None = None, logprobs: Any = None) -> None:
            choice = {"index": 0, "delta": delta, "finish_reason": finish, "logprobs": logprobs}
            await response.write(f"data: {json.dumps({**head, 'choices': [choice]})}\n\n".encode())

        await send({"role": "assistant", "content": ""})
        for piece in _pieces(answer.reasoning or ""):
            await send({"reasoning_content": piece})
        pieces = list(_pieces(answer.text))
        for i, piece in enumerate(pieces):
            if answer.fault == "cut" and i == len(pieces) // 2:
                assert request.transport
                request.transport.close()
                return response
            given = (
                {"content": [_logprob(*answer.logprobs[i])]} if answer.logprobs and i < len(answer.logprobs) else None
            )
            await send({"content": piece}, None, given)
        if answer.refusal:
            for piece in _pieces(answer.refusal):
                await send({"refusal": piece})
        for index, (i, name, arguments) in enumerate(answer.tool_calls):
            call = {"index": index, "id": i, "type": "function", "function": {"name": name, "arguments": ""}}
            await send({"tool_calls": [call]})
            half = len(arguments) // 2
            for part in (arguments[:half], arguments[half:]):
                await send({"tool_calls": [{"index": index, "function": {"arguments": part}}]})
        await send({}, answer.finish)
        if answer.usage and (body.get("stream_options") or {}).get("include_usage"):
            await response.write(f"data: {json.dumps({**head, 'choices': [], 'usage': usage})}\n\n".encode())
        await response.write(b"data: [DONE]\n\n")
        await response.write_eof()
        return response


def _logprob(token: str, value: float) -> dict[str, Any]:
    return {"token": token, "logprob": value, "bytes": list(token.encode()), "top_logprobs": [
        {"token": token, "logprob": value, "bytes": list(token.encode())}]}  # fmt: skip


def _pieces(text: str) -> Iterator[str]:
    at = 0
    while at < len(text):
        end = text.find(" ", at + 1)
        end = len(text) if end < 0 else end
        yield text[at:end]
        at = end


async def forever(endpoint: Endpoint, port: int) -> None:
    await endpoint.start(port)
    print(json.dumps({"url": endpoint.url}), flush=True)
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.Event().wait()
