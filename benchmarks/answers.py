"""How right and how fast the answer rules are: the hand-made hard cases, and GSM8K where it is beside the checkout.

    python benchmarks/answers.py        prints JSON and writes benchmarks/results/answers.json

Times are of one extraction with its comparison, in milliseconds; the first start of the process for math-verify is
told apart. `naive` is what people do without rules: the last number of the text.
"""

import json
import platform
import re
import subprocess
import time
import tomllib
from pathlib import Path
from typing import Any

import anyio

from jielong.answers import RULES
from jielong.tasks import math_verify_process
from jielong.tasks.answer_equality import matches

ROOT = Path(__file__).parents[1]
HARD = ROOT / "tests/tasks/hard_answers.toml"
GSM8K = ROOT / "../shared/data/gsm8k/train.jsonl"
FLOODS = {
    "digits": "9",
    "marks": "the answer is ",
    "braces": "{",
    "boxes": "\\boxed{",
    "fences": "```\n",
    "sums": "1 + ",
}


def summary(milliseconds: list[float]) -> dict[str, float]:
    ordered = sorted(milliseconds)
    at = {"p50": ordered[len(ordered) // 2], "p99": ordered[int(len(ordered) * 0.99)], "max": ordered[-1]}
    return {name: round(value, 3) for name, value in at.items()}


async def hard() -> dict[str, Any]:
    cases = [case for kind in tomllib.loads(HARD.read_text("utf-8")).values() for case in kind]
    times, right = [], 0
    for case in cases:
        start = time.perf_counter()
        found = case["predicted"] if "predicted" in case else RULES[case["rule"]](case["text"])
        fine = "text" not in case or found == case.get("expected")
        if "gold" in case:
            fine &= case["equal"] == await matches(case["rule"], found, [case["gold"]], choices=case.get("choices"))
        times.append(1000 * (time.perf_counter() - start))
        right += fine
    return {"cases": len(cases), "right": right, "accuracy": round(right / len(cases), 4), "ms": summary(times)}


async def gsm8k(marked: bool) -> dict[str, Any]:
    times, right, naive, rows = [], 0, 0, GSM8K.read_text("utf-8").splitlines()
    for row in rows:
        chain, _, gold = json.loads(row)["answer"].rpartition("####")
        reply = re.sub(r"<<[^>]*>>", "", chain) + (f"#### {gold}" if marked else "")
        start = time.perf_counter()
        right += await matches("number", RULES["number"](reply), [gold.strip()])
        times.append(1000 * (time.perf_counter() - start))
        last = re.findall(r"-?\d[\d,]*(?:\.\d+)?", reply)[-1:]
        naive += bool(last) and await matches("number", last[0], [gold.strip()])
    n = len(rows)
    return {"cases": n, "accuracy": round(right / n, 4), "naive": round(naive / n, 4), "ms": summary(times)}


def floods() -> dict[str, float]:
    """The slowest rule on a megabyte of each, in milliseconds."""
    slowest = {}
    for name, piece in FLOODS.items():
        text = piece * (1_000_000 // len(piece))
        for rule in RULES.values():
            start = time.perf_counter()
            rule(text)
            slowest[name] = round(max(slowest.get(name, 0.0), 1000 * (time.perf_counter() - start)), 1)
    return slowest


def commit() -> str:
    told = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=True)
    return told.stdout.strip()


async def main() -> None:
    start = time.perf_counter()
    assert await math_verify_process.equal("\\sqrt{4}", "2")
    result: dict[str, Any] = {
        "commit": commit(),
        "machine": f"{platform.machine()}, Python {platform.python_version()}",
        "start_of_math_verify_s": round(time.perf_counter() - start, 2),
        "hard": await hard(),
    }
    if GSM8K.exists():
        result |= {"gsm8k": await gsm8k(marked=True), "gsm8k_without_mark": await gsm8k(marked=False)}
    result |= {"megabyte_ms": floods(), "killed": math_verify_process.worker().stopped}
    print(json.dumps(result, indent=2))
    out = ROOT / "benchmarks/results/answers.json"
    out.parent.mkdir(exist_ok=True)
    out.write_text(json.dumps(result, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    anyio.run(main)
