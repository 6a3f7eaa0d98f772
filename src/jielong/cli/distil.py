"""`jielong distil TASK --teacher RECIPE --student RECIPE --out DIR`: what a recipe gains, trained into weights."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

import anyio
import click

from ..improving.distil import (
    DistilSettings,
    PreparedDistil,
    Watcher,
    ask_teacher,
    measure_students,
    prepare,
    train_students,
)
from ..improving.distil_data import Keep, Learn, Match
from ..improving.distil_result import DistilResult
from ..measuring.cost_forecast import BudgetLimits
from ..recipe import load
from ..reporting.evaluation_page import write_evaluation_page
from ..reporting.formatting import count, interval, percent, print_table, signed
from ..reporting.recipe_rows import eval_rows, results_table, short
from ..reporting.terminal import print_json
from ..reporting.wording import words
from ..scope import scope
from ..tasks.load_task import load_task
from . import options
from .budget_options import budget_limits
from .eval import ledger_line, read_task, task_line, write_report
from .messages import formatted_price, in_language, language, localized
from .progress import Progress
from .training_options import only_the_first_speaks, overrides, progress_bar

R = TypeVar("R")


@click.command(help=localized("help.distil"))
@options.task
@click.option("--teacher", required=True, metavar="RECIPE", help=localized("option.teacher"))
@click.option("--student", required=True, metavar="RECIPE", help=localized("option.student"))
@click.option("--out", "folder", required=True, type=click.Path(path_type=Path), metavar="DIR",
              help=localized("option.train_out"))  # fmt: skip
@click.option("--test", metavar="TASK", help=localized("option.distil_test"))
@click.option("--held-out", type=click.IntRange(8), default=200, show_default=True, help=localized("option.held_out"))
@click.option("--keep", type=click.Choice(["check", "vote", "all"]), default="check", show_default=True,
              help=localized("option.keep"))  # fmt: skip
@click.option("--agreement", type=click.FloatRange(0, 1), default=0.5, show_default=True,
              help=localized("option.agreement"))  # fmt: skip
@click.option("--learn", type=click.Choice(["whole", "answer", "fading"]), default="whole", show_default=True,
              help=localized("option.learn"))  # fmt: skip
@click.option("--match", type=click.Choice(["text", "logprobs"]), default="text", show_default=True,
              help=localized("option.match"))  # fmt: skip
@click.option("--epochs", type=click.FloatRange(0, min_open=True), default=3.0, show_default=True,
              help=localized("option.epochs"))  # fmt: skip
@click.option("--control", is_flag=True, help=localized("option.control"))
@click.option("--set", "assignments", multiple=True, metavar="NAME=VALUE", help=localized("option.set"))
@budget_limits
@options.run_without_folder
def distil(
    measurement: options.Measurement, limits: BudgetLimits, teacher: str, student: str, folder: Path, test: str | None,
    held_out: int, keep: Keep, agreement: float, learn: Learn, match: Match, epochs: float, control: bool,
    assignments: tuple[str, ...],
) -> None:  # fmt: skip
    only_the_first_speaks()
    settings = DistilSettings(
        folder, keep, agreement, learn, match, epochs, control, measurement.seed, measurement.concurrency, limits,
        overrides(None, assignments),
    )  # fmt: skip
    held = load_task(test, seed=measurement.seed) if test else None
    task = read_task(measurement)
    prepared = prepare(task, load(teacher), load(student), settings, test=held, held_out=held_out)
    _announce(prepared)
    if measurement.dry_run:
        if measurement.as_json:
            n = {"train": len(prepared.train.items), "test": len(prepared.test.items)}
            print_json({"task": task.name, **n, "max_calls": prepared.max_calls})
        return
    result = _run(prepared)
    write_report(result.report, folder, result.to_json())
    write_evaluation_page(result.report, folder / "report.html", language())
    if measurement.as_json:
        print_json(result.to_json())
    else:
        _print(result)


def _announce(prepared: PreparedDistil) -> None:
    values = {"train": len(prepared.train.items), "test": len(prepared.test.items), "calls": f"{prepared.max_calls:,}"}
    print(task_line(prepared.train), localized("distil.plan", **values), ledger_line(), sep="\n", file=sys.stderr)


def _run(prepared: PreparedDistil) -> DistilResult:
    with Progress(2, len(prepared.test.items) + len(prepared.train.items)) as progress:
        watcher = Watcher(progress.model, progress.step)
        taught = _in_loop(partial(ask_teacher, prepared, watcher))
    with scope("train") as training, progress_bar(None, training.notes) as show:
        students = train_students(prepared, taught, Watcher(on_point=show))
    with Progress(2, len(prepared.test.items)) as progress:
        watcher = Watcher(progress.model, progress.step)
        return _in_loop(partial(measure_students, prepared, taught, students, watcher))


def _in_loop(work: Callable[[], Awaitable[R]]) -> R:
    results: list[R] = []

    async def run() -> None:
        results.append(await work())

    anyio.run(run)
    return results[0]


def _print(result: DistilResult) -> None:
    rows, texts = eval_rows(result.report), words(language())
    table = results_table(rows, texts, lambda row: short(row.recipe), judged=False)
    cells = [[str(cell) for cell in row] for row in table.rows]
    print_table(localized("distil.title", n=len(result.report.task.items)), table.columns, cells)
    dropped = [localized(f"distil.{name}", n=n) for name, n in result.dropped.items() if n]
    print(localized("distil.kept", kept=result.kept, asked=result.asked) + "".join(dropped))
    if result.stopped:
        print(localized("distil.stopped", why=in_language(result.stopped)))
    teaching = result.teaching
    tokens, usd = count(teaching.input_tokens + teaching.output_tokens), formatted_price(teaching.usd)
    cost = {"calls": count(teaching.calls), "tokens": tokens, "usd": usd}
    print(localized("distil.cost", steps=count(result.steps), trained=count(result.tokens), **cost))
    kept, gain = result.gain_kept, result.teacher.against(result.before).difference
    line = "no_gain" if kept.share is None else "gain_kept"
    print(localized(f"distil.{line}", gain=signed(gain), share=percent(kept.share), interval=interval(kept.ci95)))
    if result.control:
        pair = result.after.against(result.control)
        print(localized("distil.control", difference=signed(pair.difference), interval=interval(pair.ci95)))
    print(localized("distil.use", recipe=result.after.model))
