"""The task `needle`: texts never shorter than their label, facts at their depth, the heat map."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest

from grading import reply
from jielong import Request, Scripted, evaluate, load
from jielong.contract import OpenWeights
from jielong.errors import BadInput
from jielong.reporting.heat_map import heat_map
from jielong.stats import mean
from jielong.tasks.load_task import load_task
from jielong.tasks.needle_task import DEPTHS, built_in, found
from jielong.tasks.task import Task


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JIELONG_HOME", str(tmp_path))


def label(id: str) -> tuple[int, int]:
    length, depth, _ = map(int, re.findall(r"\d+", id))
    return length, depth


def sentence_of(text: str, at: int) -> str:
    return re.split(r"(?<=[.。])", text[at:])[0]


@pytest.mark.parametrize("spec", ["needle/64,300", "needle/zh/64,300"])
def test_a_text_is_as_long_as_its_label_by_the_tokenizer_and_hardly_longer(spec: str):
    mini = load("mini")
    assert isinstance(mini, OpenWeights)
    task = load_task(spec, limit=20).fitted([Scripted("x"), mini])
    for item in task.items:
        tokens = len(mini.tokenizer.encode(item.context[0]).ids)
        assert label(item.id)[0] <= tokens <= label(item.id)[0] + 40


def test_without_a_tokenizer_and_among_several_no_text_is_too_short():
    class Coarse:
        """Has few tokens, so that it needs the longest texts."""

        def encode(self, text: str, add_special_tokens: bool = True) -> Any:
            return type("Encoding", (), {"ids": text.split()})

    class Model(Scripted):
        tokenizer = Coarse()

        def module(self) -> None: ...
        def encode(self, request: Request) -> tuple[int, ...]:
            return ()

        def exclusive(self) -> None: ...

    task = load_task("needle/200", limit=5)
    assert all(len(item.context[0]) / 4.5 >= 200 for item in task.items)
    fitted = task.fitted([Model("x"), load("mini")])
    assert all(200 <= len(item.context[0].split()) <= 212 for item in fitted.items)
    assert replace(task, seed=1).fitted([Model("x")]).items != fitted.items
    instructed: Task = task.instructed("Be brief.").fitted([Model("x")])
    assert {item.instruction for item in instructed.items} == {"Be brief."}


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_fact_stands_at_its_depth_and_nothing_else_answers(language: str):
    task = built_in(f"needle/{language}/512", 10, 3)
    assert Counter(label(item.id)[1] for item in task.items) == dict.fromkeys(DEPTHS, 2)
    for item in task.items:
        text = item.context[0]
        sentences = re.split(r"(?<=[.。])\s?", text.strip())[:-1] or [text]
        holding = [i for i, sentence in enumerate(sentences) if item.accepted[0] in sentence]
        assert holding
        assert any(abs(100 * i / max(1, len(sentences) - 1) - label(item.id)[1]) <= 4 for i in holding)


@pytest.mark.parametrize(("text", "value"), [("It is {}.", 1), ("{} or gold or rice", 0), ("I do not know.", 0)])
def test_right_is_what_names_the_value_and_no_other(text: str, value: int):
    (item,) = (i for i in built_in("needle/64", 40, 0).items if i.accepted[0] == "copper")
    score = anyio.run(lambda: _graded(item, text.format("copper")))
    assert score.value == value


async def _graded(item: Any, text: str) -> Any:
    return found(item, reply(text))


def test_the_endpoints_own_count_is_compared_with_the_label():
    def answer(request: Request) -> str:
        return "no idea"

    result = evaluate(load_task("needle/zh/64", limit=3), Scripted(answer)).results[0]
    assert any("shorter than their label" in note for note in result.notes)  # a scripted model counts words


def test_the_parts_of_the_score_are_the_heat_map():
    parts = {"64 tokens, 0 %": mean([1.0, 0.0]), "64 tokens, 50 %": mean([1.0]), "1024 tokens, 0 %": mean([0.0])}
    cells = heat_map(parts)
    assert cells
    assert (cells.lengths, cells.depths) == ((64, 1024), (0, 50))
    assert cells.rows() == [["0 %", "50 ▓", "0 ░"], ["50 %", "100 █", ""]]
    assert heat_map({"loose": mean([1.0])}) is None


@pytest.mark.parametrize("spec", ["needle/x", "needle/1k/2k", "needle/8", "needle/9999999k", "needle/zh/"])
def test_a_length_that_is_none_is_said(spec: str):
    with pytest.raises(BadInput, match="after needle may come"):
        load_task(spec)
