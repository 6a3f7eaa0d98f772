"""`jielong loadtest` as it is typed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from load_stub import DelayedEndpoint, Delays


def loadtest(home: Path, *arguments: str, language: str = "en") -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "JIELONG_HOME": str(home), "JIELONG_LANG": language}
    command = [sys.executable, "-m", "jielong", "loadtest", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=env)


def test_a_table_in_both_languages_and_one_json_document(tmp_path: Path):
    with DelayedEndpoint(lambda n, arrived: Delays(0.02, 0.06)) as endpoint:
        short = (f"openai:stub@{endpoint.url}", "--rate", "30", "--duration", "0.6", "--warmup", "0.1")
        table = loadtest(tmp_path, *short)
        document = json.loads(loadtest(tmp_path, *short, "--json").stdout)
        chinese = loadtest(tmp_path, *short, "--p95", "5", "--windows", "2", language="zh")
    assert table.returncode == 0, table.stderr
    assert "whole reply" in table.stdout
    assert "US$ per 1,000: ?" in table.stdout
    assert "about 24 calls" in table.stderr
    (result,) = document["results"]
    assert result["answered"] == result["calls"] > 3
    assert 0.05 < result["latency"]["p50"] < result["latency"]["p95"]
    assert document["highest_rate"] is None
    assert "没有测量更高的速率" in chinese.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("mini", "--rate", "0"), "rate"),
        (("mini", "--rate", "nan"), "rate"),
        (("mini", "--rate", "1e9"), "expected at most 1,000,000"),
        (("mini", "--rate", "1", "--rate", "2", "--p95", "1"), "one --rate"),
        (("nothing:x",), "nothing"),
        (("openai:stub@http://127.0.0.1:9/v1", "--rate", "50", "--warmup", "0"), "nothing answers"),
    ],
)
def test_what_cannot_be_is_one_line_and_status_2(tmp_path: Path, arguments: tuple[str, ...], words: str):
    done = loadtest(tmp_path, *arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert words in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


def test_a_dry_run_sends_nothing(tmp_path: Path):
    with DelayedEndpoint(lambda n, arrived: Delays(0, 0)) as endpoint:
        done = loadtest(tmp_path, f"openai:stub@{endpoint.url}", "--rate", "2", "--dry-run", "--json")
    assert json.loads(done.stdout)["calls"] == 80
    assert endpoint.drawn == []
