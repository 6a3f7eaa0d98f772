"""`jielong eval`: measure models on a task, compared with the first in pairs."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
import click

from ..atomic_write import temporary_beside, write_whole
from ..contract import Model
from ..measuring.contamination_record import findings_json, known_findings
from ..measuring.evaluate import compare
from ..measuring.experiment import most_calls
from ..measuring.judge import grading_calls, judge_of, with_judge
from ..measuring.results import EvalReport, lost_reasons
from ..recipe import load
from ..reporting.contamination_table import known_lines
from ..reporting.extraction_lines import extraction_line
from ..reporting.formatting import MOST_REASONS, print_table
from ..reporting.front_lines import front_lines
from ..reporting.heat_map import heat_map
from ..reporting.recipe_rows import disagreement, eval_rows, results_table, short
from ..reporting.terminal import print_json
from ..reporting.wording import words
from ..runtime.home import home_folder
from ..stats import minimum_detectable
from ..tasks.load_task import load_task
from ..tasks.task import Task
from . import options
from .messages import in_language, language, localized
from .nothing_right import instruction_line, nothing_right
from .progress import Progress
from .shown_replies import SHOWN, shown_replies

if TYPE_CHECKING:
    from ..measuring.front import Front

MANY_ITEMS, ENOUGH_ITEMS = 5_000, 1_000  # above the first, a run of as many as the second is proposed


@click.command("eval", help=localized("help.eval"))
@options.task
@click.option("-m", "--model", "models", multiple=True, metavar="RECIPE", help=localized("option.models"))
@click.option("--show", type=click.Choice([*SHOWN]), help=localized("option.show_replies"))
@options.run
def eval_(measurement: options.Measurement, models: tuple[str, ...], show: str | None) -> None:
    candidates = [load(model) for model in models or (options.default_model(),)]
    judge = judge_of(load(measurement.judge)) if measurement.judge else None
    task, out = with_judge(read_task(measurement), judge, measurement.seed), measurement.out
    calls = sum(most_calls(task, model) + len(task.items) * grading_calls(task) for model in candidates)
    _announce(task, candidates, calls)
    if measurement.dry_run:
        if measurement.as_json:
            print_json({"task": task.name, "n": len(task.items), "max_calls": calls})
        return
    with Progress(len(candidates), len(task.items)) as progress:
        reports: list[EvalReport] = []

        async def run() -> None:
            # Handed over in a list: asyncio takes the `repr` of what a main task returns, here a whole table.
            reports.append(await compare(
                task, candidates, seed=measurement.seed, concurrency=measurement.concurrency,
                on_model=progress.model, on_answer=progress.step,
            ))  # fmt: skip

        anyio.run(run)
    (report,) = reports
    front = _front(report)
    findings = known_findings(report.task, [result.model for result in report.results])
    extra: dict[str, Any] = {"contamination": findings_json(report, findings)} if findings else {}
    extra |= {"front": front.to_json()} if front else {}
    if out:
        write_report(report, out, extra)
        from ..reporting.evaluation_page import Beside, write_evaluation_page  # jinja and charts, which few runs need

        write_evaluation_page(report, out / "report.html", language(), Beside(findings, front))
        print(localized("run.written", out=out), file=sys.stderr)
    if measurement.as_json:
        print_json({**report.to_json(), **extra})
    else:
        _print(report)
        for line in known_lines(report, findings, words(language())):
            print(line)
        if front:
            print("\n".join(front_lines(front, words(language()), short)))
    explained = (line for result in report.results for line in nothing_right(task, result))
    for line in shown_replies(report, show) if show else explained:
        print(line, file=sys.stderr if measurement.as_json else sys.stdout)


def read_task(asked: options.Measurement) -> Task:
    rejects = (asked.out or home_folder()) / "rejects.jsonl"
    task = load_task(
        asked.task, input=asked.input, answer=asked.answer, rule=asked.rule, limit=asked.limit, seed=asked.seed,
        strict=asked.strict, rejects=rejects,
    )  # fmt: skip
    if task.rejected:
        first = in_language(task.rejected[0])
        print(f"{localized('run.rejected', n=len(task.rejected), first=first)} → {rejects}", file=sys.stderr)
    for note in task.notes:
        print(in_language(note), file=sys.stderr)
    if len(task.items) > MANY_ITEMS:
        points = f"{100 * minimum_detectable(ENOUGH_ITEMS):.0f}"
        print(localized("run.limit", n=f"{len(task.items):,}", limit=ENOUGH_ITEMS, points=points), file=sys.stderr)
    return task.instructed(asked.instruction) if asked.instruction else task


def _announce(task: Task, models: Sequence[Model], calls: int) -> None:
    """What is about to happen, before a token is spent."""
    n, points = len(task.items), f"{100 * minimum_detectable(len(task.items)):.0f}"
    plan = localized("run.plan", models=len(models), calls=f"{calls:,}", n=n, points=points)
    print(task_line(task), *proposal_line(task), plan, ledger_line(), sep="\n", file=sys.stderr)


def task_line(task: Task) -> str:
    """The task, its size, and the answer rule with the reason for it."""
    source, why = in_language(task.source), in_language(task.why_metric)
    return localized("run.task", task=source, n=len(task.items), rule=task.metric.name, why=why)


def proposal_line(task: Task) -> list[str]:
    """The instruction that the task lacks, if it lacks one."""
    return [instruction_line(proposal)] if (proposal := task.proposed_instruction()) else []


def ledger_line() -> str:
    return localized("run.going_on", ledger=home_folder() / "ledger.db")


def _print(report: EvalReport) -> None:
    judged = report.task.metric.unit == "grade"
    rows_of_models, texts = eval_rows(report), words(language())
    table = results_table(rows_of_models, texts, lambda row: short(row.recipe), judged=judged)
    rows = [[str(cell) for cell in row] for row in table.rows]
    title = localized("run.title", task=report.task.name, n=len(report.task.items), rule=report.task.metric.name)
    print_table(title, table.columns, rows)
    if disagreeing := disagreement(rows_of_models, texts, lambda row: short(row.recipe)):
        print(disagreeing)
    for result in report.results:
        model, n = short(result.model), len(result.answers)
        if why := result.inconclusive:
            print(localized("run.nothing_concluded", model=model, why=in_language(why)))
            continue
        for reason, times in lost_reasons(result.answers).most_common(MOST_REASONS):
            print(localized("run.lost", model=model, lost=result.lost, n=n, times=times, words=in_language(reason)))
        print(extraction_line(result, texts))
        if cells := heat_map(parts := result.parts()):
            columns = [texts["heat_map"]["depth"], *(f"{length:,}" for length in cells.lengths)]
            print_table(texts["heat_map"]["title"].format(model=model), columns, cells.rows())
        elif parts:
            print(f"{model}: {', '.join(f'{name} {100 * part.mean:.1f} %' for name, part in parts.items())}")
    for note, models in Counter(note for result in report.results for note in result.notes).items():
        print(f"{in_language(note)} ({localized('run.recipes', n=models)})")


def _front(report: EvalReport) -> Front | None:
    if len(report.results) < 2:
        return None
    from ..measuring.front import front_of  # NumPy, which one model alone does not need

    return front_of(report)


def write_report(report: EvalReport, folder: Path, extra: dict[str, Any] | None = None) -> None:
    """`report.html`, `report.json`, and `items.jsonl` with every answer of every model."""
    document = {**report.to_json(), **(extra or {})}
    write_whole(folder / "report.json", json.dumps(document, ensure_ascii=False, indent=1) + "\n")
    with temporary_beside(folder / "items.jsonl") as unfinished, unfinished.open("w", encoding="utf-8") as lines:
        for result in report.results:
            for answer in result.answers:
                row = {"model": result.model, **asdict(replace(answer, steps=()))}
                lines.write(json.dumps(row, ensure_ascii=False) + "\n")
