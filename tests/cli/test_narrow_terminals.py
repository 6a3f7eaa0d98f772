"""Tables in narrow terminals are lists; what is wide enough stays a table. In real terminals, in both languages."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from rich.cells import cell_len

from terminal import Terminal

ENV = {**os.environ, "JIELONG_LANG": "en", "OMP_NUM_THREADS": "1"}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ledger with a few calls, one of a long recipe and one in Chinese."""
    folder = tmp_path_factory.mktemp("home")
    for question in ("What is 17 + 25?", "汤姆有 3 个袋子，每个袋子里有 4 个苹果。一共有多少个苹果？"):
        command = [sys.executable, "-m", "jielong", "ask", question, "-m", "mini | cot", "--seed", "1"]
        subprocess.run(command, env={**ENV, "JIELONG_HOME": str(folder)}, check=True, capture_output=True)
    return folder


def lines(home: Path, arguments: list[str], columns: int, language: str = "en") -> list[str]:
    """What the command prints on standard output, cut where the terminal would break a line."""
    command = [sys.executable, "-m", "jielong", *arguments]
    with Terminal(command, {**ENV, "JIELONG_HOME": str(home), "JIELONG_LANG": language}, columns) as terminal:
        status = terminal.end(120)
        assert status == 0, terminal.text
        return [line.rstrip() for line in terminal.text.splitlines()]


MODELS = ["mini", "mini | cot", "mini | cot | options(temperature=0.7) | self_consistency(n=3, adaptive=false)"]
EVAL = ["eval", "mini:word_problems", "--limit", "12", *(word for model in MODELS for word in ("-m", model))]
COMMANDS = {
    "eval": EVAL,
    "ledger show": ["ledger", "show"],
    "ledger cost": ["ledger", "cost"],
    "doctor": ["doctor"],
}


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("columns", [40, 60, 80])
@pytest.mark.parametrize("command", COMMANDS)
def test_nothing_is_wider_than_the_terminal(home: Path, command: str, columns: int, language: str):
    printed = lines(home, COMMANDS[command], columns, language)
    if command == "eval":  # the lines around the table are prose
        printed = [line for line in printed if line.startswith("  ")]
    wide = [line for line in printed if cell_len(line) > columns and " " in line.strip()]
    assert not wide


@pytest.mark.parametrize("columns", [40, 60])
def test_an_eval_in_a_narrow_terminal_is_a_list_with_every_figure(home: Path, columns: int):
    wide = lines(home, EVAL, 200)
    narrow = "\n".join(lines(home, EVAL, columns))
    header = next(line for line in wide if line.startswith("recipe"))
    names = [name.strip() for name in header.split("  ") if name.strip()][1:]
    assert "calls" in names
    for name in names:
        assert narrow.count(f"  {name}: ") >= 1, name


def test_words_are_whole_in_a_narrow_list(home: Path):
    printed = lines(home, COMMANDS["doctor"], 40)
    text = " ".join(" ".join(printed).split())
    for words in ("sandbox monty", "extra local", "jielong", "python"):
        assert words in text


def test_a_wide_terminal_has_a_table(home: Path):
    printed = lines(home, COMMANDS["ledger cost"], 120)
    assert printed[0].split()[:2] == ["run", "model"]
    assert not any(line.startswith("  ") for line in printed)


def test_a_pipe_has_a_table_whatever_the_terminal(home: Path):
    env = {**ENV, "JIELONG_HOME": str(home), "COLUMNS": "40"}
    command = [sys.executable, "-m", "jielong", "ledger", "cost"]
    done = subprocess.run(command, env=env, check=True, capture_output=True, text=True)
    assert done.stdout.splitlines()[0].split()[:2] == ["run", "model"]


@pytest.mark.parametrize("columns", [40, 60, 200])
def test_json_is_the_same_at_any_width(home: Path, columns: int):
    assert json.loads("\n".join(lines(home, ["doctor", "--json"], columns)).replace("\n", ""))
