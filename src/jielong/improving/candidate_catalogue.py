"""Which compositions of techniques are worth trying on a task, from its features alone: it names no task, no model.

A new technique needs one line in `CATALOGUE`: its steps as a recipe writes them, and when they fit. `{rule}` stands for
the task's answer rule and `{few_shot}` for the step that shows the examples set aside.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import get_args

from ..recipe import write_value
from ..registry import name_origins
from ..tasks.item import Item
from ..tasks.metric import answer_rule
from ..tasks.task import Task
from ..techniques.prompting import Spell

VOTING = ("number", "choice", "exact", "yes_no", "json")  # rules whose answers are equal or not, so that they can vote


@dataclass(frozen=True)
class Features:
    """What can be told from a task without knowing it."""

    rule: str | None  # the answer rule; None where replies are open texts
    examples: bool  # solved items were set aside to be shown
    tests: bool  # code that is graded by running it


Fits = Callable[[Features], bool]


def _always(task: Features) -> bool:
    return True


def _votes(task: Features) -> bool:
    return task.rule in VOTING or task.rule in name_origins("metrics")


def _examples(task: Features) -> bool:
    return task.examples


def _number(task: Features) -> bool:
    return task.rule == "number"


def _tests(task: Features) -> bool:
    return task.tests


def _open(task: Features) -> bool:
    return task.rule is None


CATALOGUE: tuple[tuple[str, Fits], ...] = (
    ("cot", _always),
    *((f"cot(wording={wording})", _always) for wording in ("to_be_sure", "work_on_it")),
    ("plan_and_solve", _always),
    *((f"spell(kind={kind})", _always) for kind in get_args(Spell)),
    ('persona(role="an expert in the subject of the question")', _always),
    ("{few_shot}", _examples),
    ("{few_shot} | cot", _examples),
    ("self_consistency(n=8, answer={rule})", _votes),
    ("cot | self_consistency(n=8, answer={rule})", _votes),
    ("cot | best_of_n(n=4)", _always),
    ("cot | self_check(mode=same_turn)", _always),
    ("cot | self_check(mode=fresh)", _always),
    ("self_refine", _always),
    ("cot | self_refine", _always),
    ("least_to_most", _number),
    ("reflexion(signal=examples)", _tests),
    ("reflexion(signal=own_tests)", _tests),
    ("brief", _open),
    ("outline", _open),
    ("program_of_thought", _number),
    ("program_of_thought | self_consistency(n=5, answer=number)", _number),
)


def features(task: Task, examples: Sequence[Item]) -> Features:
    return Features(answer_rule(task.metric), bool(examples), any(item.tests for item in task.items))


def candidates(task: Task, examples: Sequence[Item]) -> tuple[str, ...]:
    """Steps to put after a model, each a recipe without its model; the first, empty one is the plain model."""
    known = features(task, examples)
    pairs = tuple((item.request().messages[-1].text, item.accepted[0]) for item in examples)
    few_shot = f"few_shot(examples={write_value(pairs)})" if examples else ""
    fitting = [steps for steps, fits in CATALOGUE if fits(known)]
    return ("", *(steps.replace("{rule}", str(known.rule)).replace("{few_shot}", few_shot) for steps in fitting))
