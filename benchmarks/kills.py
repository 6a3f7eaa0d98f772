"""kill -9 at ten random moments of `jielong eval`, then the same command: what was paid twice, and the report.

The stub answers by the messages and the seed alone, so the report of an uninterrupted run is known.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from common import stats, stub, write

ITEMS, SAMPLES, AT_ONCE, KILLS = 1000, 8, 64, 10


def command(url: str, task: Path) -> list[str]:
    recipe = f"openai:stub@{url} | self_consistency(n={SAMPLES}, adaptive=false)"
    return [sys.executable, "-m", "jielong", "eval", str(task), "-m", recipe, "--concurrency", str(AT_ONCE), "--json"]


def without_times(report: str) -> Any:
    figures = json.loads(report)
    figures.pop("run")
    for result in figures["results"]:
        result.pop("latency")
    return figures


def main() -> None:
    rng = random.Random(7)
    with stub("--latency", "0.2") as url, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        task = folder / "task.jsonl"
        task.write_text("".join(json.dumps({"input": f"question {i}", "answer": "1"}) + "\n" for i in range(ITEMS)))
        killed = {**os.environ, "JIELONG_HOME": str(folder / "killed")}
        in_flight = 0
        for _ in range(KILLS):
            process = subprocess.Popen(
                command(url, task), env=killed, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
            time.sleep(rng.uniform(1.5, 3.5))
            in_flight += stats(url)["in_flight"]
            process.send_signal(signal.SIGKILL)
            process.wait()
        done = subprocess.run(command(url, task), env=killed, capture_output=True, text=True, check=True)
        at_stub = stats(url)["requests"]
        rows = sqlite3.connect(folder / "killed" / "ledger.db").execute("select count(*) from calls").fetchone()[0]
        environment = {**os.environ, "JIELONG_HOME": str(folder / "whole")}
        uninterrupted = subprocess.run(command(url, task), env=environment, capture_output=True, text=True, check=True)
    equal = without_times(done.stdout) == without_times(uninterrupted.stdout)
    write("kills", {"kills": KILLS, "calls_at_stub": at_stub, "ledger_rows": rows, "in_flight_at_the_kills": in_flight,
                    "bound_holds": at_stub <= rows + KILLS * AT_ONCE, "calls_paid_twice_at_most": at_stub - rows,
                    "reports_equal": equal})  # fmt: skip


if __name__ == "__main__":
    main()
