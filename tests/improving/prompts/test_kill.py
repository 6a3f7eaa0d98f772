"""kill -9 at random moments, then the same command: only what was in flight is paid twice, and the end is equal."""

from __future__ import annotations

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from endpoint import Answer, Endpoint

AT_ONCE, CALLS = 8, 400


def behaviour(body: dict[str, Any], n: int) -> Answer:
    """A function of what is asked alone: the writer writes a numbered prompt; the task is done better with some."""
    text = " ".join(message["content"] for message in body["messages"])
    rng = random.Random(hashlib.sha256(f"{text} {body.get('seed')}".encode()).digest())
    if body["model"] == "writer":
        return Answer(f"```\n{rng.choice(['Guess', 'Go step by step', 'Be exact'])}, {rng.randint(1, 99)} times.\n```")
    number = int(body["messages"][-1]["content"].split()[2])
    right = rng.random() < (0.9 if "step by step" in text.lower() else 0.4)
    return Answer(f"Answer: {2 * number if right else 1}")


def start(stub: Endpoint, folder: Path, home: str) -> subprocess.Popen[str]:
    command = [
        *(sys.executable, "-m", "jielong", "prompts", "search", str(folder / "task.jsonl")),
        *("-m", f"openai:solver@{stub.url}", "--writer", f"openai:writer@{stub.url}", "--start", "Be quick."),
        *("--budget-calls", str(CALLS), "--concurrency", str(AT_ONCE), "--json", "--out", str(folder / home / "out")),
    ]
    environment = {**os.environ, "JIELONG_HOME": str(folder / home)}
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)


def finished(process: subprocess.Popen[str]) -> dict[str, Any]:
    out, words = process.communicate()
    assert process.returncode == 0, words
    summary: dict[str, Any] = json.loads(out)
    return summary


@pytest.mark.skipif(os.name == "nt", reason="there is no SIGKILL")
def test_a_killed_search_goes_on_and_ends_as_an_uninterrupted_one(tmp_path: Path) -> None:
    rng, kills = random.Random(5), 10 if os.environ.get("JIELONG_FULL") == "1" else 3
    rows = [json.dumps({"input": f"Twice is {i} multiplied, so what?", "answer": str(2 * i)}) for i in range(1, 101)]
    (tmp_path / "task.jsonl").write_text("\n".join(rows))
    with Endpoint(behaviour, latency=0.02, keep=False) as stub:
        whole = finished(start(stub, tmp_path, "whole"))
        needed = stub.stats.requests
        killed = 0
        for _ in range(kills):
            process = start(stub, tmp_path, "killed")
            stop_at = stub.stats.requests + rng.randint(1, needed // kills)
            while stub.stats.requests < stop_at and process.poll() is None:
                time.sleep(0.0005)
            killed += process.poll() is None
            process.send_signal(signal.SIGKILL)
            process.communicate()
        again = finished(start(stub, tmp_path, "killed"))
        paid = stub.stats.requests - needed
    assert killed >= kills - 1
    assert again == whole
    assert again["verdict"] == "improved"
    assert again["usage"]["calls"] == needed <= CALLS
    assert needed <= paid <= needed + killed * AT_ONCE
    for name in ("prompts.json", "tried.jsonl", "holdout_test.jsonl", "recipe.txt"):
        left, right = (tmp_path / home / "out" / name for home in ("whole", "killed"))
        assert left.read_text("utf-8") == right.read_text("utf-8")
