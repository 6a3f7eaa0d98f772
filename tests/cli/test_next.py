"""`jielong next`: the chain of tokens, printed and gone through by keypress in a real terminal."""

import json
import math
import os
import shlex
import subprocess
import sys
import time
from pathlib import Path

import anyio
import pytest
from rich.cells import cell_len

from jielong import Message, Request, Sampling, load
from terminal import Terminal

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


def chain_of(screen: str) -> list[str]:
    """The tokens of the chain on the last screen."""
    drawn = screen.rpartition("[assistant]")[2].partition("\n\n")[0]
    return [token for token in "".join(drawn.split()).split("│") if token]


@pytest.mark.parametrize(
    ("keys", "tokens"),
    [
        ("   q", 3),
        ("1111q", 4),
        ("  2bbq", 1),
        (" \x1b[C\r\x1b[Dq", 2),
        ("   \x1b", 3),
        (" \x7f\x08bq", 0),
        ("9x  q", 2),  # keys that mean nothing are passed over
        (" \x1b[A\x1b[B\x1bOC q", 3),
        ("é 中 q", 2),
    ],
)
@pytest.mark.parametrize("pause", [0.0, 0.2])
def test_no_key_is_lost_however_fast_it_is_typed(tmp_path: Path, keys: str, tokens: int, pause: float):
    """All are typed before the first screen is there, or as soon as it is."""
    with Terminal(command(QUESTION, "-m", "mini | cot"), environment(tmp_path)) as terminal:
        if pause:
            terminal.wait_for("[assistant]")
            time.sleep(pause)
        terminal.press(keys)
        assert terminal.end() == 0, terminal.text
    last = terminal.raw.rpartition(CLEAR)[2].replace("\r\n", "\n")
    assert len(chain_of(last)) == tokens, last


def test_the_terminal_is_as_before_when_it_ends(tmp_path: Path):
    script = f"{shlex.join(command(QUESTION, '-m', 'mini'))}; stty -a"
    with Terminal(["sh", "-c", script], environment(tmp_path)) as terminal:
        terminal.press(" q")
        assert terminal.end() == 0
    assert " icanon" in terminal.text
    assert " echo " in terminal.text


LONG = "Tom has 3 bags with 4 apples each. A friend gives 5 more. How many apples are there now? Answer please."
LONG_ZH = "汤姆有 3 个袋子，每个袋子里有 4 个苹果。一个朋友又给了他 5 个。现在一共有多少个苹果？请回答。"


@pytest.mark.parametrize("columns", [40, 60, 80])
@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("question", [LONG, LONG_ZH])
def test_words_are_whole_in_narrow_terminals(tmp_path: Path, columns: int, language: str, question: str):
    env = environment(tmp_path) | {"JIELONG_LANG": language}
    with Terminal(command(question, "-m", "mini | cot", "--steps", "18"), env, columns) as terminal:
        terminal.press("q")
        assert terminal.end() == 0
    screen = terminal.raw.rpartition(CLEAR)[2].replace("\r\n", "\n").replace("\x1b[H", "")
    assert max(map(cell_len, screen.splitlines())) <= columns, screen
    text = " ".join(screen.split())
    for word in question.split():
        if question is LONG:
            assert word in text.split(), word
    reply = screen.rpartition("[assistant]")[2].partition("\n\n")[0]
    assert all(token in reply for token in chain_of(screen))
    assert len(chain_of(screen)) == 18
    tokens = json.loads(run(tmp_path, question, "-m", "mini | cot", "--steps", "18", "--json"))["chain"]
    for row in tokens:
        assert row["token"].replace(" ", "␣").replace("\n", "⏎") in reply
    for key in ("q", "b"):
        assert key in text


def test_the_documented_example_has_real_alternatives(tmp_path: Path):
    page = (Path(__file__).parents[2] / "docs" / "mini.md").read_text("utf-8")
    line = next(line for line in page.splitlines() if line.startswith("jielong next"))
    said = json.loads(run(tmp_path, *shlex.split(line)[2:], "--json"))
    likely = [row["probability"] for row in said["next"]]
    assert likely[0] < 0.7
    assert likely[1] > 0.1


def test_a_model_without_probabilities_is_refused_in_one_line(tmp_path: Path):
    done = subprocess.run(
        command("hello", "-m", "openai:gpt-5"), capture_output=True, text=True, check=False,
        env={**environment(tmp_path), "OPENAI_API_KEY": "none"},
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "use mini or local:" in done.stderr
