"""`jielong prompts search`: look for a better prompt, accepted only if it wins on held-out items."""

from __future__ import annotations

import sys
from typing import get_args

import anyio
import click
from rich.text import Text

from ..improving.prompt_search.prompt_draft import PromptDraft
from ..improving.prompt_search.search_loop import PROPOSERS, SearchPlan, SearchResult
from ..improving.prompt_search.search_prompts import CALLS, WORDS, plan_prompt_search, result_summary, run_prompt_search
from ..measuring.cost_forecast import BudgetLimits
from ..measuring.judge import judge_of
from ..recipe import load
from ..reporting.formatting import count, interval, p_value, percent, print_table, signed, token_count
from ..reporting.terminal import console, print_json
from ..stats import minimum_detectable
from ..techniques.prompting import Place
from . import options
from .eval import ledger_line, read_task, task_line
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
    measurement: options.Measurement,
    model: str,
    start: str,
    place: Place,
    proposers: tuple[str, ...],
    writer: str | None,
    budget_calls: int | None,
    budget_tokens: int | None,
    budget_usd: float | None,
    max_words: int,
) -> None:
    task, out, as_json = read_task(measurement), measurement.out, measurement.as_json
    plan = plan_prompt_search(
        task, load(model), start=start, place=place, proposers=proposers, max_words=max_words, seed=measurement.seed,
        writer=load(writer) if writer else None, judge=judge_of(load(measurement.judge)) if measurement.judge else None,
        limits=BudgetLimits(calls=budget_calls, tokens=budget_tokens, usd=budget_usd),
    )  # fmt: skip
    _announce(plan)
    if measurement.dry_run:
        if as_json:
            print_json({"model": plan.model.name, "max_calls": plan.limits.calls})
        return
    with console(stderr=True).status("") as status:

        def on_round(result: SearchResult) -> None:
            state, calls = result.state, result.usage.calls
            line = localized("prompts.round", n=state.round, calls=count(calls), best=percent(state.best.mean))
            status.update(Text(line))

        at_once = measurement.concurrency
        result = anyio.run(lambda: run_prompt_search(plan, concurrency=at_once, out=out, on_round=on_round))
    if out:
        print(localized("prompts.written", out=out), file=sys.stderr)
    if as_json:
        print_json(result_summary(plan, result))
    else:
        _print(plan, result)


def _announce(plan: SearchPlan) -> None:
    n, unseen, given = len(plan.split.search), len(plan.split.final), plan.limits
    formatted = {
        "calls": given.calls and count(given.calls),
        "tokens": given.tokens and count(given.tokens),
        "usd": given.usd and formatted_price(given.usd),
    }
    limits = [localized(f"prompts.limit_{name}", limit=limit) for name, limit in formatted.items() if limit is not None]
    size = localized("prompts.plan", search=n, final=unseen, points=f"{100 * minimum_detectable(unseen):.0f}")
    how = localized("prompts.how", proposers=", ".join(plan.proposers), limits=", ".join(limits))
    print(task_line(plan.task), size, how, ledger_line(), sep="\n", file=sys.stderr)


def _print(plan: SearchPlan, result: SearchResult) -> None:
    state, summary = result.state, result_summary(plan, result)
    columns = [localized(f"prompts.{name}") for name in ("prompt", "by", "words", "on_search")]
    complete = state.complete  # the best are shown, and the starting one whatever its rank
    shown = complete[:MAX_ROWS] + [scored for scored in complete[MAX_ROWS:] if scored is state.start]
    rows = [[_prompt_text(s.draft), s.draft.by, str(s.draft.length), percent(s.mean)] for s in shown]
    title = localized("prompts.title", n=len(state.items), kept=len(state.complete), tried=len(state.drafts))
    print_table(title, columns, rows)
    print()
    holdout = summary["holdout_test"]
    if holdout and holdout["why"]:
        print(localized("run.nothing_concluded", model=summary["model"], why=holdout["why"]))
    elif holdout:
        start, best_mean = (percent(holdout[which]["mean"]) for which in ("start", "best"))
        print(localized(
            "prompts.holdout", n=holdout["n"], start=start, best=best_mean, difference=signed(holdout["difference"]),
            interval=interval(holdout["ci95"]), p=p_value(holdout["p"]),
        ))  # fmt: skip
    if holdout and holdout["n"] + holdout["lost"] < holdout["planned"]:
        print(localized("prompts.holdout_short", n=holdout["n"], planned=holdout["planned"]))
    print(localized("prompts.improved" if summary["verdict"] == "improved" else "prompts.nothing"))
    print(localized("prompts.use", recipe=summary["recipe"]))
    usage = result.usage
    tokens = token_count(usage.input_tokens + usage.output_tokens, usage.unsettled_calls)
    calls = count(usage.calls)
    why = localized(f"prompts.stopped.{result.stopped.replace(' ', '_')}")
    print(localized("prompts.total", tokens=tokens, calls=calls, usd=formatted_price(usage.usd), why=why))
    for note in result.notes:
        print(in_language(note))


def _prompt_text(draft: PromptDraft) -> str:
    line, examples = " ".join(draft.text.split()), len(draft.examples)
    short = line if len(line) <= 90 else line[:89] + "…"
    return f"{short or '–'}{localized('prompts.with_examples', n=examples) if examples else ''}"
