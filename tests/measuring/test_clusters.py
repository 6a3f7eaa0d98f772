"""Items that belong together: what is said of them, and what is not."""

from __future__ import annotations

from typing import Any

import pytest

from jielong import evaluate
from jielong.cli.eval import _print
from jielong.measuring.evaluate import clusters
from jielong.measuring.results import EvalReport
from jielong.models.scripted import Scripted
from jielong.reporting.recipe_rows import disagreement, eval_rows
from jielong.reporting.wording import words
from jielong.tasks.item import Item
from jielong.tasks.metric import number
from jielong.tasks.task import Task


@pytest.fixture(autouse=True)
def _home(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JIELONG_HOME", str(tmp_path))
    monkeypatch.setenv("JIELONG_LANG", "en")


def task(items: list[Item]) -> Task:
    return Task("t", tuple(items), number, "", "t")


def report(items: list[Item]) -> EvalReport:
    wrong_first = iter(range(1000))
    return evaluate(task(items), Scripted("7"), Scripted(lambda _: "7" if next(wrong_first) % 3 else "8"))


def test_the_same_question_twice_is_one_cluster():
    items = [Item(str(i), f"question {i // 2}", ("7",)) for i in range(20)]
    grouped = clusters(items)
    assert grouped is not None
    assert len(set(grouped)) == 10
    assert clusters(items[::2]) is None
    assert clusters(items[::2], items) is not None


@pytest.mark.parametrize("names", [["a"], ["a", "b"], ["a", "b", "c", "d"]])
def test_too_few_clusters_are_said_and_give_null_in_json(names: list[str], capsys: pytest.CaptureFixture[str]):
    items = [Item(str(i), f"q{i}", ("7",), cluster=names[i % len(names)]) for i in range(24)]
    measured = report(items)
    document = measured.to_json()
    assert [row["ci95"] for row in document["results"]] == [None, None]
    assert document["paired"][0]["p"] is None
    assert document["paired"][0]["difference"] == pytest.approx(-8 / 24)
    _print(measured)
    assert f"{len(names)} clusters are too few, or of too different sizes" in capsys.readouterr().out


def test_where_p_and_the_interval_disagree_p_decides_and_the_row_is_named():
    """Six better and none worse of 30: Tango's interval leaves out 0, McNemar's p is .031; five: .0625."""
    items = [Item(str(i), f"q{i}", ("7",)) for i in range(30)]
    measured = evaluate(task(items), Scripted(lambda r: "8" if r.messages[-1].text in FIVE else "7"), Scripted("7"))
    rows = eval_rows(measured)
    assert rows[1].p == pytest.approx(0.0625)
    assert rows[1].ci95 is not None
    assert rows[1].ci95[0] > 0
    assert rows[1].no_effect
    assert "p decides" in disagreement(rows, words("en"), lambda row: row.recipe)
    assert "以 p 为准" in disagreement(rows, words("zh"), lambda row: row.recipe)
    assert disagreement(rows[:1], words("en"), lambda row: row.recipe) == ""


FIVE = {f"q{i}" for i in range(5)}
