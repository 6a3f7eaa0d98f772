"""Latency is what the model took, not what its calls waited for a slot."""

import json
import os
import subprocess
import sys
from pathlib import Path

import anyio
import pytest

from endpoint import Answer, Endpoint
from jielong import load
from jielong.contract import Usage
from jielong.measuring.evaluate import compare
from jielong.runtime.ledger import Ledger
from jielong.scope import Scope, Turn
from jielong.tasks.item import Item
from jielong.tasks.metric import number
from jielong.tasks.task import Task

ITEMS = tuple(Item(str(i), f"{i} + 1?", (str(i + 1),)) for i in range(40))


@pytest.mark.parametrize("recipe", ["", " | self_consistency(n=3)"])
def test_the_wait_for_a_slot_is_told_apart(recipe: str):
    task = Task("sums", ITEMS, number, "", "")
    with Endpoint(lambda body, n: Answer("1", seconds=0.05)) as endpoint:
        model = load(f"openai:stub@{endpoint.url}{recipe}")
        report = anyio.run(lambda: compare(task, [model], concurrency=4, ledger=Path(":memory:")))
    result = report.results[0].to_json()
    calls = 3 if recipe else 1
    assert 0.05 <= result["latency"]["p50"] < 0.05 * calls + 0.06
    assert set(result["queued"]) == {"p50", "p95"}


def test_only_waiting_while_nothing_is_answered_counts():
    scope = Scope("item", None, None)
    scope.turns = [Turn(0, 1, 3), Turn(0, 2, 4), Turn(5, 7, 8)]  # 0 to 1 both wait; 1 to 2 one is answered; 5 to 7
    assert scope.seconds_queued() == 3
    scope.turns = []
    assert scope.seconds_queued() == 0


def test_the_ledgers_cost_keeps_the_bound_of_an_attempt_that_was_tried_again(tmp_path: Path):
    with Ledger(tmp_path / "ledger.db") as ledger:
        usage = Usage(calls=1, retries=1, unsettled_calls=1, input_tokens=5)
        ledger.put(
            "a",
            "run",
            "openai:m",
            "{}",
            usage=usage,
            reply={"message": {"role": "assistant", "content": ""}},
            bound_tokens=300,
        )
        ledger.put("b", "run", "openai:m", "{}", usage=usage, error="cut", bound_tokens=200)
        ledger.put("c", "other", "openai:m", "{}", usage=usage, error="cut", bound_tokens=None)
    command = [sys.executable, "-m", "jielong", "ledger", "cost", "--json"]
    done = subprocess.run(
        command, capture_output=True, text=True, check=True, env={**os.environ, "JIELONG_HOME": str(tmp_path)}
    )
    rows = {row["run"]: row["unsettled_bound_tokens"] for row in json.loads(done.stdout)}
    assert rows == {"run": 500, "other": None}
