"""Which compositions of techniques are worth trying on a task, from its features alone: it names no task, no model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import get_args

from ..recipe import show
from ..tasks.task import Item, Task
from ..using.prompting import Spell

EXAMPLES = 3


def examples(task: Task) -> tuple[Item, ...]:
    """The items set aside as examples for the prompt; they are not asked."""
    with_answer = [item for item in task.items if item.accepted and isinstance(item.input, str)]
    return tuple(with_answer[:EXAMPLES]) if len(task.items) >= 10 * EXAMPLES else ()


def candidates(task: Task, shown: Sequence[Item]) -> tuple[str, ...]:
    """Steps to put after a model, each a recipe without its model; the first, empty one is the plain model."""
    rule = task.rule
    votes = rule in ("number", "choice", "exact", "yes_no", "json")
    steps = ["", "cot", *(f"spell(kind={kind})" for kind in get_args(Spell))]
    steps += ['persona(role="an expert in the subject of the question")']
    if shown:
        pairs = tuple((item.request().messages[-1].text, item.accepted[0]) for item in shown)
        few_shot = f"few_shot(examples={show(pairs)})"
        steps += [few_shot, f"{few_shot} | cot"]
    if votes:
        answer = f", answer={rule}"
        steps += [f"self_consistency(n=8{answer})", f"cot | self_consistency(n=8{answer})"]
    steps += [
        "cot | best_of_n(n=4)",
        "cot | self_check(mode=same_turn)",
        "cot | self_check(mode=fresh)",
        "self_refine",
        "cot | self_refine",
    ]
    if rule == "number":
        steps += ["program_of_thought", "program_of_thought | self_consistency(n=5, answer=number)"]
    return tuple(steps)
