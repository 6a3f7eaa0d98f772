"""`jielong loadtest RECIPE`: how fast a model answers under a given load."""

from __future__ import annotations

import math
import sys
from typing import Any

import anyio
import click

from ..errors import BadInput
from ..measuring.cost_forecast import BudgetLimits
from ..measuring.highest_rate import MAX_WINDOWS
from ..measuring.load import LoadPlan
from ..measuring.load_prompts import task_prompts, word_prompts
from ..measuring.load_results import LoadTarget
from ..measuring.load_test import LoadReport, load_test
from ..recipe import load
from ..reporting.formatting import print_table
from ..reporting.load_table import load_lines, load_table
from ..reporting.terminal import print_json
from ..reporting.wording import words
from ..tasks.load_task import load_task
from . import options
from .budget_options import budget_limits
from .messages import language, localized
from .progress import Progress

MOST_CALLS = 1_000_000


class _Number(click.FloatRange):
    """Click takes "nan" and "inf" for numbers of any range."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        number: float = super().convert(value, param, ctx)
        return number if math.isfinite(number) else self.fail(f"{value!r} is not a number.", param, ctx)


_positive = _Number(0, min_open=True)


@click.command(help=localized("help.loadtest"))
@click.argument("recipe", metavar="RECIPE")
@click.option(
    "--rate", "rates", type=_positive, multiple=True, default=(1.0,), show_default=True, help=localized("option.rate")
)
@click.option("--duration", type=_positive, default=30.0, show_default=True, help=localized("option.duration"))
@click.option("--warmup", type=_Number(0), default=5.0, show_default=True, help=localized("option.warmup"))
@click.option("--patience", type=_positive, default=60.0, show_default=True, help=localized("option.patience"))
@click.option("--p95", type=_positive, metavar="SECONDS", help=localized("option.p95"))
@click.option(
    "--of",
    type=click.Choice(("reply", "first-token")),
    default="reply",
    show_default=True,
    help=localized("option.p95_of"),
)
@click.option(
    "--windows", type=click.IntRange(2, 100), default=MAX_WINDOWS, show_default=True, help=localized("option.windows")
)
@click.option("--task", metavar="TASK", help=localized("option.load_task"))
@click.option(
    "--prompt-words",
    type=click.IntRange(4, 1_000_000),
    default=100,
    show_default=True,
    help=localized("option.prompt_words"),
)
@click.option(
    "--max-tokens", type=click.IntRange(1), default=128, show_default=True, help=localized("option.max_tokens")
)
@click.option(
    "--concurrency", type=click.IntRange(1, 65_536), default=512, show_default=True, help=localized("option.in_flight")
)
@click.option("--seed", type=int, default=0, show_default=True, help=localized("option.schedule_seed"))
@budget_limits
@options.dry_run
@options.as_json
def loadtest(
    recipe: str,
    rates: tuple[float, ...],
    duration: float,
    warmup: float,
    patience: float,
    p95: float | None,
    of: str,
    windows: int,
    task: str | None,
    prompt_words: int,
    max_tokens: int,
    concurrency: int,
    seed: int,
    limits: BudgetLimits,
    dry_run: bool,
    as_json: bool,
) -> None:
    model, plan = load(recipe), LoadPlan(duration, warmup, patience, concurrency, seed)
    requests = task_prompts(load_task(task), max_tokens) if task else word_prompts(prompt_words, max_tokens)
    target = LoadTarget(p95, of == "first-token") if p95 else None
    if target and len(rates) > 1:
        raise BadInput("--p95 looks for the rate itself; give one --rate, to start from")
    calls = round(sum(rate * (duration + 2 * warmup) for rate in rates)) * model.max_calls()
    if calls > MOST_CALLS:
        raise BadInput(f"these rates and durations are {calls:,} calls; expected at most {MOST_CALLS:,}")
    n, each = (windows if target else len(rates)), f"{duration + 2 * warmup:g}"
    print(localized("loadtest.search" if target else "loadtest.plan", n=n, s=each, calls=f"{calls:,}"), file=sys.stderr)
    if dry_run:
        if as_json:
            print_json({"model": model.name, "rates": list(rates), "calls": None if target else calls})
        return
    with Progress(1, 0 if target else round(sum(rate * duration for rate in rates))) as progress:
        reports: list[LoadReport] = []

        async def run() -> None:
            reports.append(await load_test(
                model, requests, rates, plan, target=target, windows=windows, limits=limits, on_answer=progress.step,
            ))  # fmt: skip

        anyio.run(run)
    (report,) = reports
    if as_json:
        print_json(report.to_json())
    else:
        _print(report)


def _print(report: LoadReport) -> None:
    texts = words(language())
    table = load_table(report, texts)
    print_table(table.title, table.columns, table.rows)
    for line in load_lines(report, texts):
        print(line)
