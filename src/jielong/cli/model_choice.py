"""What `route fit` and `cascade fit` share: the announcement, the run, and the table of what the choice brings."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from typing import TypeVar

import anyio

from ..errors import BadInput
from ..improving.model_choice import Fitting, ModelChoice
from ..measuring.judge import judge_of
from ..recipe import load
from ..reporting.formatting import count, dollars, interval, percent, print_table, signed
from ..reporting.recipe_rows import short
from ..reporting.terminal import print_json
from ..tasks.task import Task
from . import options
from .eval import ledger_line, task_line
from .messages import in_language, localized
from .progress import Progress

R = TypeVar("R")


def announce_or_fit(
    measurement: options.Measurement, task: Task, accuracy: float | None, cost: float | None, calls: int, models: int,
    fit: Callable[[Fitting], Awaitable[R]],
) -> R | None:  # fmt: skip
    """Says what is about to happen, then fits; None with --dry-run."""
    if accuracy is not None and cost is not None:
        raise BadInput("--accuracy and --cost are both targets; expected at most one of them")
    judge = judge_of(load(measurement.judge)) if measurement.judge else None
    plan = localized("choice.plan", models=models, n=len(task.items), calls=f"{calls:,}")
    print(task_line(task), plan, ledger_line(), sep="\n", file=sys.stderr)
    if measurement.dry_run:
        if measurement.as_json:
            print_json({"task": task.name, "n": len(task.items), "max_calls": calls})
        return None
    results: list[R] = []
    with Progress(models, len(task.items)) as progress:
        fitting = Fitting(
            accuracy, cost, measurement.seed, measurement.concurrency, judge, None, progress.model, progress.step
        )

        async def run() -> None:
            results.append(await fit(fitting))

        anyio.run(run)
    return results[0]


def show(choice: ModelChoice, as_json: bool) -> None:
    if as_json:
        print_json(choice.to_json())
        return
    price = dollars if choice.unit == "usd" else count
    columns = [localized(f"choice.{name}") for name in ("model", "accuracy", f"cost_{choice.unit}", "share")]
    rows = [[short(m.name), percent(m.accuracy), price(m.cost), f"{percent(m.share)} %"] for m in choice.models]
    rows.append([localized(f"choice.{choice.kind}"), percent(choice.accuracy), price(choice.cost), ""])
    print_table(localized("choice.title", n=choice.n), columns, rows)
    pair = choice.against_best
    values = {"gain": signed(choice.gain), "interval": interval(choice.gain_ci95), "best": short(choice.best)}
    values |= {"difference": signed(pair.difference), "pair": interval(pair.ci95)}
    print(localized(f"choice.{'pays' if choice.pays else 'no_gain'}", **values))
    print(localized("choice.against_best", **values))
    if choice.saved is not None:
        print(localized(f"choice.{'saved' if choice.saved >= 0 else 'dearer'}", part=f"{abs(100 * choice.saved):.0f}"))
    if choice.area is not None:
        length = signed(choice.by_length or 0.0)
        print(localized("choice.area", area=signed(choice.area), interval=interval(choice.area_ci95), length=length))
    print(localized("choice.method", method=in_language(choice.method)))
    print(localized("choice.use", recipe=choice.recipe))
    if choice.lost:
        print(localized("choice.lost", lost=choice.lost))
    for note in choice.notes:
        print(in_language(note))
