"""A cascade on mini's word problems of four and five steps: fitted on some, then all recipes are asked others.

    python benchmarks/cascade_mini.py [--items 300]

The stages are samples at temperature 1.3: plain, step by step, and a vote of up to 8. Beside them greedy step by step,
which is no sample, and a vote of 8 always. Tokens are input and output of all calls, rejected attempts included. Mixing
two fixed recipes at random reaches every point between them: what it would cost at the cascade's accuracy is told, too.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import numpy as np
from common import write

from jielong.improving.model_choice import Fitting, choose_by_cascade, scored
from jielong.improving.route_curve import above_mixing, mixing_cost
from jielong.recipe import load
from jielong.tasks.item import identified
from jielong.tasks.load_task import load_task
from jielong.tasks.task import Task

BASE = "mini | options(temperature=1.3)"  # where one sample is not enough
STAGES = (BASE, f"{BASE} | cot", f"{BASE} | cot | self_consistency(n=8)")
CASCADE = f"{BASE} | cascade(models=[{STAGES[1]}, {STAGES[2]}], accept=logprob)"
GREEDY = "mini | cot"
STRONG = f"{BASE} | cot | self_consistency(n=8, adaptive=false)"


def word_problems(items: int, seed: int) -> Task:
    """As many of four steps as of five; half of them in Chinese."""
    parts = [
        load_task(f"mini:word_problems{language}/{steps}", limit=items // 4, seed=seed)
        for language in ("", "/zh")
        for steps in (4, 5)
    ]
    together = identified([item for part in parts for item in part.items])
    return replace(parts[0], name="word problems of 4 and 5 steps", items=together)


async def measure(items: int, folder: Path) -> dict[str, Any]:
    fitting, holdout = Fitting(ledger=folder / "ledger.db"), word_problems(items, 2)
    fits = [await choose_by_cascade(word_problems(items, 1), load(CASCADE), fitting)]
    recipes = [*STAGES, *(fit.recipe for fit in fits), GREEDY, STRONG]
    report = await fitting.ask(holdout, [load(recipe) for recipe in recipes])
    _, scores, costs, _ = scored(report)
    fixed, fixed_costs = scores[:, :3], costs[:, :3]
    table = [
        {"recipe": recipe, "accuracy": round(float(s.mean()), 4), "tokens": round(float(c.mean()), 1)}
        for recipe, s, c in zip(recipes, scores.T, costs.T, strict=True)
    ]
    figures: dict[str, Any] = {"items": len(scores), "table": table, "cascades": []}
    for i, fit in enumerate(fits, 3):
        score, cost = scores[:, i], costs[:, i]
        equal = [c.mean() for s, c in zip(fixed.T, fixed_costs.T, strict=True) if s.mean() >= score.mean() - 1e-9]
        best = int(np.lexsort((fixed_costs.mean(0), -fixed.mean(0)))[0])
        mixed = mixing_cost(float(score.mean()), fixed, fixed_costs)
        gain, ci95 = above_mixing(score, cost, fixed, fixed_costs)
        figures["cascades"].append({
            "recipe": fit.recipe,
            "chosen": [round(model.share, 3) for model in fit.models],
            "fewer_tokens_than_the_best_fixed": round(1 - float(cost.mean() / fixed_costs[:, best].mean()), 3),
            "points_against_the_best_fixed": round(100 * float(score.mean() - fixed[:, best].mean()), 2),
            "fewer_tokens_than_a_fixed_one_as_good": equal and round(1 - float(cost.mean() / min(equal)), 3),
            "fewer_tokens_than_mixing_as_good": mixed and round(1 - float(cost.mean()) / mixed, 3),
            "points_above_mixing_at_its_cost": [round(100 * value, 2) for value in (gain, *ci95)],
        })  # fmt: skip
    return figures


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--items", type=int, default=300)
    items = parser.parse_args().items
    with tempfile.TemporaryDirectory() as folder:
        write("cascade_mini", anyio.run(partial(measure, items, Path(folder))))


if __name__ == "__main__":
    main()
