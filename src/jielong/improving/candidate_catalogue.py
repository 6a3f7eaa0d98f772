"""Which compositions of techniques are worth trying on a task, from its features alone: it names no task, no model.

A new technique needs one line in `CATALOGUE`: its steps as a recipe writes them, and the feature that a task must have
for them. `{rule}` stands for the task's answer rule, `{few_shot}` for the step that shows the examples set aside, and
`{documents}` for the folder of documents that comes with the task.
"""

from collections.abc import Sequence
from typing import get_args

from ..prompts import fill
from ..recipe import write_value
from ..registry import name_origins
from ..tasks.item import Item
from ..tasks.metric import answer_rule
from ..tasks.task import Task
from ..techniques.prompting import Spell

CASCADES = (  # over all models, where there are several
    ("cascade(answer={rule})", "votes"),
    ("cascade(accept=own_word)", "always"),
)
VOTING = ("number", "choice", "exact", "yes_no", "json")  # rules whose answers are equal or not, so that they can vote
CATALOGUE = (
    ("cot", "always"),
    *((f"cot(wording={wording})", "always") for wording in ("to_be_sure", "work_on_it")),
    ("plan_and_solve", "always"),
    *((f"spell(kind={kind})", "always") for kind in get_args(Spell)),
    ('persona(role="an expert in the subject of the question")', "always"),
    ("{few_shot}", "examples"),
    ("{few_shot} | cot", "examples"),
    ("context(files=[{documents}])", "documents"),
    ("context(files=[{documents}], k=5)", "documents"),
    ("context(files=[{documents}], k=5, passage=60, form=plain)", "documents"),  # as small models read documents
    ("self_consistency(n=8, answer={rule})", "votes"),
    ("cot | self_consistency(n=8, answer={rule})", "votes"),
    ("cot | best_of_n(n=4)", "always"),
    ("cot | self_check(mode=same_turn)", "always"),
    ("cot | self_check(mode=fresh)", "always"),
    ("self_refine", "always"),
    ("cot | self_refine", "always"),
    ("least_to_most", "number"),
    ("reflexion(signal=examples)", "tests"),
    ("reflexion(signal=own_tests)", "tests"),
    ("brief", "open"),
    ("outline", "open"),
    ("program_of_thought", "number"),
    ("program_of_thought | self_consistency(n=5, answer=number)", "number"),
)


def features(task: Task, examples: Sequence[Item]) -> set[str]:
    """What can be told from a task without knowing it. `open`: its replies are texts without an answer to find."""
    rule = answer_rule(task.metric)
    known = {
        "always": True,
        "number": rule == "number",
        "open": rule is None,
        "votes": rule in VOTING or rule in name_origins("metrics"),
        "examples": bool(examples),  # solved items were set aside to be shown
        "documents": task.documents is not None,
        "tests": any(item.tests for item in task.items),  # code that is graded by running it
    }
    return {name for name, holds in known.items() if holds}


def cascades(task: Task) -> tuple[str, ...]:
    """Steps to put after the cheapest of several models; the others are still to be named."""
    known, rule = features(task, ()), str(answer_rule(task.metric))
    return tuple(steps.replace("{rule}", rule) for steps, feature in CASCADES if feature in known)


def candidates(task: Task, examples: Sequence[Item]) -> tuple[str, ...]:
    """Steps to put after a model, each a recipe without its model; the first, empty one is the plain model."""
    known, rule = features(task, examples), str(answer_rule(task.metric))
    pairs = tuple((item.request().messages[-1].text, item.accepted[0]) for item in examples)
    few_shot = f"few_shot(examples={write_value(pairs)})" if examples else ""
    values = {"rule": rule, "few_shot": few_shot, "documents": write_value(task.documents)}
    return ("", *(fill(steps, values) for steps, feature in CATALOGUE if feature in known))
