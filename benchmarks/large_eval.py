"""A hundred thousand items in one run of `eval`: the memory that it takes at most, and the time of an item.

python benchmarks/large_eval.py
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from common import write

QUESTION = "What is {a} plus {b}? Please explain your reasoning and give the final number."
REPLY = "Let us add the two numbers slowly and check. Answer: 5"
MOST = 300  # MB


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=100_000)
    items = parser.parse_args().items
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows = ({"input": QUESTION.format(a=i, b=i % 97), "answer": str(i + i % 97)} for i in range(items))
        (folder / "task.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        (folder / "replies.jsonl").write_text(json.dumps({"contains": "", "reply": REPLY}))
        command = [
            sys.executable,
            "-m",
            "jielong",
            "eval",
            "task.jsonl",
            "-m",
            "scripted:replies.jsonl",
            "--out",
            "out",
        ]
        environment = {**os.environ, "JIELONG_HOME": str(folder / "home")}
        run = subprocess.Popen([*command, "--json"], cwd=folder, env=environment, stdout=subprocess.DEVNULL)
        _, status, used = os.wait4(run.pid, 0)
        if status:
            raise SystemExit("eval failed")
        megabytes = used.ru_maxrss / 1024
        written = sum(file.stat().st_size for file in (folder / "out").iterdir()) / 1e6
    result = {
        "items": items,
        "peak_mb": round(megabytes),
        "of_what_is_allowed": round(megabytes / MOST, 2),
        "cpu_ms_per_item": round(1000 * (used.ru_utime + used.ru_stime) / items, 2),
        "written_mb": round(written),
    }
    write("large_eval", result)


if __name__ == "__main__":
    main()
