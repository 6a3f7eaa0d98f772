"""What the place for telemetry costs: before it was there, with no collector named, and with one.

Four processes (`before` and `again` run the source of another commit, so their ratio shows the noise) answer the same
small batches in turn, so that a busy machine weighs on all of them; CPU time is what is compared. Once without a
network, where a call costs least and the place shows most, and once through the stub endpoint.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from common import ROOT, stub, write

sys.path.insert(0, str(ROOT / "tests"))
from collector import Collector

SAMPLES, AT_ONCE = 8, 16

WORKER = """
import sys, time, anyio
from contextlib import nullcontext
from jielong import load
from jielong.contract import Message, Request
try:
    from jielong.runtime.telemetry import telemetry
except ImportError:
    telemetry = nullcontext
model, request = load(sys.argv[1]), Request((Message("user", "What is 6 times 2?"),))
async def batch(items):
    todo = iter(range(items))
    async def work():
        for _ in todo:
            await model.generate(request)
    async with anyio.create_task_group() as tasks:
        for _ in range(int(sys.argv[2])):
            tasks.start_soon(work)
async def main():
    print("ready", flush=True)
    while items := int(await anyio.to_thread.run_sync(sys.stdin.readline) or 0):
        used = time.process_time()
        await batch(items)
        print(time.process_time() - used, flush=True)
with telemetry():
    anyio.run(main)
"""


@contextmanager
def worker(source: Path, recipe: str, home: str, variables: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    environment = {**clean, "PYTHONPATH": str(source), "JIELONG_HOME": home, **variables}
    process = subprocess.Popen(
        [sys.executable, "-c", WORKER, recipe, str(AT_ONCE)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment,
    )  # fmt: skip
    assert process.stdin
    assert process.stdout
    assert process.stdout.readline() == "ready\n"
    try:
        yield process
    finally:
        process.stdin.close()
        assert process.wait() == 0


def ask(process: subprocess.Popen[str], items: int) -> float:
    """CPU seconds of a batch."""
    assert process.stdin
    assert process.stdout
    process.stdin.write(f"{items}\n")
    process.stdin.flush()
    return float(process.stdout.readline())


def compared(sources: dict[str, Path], recipe: str, collector: str, items: int, rounds: int) -> dict[str, Any]:
    taken: dict[str, list[float]] = {name: [] for name in sources}
    with ExitStack() as stack:
        home = stack.enter_context(tempfile.TemporaryDirectory())
        workers = {}
        for name, source in sources.items():
            variables = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector} if name == "collector" else {}
            workers[name] = stack.enter_context(worker(source, recipe, home, variables))
        for i in range(rounds + 1):
            for name in (*list(workers)[i % 4 :], *list(workers)[: i % 4]):
                taken[name].append(ask(workers[name], items))
    calls = items * SAMPLES
    said: dict[str, Any] = {
        name: {"cpu_us_a_call": round(1e6 * statistics.median(t[1:]) / calls, 1),
               "calls_a_cpu_second": round(calls / statistics.median(t[1:]))}
        for name, t in taken.items()
    }  # fmt: skip
    for name in list(taken)[1:]:
        ratios = sorted(t / b for t, b in zip(taken[name][1:], taken["before"][1:], strict=True))
        quarter = len(ratios) // 4
        said[name]["times_before"] = round(statistics.median(ratios), 3)
        said[name]["middle_half"] = [round(ratios[quarter], 3), round(ratios[-1 - quarter], 3)]
    return said


def source_of(commit: str, folder: str) -> Path:
    archive = subprocess.run(["git", "archive", commit, "src"], cwd=ROOT, capture_output=True, check=True)
    subprocess.run(["tar", "x", "-C", folder], input=archive.stdout, check=True)
    return Path(folder) / "src"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--before", default="4b54799", metavar="COMMIT")
    parser.add_argument("--items", type=int, default=5, help="answers in a batch, of 8 calls each")
    parser.add_argument("--rounds", type=int, default=120)
    given = parser.parse_args()
    said: dict[str, Any] = {"before": given.before, "load_before": [round(x, 1) for x in os.getloadavg()]}
    with tempfile.TemporaryDirectory() as folder, Collector() as collector, stub() as url:
        before = source_of(given.before, folder)
        sources = {"before": before, "again": before, "unset": ROOT / "src", "collector": ROOT / "src"}
        script = Path(folder) / "script.jsonl"
        script.write_text(json.dumps({"reply": "It is 12."}) + "\n")
        techniques = f"| cot | self_consistency(n={SAMPLES}, adaptive=false)"
        for name, model in (("no_network", f"scripted:{script}"), ("endpoint", f"openai:stub@{url}")):
            said[name] = compared(sources, f"{model} {techniques}", collector.url, given.items, given.rounds)
        said["spans_received"] = len(collector.spans)
    said["load_after"] = [round(x, 1) for x in os.getloadavg()]
    write("telemetry", said)


if __name__ == "__main__":
    main()
