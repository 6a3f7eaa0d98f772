"""improve on a task without answers: a judge grades, and its tokens are told apart."""

from pathlib import Path

import anyio
import pytest

from jielong import Request, Scripted
from jielong.errors import BadInput
from jielong.improving.improve_plan import prepare
from jielong.improving.improve_run import ImproveRun
from jielong.measuring.judge import Judge
from jielong.tasks.item import Item
from jielong.tasks.metric import find_metric
from jielong.tasks.task import Task

LETTERS = Task(
    "letters.csv", tuple(Item(str(i), f"Write a letter to customer {i}.") for i in range(40)), find_metric("judge"),
    "there are no answers", "letters.csv, read as rows",
)  # fmt: skip


def writer(request: Request) -> str:
    if "important to my career" in request.messages[-1].text:
        return "Dear customer, here is what you asked for, in full."
    return "Dear customer."


def grader(request: Request) -> str:
    return "Grade: 9" if "in full" in request.messages[-1].text else "Grade: 3"


def test_a_judge_finds_what_helps_and_its_tokens_are_apart():
    judge = Scripted(grader, name="scripted:judge")
    writing = Scripted(writer, name="scripted:writer")
    run = ImproveRun(prepare(LETTERS, [writing], judge=Judge(judge)), ledger=Path(":memory:"))
    anyio.run(run.execute)
    outcome = run.result()
    assert outcome.verdict.recipe == "scripted:writer | spell(kind=emotion)"
    assert outcome.verdict.comparison
    assert outcome.verdict.comparison.difference == pytest.approx(0.6)
    assert outcome.judging_usage.input_tokens + outcome.judging_usage.output_tokens >= judge.tokens > 0
    everything = outcome.search_usage + outcome.final_usage
    assert everything.calls == outcome.judging_usage.calls + sum(
        part.usage.calls for part in (*outcome.candidates, *outcome.finalists)
    )
    assert outcome.plan.max_calls >= everything.calls


def test_without_a_judge_it_is_told_what_is_missing():
    with pytest.raises(BadInput, match="there are no answers, so a judge is needed: --judge RECIPE"):
        prepare(LETTERS, [Scripted(writer)])
