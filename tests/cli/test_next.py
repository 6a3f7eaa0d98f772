"""`jielong next`: the chain of tokens, printed and gone through by keypress in a real terminal."""

import json
import math
import os
import pty
import select
import subprocess
import sys
import time
from pathlib import Path

import anyio
import pytest

from jielong import Message, Request, Sampling, load

QUESTION = "What is 17 + 25?"
CLEAR = "\x1b[2J"


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "jielong", "next", *arguments]


def environment(home: Path) -> dict[str, str]:
    return {**os.environ, "JIELONG_HOME": str(home), "JIELONG_LANG": "en", "TERM": "xterm"}


def run(home: Path, *arguments: str) -> str:
    done = subprocess.run(command(*arguments), capture_output=True, text=True, check=False, env=environment(home))
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_probabilities_are_those_of_the_reply(tmp_path: Path):
    said = json.loads(run(tmp_path, QUESTION, "-m", "mini", "--steps", "2", "-k", "3", "--json"))
    request = Request((Message("user", QUESTION),), Sampling(temperature=0, logprobs=3))
    reply = anyio.run(load("mini").generate, request)
    assert reply.logprobs is not None
    assert [row["token"].strip() for row in said["chain"]] == [t.token.strip() for t in reply.logprobs[:2]]
    expected = [math.exp(t.logprob) for t in reply.logprobs[:2]]
    assert [row["probability"] for row in said["chain"]] == pytest.approx(expected, abs=1e-4)
    assert len(said["next"]) == 3
    assert sum(row["probability"] for row in said["next"]) <= 1.000001


def test_a_technique_changes_what_is_continued(tmp_path: Path):
    assert "step by step" in run(tmp_path, QUESTION, "-m", "mini | cot")
    assert "step by step" not in run(tmp_path, QUESTION, "-m", "mini")


def test_the_chain_ends_at_the_end_of_the_reply(tmp_path: Path):
    said = json.loads(run(tmp_path, QUESTION, "-m", "mini", "--steps", "60", "--json"))
    assert said["chain"][-1]["token"] == "<|end|>"
    assert said["next"] == []


def test_keys_go_on_and_back(tmp_path: Path):
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        command(QUESTION, "-m", "mini"), stdin=theirs, stdout=theirs, stderr=theirs, env=environment(tmp_path)
    )
    os.close(theirs)

    def shows(wanted: int, key: str = "") -> None:
        """Press `key` until the chain on the screen has `wanted` tokens: a terminal that is just being made ready for
        single keys forgets what was typed before."""
        heard, silent, until = "", True, time.monotonic() + 60
        while time.monotonic() < until:
            if key and silent and CLEAR not in heard:
                os.write(ours, key.encode())
            silent = not select.select([ours], [], [], 3)[0]
            if not silent:
                heard += os.read(ours, 65536).decode("utf-8", "replace")
            _, found, drawn = heard.rpartition("[assistant]")
            chain = drawn.splitlines()[0].strip() if drawn.strip() else ""
            if found and "%" in drawn and (len(chain.split("│")) if chain else 0) == wanted:
                return
        raise AssertionError(heard)

    shows(0)
    for key, tokens in ((" ", 1), ("2", 2), ("b", 1), ("1", 2)):
        shows(tokens, key)
    while process.poll() is None:
        os.write(ours, b"q")
        time.sleep(0.3)
    assert process.returncode == 0
    os.close(ours)


def test_a_model_without_probabilities_is_refused_in_one_line(tmp_path: Path):
    done = subprocess.run(
        command("hello", "-m", "openai:gpt-5"), capture_output=True, text=True, check=False,
        env={**environment(tmp_path), "OPENAI_API_KEY": "none"},
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "use mini or local:" in done.stderr
