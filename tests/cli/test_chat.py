"""`jielong chat` in a real terminal: history, commands, what ends it and what does not."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from terminal import Terminal

LINES = [
    {"contains": "first", "reply": "one"},
    {"contains": "second", "reply": "two"},
    {"contains": "long", "reply": "It begins", "finish": "length"},
    {"contains": "slow", "reply": "late", "seconds": 600},
]


@pytest.fixture
def chat(tmp_path: Path):
    (tmp_path / "script.jsonl").write_text("\n".join(json.dumps(line) for line in LINES))
    command = [sys.executable, "-m", "jielong", "chat", "-m", f"scripted:{tmp_path}/script.jsonl"]
    env = {**os.environ, "JIELONG_HOME": str(tmp_path / "home"), "JIELONG_LANG": "en"}
    with Terminal(command, env) as terminal:
        terminal.wait_for("> ")
        yield terminal


def say(chat: Terminal, line: str, answer: str) -> None:
    """Send a line, wait for its answer and for the next prompt, as a person does."""
    before = chat.text.count("> ")
    chat.press(f"{line}\r")
    chat.wait_for(answer)
    chat.wait_for("> ", before + 1)


def rows(home: Path) -> list[list[str]]:
    """The texts of each request that was made, in order."""
    command = [sys.executable, "-m", "jielong", "ledger", "export"]
    done = subprocess.run(
        command, capture_output=True, text=True, check=True, env={**os.environ, "JIELONG_HOME": str(home)}
    )
    requests = [json.loads(line)["request"] for line in done.stdout.splitlines()]
    return [[message["content"] for message in request["messages"]] for request in requests]


def test_arrow_up_brings_back_earlier_lines(chat: Terminal, tmp_path: Path):
    say(chat, "the first", "one\n")
    say(chat, "the second", "two\n")
    say(chat, "\x1b[A\x1b[A", "one\n")
    chat.press("\x04")
    assert chat.end() == 0
    assert [request[-1] for request in rows(tmp_path / "home")] == ["the first", "the second", "the first"]


def test_the_line_can_be_edited(chat: Terminal, tmp_path: Path):
    say(chat, "he firsx\x1b[D\x1b[3~t\x01t", "one\n")  # left, delete, t; home, t
    chat.press("/quit\r")
    assert chat.end() == 0
    assert rows(tmp_path / "home")[0][-1] == "the first"


def test_help_says_what_can_be_typed(chat: Terminal, tmp_path: Path):
    say(chat, "/help", "this list")
    for command in ("/reset", "/quit", "/help", "Arrow keys", "Ctrl-C"):
        assert command in chat.text
    chat.press("/quit\r")
    assert chat.end() == 0
    assert not (tmp_path / "home" / "ledger.db").exists()


def test_reset_forgets_the_conversation(chat: Terminal, tmp_path: Path):
    say(chat, "the first", "one\n")
    say(chat, "/reset", "forgotten")
    say(chat, "the second", "two\n")
    chat.press("/quit\r")
    assert chat.end() == 0
    assert rows(tmp_path / "home")[-1] == ["the second"]


def test_an_empty_line_does_not_end_it(chat: Terminal):
    say(chat, "", "")
    say(chat, "   ", "")
    say(chat, "the first", "one\n")
    chat.press("\x04")
    assert chat.end() == 0


def test_a_command_that_there_is_not_is_not_sent(chat: Terminal, tmp_path: Path):
    say(chat, "/rest", "/rest is no command; there are /help, /reset, /quit")
    say(chat, "/usr/bin is a first path", "one\n")  # a path is no command
    chat.press("/exit\r")
    assert chat.end() == 0
    assert [request[-1] for request in rows(tmp_path / "home")] == ["/usr/bin is a first path"]


def test_a_reply_that_was_cut_is_said_to_be(chat: Terminal):
    say(chat, "a long one", "token limit")
    assert "It begins" in chat.text
    chat.press("/quit\r")
    assert chat.end() == 0


def test_an_error_costs_one_turn(chat: Terminal, tmp_path: Path):
    say(chat, "something else", "no line of the script answers")
    say(chat, "the first", "one\n")
    chat.press("/quit\r")
    assert chat.end() == 0
    assert rows(tmp_path / "home")[-1] == ["the first"]


def test_an_endpoint_that_is_away_does_not_end_it(tmp_path: Path):
    command = [sys.executable, "-m", "jielong", "chat", "-m", "openai:x@http://127.0.0.1:9/v1"]
    env = {**os.environ, "JIELONG_HOME": str(tmp_path / "home"), "JIELONG_LANG": "en"}
    with Terminal(command, env) as terminal:
        terminal.wait_for("> ")
        say(terminal, "hi", "nothing answers at http://127.0.0.1:9/v1")
        terminal.press("/quit\r")
        assert terminal.end() == 0


def test_ctrl_c_stops_an_answer_and_not_the_conversation(chat: Terminal, tmp_path: Path):
    say(chat, "the first", "one\n")
    chat.press("slow\r")
    time.sleep(1)  # the answer is under way
    before = chat.text.count("> ")
    chat.press("\x03")
    chat.wait_for("Stopped.")
    chat.wait_for("> ", before + 1)
    say(chat, "the second", "two\n")
    chat.press("/quit\r")
    assert chat.end() == 0
    assert rows(tmp_path / "home")[-1] == ["the first", "one", "the second"]


def test_ctrl_c_at_the_prompt_ends_it(chat: Terminal):
    chat.press("half a li")
    chat.wait_for("half a li")  # readline waits for keys: a signal just before would be seen at the next key alone
    time.sleep(0.3)
    chat.press("\x03")
    assert chat.end() in (0, 130)
    assert "Traceback" not in chat.text


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_pipe_is_answered_without_prompts(tmp_path: Path, language: str):
    (tmp_path / "script.jsonl").write_text("\n".join(json.dumps(line) for line in LINES))
    command = [sys.executable, "-m", "jielong", "chat", "-m", f"scripted:{tmp_path}/script.jsonl"]
    env = {**os.environ, "JIELONG_HOME": str(tmp_path / "home"), "JIELONG_LANG": language}
    done = subprocess.run(
        command, input="the first\n\nthe second\n", capture_output=True, text=True, check=False, env=env
    )
    assert (done.returncode, done.stdout) == (0, "one\ntwo\n")


def test_a_pipe_ends_with_the_status_of_what_failed(tmp_path: Path):
    command = [sys.executable, "-m", "jielong", "chat", "-m", "openai:x@http://127.0.0.1:9/v1"]
    env = {**os.environ, "JIELONG_HOME": str(tmp_path / "home"), "JIELONG_LANG": "en"}
    done = subprocess.run(command, input="hi\n", capture_output=True, text=True, check=False, env=env)
    assert done.returncode == 2
    assert "nothing answers" in done.stderr
