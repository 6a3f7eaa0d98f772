"""kill -9 at random moments, then the same command: only what was in flight is paid twice, and the end is equal."""

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

from endpoint import Endpoint, numbered

ITEMS, SAMPLES, AT_ONCE = 40, 4, 16

WORK = """
import json, sys
from dataclasses import asdict
import anyio
from jielong import Message, Request, Sampling, load, use_ledger
from jielong.runtime.ledger import Ledger
from jielong import call_context
from jielong.scope import scope

async def main(url, file, items, samples, at_once):
    model = load(f"openai:stub@{url} | cot | self_consistency(n={samples})")
    with Ledger(file) as ledger:
        run = ledger.begin("the same work", "a test")
    replies = {}
    todo = iter(range(items))

    async def work():
        for i in todo:
            with call_context.sub_path(i):
                reply = await model.generate(Request((Message("user", f"item {i}"),), Sampling(seed=5, max_tokens=50)))
            replies[i] = reply.text

    with call_context.replace(max_concurrency=at_once), use_ledger(file, run) as ledger, scope("all") as whole:
        async with anyio.create_task_group() as tasks:
            for _ in range(at_once):
                tasks.start_soon(work)
        ledger.finish(run)
    usage = asdict(whole.usage)
    usage.pop("seconds")
    print(json.dumps({"usage": usage, "replies": [replies[i] for i in range(items)]}))

url, file, *numbers = sys.argv[1:]
anyio.run(main, url, file, *map(int, numbers))
"""


def start(stub: Endpoint, file: Path) -> subprocess.Popen[bytes]:
    arguments = [stub.url, str(file), str(ITEMS), str(SAMPLES), str(AT_ONCE)]
    return subprocess.Popen([sys.executable, "-c", WORK, *arguments], stdout=subprocess.PIPE)


def finished(process: subprocess.Popen[bytes]) -> dict[str, Any]:
    out, _ = process.communicate()
    assert process.returncode == 0
    said: dict[str, Any] = json.loads(out)
    return said


@pytest.mark.skipif(os.name == "nt", reason="there is no SIGKILL")
def test_a_killed_run_goes_on_and_ends_as_an_uninterrupted_one(tmp_path: Path, full: bool) -> None:
    rng = random.Random(9)
    kills = 20 if full else 3
    with Endpoint(numbered, latency=0.02, keep=False) as stub:
        whole = finished(start(stub, tmp_path / "whole.db"))
        needed = stub.stats.requests
        killed = 0
        for _ in range(kills):
            process = start(stub, tmp_path / "killed.db")
            stop_at = stub.stats.requests + rng.randint(1, needed // kills + 5)
            while stub.stats.requests < stop_at and process.poll() is None:
                time.sleep(0.0005)
            killed += process.poll() is None
            process.send_signal(signal.SIGKILL)
            process.communicate()
        again = finished(start(stub, tmp_path / "killed.db"))
        paid = stub.stats.requests - needed
    assert killed >= kills // 2
    assert again == whole
    assert again["usage"]["calls"] == needed
    assert again["usage"]["cached_calls"] == 0
    assert needed <= paid <= needed + killed * AT_ONCE
