"""Function calls as answers: what is right, what is not, and how a file of them is read and measured."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from jielong import evaluate
from jielong.contract import Message, Reply, Request, ToolCall
from jielong.errors import BadInput
from jielong.models.scripted import Scripted
from jielong.tasks.bfcl import scored
from jielong.tasks.item import Item
from jielong.tasks.load_task import load_task

TRUTH = [{"math.route": {"start": ["New York", "NYC"], "stops": [["Rome", "Oslo"]], "fast": [True], "km": ["", 5],
                         "car": [{"seats": [4], "color": ["", "red"]}]}}]  # fmt: skip
RIGHT = {"start": "new york", "stops": ["Rome", "oslo"], "fast": True, "km": 5.0, "car": {"seats": 4}}
ITEM = Item("x", "?", (json.dumps(TRUTH),))


def score(item: Item, text: str) -> float:
    return scored(item, Reply(Message("assistant", text))).value


def said(*calls: tuple[str, Any]) -> str:
    return json.dumps([{"name": name, "arguments": json.dumps(arguments)} for name, arguments in calls])


@pytest.mark.parametrize("arguments", [RIGHT, {**RIGHT, "start": "NYC"}, {k: RIGHT[k] for k in RIGHT if k != "km"},
                                       {**RIGHT, "car": {"seats": 4, "color": "Red"}}])  # fmt: skip
def test_accepted_values_are_right(arguments: dict[str, Any]):
    assert score(ITEM, said(("math_route", arguments))) == 1.0
    assert score(ITEM, said(("math.route", arguments))) == 1.0


@pytest.mark.parametrize(
    "change",
    [{"start": "Boston"}, {"stops": ["Oslo", "Rome"]}, {"stops": "Rome, Oslo"}, {"fast": 1}, {"fast": "true"},
     {"km": "5"}, {"km": 6}, {"car": {"seats": 4, "wheels": 3}}, {"car": {}}, {"more": 1}, {"km": None}],
)  # fmt: skip
def test_other_values_are_wrong(change: dict[str, Any]):
    assert score(ITEM, said(("math_route", {**RIGHT, **change}))) == 0.0


def test_other_calls_are_wrong():
    right = ("math_route", RIGHT)
    for text in ("New York to Rome.", said(), said(right, right), said(("route", RIGHT)), "[1]",
                 json.dumps([{"name": "math_route", "arguments": '{"start": '}])):  # fmt: skip
        assert score(ITEM, text) == 0.0
    none = Item("irrelevance_1", "?", ("[]",))
    assert score(none, "No function fits.") == 1.0
    assert score(none, said(right)) == 0.0


def test_calls_may_come_in_any_order():
    both = Item("x", "?", (json.dumps([{"f": {"a": [1]}}, {"f": {"a": [1, 2]}}]),))
    assert score(both, said(("f", {"a": 2}), ("f", {"a": 1}))) == 1.0
    assert score(both, said(("f", {"a": 1}), ("f", {"a": 3}))) == 0.0


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("JIELONG_HOME", str(tmp_path / "home"))
    parameters = {"type": "dict", "properties": {"n": {"type": "float", "optional": True}}, "required": ["n"]}
    rows = [
        {"id": f"simple_{n}", "question": [[{"role": "user", "content": f"Square {n}"}]],
         "function": [{"name": "math.square", "description": "Squares.", "parameters": parameters}]} for n in range(3)
    ]  # fmt: skip
    file = tmp_path / "calls.json"
    file.write_text("\n".join(map(json.dumps, rows)))
    (tmp_path / "possible_answer").mkdir()
    truth = [{"id": f"simple_{n}", "ground_truth": [{"math.square": {"n": [n]}}]} for n in range(2)]
    (tmp_path / "possible_answer" / "calls.json").write_text("\n".join(map(json.dumps, truth)))
    return file


def test_a_file_is_joined_with_its_answers_and_its_words_become_json_schema(file: Path):
    task = load_task(str(file))
    assert [item.id for item in task.items] == ["simple_0", "simple_1"]
    assert task.rejected == (f"{file}:3: no answer: expected possible_answer/FILE beside the file",)
    (tool,) = task.items[0].request().tools
    assert tool.name == "math_square"
    assert tool.parameters == {"type": "object", "properties": {"n": {"type": "number"}}, "required": ["n"]}


def test_what_a_model_calls_is_measured(file: Path):
    def calls(request: Request) -> Reply:
        call = ToolCall("c", "math_square", '{"n": 1}')
        return Reply(Message("assistant", "", tool_calls=(call,)), "tool_calls")

    result = evaluate(str(file), Scripted(calls)).results[0]
    assert [answer.score for answer in result.answers] == [0.0, 1.0]
    assert result.answers[1].text == '[{"name": "math_square", "arguments": "{\\"n\\": 1}"}]'
    assert [
        answer.score for answer in evaluate(str(file), Scripted("one", name="scripted:text")).results[0].answers
    ] == [0.0, 0.0]


def test_answers_that_cannot_be_read_are_named(file: Path):
    (file.parent / "possible_answer" / "calls.json").write_text("{}")
    with pytest.raises(BadInput, match="not JSON lines with id and ground_truth"):
        load_task(str(file))
