"""8,000 calls to a stub that takes 200 ms, 64 at a time: the rate between the first call and the last, and CPU a call.

`jielong eval` (1,000 items, a vote of 8, with its ledger) runs in a process of its own; raw aiohttp, the openai SDK
and dspy.LM send the same number of calls to the same stub, one after the other. The rate is what the stub sees from the
first request to the last answer, so it holds no start of a process; CPU is the client's alone, its start taken off.

    python benchmarks/calls.py                        # ours and raw aiohttp
    python benchmarks/calls.py --peers /tmp/peers     # installs the others into environments there; kept
    python benchmarks/calls.py --peers /tmp/peers --python openai=/path/to/python --python dspy=…
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

# Each program takes URL, CALLS and AT_ONCE; with CALLS 0 it only starts, which is taken off.
RAW = """
import asyncio, sys, aiohttp
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

OPENAI = """
import asyncio, sys
from openai import AsyncOpenAI, DefaultAioHttpClient
url, calls, at_once = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
async def main():
    todo = iter(range(calls))
    async with AsyncOpenAI(base_url=url, api_key="x", max_retries=0, http_client=DefaultAioHttpClient()) as client:
        async def work():
            for i in todo:
                messages = [{"role": "user", "content": f"question {i}"}]
                await client.chat.completions.create(model="stub", messages=messages)
        await asyncio.gather(*(work() for _ in range(at_once)))
asyncio.run(main())
"""

DSPY = """
import sys
from concurrent.futures import ThreadPoolExecutor
import dspy
url, calls, at_once = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
lm = dspy.LM("openai/stub", api_base=url, api_key="x", cache=False, num_retries=0)
with ThreadPoolExecutor(at_once) as threads:
    list(threads.map(lambda i: lm(f"question {i}"), range(calls)))
"""

PEERS = {"openai": (OPENAI, ["openai[aiohttp]"]), "dspy": (DSPY, ["dspy"])}


def cpu_seconds(command: list[str], environment: dict[str, str] | None = None) -> float:
    """Of a process and its children, until it ends."""
    before = os.times()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environment)
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def measured(run: list[str], start: list[str], environment: dict[str, str] | None = None) -> dict[str, Any]:
    """`run` with a stub of its own; `{url}` in the commands is its URL."""
    with stub("--latency", str(LATENCY)) as url:
        started = time.monotonic()
        cpu = cpu_seconds([part.replace("{url}", url) for part in run], environment)
        whole = time.monotonic() - started
        counts = stats(url)
        start_cpu = cpu_seconds([part.replace("{url}", url) for part in start], environment)
    calls, seconds = counts["requests"], counts["last_at"] - counts["first_at"]
    return {
        "calls": calls,
        "seconds": round(seconds, 2),
        "whole_process_seconds": round(whole, 2),
        "calls_per_second": round(calls / seconds, 1),
        "of_ideal": round(calls / seconds / IDEAL, 3),
        "cpu_ms_per_call": round(1000 * (cpu - start_cpu) / calls, 3),
        "at_once_max": counts["in_flight_max"],
        "statuses": counts["statuses"],
    }


def ours(items: int, folder: Path) -> dict[str, Any]:
    task = folder / "task.jsonl"
    task.write_text("".join(json.dumps({"input": f"question {i}", "answer": "1"}) + "\n" for i in range(items)))
    recipe = f"openai:stub@{{url}} | self_consistency(n={SAMPLES}, adaptive=false)"
    command = [sys.executable, "-m", "jielong", "eval", str(task), "-m", recipe]
    run = [*command, "--concurrency", str(AT_ONCE), "--json"]
    return measured(run, [*command, "--dry-run"], {**os.environ, "JIELONG_HOME": str(folder / "home")})


def interpreter(folder: Path, name: str, packages: list[str]) -> str:
    """The Python of a virtual environment for a peer; kept, as installing takes minutes."""
    python = folder / name / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(folder / name)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "-q", *packages], check=True)
    return str(python)


def script(python: str, program: str, calls: int) -> dict[str, Any]:
    command = [python, "-c", program, "{url}"]
    return measured([*command, str(calls), str(AT_ONCE)], [*command, "0", str(AT_ONCE)])


def version(python: str, package: str) -> str:
    program = "import sys; from importlib.metadata import version; print(version(sys.argv[1]))"
    return subprocess.run([python, "-c", program, package], check=True, capture_output=True, text=True).stdout.strip()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=ITEMS)
    parser.add_argument("--peers", type=Path, metavar="DIR", help="where the peers' environments are kept")
    parser.add_argument(
        "--python", action="append", default=[], metavar="PEER=PYTHON", help="one that is there already"
    )
    options = parser.parse_args()
    calls = options.items * SAMPLES
    figures: dict[str, Any] = {
        "latency": LATENCY, "at_once": AT_ONCE, "ideal_calls_per_second": IDEAL,
        "load_before": [round(load, 2) for load in os.getloadavg()], "cores": len(os.sched_getaffinity(0)),
    }  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        figures["jielong"] = ours(options.items, Path(folder))
    figures["raw_aiohttp"] = script(sys.executable, RAW, calls)
    pythons = dict(each.split("=", 1) for each in options.python)
    for name, (program, packages) in PEERS.items():
        if options.peers or name in pythons:
            python = pythons.get(name) or interpreter(options.peers, name, packages)
            figures[f"{name} {version(python, name)}"] = script(python, program, calls)
    figures["load_after"] = [round(load, 2) for load in os.getloadavg()]
    write("calls", figures)


if __name__ == "__main__":
    main()
