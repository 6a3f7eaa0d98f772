"""A model as judge of answers that have no gold answer: a grade from 0 to 10 (G-Eval style, Liu et al. 2023).

The judge sees the question and the answer alone, not who wrote it. A grade that cannot be read is a failed extraction,
never a guess.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..answers import RULES
from ..context import sub_path
from ..contract import Message, Model, Reply, Request, require_answer
from ..errors import BadInput
from ..prompts import fill, prompt
from ..tasks.task import Score, Task


def check_judged(task: Task, judge: Judge | None) -> None:
    """Raises BadInput where only a judge can tell what an answer is worth, and none is given."""
    if task.rule == "judge" and judge is None:
        raise BadInput(f"{task.name}: {task.why_rule}, so a judge is needed: --judge RECIPE")


@dataclass(frozen=True)
class Judge:
    """Grades one answer with one call of `model`."""

    model: Model

    async def grade(self, request: Request, reply: Reply) -> Score:
        """The grade as a fraction of 10, in [0, 1]."""
        values = {"question": request.messages[-1].text, "answer": reply.text}
        said = fill(prompt(request, "judge", "grade"), values).strip()
        asked = Request((*request.messages[:-1], Message("user", said)), request.sampling).with_sampling(stop=())
        with sub_path("judge"):
            verdict = require_answer(await self.model.generate(asked))
        grade = RULES["number"](verdict.text)
        try:
            value = None if grade is None else float(grade)
        except ValueError:
            value = None
        if value is None or not 0 <= value <= 10:
            return Score(0.0, None)
        return Score(value / 10, grade)
