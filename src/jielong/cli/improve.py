"""`jielong improve` and `jielong demo`: which techniques help this model on this task, and by how much."""

from __future__ import annotations

import shlex
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import click

from ..improving.improve_plan import PreparedImprove, prepare, spells
from ..improving.improve_result import ImproveResult
from ..improving.improve_run import ImproveRun
from ..measuring.cost_forecast import BudgetLimits
from ..measuring.judge import judge_of
from ..measuring.results import EvalReport
from ..recipe import load
from ..reporting.formatting import count, percent
from ..reporting.improve.verdict_text import note_text
from ..reporting.terminal import print_json
from ..runtime.home import home_folder
from . import options
from .eval import proposal_line, read_task, task_line, write_report
from .improve_output import print_outcome, write_outcome
from .messages import formatted_price, language, localized
from .nothing_right import nothing_right
from .progress import Progress


@click.command(help=localized("help.improve"))
@options.task
@click.option("-m", "--model", "models", multiple=True, metavar="RECIPE", help=localized("option.bases"))
@click.option("--budget-usd", type=click.FloatRange(0, min_open=True), help=localized("option.budget_usd"))
@click.option("--budget-tokens", type=click.IntRange(1), help=localized("option.budget_tokens"))
@click.option("--budget-seconds", type=click.FloatRange(0, min_open=True), help=localized("option.budget_seconds"))
@options.run
def improve(
    measurement: options.Measurement,
    models: tuple[str, ...],
    budget_usd: float | None,
    budget_tokens: int | None,
    budget_seconds: float | None,
) -> int:
    task, seed, out, as_json = read_task(measurement), measurement.seed, measurement.out, measurement.as_json
    judge = judge_of(load(measurement.judge)) if measurement.judge else None
    limits = BudgetLimits(tokens=budget_tokens, usd=budget_usd, seconds=budget_seconds)
    prepared = prepare(task, models or (options.default_model(),), seed=seed, judge=judge, limits=limits)
    _announce(prepared)
    if measurement.dry_run:
        if as_json:
            recipes, plan = [candidate.recipe for candidate in prepared.candidates], prepared.plan
            print_json({"recipes": recipes, "max_calls": plan.max_calls, "max_usd": plan.max_usd})
        return 0
    with Progress() as progress:
        on_stage, on_answer = progress.stage, progress.step
        run = ImproveRun(prepared, concurrency=measurement.concurrency, on_stage=on_stage, on_answer=on_answer)
        try:
            anyio.run(run.execute)
        except KeyboardInterrupt:
            run.stopped = "interrupted"
    outcome = run.result()
    outcome = replace(outcome, settings={**outcome.settings, "command": shlex.join(["jielong", *sys.argv[1:]])})
    report = EvalReport(prepared.task, seed, outcome.run, outcome.finalists)
    if out:
        write_report(report, out, _summary(outcome))
    page = write_outcome(outcome, out or home_folder() / "runs" / str(outcome.run))
    if as_json:
        print_json({**report.to_json(), **_summary(outcome)})
    else:
        print_outcome(outcome)
    for line in nothing_right(prepared.task, outcome.finalists[0]) if outcome.finalists else []:
        print(line, file=sys.stderr if as_json else sys.stdout)
    print(localized("improve.report", file=page), file=sys.stderr if as_json else sys.stdout)
    return 130 if outcome.stopped == "interrupted" else 0


def _announce(prepared: PreparedImprove) -> None:
    """What is about to happen, before a token is spent."""
    task, split, plan = prepared.task, prepared.split, prepared.plan
    print(task_line(task), *proposal_line(task), sep="\n", file=sys.stderr)
    values = {
        "candidates": plan.candidates,
        "search": len(split.search),
        "final": len(split.final),
        "finalists": plan.finalists,
        "calls": count(plan.max_calls),
        "all": count(plan.all_calls),
        "usd": formatted_price(plan.max_usd),
        "points": f"{100 * plan.detectable:.0f}",
    }
    spell_count, calls, first_round = spells(prepared)
    costs = plan.max_usd or "usd" in plan.budget
    values |= {"spells": spell_count, "spell_calls": count(calls)}
    values |= {"first": count(first_round), "share": percent(calls / first_round)}
    for line in ("race", "cost", *(("spells",) if costs else ()), "seen"):
        print(localized(f"improve.plan.{line}", **values), file=sys.stderr)
    for note in prepared.notes:
        print(note_text(note, language()), file=sys.stderr)


def _summary(outcome: ImproveResult) -> dict[str, Any]:
    """The verdict and the search, as `--json` and report.json give them."""
    document, compared = outcome.to_json(), outcome.verdict.comparison
    copied = ("recipe", "model", "steps", "dropped")
    return {
        "verdict": outcome.verdict.kind,
        "recipe": outcome.verdict.recipe,
        "difference": compared.difference if compared else None,
        "ci95": list(compared.ci95) if compared and compared.ci95 else None,
        "p_holm": compared.p_holm if compared else None,
        "interval_from": outcome.verdict.interval_from,
        "stopped": outcome.stopped,
        "plan": document["plan"],
        "candidates": [
            {
                **{name: candidate[name] for name in copied},
                "n": len(scored := [score for score in candidate["scores"] if score is not None]),
                "lost": len(candidate["scores"]) - len(scored),
                "mean": sum(scored) / len(scored) if scored else None,
                "usage": candidate["usage"],
            }
            for candidate in document["candidates"]
        ],
        **{name: document[name] for name in ("search_usage", "final_usage", "judging_usage", "settings", "notes")},
    }


@click.command(help=localized("help.demo"))
@click.option("--limit", type=click.IntRange(40), default=200, show_default=True, help=localized("option.limit"))
@options.out
@options.as_json
@click.pass_context
def demo(context: click.Context, limit: int, out: Path | None, as_json: bool) -> int:
    task, models = "mini:word_problems", ("mini",)
    status: int = context.invoke(improve, task=task, models=models, limit=limit, out=out, as_json=as_json)
    return status
