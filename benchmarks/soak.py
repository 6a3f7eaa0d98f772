"""A server under steady mixed load for a given time: whether its memory and its descriptors stay flat.

One `jielong serve` in front of mini and a stub endpoint; this client sends small requests, streams that it drops in the
middle, techniques, schemas, tools, composed recipes, requests that are refused and bodies with random faults. Each
minute prints a line; the slope is that of the second half. The figures are written every minute and at SIGTERM.
"""

from __future__ import annotations

import argparse
import asyncio
import collections
import json
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
from common import stub, write

Body = dict[str, Any]
LINE = ("minute", "rss_mb", "descriptors", "requests", "dropped", "fuzzed", "p50_ms", "p99_ms")


def processes(root: int) -> list[int]:
    """A process and all that it started."""
    children = Path(f"/proc/{root}/task/{root}/children")
    try:
        below = [int(child) for child in children.read_text().split()]
    except OSError:
        return []
    return [root, *(each for child in below for each in processes(child))]


def memory_mb(root: int) -> float:
    pages = 0
    for process in processes(root):
        try:
            pages += int(Path(f"/proc/{process}/statm").read_text().split()[1])
        except OSError:
            continue
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def descriptors(root: int) -> int:
    return sum(len(os.listdir(f"/proc/{process}/fd")) for process in processes(root) if process == root)


def warm_up(url: str) -> None:
    """A full batch: weights, and the memory of all its rows, which is taken when a row is first used."""
    body = {"model": "mini", "messages": [{"role": "user", "content": "Tell me of Tom."}], "n": 64, "max_tokens": 400}
    data = json.dumps({**body, "temperature": 2}).encode()
    request = urllib.request.Request(f"{url}/chat/completions", data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as response:
        response.read()


class Load:
    """What is sent, and what came of it."""

    def __init__(self, url: str, session: aiohttp.ClientSession) -> None:
        self.url, self.session = url, session
        self.random = random.Random(1)
        self.counts: collections.Counter[str] = collections.Counter()
        self.statuses: collections.Counter[str] = collections.Counter()
        self.wrong: collections.Counter[str] = collections.Counter()
        self.seconds: list[float] = []
        # how often in a thousand
        self.kinds: dict[Callable[[], Awaitable[None]], int] = {
            self.small: 300, self.fuzzed: 400, self.dropped: 40, self.technique: 30, self.schema: 60, self.tools: 40,
            self.composed: 20, self.refused: 60, self.large: 10, self.endpoint: 40,
        }  # fmt: skip

    async def one(self) -> None:
        (kind,) = self.random.choices(list(self.kinds), list(self.kinds.values()))
        self.counts[kind.__name__] += 1
        try:
            await kind()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            self.wrong[f"{kind.__name__}: {type(error).__name__}"] += 1

    def body(self, text: str | None = None, **more: Any) -> Body:
        a, b = self.random.randrange(100), self.random.randrange(100)
        question = text or f"Tom has {a} apples and gets {b} more. How many apples does he have?"
        return {"model": "mini", "messages": [{"role": "user", "content": question}], "max_tokens": 4, **more}

    async def post(self, name: str, data: bytes, expected: tuple[int, ...]) -> None:
        headers = {"Content-Type": "application/json"}
        async with self.session.post(f"{self.url}/chat/completions", data=data, headers=headers) as response:
            await response.read()
        self.statuses[f"{name} {response.status}"] += 1
        if response.status not in expected:
            self.wrong[f"{name}: status {response.status}"] += 1

    async def send(self, name: str, body: Body, expected: tuple[int, ...] = (200,)) -> None:
        await self.post(name, json.dumps(body).encode(), expected)

    async def small(self) -> None:
        began = time.perf_counter()
        await self.send("small", self.body())
        self.seconds.append(time.perf_counter() - began)

    async def endpoint(self) -> None:
        await self.send("endpoint", self.body(model="echo", max_tokens=100))

    async def technique(self) -> None:
        await self.send("technique", self.body(model="voting", max_tokens=20), (200, 422))

    async def composed(self) -> None:
        recipe = f"mini | cot | self_consistency(n={self.random.randrange(2, 6)})"
        await self.send("composed", self.body(model=recipe, max_tokens=20), (200, 422))

    async def schema(self) -> None:
        name = f"key{self.random.randrange(500)}"
        value: Body = (
            {"type": "integer"} if self.random.random() < 0.5 else {"type": "string", "pattern": "^[a-z]{1,4}$"}
        )
        form = {"type": "object", "properties": {name: value}, "required": [name]}
        schema = {"type": "json_schema", "json_schema": {"name": "x", "schema": form}}
        await self.send("schema", self.body(response_format=schema, max_tokens=20))

    async def tools(self) -> None:
        parameters = {"type": "object", "properties": {"city": {"type": "string"}}}
        tool = {"type": "function", "function": {"name": "weather", "parameters": parameters}}
        await self.send("tools", self.body("Weather in Rome?", tools=[tool], max_tokens=30), (200, 422))

    async def refused(self) -> None:
        await self.send("refused", self.body(model=self.random.choice(["gpt-9", "mini | cott", "local:/etc"])), (404,))

    async def large(self) -> None:
        await self.send("large", self.body("word " * 50_000), (400,))

    async def dropped(self) -> None:
        """A stream that the client leaves after its first piece, or before it."""
        body = self.body("word " * 400, model="echo", stream=True, max_tokens=2000)
        async with self.session.post(f"{self.url}/chat/completions", json=body) as response:
            if self.random.random() < 0.7:
                await response.content.readany()
            response.close()

    async def fuzzed(self) -> None:
        """A body with random faults in its bytes or in its values. Whatever it is, it is answered, and not by a 500."""
        draw, body = self.random, self.body(stream=False, stop=["x"], metadata={"a": "b"}, tools=None, n=1)
        if draw.random() < 0.5:
            data = bytearray(json.dumps(body).encode())
            for _ in range(draw.randrange(1, 6)):
                at = draw.randrange(len(data))
                data[at : at + draw.randrange(3)] = draw.randbytes(draw.randrange(3))
            sent = bytes(data)
        else:
            values: list[Any] = [
                None,
                [],
                {},
                "",
                -1,
                10**30,
                1e300,
                "\ud800",
                "\x00",
                [[]] * 5,
                {"a": {"b": [1]}},
                True,
            ]
            for _ in range(draw.randrange(1, 4)):
                body[draw.choice([*body, "unknown"])] = draw.choice(values)
            sent = json.dumps(body).encode()
        await self.post("fuzzed", sent, (200, 400, 404, 413, 415, 422))


def slope(lines: list[Body], key: str) -> float:
    """A minute, over the second half."""
    half = lines[len(lines) // 2 :]
    if len(half) < 2:
        return 0.0
    return round(statistics.linear_regression([x["minute"] for x in half], [x[key] for x in half]).slope, 3)


async def soak(url: str, server: int, minutes: float, rate: float, report: Callable[[Load, list[Body]], None]) -> Load:
    ended, lines = asyncio.Event(), list[Body]()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    timeout = aiohttp.ClientTimeout(total=60)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=64), timeout=timeout) as session:
        load = Load(url, session)
        began, next_line, tasks = time.monotonic(), 60.0, set[asyncio.Task[None]]()
        while not ended.is_set() and (now := time.monotonic() - began) < 60 * minutes:
            if len(tasks) < 200:
                tasks.add(task := asyncio.create_task(load.one()))
                task.add_done_callback(tasks.discard)
            if now > next_line:
                next_line += 60
                lines.append(figures(load, server, now))
                load.seconds.clear()
                report(load, lines)
            await asyncio.sleep(load.random.expovariate(rate))
        await asyncio.gather(*tasks, return_exceptions=True)
        lines.append(figures(load, server, time.monotonic() - began))
        report(load, lines)
    return load


def figures(load: Load, server: int, seconds: float) -> Body:
    quantiles = statistics.quantiles(load.seconds, n=100) if len(load.seconds) > 1 else [0.0] * 99
    total = sum(load.counts.values())
    line = (round(seconds / 60, 2), round(memory_mb(server), 1), descriptors(server), total, load.counts["dropped"],
            load.counts["fuzzed"], round(1000 * quantiles[49], 1), round(1000 * quantiles[98], 1))  # fmt: skip
    print("  ".join(f"{name} {value}" for name, value in zip(LINE, line, strict=True)), flush=True)
    return dict(zip(LINE, line, strict=True))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=120.0)
    parser.add_argument("--rate", type=float, default=15.0, help="requests a second")
    given = parser.parse_args()
    with (
        stub("--latency", "0.05", "--behaviour", "echo", quiet=True) as endpoint,
        tempfile.TemporaryDirectory() as home,
    ):
        recipes = ["mini", "voting=mini | self_consistency(n=3)", f"echo=openai:stub@{endpoint}"]
        command = [sys.executable, "-m", "jielong", "serve", *recipes, "--allow", "mini", "--port", "0"]
        environment = {**os.environ, "JIELONG_HOME": home, "JIELONG_LANG": "en"}
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment)
        assert process.stderr
        url = next(word for word in process.stderr.readline().split() if word.startswith("http"))
        warm_up(url)

        def report(load: Load, lines: list[Body]) -> None:
            slopes = {key: slope(lines, key) for key in ("rss_mb", "descriptors")}
            summary = {"rate": given.rate, "counts": load.counts, "wrong": load.wrong, "statuses": load.statuses}
            write("soak", {**summary, "slope_a_minute": slopes, "minutes": lines}, quiet=True)

        load = asyncio.run(soak(url, process.pid, given.minutes, given.rate, report))
        began = time.perf_counter()
        process.terminate()
        process.wait()
        ended = round(time.perf_counter() - began, 2)
        print(json.dumps({"seconds_to_end": ended, "wrong": load.wrong, "counts": load.counts}), flush=True)
        print(process.stderr.read()[-2000:], file=sys.stderr)


if __name__ == "__main__":
    main()
