"""`jielong prompts search`: look for a better prompt, accepted only if it wins on held-out items."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import get_args

import anyio
import click
from rich.console import Console

from ..improving.prompt_search.prompt_draft import ScoredDraft
from ..improving.prompt_search.search_loop import PROPOSERS, SearchPlan, SearchResult
from ..improving.prompt_search.search_prompts import CALLS, WORDS, plan_prompt_search, result_summary, run_prompt_search
from ..measuring.cost_forecast import BudgetLimits
from ..measuring.judge import Judge
from ..recipe import load
from ..reporting.formatting import count, interval, p_value, percent, print_table, signed
from ..runtime.ledger import home_folder
from ..stats import minimum_detectable
from ..techniques.prompting import Place
from . import options
from .eval import read_task, task_line
from .messages import formatted_price, in_language, localized

MAX_ROWS = 10


@click.group(help=localized("help.prompts"))
def prompts() -> None:
    pass


@prompts.command(help=localized("help.prompts_search"))
@options.task
@options.model
@click.option("--start", default="", metavar="TEXT", help=localized("option.start"))
@click.option("--place", type=click.Choice(get_args(Place)), default="system", show_default=True,
              help=localized("option.place"))  # fmt: skip
@click.option("--proposer", "proposers", multiple=True, metavar="NAME",
              help=localized("option.proposer", names=", ".join(PROPOSERS)))  # fmt: skip
@click.option("--writer", metavar="RECIPE", help=localized("option.writer"))
@click.option("--budget-calls", type=click.IntRange(1), help=localized("option.budget_calls", calls=f"{CALLS:,}"))
@click.option("--budget-tokens", type=click.IntRange(1), help=localized("option.budget_tokens"))
@click.option("--budget-usd", type=click.FloatRange(0, min_open=True), help=localized("option.budget_usd"))
@click.option(
    "--max-words", type=click.IntRange(1), default=WORDS, show_default=True, help=localized("option.max_words")
)
@options.run
def search(
    task: str,
    input: str | None,
    answer: str | None,
    rule: str | None,
    limit: int | None,
    strict: bool,
    model: str,
    start: str,
    place: Place,
    proposers: tuple[str, ...],
    writer: str | None,
    budget_calls: int | None,
    budget_tokens: int | None,
    budget_usd: float | None,
    max_words: int,
    seed: int,
    concurrency: int,
    judge: str | None,
    dry_run: bool,
    out: Path | None,
    as_json: bool,
) -> None:
    loaded = read_task(task, input, answer, rule, limit, seed, strict, out)
    plan = plan_prompt_search(
        loaded,
        load(model),
        start=start,
        place=place,
        proposers=proposers,
        writer=load(writer) if writer else None,
        limits=BudgetLimits(calls=budget_calls, tokens=budget_tokens, usd=budget_usd),
        max_words=max_words,
        seed=seed,
        judge=Judge(load(judge)) if judge else None,
    )
    _announce(plan)
    if dry_run:
        if as_json:
            print(json.dumps({"model": plan.model.name, "max_calls": plan.limits.calls}))
        return
    console = Console(stderr=True)
    with console.status("") as status:

        def on_round(result: SearchResult) -> None:
            state, calls = result.state, result.usage.calls
            line = localized("prompts.round", n=state.round, calls=count(calls), best=percent(state.best.mean))
            status.update(line.replace("[", r"\["))

        result = anyio.run(lambda: run_prompt_search(plan, concurrency=concurrency, out=out, on_round=on_round))
    if out:
        print(localized("prompts.written", out=out), file=sys.stderr)
    if as_json:
        print(json.dumps(result_summary(plan, result), ensure_ascii=False))
    else:
        _print(plan, result)


def _announce(plan: SearchPlan) -> None:
    n, unseen = len(plan.split.search), len(plan.split.final)
    task, points = plan.task, f"{100 * minimum_detectable(unseen):.0f}"
    limits = [
        localized(f"prompts.limit_{name}", limit=limit)
        for name, limit in (
            ("calls", plan.limits.calls and count(plan.limits.calls)),
            ("tokens", plan.limits.tokens and count(plan.limits.tokens)),
            ("usd", plan.limits.usd and formatted_price(plan.limits.usd)),
        )
        if limit is not None
    ]
    lines = [
        task_line(task),
        localized("prompts.plan", search=n, final=unseen, points=points),
        localized("prompts.how", proposers=", ".join(plan.proposers), limits=", ".join(limits)),
        localized("run.going_on", ledger=home_folder() / "ledger.db"),
    ]
    print("\n".join(lines), file=sys.stderr)


def _print(plan: SearchPlan, result: SearchResult) -> None:
    state, summary = result.state, result_summary(plan, result)
    columns = [localized(f"prompts.{name}") for name in ("prompt", "by", "words", "on_search")]
    rows = [
        [_prompt_text(scored.draft.text, len(scored.draft.examples)), scored.draft.by, str(scored.draft.length),
         percent(scored.mean)]
        for scored in _best_and_start(result)
    ]  # fmt: skip
    print_table(
        localized("prompts.title", n=len(state.items), kept=len(state.complete), tried=len(state.drafts)), columns, rows
    )
    print()
    holdout = summary["holdout_test"]
    if holdout and holdout["why"]:
        print(localized("run.nothing_concluded", model=summary["model"], why=holdout["why"]))
    elif holdout:
        figures = {
            "n": holdout["n"],
            "start": percent(holdout["start"]["mean"]),
            "best": percent(holdout["best"]["mean"]),
            "difference": signed(holdout["difference"]),
            "interval": interval(holdout["ci95"]),
            "p": p_value(holdout["p"]),
        }
        print(localized("prompts.holdout", **figures))
    if holdout and holdout["n"] + holdout["lost"] < holdout["planned"]:
        print(localized("prompts.holdout_short", n=holdout["n"], planned=holdout["planned"]))
    print(localized("prompts.improved" if summary["verdict"] == "improved" else "prompts.nothing"))
    print(localized("prompts.use", recipe=summary["recipe"]))
    usage = result.usage
    tokens, calls = count(usage.input_tokens + usage.output_tokens), count(usage.calls)
    print(
        localized(
            "prompts.total",
            tokens=tokens,
            calls=calls,
            usd=formatted_price(usage.usd),
            why=localized(f"prompts.stopped.{_stop_reason(result)}"),
        )
    )
    for note in result.notes:
        print(in_language(note))


def _stop_reason(result: SearchResult) -> str:
    return result.stopped.replace(" ", "_")


def _best_and_start(result: SearchResult) -> list[ScoredDraft]:
    """The best prompts, and the starting one whatever its rank."""
    complete = result.state.complete
    return complete[:MAX_ROWS] + [draft for draft in complete[MAX_ROWS:] if draft is result.state.start]


def _prompt_text(text: str, examples: int) -> str:
    line = " ".join(text.split())
    short = line if len(line) <= 90 else line[:89] + "…"
    return f"{short or '–'}{localized('prompts.with_examples', n=examples) if examples else ''}"
