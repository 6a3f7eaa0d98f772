"""Clients that leave, servers that end, and progress while a technique works."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest

from endpoint import Answer, Endpoint
from jielong import load
from jielong.contract import Model, Request
from jielong.models.scripted import Scripted
from jielong.serving import streaming
from jielong.serving.request_lifetime import ServerLimits
from jielong.technique import adds_output, final_call, gather
from serving.served import Served, until

GONE_AFTER = 0.5  # seconds; the machine works for two tests at once
ASKED: list[Any] = [{"role": "user", "content": "What is 1 + 1?"}]


def asking(served: Served, model: str, stream: bool) -> socket.socket:
    body = json.dumps({"model": model, "messages": ASKED, "stream": stream}).encode()
    connection = socket.create_connection(("127.0.0.1", served.port))
    connection.sendall(
        b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        + f"Content-Length: {len(body)}\r\n\r\n".encode()
        + body
    )
    return connection


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    "recipe", ["{model}", "{model} | self_consistency(n=8, adaptive=false)", "{model} | cot | self_refine"]
)
def test_a_client_that_leaves_cancels_everything_beneath(recipe: str, stream: bool):
    with Endpoint(lambda body, n: Answer("2", seconds=3600)) as endpoint:
        with Served(f"m={recipe.format(model=f'openai:stub@{endpoint.url}')}") as served:
            connection = asking(served, "m", stream)
            calls = 8 if "self_consistency" in recipe else 1
            until(lambda: endpoint.stats.in_flight >= calls)
            connection.close()
            took = until(lambda: endpoint.stats.in_flight == 0)
            assert took < GONE_AFTER
            assert endpoint.stats.cancelled == endpoint.stats.requests
            assert endpoint.stats.finished == 0


def test_a_client_that_leaves_in_the_middle_of_a_stream_cancels_it():
    told = threading.Event()

    @adds_output(calls=lambda model, **_: model)
    async def slow(model: Model, request: Request) -> Any:
        told.set()
        return await final_call(model, request)

    with Endpoint(lambda body, n: Answer("one two three " * 200_000)) as endpoint:
        with Served(load(f"openai:stub@{endpoint.url}") | slow) as served:
            connection = asking(served, served.offer.names()[0], True)
            assert connection.recv(10)
            assert told.wait(30)
            connection.close()
            assert until(lambda: endpoint.stats.in_flight == 0) < GONE_AFTER
            assert endpoint.stats.finished == 0


def test_many_that_leave_leave_nothing():
    with Endpoint(lambda body, n: Answer("2", seconds=3600), keep=False) as endpoint:
        with Served(f"m=openai:stub@{endpoint.url}") as served:
            connections = [asking(served, "m", i % 2 == 0) for i in range(200)]
            until(lambda: endpoint.stats.in_flight == 200)  # so many at once: a server has no slow start
            for connection in connections:
                connection.close()
            until(lambda: endpoint.stats.in_flight == 0)
            assert endpoint.stats.cancelled == 200
            assert endpoint.stats.finished == 0


def test_a_client_that_does_not_read_is_let_go(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(streaming, "KEEP_ALIVE", 0.1)
    base = Scripted("word " * 2_000_000)
    with Served(base, limits=ServerLimits(write_seconds=0.3)) as served:
        connection = asking(served, "scripted:test", True)
        until(lambda: base.running == 1)
        until(lambda: base.running == 0)
        assert base.finished == 0
        connection.close()


# --- progress ---------------------------------------------------------------------------------------------------------


def test_progress_is_told_on_the_side_while_a_technique_works():
    """Comment lines, which ordinary clients leave out."""
    heard = [threading.Event() for _ in range(3)]

    @adds_output(calls=lambda model, **_: 4 * model)
    async def drafts(model: Model, request: Request) -> Any:
        for i, event in enumerate(heard):
            await gather(model, [request], first=i)
            await anyio.to_thread.run_sync(event.wait)
        return await final_call(model, request)

    with Endpoint(lambda body, n: Answer(f"draft {n}")) as endpoint:
        with Served(load(f"openai:stub@{endpoint.url}") | drafts) as served:
            body = {"model": served.offer.names()[0], "messages": ASKED, "stream": True}
            comments, pieces = [], []
            with httpx2.stream("POST", f"{served.url}/chat/completions", json=body, timeout=60) as response:
                for line in response.iter_lines():
                    if line.startswith(": "):
                        told = json.loads(line[2:])["jielong"]
                        comments.append((told["calls"], told["max_calls"]))
                        assert pieces == [], "progress after the answer had begun"
                        heard[told["calls"] - 1].set()
                    elif line.startswith("data: {"):
                        pieces.append(json.loads(line[6:])["choices"][0]["delta"].get("content", ""))
    assert comments == [(1, 4), (2, 4), (3, 4)]
    assert "".join(pieces) == "draft 4"


def test_a_silent_plain_model_gives_signs_of_life(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(streaming, "KEEP_ALIVE", 0.05)
    with (
        Endpoint(lambda body, n: Answer("2", seconds=0.5)) as endpoint,
        Served(f"m=openai:stub@{endpoint.url}") as served,
    ):
        body = {"model": "m", "messages": ASKED, "stream": True}
        with httpx2.stream("POST", f"{served.url}/chat/completions", json=body, timeout=60) as response:
            lines = [line for line in response.iter_lines() if line]
        assert lines[0].startswith(": ")
        assert lines[-1] == "data: [DONE]"


# --- the end of a server ----------------------------------------------------------------------------------------------


@pytest.mark.skipif(os.name == "nt", reason="signals of Unix")
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_finishes_open_streams_and_takes_no_new_ones(how: signal.Signals, tmp_path: Path):
    release = threading.Event()

    def behave(body: dict[str, Any], n: int) -> Answer:
        release.wait(60)
        return Answer("one two three")

    with Endpoint(behave) as endpoint:
        command = [sys.executable, "-m", "jielong", "serve", f"m=openai:stub@{endpoint.url}", "--port", "0"]
        environment = {**os.environ, "JIELONG_HOME": str(tmp_path), "JIELONG_LANG": "en"}
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment)
        assert process.stderr
        line = process.stderr.readline()
        port = int(line.split("127.0.0.1:")[1].split("/")[0])
        body = json.dumps({"model": "m", "messages": ASKED, "stream": True}).encode()
        with socket.create_connection(("127.0.0.1", port)) as connection:
            connection.settimeout(60)
            connection.sendall(
                b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                + f"Content-Length: {len(body)}\r\n\r\n".encode()
                + body
            )
            until(lambda: endpoint.stats.requests == 1)
            process.send_signal(how)
            until(lambda: not _accepts(port))
            assert process.poll() is None, "it ended with a stream open"
            release.set()
            said = b""
            while piece := connection.recv(65536):
                said += piece
        assert b"three" in said
        assert b"data: [DONE]" in said
        assert process.wait(60) == 0
        assert process.stderr.read() == ""
        process.stderr.close()


def _accepts(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
    except OSError:
        return False
    return True


NOTEBOOK = """
import asyncio, os, signal, threading, urllib.request
from jielong import cot, load, serve
def ready(url):
    def use():
        print(urllib.request.urlopen(url + "/models").read().decode(), flush=True)
        os.kill(os.getpid(), signal.SIGINT)
    threading.Thread(target=use).start()
async def cell():
    try:
        serve(load("mini") | cot, "m=mini", port=0, ready=ready)
    except KeyboardInterrupt:
        print("ended")
asyncio.new_event_loop().run_until_complete(cell())
"""


@pytest.mark.skipif(os.name == "nt", reason="signals of Unix")
def test_in_a_notebooks_running_loop_it_serves_until_it_is_interrupted(tmp_path: Path):
    environment = {**os.environ, "JIELONG_HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", NOTEBOOK], capture_output=True, text=True, check=False, env=environment
    )
    assert done.stderr == ""
    listed, ended = done.stdout.splitlines()
    assert [card["id"] for card in json.loads(listed)["data"]] == ["mini | cot", "m"]
    assert ended == "ended"
