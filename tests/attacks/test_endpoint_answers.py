# ruff: noqa: E501, PT017
"""Answers of a hostile endpoint over HTTP on loopback: each is an error of its call, in one line, and costs no more."""

import gzip
import json
import sqlite3
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp
import anyio
import pytest
from aiohttp import web

from jielong import call_context
from jielong.contract import Message, Request, Sampling, ToolSpec
from jielong.errors import JielongError
from jielong.events import Delta
from jielong.models import openai
from jielong.recipe import load
from jielong.runtime.ledger import use_ledger
from jielong.runtime.runtime import Runtime
from loopback import Loopback

DONE = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
TOOLS = (ToolSpec("f", "", {"type": "object", "properties": {"a": {"type": "string"}}}),)


def whole(content: Any, **more: Any) -> bytes:
    message = {"role": "assistant", "content": content, **more}
    return json.dumps({"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}).encode()


def raw(message: str, end: str = '"finish_reason": "stop"') -> bytes:
    return ('{"choices": [{"index": 0, "message": {' + message + "}, " + end + "}]}").encode()


def events(*deltas: dict[str, Any]) -> list[bytes]:
    chunks = [{"choices": [{"index": 0, "delta": delta}]} for delta in deltas]
    return [f"data: {json.dumps(chunk)}\n\n".encode() for chunk in [*chunks, DONE]]


def call(n: int, name: str = "f", arguments: str = "", **more: Any) -> dict[str, Any]:
    return {"tool_calls": [{"index": n, "function": {"name": name, "arguments": arguments}, **more}]}


DEEP = "[" * 100_000
ATTACKS: dict[str, Callable[[], bytes | list[bytes]]] = {
    "a reply nested 100,000 deep": lambda: DEEP.encode(),
    "a choice nested 500 deep": lambda: raw('"content": ' + '[{"text":' * 250 + '"x"' + "}]" * 250),
    "an integer of 5,000 digits as the usage": lambda: raw('"content": "x"', '"finish_reason": "stop"}], "usage": {"prompt_tokens": ' + "1" * 5000 + '}, "x": [{"a": 1'),
    "usage of 4,000 digits, which nobody can print": lambda: raw('"content": "x"', '"finish_reason": "stop"}], "usage": {"prompt_tokens": ' + "1" * 4000 + ', "completion_tokens": 1}, "x": [{"a": 1'),
    "usage that is 1e999": lambda: raw('"content": "x"', '"finish_reason": "stop"}], "usage": {"prompt_tokens": 1e999, "completion_tokens": 1}, "x": [{"a": 1'),
    "a lone surrogate in the text": lambda: raw('"content": "a\\ud800b"'),
    "a lone surrogate in the arguments of a call": lambda: raw('"content": "", "tool_calls": [{"id": "\\ud800", "function": {"name": "f", "arguments": "{\\"a\\": \\"\\ud800\\"}"}}]'),
    "a log-probability that is an integer of 4,000 digits": lambda: raw('"content": "x"', '"finish_reason": "stop", "logprobs": {"content": [{"token": "x", "logprob": ' + "9" * 4000 + "}]}"),
    "an index of a call that is Infinity": lambda: raw('"content": "", "tool_calls": [{"index": Infinity, "function": {"name": "f", "arguments": "{}"}}]'),
    "content that is a number": lambda: whole(7),
    "choices that are an object": lambda: b'{"choices": {"0": {"message": {"content": "x"}}}}',
    "a name of a call that is a list": lambda: raw('"content": "", "tool_calls": [{"function": {"name": ["f"], "arguments": "{}"}}]'),
    "20,000 calls in one reply": lambda: whole("", tool_calls=[{"id": str(n), "index": n, "function": {"name": "f", "arguments": "{}"}} for n in range(20_000)]),
    "an error whose code has 5,000 digits": lambda: json.dumps({"error": {"message": "no", "code": "4" * 5000}}).encode(),
    "an error of 100,000 opening brackets of HTML": lambda: b"<" * 100_000,
    "a reason to finish of a megabyte": lambda: raw('"content": "x"', '"finish_reason": "' + "length" * 170_000 + '"'),
    "a stream whose line has 6 MB, in small pieces": lambda: [b'data: {"choices": [{"delta": {"content": "', *[b"x" * 10_000] * 600, b'"}}]}\n\n', *events()],
    "a stream that never ends its line": lambda: [b"data: ", *[b" " * 100_000] * 200],
    "a stream of 6,000 pieces of one argument, each with a name": lambda: events(call(0, "f", '{"a": "'), *[call(0, "f", "xxxxxxxx")] * 6_000, call(0, "", '"}')),
    "a stream of 6,000 different names of one call": lambda: events(*[call(0, str(n)) for n in range(6_000)]),
    "a stream of 20,000 calls": lambda: events(*[call(n) for n in range(20_000)]),
    "a stream of 6,000 pieces of space in thoughts": lambda: events({"content": "<think>a"}, *[{"content": " " * 20}] * 6_000),
    "a stream of 6,000 ends of thoughts in quotes": lambda: events(*[{"content": '"</think>" '}] * 6_000),
    "a stream of 6,000 log-probabilities": lambda: [b'data: {"choices": [{"delta": {"content": "x"}, "logprobs": {"content": [{"token": "x", "logprob": -1}]}}]}\n\n'] * 6_000 + events(),
    "a stream of an event nested 100,000 deep": lambda: [b"data: " + DEEP.encode() + b"\n\n"],
    "a stream of thoughts in 6,000 pieces of one entry": lambda: events(*[{"reasoning_details": [{"type": "t", "index": 0, "text": "hm " * 5}]}] * 6_000),
}  # fmt: skip
LARGE: dict[str, tuple[dict[str, str], Callable[[], AsyncIterator[bytes]]]] = {}


async def _endless() -> AsyncIterator[bytes]:
    while True:
        yield b" " * 1_000_000


async def _bomb() -> AsyncIterator[bytes]:
    yield gzip.compress(b" " * 200_000_000, 9)


LARGE = {
    "a reply without end": ({}, _endless),
    "a reply that is compressed 1000:1": ({"Content-Encoding": "gzip"}, _bomb),
}


class Hostile(Loopback):
    """Each model of it answers with the attack of its name."""

    async def start(self) -> None:
        app = web.Application()
        app.router.add_post("/v1/chat/completions", self.answer)
        self.runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2, auto_decompress=False)
        await self.runner.setup()
        site = web.TCPSite(self.runner, "127.0.0.1", 0)
        await site.start()
        self.port = site._server.sockets[0].getsockname()[1]  # type: ignore[union-attr]
        self.url = f"http://127.0.0.1:{self.port}/v1"

    async def answer(self, request: web.Request) -> web.StreamResponse:
        name = (await request.json())["model"]
        if name == "honest":
            return web.Response(body=whole("fine"), content_type="application/json")
        if name in LARGE:
            headers, body = LARGE[name]
            response = web.StreamResponse(headers={"Content-Type": "application/json", **headers})
            await response.prepare(request)
            async for part in body():
                await response.write(part)
            return response
        answer = ATTACKS[name]()
        if isinstance(answer, bytes):
            return web.Response(body=answer, content_type="application/json")
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for n in range(0, len(answer), 50):
            await response.write(b"".join(answer[n : n + 50]))
        return response


@pytest.fixture(scope="module")
def hostile() -> Any:
    with Hostile() as server:
        yield server


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr("jielong.runtime.provider.MAX_ATTEMPTS", 1)
    with call_context.replace(runtime=Runtime()):
        yield


async def naive(url: str, name: str) -> None:
    """The way of a program that trusts its endpoint: no limits, text glued together, written down."""
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{url}/chat/completions", json={"model": name}) as response,
    ):
        data = await response.read()
    if response.content_type == "application/json":
        message = json.loads(data)["choices"][0]["message"]
        text, usage = message["content"] + "", json.loads(data).get("usage") or {}
        assert int(usage.get("prompt_tokens", 0)) < 1e18
        calls = [f["function"]["name"] + f["function"]["arguments"] for f in message.get("tool_calls", ())]
        assert len(calls) < 1000
        float(((json.loads(data)["choices"][0].get("logprobs") or {}).get("content") or [{"logprob": 0}])[0]["logprob"])
        int((message.get("tool_calls") or [{}])[0].get("index", 0))
        assert len(json.loads(data)["choices"][0]["finish_reason"]) < 1000
        with sqlite3.connect(":memory:") as db:
            db.execute("select ?", (text + "".join(calls) + "".join(c["id"] for c in message.get("tool_calls", ())),))
        return
    # A stream is read line by line, each state made anew: quadratic in its pieces.
    pieces = data.split(b"\n\n")
    assert len(pieces) < 5_000
    assert max(map(len, pieces)) < 1_000_000
    for piece in pieces:
        if piece.startswith(b"data: "):
            json.loads(piece[6:])


@pytest.mark.parametrize("name", ATTACKS)
def test_a_hostile_answer_costs_its_call_alone(name: str, hostile: Hostile, fresh: None, tmp_path: Any) -> None:
    with pytest.raises(Exception):
        anyio.run(naive, hostile.url, name)

    async def ask() -> None:
        heard: list[str] = []

        async def listen(event: Any) -> None:
            if isinstance(event, Delta):
                heard.append(event.text)

        request = Request((Message("user", "hi"),), Sampling(seed=1), tools=TOOLS)
        with use_ledger(tmp_path / "l.db"):
            model = load(f'"openai:{name}@{hostile.url}"')
            stream = not isinstance(ATTACKS[name](), bytes)
            with call_context.replace(listener=listen if stream else None):
                try:
                    reply = await model.generate(request)
                    reply.text.encode()
                except JielongError as error:
                    assert len(str(error)) < 1000
            "".join(heard).encode()
            honest = await load(f"openai:honest@{hostile.url}").generate(request)
            assert honest.text == "fine"

    started = time.process_time()
    anyio.run(ask)
    assert time.process_time() - started < 20, "quadratic"


@pytest.mark.parametrize("name", LARGE)
def test_an_answer_has_a_most_of_bytes_also_when_it_is_compressed(
    name: str, hostile: Hostile, fresh: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(openai, "MAX_REPLY_BYTES", 3_000_000)

    async def ask() -> None:
        with pytest.raises(JielongError, match="larger than 3,000,000 bytes"):
            await load(f'"openai:{name}@{hostile.url}"').generate(Request((Message("user", "hi"),)))

    anyio.run(ask)


def test_an_endpoint_that_sends_a_byte_now_and_then_comes_to_an_end(
    fresh: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JIELONG_TIMEOUT", "0.1")

    async def drip() -> AsyncIterator[bytes]:
        while True:
            yield b" "
            await anyio.sleep(0.03)

    monkeypatch.setitem(LARGE, "a byte now and then", ({}, drip))

    async def ask() -> None:
        with Hostile() as server, pytest.raises(JielongError, match="came to no end"):
            await load(f'"openai:a byte now and then@{server.url}"').generate(Request((Message("user", "hi"),)))

    anyio.run(ask)
