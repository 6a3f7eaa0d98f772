"""1,000 items × 8 samples against a stub that takes 200 ms, 64 calls at a time: our rate and CPU beside the ideal.

`jielong eval` with its ledger runs in a process of its own; raw aiohttp sends the same number of calls in another.
With --peers, Inspect is installed into an environment of its own and runs on the same stub. (optillm is not measured:
to import its voting at all takes its server with some forty packages, torch among them.)
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from common import stats, stub, write

LATENCY, AT_ONCE, ITEMS, SAMPLES = 0.2, 64, 1000, 8
IDEAL = AT_ONCE / LATENCY

RAW = """
import asyncio, json, sys, aiohttp
url, calls, at_once = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
async def main():
    todo = iter(range(calls))
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        async def work():
            for i in todo:
                body = {"model": "stub", "messages": [{"role": "user", "content": f"question {i}"}]}
                async with session.post(f"{url}/chat/completions", json=body) as response:
                    await response.json()
        await asyncio.gather(*(work() for _ in range(at_once)))
asyncio.run(main())
"""

INSPECT = """
import sys
from inspect_ai import Task, eval as run, Epochs
from inspect_ai.dataset import Sample
from inspect_ai.scorer import match
from inspect_ai.solver import generate
url, items, epochs, at_once = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
samples = [Sample(input=f"question {i}", target="1") for i in range(items)]
task = Task(dataset=samples, solver=generate(), scorer=match())
run(task, model="openai-api/stub/stub", model_base_url=url, epochs=Epochs(epochs), max_connections=at_once,
    max_samples=at_once, display="none", log_dir=sys.argv[5])
"""


def timed(command: list[str], environment: dict[str, str] | None = None) -> tuple[float, float]:
    """Wall and CPU seconds of a whole process."""
    before, started = os.times(), time.monotonic()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environment)
    after = os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return time.monotonic() - started, cpu


def figures(calls: int, wall: float, cpu: float) -> dict[str, float]:
    rate = calls / wall
    return {"calls": calls, "seconds": round(wall, 2), "calls_per_second": round(rate, 1),
            "of_ideal": round(rate / IDEAL, 3), "cpu_ms_per_call": round(1000 * cpu / calls, 3)}  # fmt: skip


def ours(url: str, items: int, folder: Path) -> dict[str, float]:
    task = folder / "task.jsonl"
    task.write_text("".join(json.dumps({"input": f"question {i}", "answer": "1"}) + "\n" for i in range(items)))
    recipe = f"openai:stub@{url} | self_consistency(n={SAMPLES}, adaptive=false)"
    command = [
        sys.executable,
        "-m",
        "jielong",
        "eval",
        str(task),
        "-m",
        recipe,
        "--concurrency",
        str(AT_ONCE),
        "--json",
    ]
    wall, cpu = timed(command, {**os.environ, "JIELONG_HOME": str(folder / "home")})
    start_wall, start_cpu = timed([sys.executable, "-m", "jielong", "eval", str(task), "-m", recipe, "--dry-run"],
                                  {**os.environ, "JIELONG_HOME": str(folder / "home2")})  # fmt: skip
    return {**figures(items * SAMPLES, wall - start_wall, cpu - start_cpu),
            "whole_process": figures(items * SAMPLES, wall, cpu)}  # type: ignore[dict-item]  # fmt: skip


def environment(folder: Path, name: str, packages: list[str]) -> str:
    """A virtual environment for a peer; kept, as installing takes minutes."""
    python = folder / name / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(folder / name)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "-q", *packages], check=True)
    return str(python)


def peers(items: int, folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = {}
    with stub("--latency", str(LATENCY)) as url, tempfile.TemporaryDirectory() as logs:
        python = environment(folder, "inspect", ["inspect-ai", "openai"])
        arguments = [url, str(items), str(SAMPLES), str(AT_ONCE), logs]
        wall, cpu = timed(
            [python, "-c", INSPECT, *arguments], {**os.environ, "STUB_API_KEY": "x", "STUB_BASE_URL": url}
        )
        found["inspect"] = figures(stats(url)["requests"], wall, cpu)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=ITEMS)
    parser.add_argument("--peers", type=Path, metavar="DIR", help="where the peers' environments are kept")
    given = parser.parse_args()
    said: dict[str, Any] = {"latency": LATENCY, "at_once": AT_ONCE, "ideal_calls_per_second": IDEAL}
    with stub("--latency", str(LATENCY)) as url, tempfile.TemporaryDirectory() as folder:
        said["jielong"] = ours(url, given.items, Path(folder))
        assert stats(url)["requests"] == given.items * SAMPLES
    with stub("--latency", str(LATENCY)) as url:
        wall, cpu = timed([sys.executable, "-c", RAW, url, str(given.items * SAMPLES), str(AT_ONCE)])
        said["raw_aiohttp"] = figures(given.items * SAMPLES, wall, cpu)
    if given.peers:
        given.peers.mkdir(parents=True, exist_ok=True)
        said |= peers(given.items // 5, given.peers)
    write("calls", said)


if __name__ == "__main__":
    main()
