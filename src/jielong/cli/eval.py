"""`jielong eval`: measure models on a task, compared with the first in pairs."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import anyio
import click

from ..contract import Model
from ..measuring.evaluate import compare
from ..measuring.judge import Judge
from ..measuring.results import EvalReport, lost_reasons
from ..recipe import load
from ..reporting.formatting import print_table
from ..reporting.recipe_rows import disagreement, eval_rows, results_table, short
from ..reporting.wording import words
from ..runtime.ledger import home_folder
from ..stats import minimum_detectable
from ..tasks.load_task import load_task
from ..tasks.task import Task
from . import options
from .messages import in_language, language, localized
from .output_files import write_report
from .progress import Progress

MOST_REASONS = 3  # different words of an endpoint that are shown for one recipe


@click.command("eval", help=localized("help.eval"))
@options.task
@click.option("-m", "--model", "models", multiple=True, metavar="RECIPE", help=localized("option.models"))
@options.run
def eval_(
    task: str,
    input: str | None,
    answer: str | None,
    rule: str | None,
    limit: int | None,
    strict: bool,
    models: tuple[str, ...],
    seed: int,
    concurrency: int,
    judge: str | None,
    dry_run: bool,
    out: Path | None,
    as_json: bool,
) -> None:
    candidates = [load(model) for model in models or (options.default_model(),)]
    loaded = read_task(task, input, answer, rule, limit, seed, strict, out)
    announce(loaded, candidates)
    if dry_run:
        if as_json:
            calls = len(loaded.items) * sum(model.max_calls() for model in candidates)
            print(json.dumps({"task": loaded.name, "n": len(loaded.items), "max_calls": calls}))
        return
    judge_model = Judge(load(judge)) if judge else None
    with Progress(len(candidates), len(loaded.items)) as progress:
        reports: list[EvalReport] = []

        async def run() -> None:
            # Handed over in a list: asyncio takes the `repr` of what a main task returns, here a whole table.
            reports.append(
                await compare(
                    loaded,
                    candidates,
                    seed=seed,
                    concurrency=concurrency,
                    judge=judge_model,
                    on_model=progress.model,
                    on_answer=progress.step,
                )
            )

        anyio.run(run)
    (report,) = reports
    if out:
        write_report(report, out)
        print(localized("run.written", out=out), file=sys.stderr)
    if as_json:
        print(json.dumps(report.to_json(), ensure_ascii=False))
    else:
        print_report(report, report.task.name)


def read_task(
    task: str,
    input: str | None,
    answer: str | None,
    rule: str | None,
    limit: int | None,
    seed: int,
    strict: bool,
    out: Path | None,
) -> Task:
    rejects = (out or home_folder()) / "rejects.jsonl"
    loaded = load_task(
        task, input=input, answer=answer, rule=rule, limit=limit, seed=seed, strict=strict, rejects=rejects
    )
    if loaded.rejected:
        first = in_language(loaded.rejected[0])
        print(f"{localized('run.rejected', n=len(loaded.rejected), first=first)} → {rejects}", file=sys.stderr)
    return loaded


def announce(task: Task, models: Sequence[Model]) -> None:
    """What is about to happen, before a token is spent."""
    n = len(task.items)
    calls, points = n * sum(model.max_calls() for model in models), minimum_detectable(n)
    plan = localized("run.plan", models=len(models), calls=f"{calls:,}", n=n, points=f"{100 * points:.0f}")
    print(
        task_line(task), plan, localized("run.going_on", ledger=home_folder() / "ledger.db"), sep="\n", file=sys.stderr
    )


def task_line(task: Task) -> str:
    """The task, its size, and the answer rule with the reason for it."""
    source, why = in_language(task.source), in_language(task.why_metric)
    return localized("run.task", task=source, n=len(task.items), rule=task.metric.name, why=why)


def _notes(report: EvalReport) -> Counter[str]:
    return Counter(note for result in report.results for note in result.notes)


def print_report(report: EvalReport, title: str) -> None:
    judged = report.task.metric.unit == "grade"
    rows_of_models, texts = eval_rows(report), words(language())
    table = results_table(rows_of_models, texts, lambda row: short(row.recipe), judged=judged)
    rows = [[str(cell) for cell in row] for row in table.rows]
    rule = report.task.metric.name
    print_table(localized("run.title", task=title, n=len(report.task.items), rule=rule), table.columns, rows)
    if disagreeing := disagreement(rows_of_models, texts, lambda row: short(row.recipe)):
        print(disagreeing)
    for result in report.results:
        model, n = short(result.model), len(result.answers)
        if why := result.inconclusive:
            print(localized("run.nothing_concluded", model=model, why=in_language(why)))
            continue
        for reason, times in lost_reasons(result.answers).most_common(MOST_REASONS):
            print(localized("run.lost", model=model, lost=result.lost, n=n, times=times, words=in_language(reason)))
    for note, models in _notes(report).items():
        print(f"{in_language(note)} ({localized('run.recipes', n=models)})")
