"""mini's scores on held-out problems, with 95 % intervals: what its model card says."""

from __future__ import annotations

import random
from typing import Any

import anyio
from common import write

from jielong import Message, Request, load
from jielong.answers import RULES
from jielong.measuring.run import measure
from jielong.models.mini import old_world as world
from jielong.stats import Estimate, mean
from jielong.tasks.task import Item, Task, identified

N = 500
RECIPES = ("mini", "mini | cot", "mini | options(temperature=0.7) | cot", "mini | program_of_thought")


def shown(estimate: Estimate) -> list[float]:
    assert estimate.ci95
    return [round(value, 3) for value in (estimate.mean, *estimate.ci95)]


async def checking(steps: int) -> Estimate:
    """How often mini says rightly whether a proposed answer is right; half of them are wrong."""
    rng, mini, right = random.Random(steps), load("mini"), []
    for problem in world.evaluation_items(N, 1, steps):
        fair = rng.random() < 0.5
        answer = str(problem.answer if fair else world.wrong_answer(rng, problem.answer))
        asked = world.FRESH_CHECK.format(question=problem.question, answer=answer)
        reply = await mini.generate(Request((Message("user", asked),)))
        right.append(float(RULES["yes_no"](reply.text) == ("yes" if fair else "no")))
    return mean(right)


async def main() -> None:
    figures: dict[str, Any] = {"n": N}
    for steps in (1, 2, 3, 4):
        items = identified([Item("", p.question, (str(p.answer),)) for p in world.evaluation_items(N, 0, steps)])
        task = Task(f"{steps} steps", items, "number", "", "")
        scores = {recipe: shown((await measure(task, load(recipe), seed=0)).accuracy) for recipe in RECIPES}
        figures[f"{steps} steps"] = {**scores, "checking an answer": shown(await checking(steps))}
    write("mini", figures)


if __name__ == "__main__":
    anyio.run(main)
