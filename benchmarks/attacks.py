"""A server under attack: what a second client's small requests take meanwhile, what memory is left, how it ends.

For each attack a fresh `jielong serve mini`, one process that attacks it with several connections at once, and one
that sends small requests to mini (4 tokens, every 20 ms, timed from when each was due). Then the memory of the server
and all its processes is compared with that before, and SIGTERM is sent while the attack goes on again.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import Any

import aiohttp
from common import RESULTS, stub, write
from soak import memory_mb, warm_up

Body = dict[str, Any]
EVERY, CONNECTIONS = 0.02, 4
numbers = itertools.count()
_HEAD = "POST /v1/{} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"


def chat(text: str = "hi", **more: Any) -> Body:
    return {"model": "mini", "messages": [{"role": "user", "content": text}], "max_tokens": 4, **more}


def schema(form: Body) -> Body:
    """The schema in a form that was never seen before, so that nothing is remembered of it."""
    form = {**form, "title": f"x{next(numbers)}"}
    return chat(response_format={"type": "json_schema", "json_schema": {"name": "x", "schema": form}}, max_tokens=60)


def tools(*forms: Body) -> Body:
    described = [{"name": f"t{next(numbers)}", "parameters": form} for form in forms]
    return chat(tools=[{"type": "function", "function": one} for one in described], tool_choice="required")


def patterns(count: int) -> Body:
    return {"type": "string", "allOf": [{"pattern": f"^.*a.{{{i}}}b.*$"} for i in range(count)]}


def nested(depth: int, inner: Any) -> Any:
    for _ in range(depth):
        inner = {"anyOf": [{"type": "array", "items": inner}, {"type": "object", "properties": {"a": inner}}]}
    return inner


def composed(recipe: str, **more: Any) -> Body:
    return chat("What is 2 + 3?", model=f"mini | options(seed={next(numbers)}) | {recipe}", **more)


def many(count: int, text: str) -> str:
    return "[" + ",".join([text] * count) + "]"


def raw(messages: str, more: str = "") -> bytes:
    return f'{{"model": "mini", "messages": {messages}, "max_tokens": 4{more}}}'.encode()


HELLO, EMPTY = '[{"role": "user", "content": "hi"}]', '{"role": "user", "content": ""}'
BIG = 7_900_000
# name: the body of one request, or its bytes
BODIES: dict[str, Callable[[], Body | bytes]] = {
    "schema: 39 patterns at once": lambda: schema(patterns(39)),
    "schema: 22 patterns at once": lambda: schema(patterns(22)),
    "schema: the same in a tool": lambda: tools(patterns(39)),
    "schema: 30 tools with 20 patterns each": lambda: tools(*[patterns(20)] * 30),
    "schema: patterns of prime lengths": lambda: schema(
        {"type": "string", "allOf": [{"pattern": f"^([a-z]{{{p}}})*$"} for p in (2, 3, 5, 7, 11, 13, 17, 19, 23)]}
    ),
    "schema: a multiple of 99,991": lambda: schema({"type": "integer", "multipleOf": 99_991}),
    "schema: multiples within multiples": lambda: schema(
        {"type": "integer", "allOf": [{"multipleOf": p} for p in (97, 89, 83, 79)]}
    ),
    "schema: 2,000 optional properties": lambda: schema(
        {"type": "object", "properties": {f"k{i}": {"type": "string"} for i in range(2000)}}
    ),
    "schema: 50,000 choices": lambda: schema({"enum": [f"v{i}" for i in range(40_000)]}),
    "schema: a long repetition in a repetition": lambda: schema(
        {"type": "string", "pattern": "^((a{0,1000}b?){0,1000}c?){0,1000}$"}
    ),
    "schema: choices within choices": lambda: schema(nested(10, {"type": "string"})),
    "schema: references in circles": lambda: schema({
        "$ref": "#/$defs/a0",
        "$defs": {f"a{i}": {"allOf": [{"$ref": f"#/$defs/a{(i + j) % 40}"} for j in (1, 2)]} for i in range(40)},
    }),
    "schema: lengths of a million": lambda: schema(
        {"type": "array", "minItems": 10**6, "items": {"type": "string", "minLength": 10**6, "pattern": "^(ab|ba)*$"}}
    ),
    "body: 2 MB of text": lambda: chat("a b " * 500_000),
    "body: 8 MB of text": lambda: chat("a b " * (BIG // 4)),
    "body: 8 MB of Chinese": lambda: raw(HELLO.replace("hi", "接龙" * (BIG // 6))),
    "body: 8 MB of escapes": lambda: raw(HELLO.replace("hi", "\\n" * (BIG // 2))),
    "body: 8 MB of empty lists": lambda: raw(HELLO, ', "metadata": {"a": ' + many(BIG // 3, "[]") + "}"),
    "body: 8 MB for an endpoint": lambda: chat("a b " * (BIG // 4), model="echo"),
    "body: 8 MB for 16 samples": lambda: chat("a b " * (BIG // 4), model="echo", n=16),
    "body: a picture of 8 MB": lambda: raw(
        json.dumps([{"role": "user", "content": [
            {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "AAAA" * (BIG // 4)}}]}])
    ),
    "body: 400,000 empty messages": lambda: raw(many(400_000, EMPTY)),
    "body: 2,000 empty messages": lambda: raw(many(2000, EMPTY)),
    "body: 700,000 keys of metadata": lambda: raw(
        HELLO, ', "metadata": {' + ",".join(f'"k{i}": "v"' for i in range(700_000)) + "}"
    ),
    "body: 20,000 unknown settings": lambda: raw(HELLO, "".join(f', "k{i}": 1' for i in range(20_000))),
    "body: 8,000 wrong parts": lambda: raw(HELLO.replace('"hi"', many(8000, '{"type": "text", "text": 1}'))),
    "body: 60,000 brackets deep": lambda: raw(HELLO, ', "metadata": ' + '{"a":' * 60_000 + "1" + "}" * 60_000),
    "body: integers of 4 MB": lambda: raw(HELLO, f', "seed": {"9" * 4_000_000}'),
    "body: 10,000 tools": lambda: raw(
        HELLO, ', "tools": ' + many(10_000, '{"type": "function", "function": {"name": "a"}}')
    ),
    "body: long texts to stop at": lambda: raw(HELLO, ', "stop": ["' + "a" * 1_000_000 + '"]'),
    "composed: a budget around 300,000 samples": lambda: composed("self_consistency(n=300000) | budget(calls=1)"),
    "composed: samples of samples in a budget": lambda: composed(
        "self_consistency(n=250) | self_consistency(n=250) | self_consistency(n=250) | budget(calls=2)"
    ),
    "composed: a budget in the scorer": lambda: composed(
        "best_of_n(n=200, scorer=mini | self_consistency(n=99999) | budget(calls=1))"
    ),
    "composed: a tree of 10^15 thoughts": lambda: composed(
        "tree_of_thoughts(breadth=100000, depth=100000, k=100000) | budget(calls=3)"
    ),
    "composed: a number of 3,000 digits": lambda: composed(f"self_consistency(n={'9' * 3000}) | budget(calls=1)"),
    "composed: 128 choices of 256 samples": lambda: composed("self_consistency(n=256)", n=128, temperature=1),
    "composed: templates that double": lambda: composed(
        " | ".join(['self_check(question="{question}{question}{answer}{answer}", rounds=0)'] * 7)
    ),
    "composed: 47 steps": lambda: composed(" | ".join(["cot"] * 47)),
    "composed: a fresh recipe of 4,000 characters": lambda: composed(f'instruct(text="{"ab " * 1200}")'),
    "reply: 128 choices with 2 log-probabilities": lambda: chat(
        "Tell me of Tom.", n=128, temperature=2, logprobs=True, top_logprobs=2, max_tokens=60
    ),
    "reply: 16 choices with 20 log-probabilities": lambda: chat(
        "Tell me of Tom.", n=16, temperature=2, logprobs=True, top_logprobs=20, max_tokens=400
    ),
    "embeddings: 2,048 texts of 9 kB": lambda: {"model": "mini", "input": ["a b " * 2300] * 2048},
}  # fmt: skip


class Target:
    """Where an attack goes; `open` gives a connection to it."""

    def __init__(self, port: int, until: float) -> None:
        self.port, self.until = port, until
        self.answers: dict[str, int] = {}

    def goes_on(self) -> bool:
        return time.time() < self.until

    async def open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.port)

    async def post(self, body: bytes, path: str) -> None:
        head = f"{_HEAD.format(path)}Connection: close\r\nContent-Length: {len(body)}\r\n\r\n"
        try:
            reader, writer = await self.open()
            with contextlib.closing(writer):
                writer.write(head.encode() + body)
                status = (await asyncio.wait_for(reader.read(), 30))[9:12].decode() or "closed"
        except (OSError, TimeoutError) as error:
            status = type(error).__name__
            await asyncio.sleep(0.05)
        self.answers[status] = self.answers.get(status, 0) + 1


async def bodies(target: Target, make: Callable[[], Body | bytes], *, same: bool) -> None:
    body = make()

    async def one() -> None:
        nonlocal body
        while target.goes_on():
            body = body if same else make()
            path = "embeddings" if isinstance(body, dict) and "input" in body else "chat/completions"
            await target.post(body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode(), path)

    await asyncio.gather(*(one() for _ in range(CONNECTIONS)))


async def hold(target: Target, count: int, send: bytes, again: bytes = b"", read: bool = False) -> None:
    """So many connections that each send something, then now and then something more, and read or do not."""

    async def one() -> None:
        while target.goes_on():
            with contextlib.suppress(OSError):
                reader, writer = await target.open()
                writer.write(send)
                while target.goes_on() and not writer.is_closing():
                    writer.write(again)
                    if read:
                        await asyncio.wait_for(reader.read(65536), 5)
                    await asyncio.wait_for(writer.drain(), 5)
                    await asyncio.sleep(0.1 if again else 0.5)
                writer.close()
            await asyncio.sleep(0.05)

    await asyncio.gather(*(one() for _ in range(count)), return_exceptions=True)


def request(body: Body, more: str = "") -> bytes:
    data = json.dumps(body).encode()
    return f"{_HEAD.format('chat/completions')}{more}Content-Length: {len(data)}\r\n\r\n".encode() + data


LONG = chat("word " * 200_000, model="echo", max_tokens=1_000_000)
UNREAD = chat("Tell me of Tom.", n=16, temperature=2, logprobs=True, top_logprobs=20, max_tokens=60)
CHUNKED = _HEAD.format("chat/completions").encode() + b"Transfer-Encoding: chunked\r\n\r\n"
OTHERS: dict[str, Callable[[Target], Awaitable[None]]] = {
    "connections: 3,000 that say nothing": lambda t: hold(t, 3000, b""),
    "connections: 300 heads that never end": lambda t: hold(t, 300, b"GET / HTTP/1.1\r\n", b"X-A: b\r\n"),
    "connections: 300 bodies that drip": lambda t: hold(t, 300, request(chat())[:-40], b" "),
    "connections: bodies in chunks of one byte": lambda t: hold(t, 8, CHUNKED, b"1\r\n \r\n" * 20_000),
    "connections: a trailer that never ends": lambda t: hold(
        t, 8, CHUNKED + b"2\r\n{}\r\n0\r\n", b"X: " + b"y" * 50_000
    ),
    "connections: a second head that never ends behind a stream": lambda t: hold(
        t, 8, request({**LONG, "stream": True}) + b"GET / HTTP/1.1\r\n", b"X: " + b"y" * 50_000 + b"\r\n"
    ),
    "connections: 5,000 requests in one go": lambda t: hold(
        t, 4, b"", b"GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n" * 5000
    ),
    "connections: 40 half closed in the middle": lambda t: hold(t, 40, request(LONG)[:-100]),
    "replies: 1 MB whole, unread, 30 times": lambda t: hold(t, 30, request(LONG)),
    "replies: 1 MB as a stream, unread, 30 times": lambda t: hold(t, 30, request({**LONG, "stream": True})),
    "replies: log-probabilities whole, unread": lambda t: hold(t, 4, request(UNREAD)),
}
NAMES = [*BODIES, *OTHERS]


async def attack(name: str, port: int, seconds: float) -> None:
    os.nice(4)  # it comes from another machine
    target = Target(port, time.time() + seconds)
    run = OTHERS[name](target) if name in OTHERS else bodies(target, BODIES[name], same="body:" in name)
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(run, seconds + 2)
    print(json.dumps(target.answers))


async def small_requests(port: int, seconds: float) -> None:
    """Prints how long each took, from when it was due."""
    taken: list[float] = []
    lost: list[str] = []
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=20)) as session:

        async def one(due: float) -> None:
            try:
                url = f"http://127.0.0.1:{port}/v1/chat/completions"
                async with session.post(url, json=chat(f"What is {next(numbers)} + 1?")) as response:
                    await response.read()
                if response.status != 200:
                    lost.append(str(response.status))
            except (aiohttp.ClientError, OSError, TimeoutError) as error:
                lost.append(type(error).__name__)
            taken.append(time.perf_counter() - due)

        tasks, start = [], time.perf_counter()
        for i in range(int(seconds / EVERY)):
            due = start + i * EVERY
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            tasks.append(asyncio.create_task(one(due)))
        await asyncio.gather(*tasks)
    cuts = statistics.quantiles(taken, n=100)
    figures = {"p50_ms": round(1000 * cuts[49], 1), "p99_ms": round(1000 * cuts[98], 1)}
    print(json.dumps({**figures, "max_ms": round(1000 * max(taken), 1), "lost": len(lost), "of": len(taken)}))


def start(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, __file__, *arguments], stdout=subprocess.PIPE, text=True)


def told(process: subprocess.Popen[str]) -> Any:
    return json.loads(process.communicate()[0] or "null")


def show_faults(lines: Iterable[str]) -> None:
    with contextlib.suppress(ValueError):  # closed
        for line in itertools.islice(lines, 20):
            print("  the server says:", line.rstrip()[:200], flush=True)
        for _ in lines:
            pass


@contextlib.contextmanager
def server(endpoint: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    with tempfile.TemporaryDirectory() as home:
        served = ["mini", f"echo=openai:stub@{endpoint}", "--allow", "mini", "--port", "0"]
        environment = {**os.environ, "JIELONG_HOME": home, "JIELONG_LANG": "en"}
        command = [sys.executable, "-m", "jielong", "serve", *served]
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment)
        try:
            assert process.stderr
            url = next(word for word in process.stderr.readline().split() if word.startswith("http"))
            threading.Thread(target=show_faults, args=(process.stderr,), daemon=True).start()
            yield process, int(url.rpartition(":")[2].removesuffix("/v1"))
        finally:
            process.kill()
            process.wait()


def measure(name: str, endpoint: str, seconds: float) -> Body:
    with server(endpoint) as (process, port):
        warm_up(f"http://127.0.0.1:{port}/v1")
        before = memory_mb(process.pid)
        quiet = told(start("--client", str(port), "--seconds", "1")) if name == NAMES[0] else None
        attacker = start("--attack", name, "--port", str(port), "--seconds", str(seconds))
        time.sleep(0.3)
        figures = told(start("--client", str(port), "--seconds", str(seconds - 0.5)))
        answers = told(attacker)
        until = time.time() + 3
        while memory_mb(process.pid) > before + 100 and time.time() < until:
            time.sleep(0.2)
        after = memory_mb(process.pid)
        again = start("--attack", name, "--port", str(port), "--seconds", "6")
        time.sleep(0.8)
        began = time.perf_counter()
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(20)
        ended = round(time.perf_counter() - began, 2)
        again.kill()
        again.wait()
    more = {"quiet": quiet} if quiet else {}
    memory = {"mb_before": round(before), "mb_more_after": round(after - before)}
    return {**figures, **memory, "seconds_to_end": ended, "answers": answers, **more}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=3.0, help="how long each attack takes")
    parser.add_argument("--only", default="", help="attacks whose name holds this")
    parser.add_argument("--part", default="1/1", help="as in 2/3: the second third of them; the rest is kept as it was")
    parser.add_argument("--name", default="attacks", help="of the file of results")
    parser.add_argument("--attack")
    parser.add_argument("--port", type=int)
    parser.add_argument("--client", type=int)
    given = parser.parse_args()
    if given.attack:
        asyncio.run(attack(given.attack, given.port, given.seconds))
        return
    if given.client:
        asyncio.run(small_requests(given.client, given.seconds))
        return
    part, parts = map(int, given.part.split("/"))
    chosen = [name for name in NAMES if given.only in name]
    chosen = chosen[(part - 1) * len(chosen) // parts : part * len(chosen) // parts]
    file = RESULTS / f"{given.name}.json"
    attacks: Body = json.loads(file.read_text())["attacks"] if file.exists() else {}
    with stub("--behaviour", "echo", quiet=True) as endpoint:
        for name in chosen:
            attacks[name] = measure(name, endpoint, given.seconds)
            print(name, json.dumps(attacks[name]), flush=True)
            write(given.name, {"seconds_each": given.seconds, "attacks": attacks}, quiet=True)
    bad = [n for n, f in attacks.items() if f["p99_ms"] > 200 or f["mb_more_after"] > 100 or f["seconds_to_end"] > 5]
    print(f"{len(attacks)} attacks; p99 over 200 ms, over 100 MB more or over 5 s to end: {len(bad)}", *bad, sep="\n  ")


if __name__ == "__main__":
    main()
