"""Which candidates a task gets, from its features alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from jielong.improving.candidate_catalogue import candidates
from jielong.recipe import load
from jielong.tasks.code_tests import Tests as Asserted
from jielong.tasks.item import Item
from jielong.tasks.load_task import load_task
from jielong.tasks.metric import find_metric
from jielong.tasks.task import Task


def task(rule: str, **of_the_item: object) -> Task:
    item = Item("1", "?", ("1",), **of_the_item)  # type: ignore[arg-type]
    return Task("t", (item,), find_metric(rule), "", "")


@pytest.mark.parametrize(
    ("made", "fitting", "unfitting"),
    [
        (task("number"), "least_to_most", "reflexion(signal=own_tests)"),
        (task("code", tests=Asserted("assert True")), "reflexion(signal=own_tests)", "outline"),
        (task("judge"), "outline", "least_to_most"),
        (task("judge"), "brief", "self_consistency(n=8, answer=judge)"),
    ],
)
def test_a_task_gets_what_fits_it(made: Task, fitting: str, unfitting: str) -> None:
    steps = candidates(made, ())
    assert fitting in steps
    assert unfitting not in steps


@pytest.mark.parametrize("rule", ["number", "choice", "exact", "contains", "json", "code", "yes_no", "judge"])
def test_every_candidate_is_a_recipe_and_the_first_is_the_plain_model(rule: str) -> None:
    made = task(rule, tests=Asserted("assert True") if rule == "code" else None)
    steps = candidates(made, made.items)
    assert steps[0] == ""
    assert len(set(steps)) == len(steps)
    for each in steps[1:]:
        assert load(f"mini | {each}").max_calls() >= 1


def test_a_folder_of_documents_beside_the_task_brings_retrieval(tmp_path: Path) -> None:
    (tmp_path / "task.jsonl").write_text('{"input": "Where does Ann live?", "answer": "Rome"}\n')
    assert not any("context(" in each for each in candidates(load_task(str(tmp_path / "task.jsonl")), ()))
    (tmp_path / "context").mkdir()
    (tmp_path / "context" / "ann.txt").write_text("Ann lives in Rome.")
    for spec in (tmp_path, tmp_path / "task.jsonl"):
        found = load_task(str(spec))
        assert found.documents == tmp_path / "context"
        assert "context(files=[…]) does" in found.notes[-1]
        with_documents = [each for each in candidates(found, ()) if each.startswith("context(")]
        assert len(with_documents) == 3
        for each in with_documents:
            assert load(f"mini | {each}").max_calls() >= 1
