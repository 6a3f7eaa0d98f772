"""kill -9 at twenty random moments of `jielong judge` on 1,000 items, also while it goes on: what was paid twice.

The model and the judge are stubs of their own. Then another judge, which must cost no call at the model.
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
from contextlib import closing
from pathlib import Path

from common import stats, stub, write

ITEMS, AT_ONCE, KILLS = 1000, 64, 20


def command(task: Path, model: str, judge: str, name: str) -> list[str]:
    recipes = ["-m", f"openai:stub@{model}", "--judge", f"openai:{name}@{judge}"]
    return [sys.executable, "-m", "jielong", "judge", str(task), "--grade", *recipes, "--concurrency", str(AT_ONCE),
            "--json"]  # fmt: skip


def main() -> None:
    rng = random.Random(7)
    with (
        stub("--latency", "0.1", quiet=True) as model,
        stub("--latency", "0.1", "--behaviour", "judging", quiet=True) as judge,
        tempfile.TemporaryDirectory() as name,
    ):
        folder = Path(name)
        task = folder / "task.jsonl"
        task.write_text("".join(json.dumps({"input": f"question {i}", "answer": "1"}) + "\n" for i in range(ITEMS)))
        killed = {**os.environ, "JIELONG_HOME": str(folder / "killed")}
        in_flight, done_at = 0, []
        ledger = folder / "killed" / "ledger.db"
        for _ in range(KILLS):
            process = subprocess.Popen(
                command(task, model, judge, "first"), env=killed, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
            wanted = _rows(ledger) + rng.randrange(1, 2 * ITEMS // KILLS)
            while process.poll() is None and _rows(ledger) < wanted:
                time.sleep(0.02)
            time.sleep(rng.uniform(0, 0.1))
            in_flight += stats(model)["in_flight"] + stats(judge)["in_flight"]
            process.send_signal(signal.SIGKILL)
            process.wait()
            done_at.append(_rows(ledger))
        done = subprocess.run(
            command(task, model, judge, "first"), env=killed, capture_output=True, text=True, check=True
        )
        paid, rows = stats(model)["requests"] + stats(judge)["requests"], _rows(ledger)
        before = stats(model)["requests"]
        again = subprocess.run(
            command(task, model, judge, "second"), env=killed, capture_output=True, text=True, check=True
        )
        at_model = stats(model)["requests"] - before
    reports = [json.loads(each.stdout)["rows"][0]["n"] for each in (done, again)]
    write("judge_kills", {
        "kills": KILLS, "rows_at_the_kills": done_at, "calls_at_stubs": paid, "ledger_rows": rows,
        "in_flight_at_the_kills": in_flight, "paid_twice_at_most": paid - rows,
        "bound_holds": paid - rows <= KILLS * AT_ONCE,
        "calls_at_the_model_for_another_judge": at_model, "graded": reports,
    })  # fmt: skip


def _rows(ledger: Path) -> int:
    if not ledger.exists():
        return 0
    with closing(sqlite3.connect(ledger, timeout=60)) as database:
        if not database.execute("select 1 from sqlite_master where name = 'calls'").fetchone():
            return 0
        return int(database.execute("select count(*) from calls where state = 'done'").fetchone()[0])


if __name__ == "__main__":
    main()
