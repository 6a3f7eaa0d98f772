"""The trace: every call, and what each tool was given and gave."""

import json
import os
import subprocess
import sys
from pathlib import Path

import anyio
import pytest

from jielong import Message, Model, Request, Scripted
from jielong.contract import Reply, ToolCall, ToolSpec
from jielong.runtime.ledger import use_ledger
from jielong.runtime.trace import trace_lines
from jielong.techniques.tools.tool_loop import react, tools


def lines(model: Model, request: Request, folder: Path) -> list[str]:
    async def run() -> list[str]:
        with use_ledger(folder / "ledger.db") as ledger:
            reply = await model.generate(request)
            return list(trace_lines(reply, ledger))

    return anyio.run(run)


def asked(*replies: Reply | str) -> Scripted:
    """A model that gives these replies in turn."""
    remaining = list(replies)
    return Scripted(lambda request: remaining.pop(0), identity="in turn")


def calling(*calls: tuple[str, str, object]) -> Reply:
    made = tuple(ToolCall(call_id, name, json.dumps(arguments)) for call_id, name, arguments in calls)
    return Reply(Message("assistant", "", made), "tool_calls")


QUESTION = Request((Message("user", "What is 17 * 23?"),))


def double(number: int) -> int:
    """Twice a number."""
    return 2 * number


def test_a_native_call_shows_arguments_and_result(tmp_path: Path):
    model = asked(calling(("a", "calculator", {"expression": "17*23"})), "391") | tools()
    text = "\n".join(lines(model, QUESTION, tmp_path))
    assert 'calculator({"expression": "17*23"})' in text
    assert "→ 391" in text


def test_parallel_calls_show_each_its_own_result(tmp_path: Path):
    calls = calling(("a", "calculator", {"expression": "17*23"}), ("b", "double", {"number": 21}))
    model = asked(calls, "391 and 42") | tools(use=("calculator", double))
    text = lines(model, QUESTION, tmp_path)
    assert any('{"expression": "17*23"} → 391' in line for line in text), text
    assert any('{"number": 21} → 42' in line for line in text), text


def test_calls_without_ids_show_their_results(tmp_path: Path):
    calls = calling(("", "calculator", {"expression": "17*23"}), ("", "calculator", {"expression": "1+1"}))
    text = lines(asked(calls, "done") | tools(), QUESTION, tmp_path)
    assert any('{"expression": "17*23"} → 391' in line for line in text), text
    assert any('{"expression": "1+1"} → 2' in line for line in text), text


def test_the_last_round_has_its_results_too(tmp_path: Path):
    model = asked(calling(("a", "calculator", {"expression": "17*23"})), "391") | tools(rounds=1)
    assert "→ 391" in "\n".join(lines(model, QUESTION, tmp_path))


def test_an_error_of_a_tool_is_its_result(tmp_path: Path):
    model = asked(calling(("a", "calculator", {"expression": "1/0"})), "none") | tools()
    text = "\n".join(lines(model, QUESTION, tmp_path))
    assert '{"expression": "1/0"} → ' in text


def test_repaired_arguments_are_those_that_were_used(tmp_path: Path):
    model = asked(calling(("a", "calculater", {"expression": "17*23"})), "391") | tools()
    assert "→ 391" in "\n".join(lines(model, QUESTION, tmp_path))


@pytest.mark.parametrize("technique", [tools(form="text"), react()])
def test_calls_as_text_show_arguments_and_result(tmp_path: Path, technique: object):
    block = '<tool_call>{"name": "calculator", "arguments": {"expression": "17*23"}}</tool_call>'
    action = "Thought: compute\nAction: calculator[17*23]"
    model = asked(block if technique.__name__ == "tools" else action, "Answer: 391") | technique  # type: ignore[attr-defined]
    text = "\n".join(lines(model, QUESTION, tmp_path))
    assert "17*23" in text
    assert "→ 391" in text


def test_a_call_of_the_callers_own_tool_has_no_result(tmp_path: Path):
    request = Request((Message("user", "Weather?"),), tools=(ToolSpec("weather"),))
    text = "\n".join(lines(asked(calling(("a", "weather", {"city": "Basel"}))), request, tmp_path))
    assert 'weather({"city": "Basel"})' in text
    assert "→ " not in text.partition("weather")[2]


def test_a_result_of_many_lines_is_one(tmp_path: Path):
    def page() -> str:
        """A page."""
        return "\n".join(f"line {i}" for i in range(1000))

    model = asked(calling(("a", "page", {})), "ok") | tools(use=(page,))
    text = lines(model, QUESTION, tmp_path)
    assert any("{} → line 0 line 1" in line and line.endswith("…") for line in text), text
    assert max(map(len, text)) < 400


def test_a_conversation_that_had_tools_before_shows_only_its_own(tmp_path: Path):
    earlier = (
        Message("user", "What is 1+1?"),
        Message("assistant", "", (ToolCall("z", "calculator", '{"expression": "1+1"}'),)),
        Message("tool", "2", tool_call_id="z"),
        Message("assistant", "2"),
        Message("user", "And 17 * 23?"),
    )
    model = asked(calling(("a", "calculator", {"expression": "17*23"})), "391") | tools()
    text = "\n".join(lines(model, Request(earlier), tmp_path))
    assert "1+1" not in text
    assert "→ 391" in text


def test_on_the_command_line_mini_shows_its_tools(tmp_path: Path):
    done = subprocess.run(
        [sys.executable, "-m", "jielong", "ask", "Use the calculator: 17 * 23?", "-m", "mini | tools", "--trace"],
        capture_output=True, text=True, check=False, env={**os.environ, "JIELONG_HOME": str(tmp_path)},
    )  # fmt: skip
    assert "calculator({" in done.stderr
    assert " → " in done.stderr.partition("calculator({")[2]
