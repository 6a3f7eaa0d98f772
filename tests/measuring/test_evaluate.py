"""`evaluate` and what it hands out: means, pairs, their correction, the JSON form that others rely on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from jielong import Message, Reply, Request, Scripted, evaluate
from jielong.contract import Usage
from jielong.measuring.results import EvalReport, ItemResult, ModelResult, compare_scores, mean_score
from jielong.stats import holm, paired_difference
from jielong.tasks.item import Item
from jielong.tasks.metric import find_metric
from jielong.tasks.task import Task


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JIELONG_HOME", str(tmp_path))


def task(n: int = 20) -> Task:
    items = tuple(Item(str(i), f"Say {i}.", (str(i),)) for i in range(n))
    return Task("say", items, find_metric("number"), "for a test", "a test")


def knows(share: int, name: str) -> Scripted:
    """Right on the items whose number is below `share`."""

    def reply(request: Request) -> str:
        i = int(request.messages[-1].text.removeprefix("Say ").removesuffix("."))
        return f"The answer is {i if i < share else 999}"

    return Scripted(reply, name=f"scripted:{name}")


def test_models_are_compared_with_the_first_in_pairs():
    report = evaluate(task(), knows(5, "plain"), knows(15, "better"), knows(6, "same"))
    assert [result.accuracy.mean for result in report.results] == [0.25, 0.75, 0.3]
    better, same = report.comparisons()
    expected = [paired_difference([1.0] * 5 + [0.0] * 15, [1.0] * n + [0.0] * (20 - n)) for n in (15, 6)]
    assert [better.pair, same.pair] == expected
    assert [better.p_holm, same.p_holm] == holm([pair.p for pair in expected])


def test_the_json_form_is_the_one_that_others_rely_on():
    figures = evaluate(task(), knows(5, "a"), knows(15, "b")).to_json()
    json.dumps(figures, allow_nan=False)
    assert {"task", "seed", "results", "paired"} <= figures.keys()
    assert {
        "model", "n", "mean", "ci95", "lost", "failed_extraction", "usage", "latency",
    } <= figures["results"][0].keys()  # fmt: skip
    assert (figures["results"][0]["n"], figures["results"][0]["lost"]) == (20, 0)
    assert figures["results"][0]["latency"].keys() == {"p50", "p95"}
    assert {"a", "b", "difference", "ci95", "p"} <= figures["paired"][0].keys()
    assert (figures["paired"][0]["a"], figures["paired"][0]["b"]) == ("scripted:a", "scripted:b")
    assert figures["paired"][0]["difference"] == 0.5


def test_a_reply_without_an_answer_and_one_that_is_no_answer_are_told_apart():
    def reply(request: Request) -> Reply:
        i = int(request.messages[-1].text.removeprefix("Say ").removesuffix("."))
        finish = "length" if i == 0 else "refused" if i == 1 else "stop"
        return Reply(Message("assistant", "I cannot tell." if i < 4 else str(i)), finish)

    result = evaluate(task(), Scripted(reply)).results[0]
    assert (result.failed, result.failed_extraction, result.no_answer, result.lost, result.n) == (2, 2, 4, 0, 20)
    assert result.accuracy.mean == 0.8
    assert [str(answer.error).partition(":")[0] for answer in result.answers[:3]] == ["Truncated", "Refused", "None"]


def test_the_limit_of_a_reply_is_that_of_the_metric():
    model = Scripted("1")
    evaluate(task(1), model)
    assert model.requests[0].sampling.max_tokens == find_metric("number").max_tokens


def answers(*scores: float | None) -> tuple[ItemResult, ...]:
    return tuple(
        ItemResult(str(i), s, "1", "1", None if s is not None else "gone", Usage(), 0.1) for i, s in enumerate(scores)
    )


def test_pairs_are_of_the_items_that_both_have_scored():
    pair = compare_scores([1.0, None, 0.0, 0.0, 1.0], [1.0, 1.0, 1.0, None])
    assert (pair.n, pair.difference, pair.better, pair.worse) == (2, 0.5, 1, 0)
    clustered = compare_scores([1.0, None, 0.0, 0.0], [0.5, 1.0, 1.0, 1.0], ["a", "a", "b", "b"])
    assert clustered == paired_difference([1.0, 0.0, 0.0], [0.5, 1.0, 1.0], ["a", "b", "b"])
    assert mean_score([1.0, None, 0.0]).n == 2


@pytest.mark.parametrize(("lost", "concluded"), [(0, True), (1, True), (2, False)])
def test_five_percent_may_be_lost(lost: int, concluded: bool):
    def result(name: str, scores: list[float | None]) -> ModelResult:
        return ModelResult(name, answers(*scores), None, Usage(), ())

    plain, other = result("a", [0.0] * 20), result("b", [None] * lost + [1.0] * (20 - lost))
    (compared,) = EvalReport(task(), 0, None, (plain, other)).comparisons()
    assert (compared.pair is not None) == (compared.why is None) == concluded
    (turned,) = EvalReport(task(), 0, None, (other, plain)).comparisons()
    assert (turned.pair is not None) == concluded
