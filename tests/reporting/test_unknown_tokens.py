"""An endpoint that does not say what a call took: its tokens are unknown wherever they are shown, never 0."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from endpoint.wire import WireEndpoint, whole
from jielong.contract import Usage
from jielong.reporting.formatting import token_count
from jielong.runtime.trace import spent


@pytest.mark.parametrize(
    ("number", "untold", "text"), [(1200, 0, "1,200"), (0, 0, "0"), (1200, 1, "≥ 1,200"), (0, 1, "?")]
)
def test_tokens_are_known_a_bound_or_unknown(number: int, untold: int, text: str):
    assert token_count(number, untold) == text


def test_the_trace_says_so():
    assert spent(Usage(calls=1, unsettled_calls=1)) == "1 call, unknown tokens, 1 unsettled"
    assert "≥ 5 → ≥ 2 tokens" in spent(Usage(calls=2, unsettled_calls=1, input_tokens=5, output_tokens=2))


def jielong(home: Path, *arguments: str) -> str:
    environment = {**os.environ, "JIELONG_HOME": str(home)}
    command = [sys.executable, "-m", "jielong", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout


@pytest.mark.parametrize("usage", [None, {"prompt_tokens": 11, "completion_tokens": 7}], ids=["unknown", "known"])
def test_eval_and_the_ledger_say_so(usage: Any, tmp_path: Path):
    home = tmp_path / "home"
    task = tmp_path / "task.jsonl"
    task.write_text("".join(json.dumps({"input": f"{n} + 1?", "answer": str(n + 1)}) + "\n" for n in range(4)))
    with WireEndpoint([whole({"content": "The answer is 2."}, usage=usage)]) as endpoint:
        arguments = ["eval", str(task), "-m", f"openai:m@{endpoint.url}", "--rule", "number"]
        table = jielong(home, *arguments)
        document = json.loads(jielong(home, *arguments, "--json"))["results"][0]["usage"]
    ledger = jielong(home, "ledger", "cost")
    if usage is None:
        assert (document["input_tokens"], document["output_tokens"], document["unsettled_calls"]) == (None, None, 4)
        assert "?" in table
        assert "?" in ledger
    else:
        assert (document["input_tokens"], document["output_tokens"], document["unsettled_calls"]) == (44, 28, 0)
