"""A prompt search from a task to its result: plan, ledger, budget, verdict, and a folder with all that was tried.

DIR/prompts.json    the plan, the verdict, both prompts, the recipe
DIR/tried.jsonl     every draft with its answers, and why it went no further
DIR/gate.jsonl      what both prompts replied to the unseen items
DIR/recipe.txt      the recipe to use
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ... import __version__
from ...atomic_write import write_whole
from ...contract import Model
from ...measuring.evaluate import ItemResult
from ...measuring.judge import Judge, check_judged
from ...recipe import load
from ...registry import unknown_name
from ...runtime.ledger import Ledger, home_folder, use_ledger
from ...stats import Estimate
from ...sync import run_sync
from ...tasks.load_task import load_task
from ...tasks.task import Task
from ...techniques.instruct import Place
from ..data_splits import split_items
from .evaluator import BudgetLimits
from .prompt_draft import PromptDraft, ScoredDraft
from .search_loop import PROPOSERS, WRITERS, SearchPlan, SearchResult, search, to_json

CALLS, WORDS = 1000, 200  # the budget and the length limit when none is given


def plan_search(
    task: Task,
    model: Model,
    *,
    start: str = "",
    place: Place = "system",
    proposers: Sequence[str] = (),
    writer: Model | None = None,
    limits: BudgetLimits | None = None,
    most_words: int = WORDS,
    seed: int = 0,
    judge: Judge | None = None,
) -> SearchPlan:
    """What the search will do. Without `proposers`: edits and examples, before them those that write if there is a
    `writer`. Raises BadInput, UnknownName."""
    for name in proposers:
        if name not in PROPOSERS:
            raise unknown_name("proposer", name, PROPOSERS)
    check_judged(task, judge)
    chosen = tuple(dict.fromkeys(proposers)) or (*(WRITERS if writer else ()), "edits", "examples")
    return SearchPlan(
        task,
        model,
        split_items(task.items, seed, examples=0),
        PromptDraft(start.strip(), place),
        chosen,
        writer,
        limits if limits and limits.given else BudgetLimits(calls=CALLS),
        most_words,
        seed,
        judge,
    )


async def run_search(
    plan: SearchPlan,
    *,
    concurrency: int = 64,
    ledger: Path | None = None,
    out: Path | None = None,
    on_round: Callable[[SearchResult], None] | None = None,
) -> SearchResult:
    """Search under the plan's budget, with the ledger around; what is found so far is in `out` after every round."""
    file = ledger or home_folder() / "ledger.db"
    said = json.dumps({**to_json(plan), "what": "prompt search"}, sort_keys=True)
    with Ledger(file) as opened:
        work = opened.begin(
            hashlib.sha256(said.encode()).hexdigest(), f"prompts for {plan.task.name}, {plan.model.name}"
        )

    def after_round(found: SearchResult) -> None:
        if out:
            write(plan, found, out)
        if on_round:
            on_round(found)

    with use_ledger(file, work) as opened, plan.limits.purse():
        found = await search(plan, concurrency=concurrency, on_round=after_round)
        opened.finish(work)
    if out:
        write(plan, found, out)
    return found


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
) -> dict[str, Any]:
    """Find a better prompt for `model` on `task`, from synchronous code; `["recipe"]` of the result is what to load."""
    planned = plan_search(
        load_task(task, seed=seed) if isinstance(task, str) else task,
        load(model) if isinstance(model, str) else model,
        start=start,
        place=place,
        proposers=proposers,
        writer=load(writer) if isinstance(writer, str) else writer,
        limits=BudgetLimits(calls, tokens, usd),
        seed=seed,
    )

    async def searched() -> SearchResult:
        return await run_search(planned, out=out)

    return result_summary(planned, run_sync(searched))


# ---- the result ----


def verdict(found: SearchResult) -> str:
    """`improved`; `nothing helped`, in the search or at the gate; `searching`, before the end."""
    if not found.stopped:
        return "searching"
    return "improved" if found.gate and found.gate.passed else "nothing helped"


def result_summary(plan: SearchPlan, found: SearchResult) -> dict[str, Any]:
    state, gate, usage = found.state, found.gate, found.whole.usage
    chosen = gate.best if gate and gate.passed else state.start
    pair = gate.pair if gate and gate.items else None
    return {
        **to_json(plan),
        "version": __version__,
        "verdict": verdict(found),
        "recipe": chosen.draft.around(plan.model).name,
        "prompt": _draft(chosen),
        "best_of_search": _draft(state.best),
        "gate": {
            "n": len(gate.items),
            "wanted": gate.wanted,
            "start": _estimate(gate.estimate(gate.start)),
            "best": _estimate(gate.estimate(gate.best)),
            "difference": pair.difference,
            "ci95": list(pair.ci95) if pair.ci95 else None,
            "p": pair.p,
        }
        if gate and pair
        else None,
        "search": {
            "items": len(state.items),
            "rounds": state.round,
            "tried": len(state.tried),
            "kept": len(state.kept),
            "start": state.start.mean,
            "best": state.best.mean,
            "stopped": found.stopped,
        },
        "usage": {name: value for name, value in asdict(usage).items() if name != "seconds"},
        "notes": list(found.notes),
    }


def _estimate(said: Estimate) -> dict[str, Any]:
    return {"mean": said.mean, "ci95": list(said.ci95) if said.ci95 else None}


def _draft(tried: ScoredDraft) -> dict[str, Any]:
    draft = tried.draft
    return {
        "number": tried.number,
        "text": draft.text,
        "place": draft.place,
        "examples": [list(pair) for pair in draft.examples],
        "by": draft.by,
        "parent": draft.parent,
    }


def write(plan: SearchPlan, found: SearchResult, folder: Path) -> None:
    """The result folder, each file under a temporary name first, so that none is ever half there."""
    folder.mkdir(parents=True, exist_ok=True)
    said = result_summary(plan, found)
    write_whole(folder / "prompts.json", json.dumps(said, ensure_ascii=False, indent=1) + "\n")
    lines = [json.dumps(_line(tried), ensure_ascii=False) for tried in found.state.tried]
    write_whole(folder / "tried.jsonl", "\n".join(lines) + "\n")
    (folder / "gate.jsonl").unlink(missing_ok=True)  # of another search in the same folder
    if gate := found.gate:
        pairs = [{"id": item.id, "start": _answer(gate.start.answers[item.id]),
                  "best": _answer(gate.best.answers[item.id])} for item in gate.items]  # fmt: skip
        write_whole(folder / "gate.jsonl", "".join(json.dumps(pair, ensure_ascii=False) + "\n" for pair in pairs))
    write_whole(folder / "recipe.txt", said["recipe"] + "\n")


def _line(tried: ScoredDraft) -> dict[str, Any]:
    answers = {id: _answer(answer) for id, answer in sorted(tried.answers.items())}
    why = "" if tried.kept else tried.why
    return {
        **_draft(tried),
        "round": tried.round,
        "mean": tried.mean if tried.answers else None,
        "n": len(tried.answers),
        "kept": tried.kept,
        "why": why,
        "answers": answers,
    }


def _answer(answer: ItemResult) -> dict[str, Any]:
    return {"score": answer.score, "reply": answer.text, "error": answer.error}
