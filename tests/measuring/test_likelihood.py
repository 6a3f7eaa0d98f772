"""Multiple choice by likelihood: the measures, ties, what is too long, labels, letters, and what a call is paid for."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from endpoint import Answer, Endpoint
from jielong import Message, Reply, Request, Scripted, evaluate, improve, load, search_prompts
from jielong.contract import NextTokens, TokenLogprob, Usage
from jielong.errors import BadInput, TooLong, Unsupported
from jielong.measuring.results import ModelResult
from jielong.runtime.provider import OpenWeightsProvider
from jielong.tasks.item import Item
from jielong.tasks.load_task import load_task
from jielong.tasks.metric import find_metric
from jielong.tasks.task import Task


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JIELONG_HOME", str(tmp_path))


class Table(OpenWeightsProvider):
    """The log-probability of each continuation, after a question and after nothing."""

    def __init__(self, likely: Mapping[str, float], alone: Mapping[str, float] | None = None) -> None:
        self.likely, self.alone, self.calls = likely, alone or {}, 0

    @property
    def name(self) -> str:
        return "table"

    def identity(self) -> str:
        return f"table {self.likely} {self.alone}"

    async def send(self, request: Request, attempt: str) -> Reply:
        return Reply(Message("assistant", "x"))

    async def send_logprobs(self, request: Request, continuation: str) -> tuple[tuple[TokenLogprob, ...], Usage]:
        self.calls += 1
        if "too long" in request.messages[-1].text:
            raise TooLong("it reads 5 tokens and the text has 9; shorten it")
        value = (self.likely if request.messages[-1].text else self.alone)[continuation]
        return (TokenLogprob(continuation, value),), Usage(input_tokens=3)

    async def send_next_tokens(self, request: Request, reply_tokens: Sequence[int], k: int) -> NextTokens:
        return NextTokens(())


def measure(rule: str, model: Table | Scripted, *items: Item) -> ModelResult:
    return evaluate(Task("t", items, find_metric(rule), "for a test", "a test"), model).results[0]


CAPITAL = Item("capital", "Which city is it?", ("B",), ("北京", "Paris", "A long name"))
CITIES = Table({"北京": -4.0, "Paris": -8.0, "A long name": -15.0}, {"北京": -4.0, "Paris": -9.0, "A long name": -16.0})


@pytest.mark.parametrize(
    ("rule", "letter"),
    [
        ("acc", "A"),  # -4 > -8 > -15
        ("acc_norm", "C"),  # by characters: -2, -1.6, -1.36
        ("acc_bytes", "A"),  # by bytes: -.67, -1.6, -1.36
        ("acc_mutual_info", "B = C"),  # 0, 1, 1
    ],
)
def test_each_measure_is_what_its_name_says_also_in_chinese(rule: str, letter: str):
    result = measure(rule, CITIES, CAPITAL)
    assert result.answers[0].extracted == letter


def test_choices_that_tie_share_the_point_wherever_the_right_one_stands():
    table = Table({"x": -1.0, "y": -1.0, "z": -2.0})
    for letter, point in (("A", 0.5), ("B", 0.5), ("C", 0.0)):
        result = measure("acc", table, Item("i", "?", (letter,), ("x", "y", "z")))
        assert result.answers[0].score == point
        assert "choices that are equally likely share the point" in result.notes


def test_what_is_not_a_number_is_lost_and_impossible_choices_are_not():
    items = [Item("whole", "?", ("A",), ("y", "z")), Item("broken", "?", ("A",), ("x", "y"))]
    broken = measure("acc", Table({"x": math.nan, "y": -1.0, "z": -2.0}), *items)
    assert (broken.n, broken.lost) == (1, 1)
    impossible = measure("acc", Table({"x": -math.inf, "y": -1.0}), Item("i", "?", ("B",), ("x", "y")))
    assert impossible.answers[0].score == 1.0


def test_a_text_that_is_too_long_is_lost_and_named_and_the_others_are_scored():
    items = [Item(f"i{n}", "too long" if n == 3 else "?", ("A",), ("x", "y")) for n in range(30)]
    result = measure("acc", Table({"x": -1.0, "y": -2.0}), *items)
    assert (result.n, result.lost, result.accuracy.mean) == (29, 1, 1.0)
    (lost,) = [answer for answer in result.answers if answer.score is None]
    assert lost.id == "i3"
    assert "reads 5 tokens" in str(lost.error)


def test_another_measure_costs_no_call():
    table = Table(CITIES.likely, CITIES.alone)
    for rule in ("acc", "acc_norm", "acc_bytes"):
        result = measure(rule, table, CAPITAL)
        assert table.calls == 3
        assert set(result.parts()) == {"acc", "acc_norm", "acc_bytes"}
    measure("acc_mutual_info", table, CAPITAL)
    assert table.calls == 6  # those without the question


def test_items_without_choices_have_the_labels_of_the_task(tmp_path: Path):
    rows = [{"input": f"Is {n} even?", "answer": "no" if n % 2 else "yes"} for n in range(20)]
    (tmp_path / "t.jsonl").write_text("\n".join(map(json.dumps, rows)))
    task = load_task(str(tmp_path / "t.jsonl"), rule="acc")
    assert evaluate(task, Table({"yes": -1.0, "no": -2.0})).results[0].accuracy.mean == 0.5
    texts = Task("t", (Item("i", "Why?", ("Because.",)),), find_metric("acc"), "", "")
    with pytest.raises(BadInput, match="needs choices, or a few labels"):
        evaluate(texts, Table({}))


def test_a_model_that_writes_only_is_refused_in_one_line():
    with pytest.raises(Unsupported, match="gives no log-probabilities of a given text"):
        measure("acc", Scripted(lambda request: "A"), CAPITAL)


def test_nothing_is_improved_by_what_grades_no_replies():
    items = tuple(replace(CAPITAL, id=str(n), input=f"Which city is number {n}?") for n in range(40))
    task = Task("t", items, find_metric("acc"), "", "")
    for begin in (improve, search_prompts):
        with pytest.raises(BadInput, match="grades no replies"):
            begin(task, "mini")


def test_by_letter_the_model_sees_the_choices():
    seen = []

    class Letters(Table):
        async def send_logprobs(self, request: Request, continuation: str) -> tuple[tuple[TokenLogprob, ...], Usage]:
            seen.append(request.messages[-1].text)
            return await super().send_logprobs(request, continuation)

    result = measure("acc_letter", Letters({"A": -2.0, "B": -1.0, "C": -3.0}), CAPITAL)
    assert result.answers[0].extracted == "B"
    assert seen[0] == "Question: Which city is it?\nA. 北京\nB. Paris\nC. A long name\nAnswer: "


@pytest.mark.parametrize(
    ("tokens", "extracted"),
    [
        ([("B", {"B": -0.5, " B": -3.0, "A": -1.0})], "B"),
        ([("A", {"A": -1.0, "B": -1.1, " B": -1.1})], "B"),  # B in two forms is likelier than A
        ([("The", {"The": -0.1}), (" answer", {}), (" is", {}), (" (", {}), ("B", {"B": -0.1, "A": -3.0})], "B"),
        ([("(B", {"(B": -0.1, "(A": -3.0})], "B"),
        ([("Because", {"A": -3.0}), (" a", {})], None),  # no token of the reply is a letter
    ],
)
def test_an_endpoint_that_reports_alternatives_is_asked_by_letter(
    tokens: list[tuple[str, dict[str, float]]], extracted: str | None
):
    def reply(request: Request) -> Reply:
        assert request.sampling.logprobs
        found = tuple(TokenLogprob(token, top.get(token, -0.1), tuple(top.items())) for token, top in tokens)
        return Reply(Message("assistant", "".join(token for token, _ in tokens)), logprobs=found)

    result = measure("acc_letter", Scripted(reply), CAPITAL)
    assert result.answers[0].extracted == extracted
    assert result.failed_extraction == (extracted is None)


def test_a_real_endpoint_by_letter(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OPENAI_API_KEY", "x")
    with Endpoint(lambda body, n: Answer("B", logprobs=(("B", -0.1),))) as endpoint:
        result = measure("acc_letter", load(f"openai:stub@{endpoint.url}"), CAPITAL)  # type: ignore[arg-type]
        assert result.accuracy.mean == 1.0
        assert endpoint.stats.bodies[0]["top_logprobs"] == 20


def test_from_the_command_line_with_mini(tmp_path: Path):
    rows = [{"input": "天空是什么颜色？", "choices": ["蓝色", "绿色"], "answer": "A", "id": "sky"}]
    (tmp_path / "sky.jsonl").write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows))
    command = [sys.executable, "-m", "jielong", "eval", "sky.jsonl", "-m", "mini", "--json", "--rule"]
    env = {**os.environ, "JIELONG_HOME": str(tmp_path)}
    done = subprocess.run([*command, "acc_norm"], capture_output=True, text=True, check=False, cwd=tmp_path, env=env)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)["results"][0]
    assert set(result["parts"]) == {"acc", "acc_norm", "acc_bytes"}
    assert "every text begins with <|begin|>, once" in result["notes"]
