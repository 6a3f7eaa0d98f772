"""`improve`, in its first form: every fitting candidate on every item, compared with the plain model in pairs.

The verdict is the recipe with the highest accuracy among those that beat the plain model after Holm's correction;
among equals (no significant difference to that best), the cheapest in tokens. Nothing significant: "nothing helped".
All candidates meet the same items, so the winner's figure is a little too good (the winner's curse); its corrected p
is not.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..contract import Model, wait_for
from ..errors import BadInput
from ..measuring.judge import Judge
from ..measuring.run import Answer, Report, Result, compare
from ..recipe import load
from ..stats import Paired, minimum_detectable
from ..tasks.load import load_task
from ..tasks.task import Item, Task
from .candidates import candidates, examples

ALPHA = 0.05


@dataclass(frozen=True)
class Plan:
    """What `improve` is about to do, known before a token is spent."""

    task: Task
    shown: tuple[Item, ...]
    models: tuple[Model, ...]

    @property
    def most_calls(self) -> int:
        return len(self.task.items) * sum(model.bound() for model in self.models)

    @property
    def detectable(self) -> float:
        """The smallest gain that this many items show in 4 of 5 cases, if the two disagree on 30 % of them."""
        return minimum_detectable(len(self.task.items))


@dataclass(frozen=True)
class Verdict:
    """`best` is None when nothing helped."""

    plain: Result
    best: Result | None
    pair: Paired | None
    p: float | None


def plan(task: Task, model: str) -> Plan:
    """The candidates for this model on this task. Raises BadInput when there are too few items."""
    shown = examples(task)
    asked = replace(task, items=tuple(item for item in task.items if item not in shown))
    if len(asked.items) < 2:
        raise BadInput(f"{task.name} has {len(task.items)} items; expected at least 2, better 200")
    recipes = [f"{model} | {steps}" if steps else model for steps in candidates(task, shown)]
    return Plan(asked, shown, tuple(load(recipe) for recipe in recipes))


async def search(
    plan: Plan,
    *,
    seed: int = 0,
    concurrency: int = 64,
    judge: Judge | None = None,
    ledger: Path | None = None,
    around: AbstractContextManager[object] | None = None,
    on_model: Callable[[int, Model], None] | None = None,
    on_answer: Callable[[Answer], None] | None = None,
) -> Report:
    """Measure the plan's models; the first is the plain one."""
    report = await compare(
        plan.task,
        plan.models,
        seed=seed,
        concurrency=concurrency,
        judge=judge,
        ledger=ledger,
        around=around,
        skip_unsupported=True,
        on_model=on_model,
        on_answer=on_answer,
    )
    return replace(report, settings={"python": platform.python_version(), "examples": [i.id for i in plan.shown]})


def improve(task: str | Task, model: str, *, limit: int | None = None, seed: int = 0) -> tuple[Verdict, Report]:
    """Find out which techniques help `model` on `task`, from synchronous code."""
    loaded = load_task(task, limit=limit, seed=seed) if isinstance(task, str) else task
    prepared = plan(loaded, model)

    async def searched() -> Report:
        return await search(prepared, seed=seed)

    report = wait_for(searched)
    return verdict(report), report


def verdict(report: Report) -> Verdict:
    helped = [(r, pair, p) for r, pair, p in report.comparisons() if pair.difference > 0 and p < ALPHA]
    if not helped:
        return Verdict(report.results[0], None, None, None)
    best = max(helped, key=lambda entry: entry[0].accuracy.mean)[0]
    equals = [entry for entry in helped if entry[0] is best or best.against(entry[0]).p >= ALPHA]
    chosen, pair, p = min(equals, key=lambda entry: _tokens(entry[0]))
    return Verdict(report.results[0], chosen, pair, p)


def _tokens(result: Result) -> int:
    return result.usage.input_tokens + result.usage.output_tokens


def verdict_json(report: Report, models: Sequence[Model]) -> dict[str, Any]:
    found = verdict(report)
    return {
        "verdict": "nothing helped" if found.best is None else "improved",
        "recipe": found.best.model if found.best else models[0].name,
        "difference": found.pair.difference if found.pair else None,
        "ci95": list(found.pair.ci95) if found.pair and found.pair.ci95 else None,
        "p_holm": found.p,
    }
