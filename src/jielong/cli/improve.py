"""`jielong improve` and `jielong demo`: which techniques help this model on this task, and by how much."""

from __future__ import annotations

import json
import sys
from contextlib import nullcontext
from pathlib import Path

import anyio
import click

from ..improving.improve import plan, search, verdict, verdict_json
from ..measuring.judge import Judge
from ..measuring.run import Report
from ..recipe import load
from ..report import count, dollars, interval, p_value, signed
from ..runtime.purse import budget
from . import options
from .evaluate import announce, print_report, read_task
from .progress import Progress
from .say import say
from .writing import write_report


@click.command(help=say("help.improve"))
@options.task
@options.model
@click.option("--budget-usd", type=click.FloatRange(0), help=say("option.budget_usd"))
@click.option("--budget-tokens", type=click.IntRange(0), help=say("option.budget_tokens"))
@options.run
def improve(
    task: str,
    input: str | None,
    answer: str | None,
    rule: str | None,
    limit: int | None,
    strict: bool,
    model: str,
    budget_usd: float | None,
    budget_tokens: int | None,
    seed: int,
    concurrency: int,
    judge: str | None,
    dry_run: bool,
    out: Path | None,
    as_json: bool,
) -> None:
    loaded = read_task(task, input, answer, rule, limit, seed, strict, out)
    prepared = plan(loaded, model)
    announce(prepared.task, prepared.models)
    if dry_run:
        if as_json:
            print(json.dumps({"recipes": [m.name for m in prepared.models], "most_calls": prepared.most_calls}))
        return
    around = budget(usd=budget_usd, tokens=budget_tokens) if budget_usd or budget_tokens else nullcontext()
    grading = Judge(load(judge)) if judge else None
    with Progress(len(prepared.models), len(prepared.task.items)) as progress:
        report = anyio.run(
            lambda: search(
                prepared,
                seed=seed,
                concurrency=concurrency,
                judge=grading,
                around=around,
                on_model=progress.model,
                on_answer=progress.answer,
            )
        )
    found = verdict_json(report, prepared.models)
    if out:
        write_report(report, out, found)
        print(say("run.written", out=out), file=sys.stderr)
    if as_json:
        print(json.dumps({**report.to_json(), **found}, ensure_ascii=False))
    else:
        print_report(report, report.task.name)
        _print_verdict(report)


def _print_verdict(report: Report) -> None:
    found = verdict(report)
    print()
    if found.best is None or found.pair is None or found.p is None:
        print(say("improve.nothing", recipe=found.plain.model))
    else:
        print(say("improve.best", recipe=found.best.model))
        difference, within = signed(found.pair.difference), interval(found.pair.ci95)
        n = len(report.results) - 1
        print(say("improve.gain", difference=difference, interval=within, p=_compared(p_value(found.p)), n=n))
        print(say("improve.curse"))
    usages = [result.usage for result in report.results]
    tokens = sum(usage.input_tokens + usage.output_tokens for usage in usages)
    calls, usd = sum(usage.calls for usage in usages), [usage.usd for usage in usages]
    cost = dollars(None if None in usd else sum(u for u in usd if u is not None))
    print(say("improve.total", tokens=count(tokens), calls=count(calls), usd=cost))


def _compared(p: str) -> str:
    return p.replace("<", "< ") if p.startswith("<") else f"= {p}"


@click.command(help=say("help.demo"))
@click.option("--limit", type=click.IntRange(40), default=200, show_default=True, help=say("option.limit"))
@click.option("--out", type=click.Path(path_type=Path), metavar="DIR", help=say("option.out"))
@options.as_json
@click.pass_context
def demo(context: click.Context, limit: int, out: Path | None, as_json: bool) -> None:
    context.invoke(improve, task="mini:word_problems", model="mini", limit=limit, out=out, as_json=as_json)
