"""Which candidates a task gets, from its features alone."""

from __future__ import annotations

import pytest

from jielong.improving.candidate_catalogue import candidates
from jielong.recipe import load
from jielong.tasks.code_tests import Tests as Asserted
from jielong.tasks.item import Item
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
