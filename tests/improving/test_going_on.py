"""improve killed at random moments and started again, and stopped by Ctrl-C: a real process and a real endpoint."""

from __future__ import annotations

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
from jielong import Message, Request
from jielong.reporting.wording import words

from . import worlds

FULL = os.environ.get("JIELONG_FULL") == "1"
ITEMS, AT_ONCE, KILLS = 40, 16, 10 if FULL else 3

pytestmark = pytest.mark.skipif(os.name == "nt", reason="there is no SIGKILL")


def helped(body: dict[str, Any], n: int) -> Answer:
    request = Request(tuple(Message(m["role"], m["content"]) for m in body["messages"]))
    return Answer(worlds.reply(0, request, worlds.HELPERS["cot"](request)))


def start(stub: Endpoint, folder: Path) -> subprocess.Popen[str]:
    folder.mkdir(exist_ok=True)
    rows = [json.dumps({"id": i.id, "input": i.input, "answer": i.accepted[0]}) for i in worlds.task(ITEMS).items]
    (folder / "task.jsonl").write_text("\n".join(rows))
    command = ["improve", "task.jsonl", "-m", f"openai:stub@{stub.url}", "--concurrency", str(AT_ONCE), "--json"]
    return subprocess.Popen(
        [sys.executable, "-m", "jielong", *command, "--out", "out"], cwd=folder, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env={**os.environ, "JIELONG_HOME": str(folder / "home"), "JIELONG_LANG": "en"},
    )  # fmt: skip


def wait_until(stub: Endpoint, requests: int, process: subprocess.Popen[str]) -> None:
    while stub.stats.requests < requests and process.poll() is None:
        time.sleep(0.0005)


def finished(process: subprocess.Popen[str]) -> dict[str, Any]:
    out, errors = process.communicate()
    assert process.returncode == 0, errors
    document: dict[str, Any] = json.loads(out)
    return document


def facts(document: dict[str, Any]) -> dict[str, Any]:
    """What an interruption may not change: everything but times and the name of the run."""
    for usage in ("search_usage", "final_usage", "judging_usage"):
        document[usage].pop("seconds")
    for candidate in document["candidates"]:
        candidate["usage"].pop("seconds")
    for result in document["results"]:
        result.pop("latency")
        result.pop("queued")
    return {name: value for name, value in document.items() if name not in ("run", "settings")}


def test_a_killed_run_goes_on_pays_nothing_twice_and_ends_with_the_same_verdict(tmp_path: Path):
    rng = random.Random(4)
    with Endpoint(helped, latency=0.01, keep=False) as stub:
        whole = facts(finished(start(stub, tmp_path / "whole")))
        needed, killed = stub.stats.requests, 0
        for _ in range(KILLS):
            process = start(stub, tmp_path / "killed")
            wait_until(stub, stub.stats.requests + rng.randint(1, needed // KILLS + 5), process)
            killed += process.poll() is None
            process.send_signal(signal.SIGKILL)
            process.communicate()
        again = facts(finished(start(stub, tmp_path / "killed")))
        paid = stub.stats.requests - needed
    print(f"{killed} kills; {needed} requests are needed, {paid} were made")
    assert killed == KILLS
    assert whole["verdict"] == "improved"
    assert again == whole
    assert needed <= paid <= needed + killed * AT_ONCE


def test_ctrl_c_ends_with_the_best_so_far_and_the_same_command_goes_on(tmp_path: Path):
    with Endpoint(helped, latency=0.01, keep=False) as stub:
        process = start(stub, tmp_path)
        wait_until(stub, 150, process)
        process.send_signal(signal.SIGINT)
        out, errors = process.communicate()
        assert process.returncode == 130, errors
        assert "Traceback" not in errors
        document = json.loads(out)
        assert (document["verdict"], document["stopped"]) == ("interrupted", "interrupted")
        assert json.loads((tmp_path / "out" / "outcome.json").read_text())["stopped"] == "interrupted"
        assert words("en")["search"]["running_interrupted"] in (tmp_path / "out" / "report.html").read_text("utf-8")
        paid = stub.stats.requests
        assert finished(start(stub, tmp_path))["verdict"] == "improved"
        asked_again = stub.stats.requests - paid
        calls = json.loads((tmp_path / "out" / "outcome.json").read_text())
        used = [calls[f"{part}_usage"] for part in ("search", "final")]
        assert sum(u["calls"] - u["cached_calls"] for u in used) <= paid + asked_again
        assert asked_again <= sum(u["calls"] - u["cached_calls"] for u in used) - paid + AT_ONCE
