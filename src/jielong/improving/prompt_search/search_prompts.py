"""A prompt search from a task to its result: plan, ledger, budget, verdict, and a folder with all that was tried.

DIR/prompts.json    the plan, the verdict, both prompts, the recipe
DIR/tried.jsonl     every draft with its answers, and why it went no further
DIR/holdout_test.jsonl  what both prompts replied to the unseen items
DIR/recipe.txt      the recipe to use
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from ... import __version__
from ...atomic_write import write_whole
from ...contract import Model, Scorer
from ...measuring.cost_forecast import BudgetLimits
from ...measuring.experiment import Experiment
from ...measuring.judge import with_judge
from ...measuring.results import ItemResult, interval_json
from ...notebook_display import NotebookDisplay
from ...recipe import load
from ...registry import unknown_name
from ...stats import Estimate
from ...sync import run_sync
from ...tasks.load_task import load_task
from ...tasks.metric import require_replies
from ...tasks.task import Task
from ...techniques.prompting import Place
from ..data_splits import split_items
from .holdout_test import HoldoutTest
from .prompt_draft import PromptDraft, ScoredDraft
from .search_loop import PROPOSERS, WRITERS, SearchPlan, SearchResult, search, to_json

CALLS, WORDS = 1000, 200  # the budget and the length limit when none is given


def plan_prompt_search(
    task: Task,
    model: Model,
    *,
    start: str = "",
    place: Place = "system",
    proposers: Sequence[str] = (),
    writer: Model | None = None,
    limits: BudgetLimits | None = None,
    max_words: int = WORDS,
    seed: int = 0,
    judge: Scorer | None = None,
) -> SearchPlan:
    """What the search will do. Without `proposers`: edits and examples, before them those that write if there is a
    `writer`. Raises BadInput, UnknownName."""
    for name in proposers:
        if name not in PROPOSERS:
            raise unknown_name("proposer", name, PROPOSERS)
    chosen = tuple(dict.fromkeys(proposers)) or (*(WRITERS if writer else ()), "edits", "examples")
    graded, split = with_judge(task, judge, seed), split_items(task.items, seed, examples=0)
    require_replies(graded.metric)
    budget = limits if limits and limits.given() else BudgetLimits(calls=CALLS)
    return SearchPlan(graded, model, split, PromptDraft(start.strip(), place), chosen, writer, budget, max_words, seed)


async def run_prompt_search(
    plan: SearchPlan,
    *,
    concurrency: int = 64,
    ledger: Path | None = None,
    out: Path | None = None,
    on_round: Callable[[SearchResult], None] | None = None,
) -> SearchResult:
    """Search under the plan's budget, with the ledger around; what is found so far is in `out` after every round."""
    experiment = Experiment(plan.task, seed=plan.seed, concurrency=concurrency, limits=plan.limits, ledger=ledger)

    def after_round(result: SearchResult) -> None:
        if out:
            write(plan, result, out)
        if on_round:
            on_round(result)

    with experiment.open("prompt search", to_json(plan)):
        result = await search(plan, experiment, after_round)
        experiment.finish()
    if out:
        write(plan, result, out)
    return result


def search_prompts(
    task: str | Task,
    model: str | Model,
    *,
    start: str = "",
    place: Place = "system",
    proposers: Sequence[str] = (),
    writer: str | Model | None = None,
    calls: int | None = None,
    tokens: int | None = None,
    usd: float | None = None,
    seed: int = 0,
    out: Path | None = None,
) -> PromptSearchSummary:
    """Find a better prompt for `model` on `task`, from synchronous code; `["recipe"]` of the result is what to load."""
    loaded = load_task(task, seed=seed) if isinstance(task, str) else task
    built = load(model) if isinstance(model, str) else model
    writing = load(writer) if isinstance(writer, str) else writer
    limits = BudgetLimits(calls=calls, tokens=tokens, usd=usd)
    planned = plan_prompt_search(
        loaded, built, start=start, place=place, proposers=proposers, writer=writing, limits=limits, seed=seed
    )
    return PromptSearchSummary(result_summary(planned, run_sync(partial(run_prompt_search, planned, out=out))))


# ---- the result ----


class PromptSearchSummary(NotebookDisplay, dict[str, Any]):
    """The values of prompts.json, shown as a table."""


def verdict(result: SearchResult) -> str:
    """`improved`; `nothing helped`, in the search or in the holdout test; `searching`, before the end."""
    if not result.stopped:
        return "searching"
    return "improved" if result.holdout and result.holdout.passed else "nothing helped"


def result_summary(plan: SearchPlan, result: SearchResult) -> dict[str, Any]:
    state, holdout = result.state, result.holdout
    chosen = holdout.best if holdout and holdout.passed else state.start
    return {
        **to_json(plan),
        "version": __version__,
        "verdict": verdict(result),
        "recipe": chosen.draft.around(plan.model).name,
        "prompt": _draft(chosen),
        "best_of_search": _draft(state.best),
        "holdout_test": _holdout(holdout) if holdout and holdout.items else None,
        "search": {
            "items": len(state.items),
            "rounds": state.round,
            "tried": len(state.drafts),
            "kept": len(state.complete),
            "start": state.start.mean,
            "best": state.best.mean,
            "stopped": result.stopped,
        },
        "usage": {name: value for name, value in asdict(result.usage).items() if name != "seconds"},
        "notes": list(result.notes),
    }


def _holdout(holdout: HoldoutTest) -> dict[str, Any]:
    pair, why = holdout.pair, holdout.inconclusive
    counts = {"n": pair.n, "planned": holdout.planned, "lost": len(holdout.items) - pair.n}
    start, best = (_estimate(holdout.estimate(scored)) for scored in (holdout.start, holdout.best))
    compared = {"difference": pair.difference, "ci95": interval_json(pair.ci95), "p": pair.p}
    return {**counts, "start": start, "best": best, **(dict.fromkeys(compared) if why else compared), "why": why}


def _estimate(estimate: Estimate) -> dict[str, Any]:
    return {"mean": estimate.mean if estimate.n else None, "ci95": interval_json(estimate.ci95)}


def _draft(scored: ScoredDraft) -> dict[str, Any]:
    examples = [list(pair) for pair in scored.draft.examples]
    return {"number": scored.number, **asdict(scored.draft), "examples": examples}


def write(plan: SearchPlan, result: SearchResult, folder: Path) -> None:
    """The result folder, each file under a temporary name first, so that none is ever half there."""
    summary = result_summary(plan, result)
    write_whole(folder / "prompts.json", json.dumps(summary, ensure_ascii=False, indent=1) + "\n")
    write_whole(folder / "tried.jsonl", _lines(_tried(scored) for scored in result.state.drafts))
    (folder / "holdout_test.jsonl").unlink(missing_ok=True)  # of another search in the same folder
    if holdout := result.holdout:
        start, best = holdout.start.answers, holdout.best.answers
        pairs = ({"id": i.id, "start": _answer(start[i.id]), "best": _answer(best[i.id])} for i in holdout.items)
        write_whole(folder / "holdout_test.jsonl", _lines(pairs))
    write_whole(folder / "recipe.txt", summary["recipe"] + "\n")


def _lines(rows: Iterable[dict[str, Any]]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def _tried(scored: ScoredDraft) -> dict[str, Any]:
    mean, why = scored.mean if scored.answers else None, "" if scored.complete else scored.why
    figures = {"round": scored.round, "mean": mean, "n": len(scored.answers), "kept": scored.complete, "why": why}
    answers = {id: _answer(answer) for id, answer in sorted(scored.answers.items())}
    return {**_draft(scored), **figures, "answers": answers}


def _answer(answer: ItemResult) -> dict[str, Any]:
    return {"score": answer.score, "reply": answer.text, "error": answer.error}
