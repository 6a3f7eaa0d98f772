"""`jielong distil` on mini, three ways, each beside a control: as many steps on the task's own answers.

    python benchmarks/distil_mini.py [--table a|b|c2|c3|c4|logprobs] [--part 1.0] [--work build/distil_mini]

a   the whole reply of `mini | cot` into the plain prompt: the student, asked plainly, makes one call
b   votes on problems in other words (other_words.py), whose answers only the control learns, into one sample
cN  the answer alone to problems of N steps, by gradual removal of the steps of `mini | cot`
logprobs  as a, but the student learns the teacher's probabilities of each token instead of its choices

Each table is one command, kept as it was given; what is in benchmarks/results/distil_mini.json already is not measured
again, and an interrupted one goes on where it was. `--part` takes a part of the questions.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

from common import RESULTS, write
from other_words import write_problems

HOT = "mini | options(temperature=1.4) | cot"  # where one sample often slips and a vote does not
ALL = ("a", "b", "c2", "c3", "logprobs", "c4")


def command(table: str, part: float, work: Path) -> list[str]:
    """The arguments of `jielong` for a table."""
    train, test = round(800 * part), max(100, round(400 * part))
    plain = ["--teacher", "mini | cot", "--student", "mini"]
    problems = ["--limit", str(train + test), "--held-out", str(test), "--epochs", "2"]
    if table in ("a", "logprobs"):
        match = ["--match", "logprobs"] if table == "logprobs" else ["--control"]
        return ["mini:word_problems/3", *plain, *problems, *match]
    if table == "b":
        files = [
            write_problems(work / f"{name}.jsonl", n, 5, seed)
            for name, n, seed in (("train", train, 1), ("test", test, 2))
        ]
        models = ["--teacher", f"{HOT} | self_consistency(n=8, adaptive=false)", "--student", HOT]
        keep = ["--keep", "vote", "--agreement", "0.75", "--epochs", "2", "--control"]
        return [str(files[0]), "--test", str(files[1]), *models, *keep]
    fading = ["--learn", "fading", "--epochs", "1", "--control"]
    return [f"mini:word_problems/{table[1:]}", *plain, *problems[:4], *fading]


def measure(table: str, part: float, work: Path) -> dict[str, Any]:
    out = work / table
    arguments = ["distil", *command(table, part, work), "--out", str(out), "--json"]
    environment = {**os.environ, "JIELONG_HOME": str(work / "home")}
    process = subprocess.run(
        [sys.executable, "-m", "jielong", *arguments], env=environment, stdout=subprocess.PIPE, text=True, check=True
    )
    report = json.loads(process.stdout)
    kept = ("data", "steps", "tokens", "gain_kept", "student_over_control")
    names = ("before", "teacher", "after", "control")
    return {
        "command": shlex.join(["jielong", *arguments]),
        "models": {
            name: {
                "recipe": result["model"],
                "n": result["n"],
                "right": result["mean"],
                "ci95": result["ci95"],
                "calls": result["usage"]["calls"] / result["n"],
                "tokens": (result["usage"]["input_tokens"] + result["usage"]["output_tokens"]) / result["n"],
            }
            for name, result in zip(names, report["results"], strict=False)
        },
        "against_before": [{k: pair[k] for k in ("b", "difference", "ci95", "p_holm")} for pair in report["paired"]],
        **{name: report[name] for name in kept},
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--table", choices=ALL, action="append")
    parser.add_argument("--part", type=float, default=1.0)
    parser.add_argument("--work", type=Path, default=Path("build/distil_mini"))
    options = parser.parse_args()
    file = RESULTS / "distil_mini.json"
    tables: dict[str, Any] = json.loads(file.read_text())["tables"] if file.exists() else {}
    for table in options.table or ALL:
        key = table if options.part == 1 else f"{table} ({options.part:g} of the questions)"
        if key not in tables:
            tables[key] = measure(table, options.part, options.work)
            write("distil_mini", {"tables": tables}, quiet=True)
        print(key, json.dumps({name: each["right"] for name, each in tables[key]["models"].items()}))


if __name__ == "__main__":
    main()
