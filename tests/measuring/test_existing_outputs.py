"""`outputs:FILE` against references, and that a changed metric or judge costs no call at the models."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from jielong import Request, Scripted, evaluate, load
from jielong.cli.eval import eval_
from jielong.errors import BadInput, Unsupported
from jielong.tasks.load_task import load_task

QUESTIONS = {"a": ("What is 1+1?", "2"), "b": ("What is 2+2?", "4"), "c": ("What is 3+3?", "6")}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("JIELONG_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    rows = [{"id": id, "input": question, "answer": answer} for id, (question, answer) in QUESTIONS.items()]
    lines(tmp_path / "task.jsonl", rows)
    lines(tmp_path / "nameless.jsonl", [{"input": row["input"], "answer": row["answer"]} for row in rows])
    return tmp_path


def lines(file: Path, rows: Iterable[dict[str, Any]]) -> None:
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))


FORMS: dict[str, list[dict[str, Any]]] = {
    "by id, in any order": [{"id": id, "output": f"It is {QUESTIONS[id][1]}."} for id in "cab"],
    "by question": [{"prompt": QUESTIONS[id][0], "response": QUESTIONS[id][1]} for id in "bca"],
    "by order": [{"completion": answer} for _, answer in QUESTIONS.values()],
    "of lm-evaluation-harness": [{"doc_id": i, "resps": [[a]]} for i, (_, a) in enumerate(QUESTIONS.values())],
    "of AlpacaEval": [{"instruction": q, "output": a, "generator": "x"} for q, a in QUESTIONS.values()],
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("task", ["task.jsonl", "nameless.jsonl"])
def test_outputs_of_every_form_find_their_items(form: str, task: str):
    if (form, task) == ("by id, in any order", "nameless.jsonl"):
        return
    lines(Path("out.jsonl"), FORMS[form])
    (result,) = evaluate(task, "outputs:out.jsonl").results
    assert (result.accuracy.mean, result.n, result.lost, result.usage.calls) == (1, 3, 0, 0)


def test_a_text_file_holds_one_output_a_line():
    Path("out.txt").write_text("2\n4\n5\n")
    assert evaluate("task.jsonl", "outputs:out.txt").results[0].scores == [1, 1, 0]


def test_a_missing_output_is_lost_and_a_cut_off_one_is_wrong():
    lines(Path("out.jsonl"), [{"id": "a", "output": "2"}, {"id": "b", "output": "4", "finish": "length"}])
    (result,) = evaluate("task.jsonl", "outputs:out.jsonl").results
    assert result.scores == [1, 0, None]


def test_outputs_are_compared_with_a_model_in_pairs_and_what_eval_wrote_is_read_again():
    def answer(request: Request) -> str:
        return {question: "<think>2? 4? 6?</think>9" for question, _ in QUESTIONS.values()}[request.messages[-1].text]

    lines(Path("replies.jsonl"), [{"contains": "", "reply": "4"}])
    options = ["task.jsonl", "-m", "scripted:replies.jsonl", "-m", "mini", "--out", "first"]
    assert CliRunner().invoke(eval_, options, catch_exceptions=False).exit_code == 0
    report = evaluate("task.jsonl", Scripted(answer), "outputs:first/items.jsonl@scripted:replies.jsonl")
    assert report.comparisons()[0].pair is not None
    assert report.results[1].scores == [0, 1, 0]
    with pytest.raises(BadInput, match=r"outputs of 2 models \(mini, scripted:replies.jsonl\); choose one"):
        load("outputs:first/items.jsonl")


BAD = {
    "no such file": (None, "cannot be read"),
    "nothing in it": ([], "no outputs|empty|no row"),
    "no output": ([{"id": "a", "score": 1}], "no column of outputs among id, score"),
    "strangers": ([{"id": "z", "output": "1"}], "none of its 1 rows belongs to any of the 3 items"),
    "two for one": ([{"id": "a", "output": "1"}, {"id": "a", "output": "2"}], "two different outputs for 'a'"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_used_is_said(case: str):
    rows, words = BAD[case]
    if rows is not None:
        lines(Path("out.jsonl"), rows)
    with pytest.raises(BadInput, match=words):
        evaluate("task.jsonl", "outputs:out.jsonl")


def test_outputs_answer_no_question_of_their_own():
    lines(Path("out.jsonl"), FORMS["by order"])
    with pytest.raises(Unsupported, match="answers the items of a task"):
        load("outputs:out.jsonl").ask("What is 1+1?")


@pytest.mark.parametrize("rule", ["exact", "contains", "json", "code", "format", "choice", "yes_no"])
def test_another_metric_makes_no_call(rule: str):
    model = Scripted("The answer is 2.", identity="one")
    first = evaluate(load_task("task.jsonl", rule="number"), model).results[0]
    assert len(model.requests) == 3
    if rule == "format":
        lines(
            Path("task.jsonl"), [{"id": i, "input": q, "answer": '[["json", {}]]'} for i, (q, _) in QUESTIONS.items()]
        )
    again = evaluate(load_task("task.jsonl", rule=rule), model).results[0]
    assert len(model.requests) == 3
    assert [answer.text for answer in again.answers] == [answer.text for answer in first.answers]


def test_another_judge_makes_no_call_at_the_models():
    model = Scripted("The answer is 2.", identity="one")
    kind, strict = Scripted("9", name="scripted:kind"), Scripted("1", name="scripted:strict")
    evaluate("task.jsonl", model)
    assert evaluate("task.jsonl", model, judge=kind).results[0].accuracy.mean == pytest.approx(0.9)
    assert evaluate("task.jsonl", model, judge=strict).results[0].accuracy.mean == pytest.approx(0.1)
    assert len(model.requests) == 3
    assert (len(kind.requests), len(strict.requests)) == (3, 3)
