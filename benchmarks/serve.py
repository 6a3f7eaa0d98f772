"""The server beside the stub alone: fan-out, time to the first token, a thousand open streams, a thousand that leave.

The stub, the server (`jielong serve`) and this client are processes of their own. Each figure through the server is
taken beside the same one straight from the stub, in turn, so that a busy machine weighs on both.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import aiohttp
from common import stats, stub, write

from jielong import load
from jielong.contract import Message, Request

FAN_OUT, LATENCY = 32, 0.2
RATE, WORDS, MANY = 20, 100, 1000


@contextmanager
def server(url: str) -> Iterator[tuple[str, int]]:
    """`jielong serve` in front of a stub: its URL and its process."""
    with tempfile.TemporaryDirectory() as home:
        command = [sys.executable, "-m", "jielong", "serve", f"m=openai:stub@{url}", "--port", "0"]
        environment = {**os.environ, "JIELONG_HOME": home, "JIELONG_LANG": "en"}
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment)
        assert process.stderr
        try:
            yield next(word for word in process.stderr.readline().split() if word.startswith("http")), process.pid
        finally:
            process.terminate()
            process.wait()


def cpu_seconds(process: int) -> float:
    """What a process has used so far; a figure that other processes do not change."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def body(text: str) -> dict[str, Any]:
    return {"model": "m", "stream": True, "messages": [{"role": "user", "content": text}]}


async def streamed(session: aiohttp.ClientSession, url: str, text: str) -> tuple[float, int]:
    """Seconds to the first piece of the answer, and how many pieces there were."""
    began, first, pieces = time.perf_counter(), 0.0, 0
    async with session.post(f"{url}/chat/completions", json=body(text)) as response:
        assert response.status == 200, await response.text()
        ended = False
        async for line in response.content:
            if line.startswith(b"data: {") and b'"content": "' in line.replace(b'":"', b'": "') and b'""' not in line:
                pieces += 1
                first = first or time.perf_counter() - began
            ended = ended or line.startswith(b"data: [DONE]")
        assert ended, "a stream did not finish"
    return first, pieces


def sessions() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), timeout=aiohttp.ClientTimeout(total=600))


async def fan_out(url: str, rounds: int) -> dict[str, float]:
    one = load(f"openai:stub@{url}")
    many = load(f"openai:stub@{url} | self_consistency(n={FAN_OUT}, adaptive=false)")
    taken: dict[str, list[float]] = {"one": [], "many": []}
    cpu: list[float] = []
    for i in range(rounds + 2):
        for name, model in (("one", one), ("many", many)):
            began, used = time.perf_counter(), time.process_time()
            await model.generate(Request((Message("user", f"question {i}"),)))
            taken[name].append(time.perf_counter() - began)
            cpu.append(time.process_time() - used)
    alone, together = (statistics.median(taken[name][2:]) for name in ("one", "many"))
    return {"one_call_p50": round(alone, 4), "fan_out_p50": round(together, 4), "ratio": round(together / alone, 3),
            "cpu_ms_a_fan_out": round(1000 * statistics.median(cpu[5::2]), 1)}  # fmt: skip


async def first_token(urls: dict[str, str], seconds: float) -> dict[str, Any]:
    """RATE requests a second to each, in turn; open loop, so a slow answer delays nobody."""
    taken: dict[str, list[float]] = {name: [] for name in urls}
    async with sessions() as session, asyncio.TaskGroup() as tasks:

        async def one(name: str) -> None:
            taken[name].append((await streamed(session, urls[name], "a few words to say again"))[0])

        for _ in range(int(seconds * RATE)):
            for name in urls:
                tasks.create_task(one(name))
                await asyncio.sleep(1 / RATE / len(urls))
    said = {name: {"p50_ms": round(1000 * statistics.median(t), 2), "p95_ms": round(1000 * _p95(t), 2)}
            for name, t in taken.items()}  # fmt: skip
    return {**said, "added_p50_ms": round(said["served"]["p50_ms"] - said["alone"]["p50_ms"], 2)}


def _p95(values: list[float]) -> float:
    return statistics.quantiles(values, n=20)[-1]


async def open_streams(url: str, many: int) -> dict[str, Any]:
    text = " ".join(["word"] * WORDS)
    began = time.perf_counter()
    async with sessions() as session:
        told = await asyncio.gather(*(streamed(session, url, text) for _ in range(many)))
    seconds = time.perf_counter() - began
    pieces = sum(n for _, n in told)
    return {
        "finished": len(told),
        "pieces": pieces,
        "seconds": round(seconds, 2),
        "pieces_a_second": round(pieces / seconds),
    }


async def leaving(url: str, stub_url: str, many: int) -> dict[str, Any]:
    """All wait for their answer when they leave, at once."""
    asked = [asyncio.create_task(_never(url)) for _ in range(many)]
    await asyncio.to_thread(until, stub_url, lambda now: now["in_flight"] == many)
    for task in asked:
        task.cancel()
    await asyncio.gather(*asked, return_exceptions=True)
    gone = time.perf_counter()
    left = await asyncio.to_thread(until, stub_url, lambda now: now["in_flight"] == 0)
    return {
        "left": many,
        "seconds_until_none_was_in_flight": round(time.perf_counter() - gone, 3),
        "orphans": left["in_flight"],
        "cancelled_upstream": left["cancelled"],
        "finished": left["finished"],
    }


def until(stub_url: str, holds: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """What the stub counts, once this holds of it."""
    while not holds(now := stats(stub_url)):
        time.sleep(0.01)
    return now


async def _never(url: str) -> None:
    async with sessions() as session:
        await streamed(session, url, "a question that is never answered")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=30.0, help="how long the requests come")
    given = parser.parse_args()
    said: dict[str, Any] = {"cores": os.cpu_count(), "load_before": [round(x, 1) for x in os.getloadavg()]}
    with stub("--latency", str(LATENCY)) as url:
        said["fan_out"] = asyncio.run(fan_out(url, 15))
    with stub("--latency", "0.05", "--behaviour", "echo") as url, server(url) as (served, process):
        used = cpu_seconds(process)
        said["first_token"] = asyncio.run(first_token({"alone": url, "served": served}, given.seconds))
        used = cpu_seconds(process) - used
        said["first_token"]["server_cpu_ms_a_request"] = round(1000 * used / (RATE * given.seconds), 2)
    said["open_streams"] = {}
    for name in ("alone", "served"):
        with stub("--latency", "2", "--behaviour", "echo") as url, server(url) as (served, process):
            used = cpu_seconds(process)
            figures = asyncio.run(open_streams({"alone": url, "served": served}[name], MANY))
            figures["server_cpu_ms_a_stream"] = round(1000 * (cpu_seconds(process) - used) / MANY, 2)
            said["open_streams"][name] = {**figures, "most_at_once_at_the_stub": stats(url)["in_flight_max"]}
    with stub("--latency", "3600") as url, server(url) as (served, _):
        said["leaving"] = asyncio.run(leaving(served, url, MANY))
    said["load_after"] = [round(x, 1) for x in os.getloadavg()]
    write("serve", said)


if __name__ == "__main__":
    main()
