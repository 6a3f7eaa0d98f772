"""A judge is a Scorer, and a metric around it grades the answers of a task."""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest

from grading import reply
from jielong import Request, Scripted
from jielong.contract import Scores
from jielong.errors import BadInput, EndpointGaveUp
from jielong.measuring.evaluate import compare
from jielong.measuring.judge import Judge, JudgeMetric, grading_calls, judge_model, with_judge
from jielong.tasks.item import Item
from jielong.tasks.metric import Metric, answer_rule, find_metric
from jielong.tasks.task import Task

QUESTION = Item("1", "Write a line about the sea.")
SEA = Task("sea", (QUESTION,), find_metric("judge"), "there are no answers", "a test")


def graded(words: str) -> tuple[float | None, ...]:
    judge = Judge(Scripted(words))
    return anyio.run(judge.score, QUESTION.request(), [reply("blue")]).values


@pytest.mark.parametrize(
    ("words", "value"),
    [("Grade: 8", 0.8), ("10", 1.0), ("0", 0.0), ("7.5", 0.75), ("11", None), ("-1", None), ("good", None)],
)
def test_a_grade_is_a_fraction_of_ten_or_nothing(words: str, value: float | None):
    assert graded(words) == (value,)


def test_the_judge_sees_the_question_and_the_answer_and_not_who_wrote_it():
    model = Scripted("5")
    anyio.run(Judge(model).score, QUESTION.request(), [reply("blue"), reply("wide")])
    texts = [request.messages[-1].text for request in model.requests]
    assert all("Write a line about the sea." in text for text in texts)
    assert ["blue" in text for text in texts] == [True, False]


def test_where_no_grade_came_the_judges_error_is_raised():
    def gone(request: Request) -> str:
        raise EndpointGaveUp("the judge is at lunch")

    with pytest.raises(EndpointGaveUp, match="lunch"):
        anyio.run(Judge(Scripted(gone)).score, QUESTION.request(), [reply("blue")])


class Length:
    """A scorer without a model."""

    calls = 0

    async def score(self, request, replies):  # type: ignore[no-untyped-def]
        return Scores(tuple(min(1.0, len(each.text) / 10) for each in replies))


def test_any_scorer_can_grade_a_task():
    task = with_judge(SEA, Length(), 0)
    assert isinstance(task.metric, JudgeMetric)
    assert isinstance(task.metric, Metric)
    assert (grading_calls(task), judge_model(task)) == (0, None)
    result = anyio.run(lambda: compare(SEA, [Scripted("blue sea")], judge=Length(), ledger=Path(":memory:"))).results[0]
    assert (result.answers[0].score, result.answers[0].extracted) == (0.8, "8")


def test_the_calls_of_a_judge_are_counted_apart():
    judge, writer = Scripted("9", name="scripted:judge"), Scripted("blue", name="scripted:writer")
    result = anyio.run(lambda: compare(SEA, [writer], judge=Judge(judge), ledger=Path(":memory:"))).results[0]
    answer = result.answers[0]
    assert (answer.usage.calls, answer.judging.calls, answer.score) == (1, 1, 0.9)
    assert grading_calls(with_judge(SEA, Judge(judge), 0)) == 1


def test_a_task_without_answers_needs_a_judge():
    with pytest.raises(BadInput, match="sea: there are no answers, so a judge is needed: --judge RECIPE"):
        with_judge(SEA, None, 0)


def test_a_judge_of_answers_that_a_rule_could_find_leaves_votes_possible():
    counted = Task("sums", (Item("1", "1+1?", ("2",)),), find_metric("number"), "", "a test")
    task = with_judge(counted, Length(), 0)
    assert (task.metric.name, answer_rule(task.metric)) == ("judge", "number")
    assert answer_rule(with_judge(SEA, Length(), 0).metric) is None


def test_where_there_is_an_accepted_answer_the_judge_sees_it_and_the_header_says_so():
    requests: list[str] = []

    def grade(request: Request) -> str:
        requests.append(request.messages[-1].text)
        return "Grade: 8/10"

    item = Item("1", "What is the capital of France?", ("Paris", "Lutetia"))
    task = with_judge(Task("capitals", (item,), find_metric("exact"), "", ""), Judge(Scripted(grade)), 0)
    score = anyio.run(task.metric.score, item, reply("It is Paris."))
    assert "Accepted:\nParis\nLutetia\n" in requests[0]
    assert score.value == 0.8
    assert task.metric.name == "judge"
    assert task.why_metric.endswith(", which is shown the accepted answers")


@pytest.mark.parametrize(
    ("text", "value"),
    [("Grade: 8/10", 0.8), ("Grade: **8** / 10", 0.8), ("8 out of 10", 0.8), ("分数：9/10", 0.9), ("Grade: 7.5", 0.75)],
)
def test_a_grade_out_of_ten_is_no_fraction(text: str, value: float):
    assert graded(text) == (value,)
