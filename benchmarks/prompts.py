"""Prompt search on mini from bad prompts: our proposers, random search, and the gepa package, at equal calls.

Every way gets `CALLS` calls for its search (those to the writer included) on the same search items, and its best prompt
meets the start on the same held-out items. `reflect` and gepa have one proposer: a scripted writer that edits the
prompt it is shown with the phrases of our grammar, as mini itself cannot write. gepa evaluates as its own loop does
(minibatches of three, all items after each accepted prompt); it may overshoot by one such evaluation.

    python benchmarks/prompts.py [--seeds 2] [--only TASK]
"""

from __future__ import annotations

import argparse
import random
import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import anyio
import gepa
from common import write

from jielong import Scripted, load, use_ledger
from jielong.contract import Request
from jielong.improving.prompt_search.edit_proposers import edited
from jielong.improving.prompt_search.evaluator import Evaluator
from jielong.improving.prompt_search.prompt_draft import PromptDraft, ScoredDraft
from jielong.improving.prompt_search.search_loop import SearchPlan, search
from jielong.improving.prompt_search.search_prompts import plan_prompt_search
from jielong.measuring.cost_forecast import BudgetLimits
from jielong.measuring.experiment import Experiment
from jielong.stats import paired_difference
from jielong.tasks.item import Item, identified
from jielong.tasks.load_task import load_task
from jielong.tasks.metric import find_metric
from jielong.tasks.task import Task
from jielong.techniques.prompting import Place

CALLS, FINAL, ITEMS = 300, 60, 100
EXPRESSION = "Write one Python expression that computes the answer."
TASKS: tuple[tuple[str, str, Place], ...] = (
    ("mini:word_problems/3", "Reply with the number only.", "after"),
    ("mini:word_problems/zh/3", "只回答数字。", "after"),
    ("mini:facts", EXPRESSION, "after"),
    ("mini:reading/told", EXPRESSION, "after"),
)


def one_operation(k: int = 7) -> Task:
    """`x` becomes `x + k`, which only examples tell."""
    items = [Item("", f"{x} ->", (str(x + k),)) for x in range(1, ITEMS + 1)]
    return Task(f"x + {k}", identified(items), find_metric("exact"), "", "an operation that no word tells")


class Writer:
    """Edits the prompt that stands between the first ``` lines of what it is asked."""

    def __init__(self, planned: SearchPlan, seed: int) -> None:
        self.state = planned.state(planned.split.search)
        self.place, self.seed, self.calls = planned.start.place, seed, 0

    def better(self, text: str, rng: random.Random) -> str:
        """A phrase added, deleted, replaced or swapped, but not put to another place: gepa has no such thing."""
        while (draft := edited(self.state, PromptDraft(text, self.place), rng)).place != self.place or not draft.text:
            pass
        return draft.text

    def reply(self, request: Request) -> str:
        shown = re.search(r"```\n(.*?)\n```", request.messages[-1].text, re.DOTALL)
        assert shown
        return f"```\n{self.better(shown[1].replace('–', ''), random.Random(request.sampling.seed))}\n```"

    def propose(
        self, candidate: dict[str, str], dataset: Mapping[str, Sequence[Mapping[str, Any]]], names: list[str]
    ) -> dict[str, str]:
        self.calls += 1
        rng = random.Random(f"{self.seed} {self.calls}")
        return {name: self.better(candidate[name], rng) for name in names}


@dataclass
class Adapter:
    """gepa's side: the same model, items, seeds and scores as ours."""

    evaluator: Evaluator
    place: Place
    calls: int = 0
    propose_new_texts: None = None
    tried: dict[str, ScoredDraft] = field(default_factory=dict)

    def evaluate(self, batch: list[Item], candidate: dict[str, str], capture_traces: bool = False) -> Any:
        text = candidate["prompt"]
        tried = self.tried.setdefault(text, ScoredDraft(0, PromptDraft(text, self.place), 0))
        anyio.run(self.evaluator.ask, [(tried, item) for item in batch])
        self.calls += len(batch)
        answers = [tried.answers[item.id] for item in batch]
        traces = [{"item": i, "answer": a} for i, a in zip(batch, answers, strict=True)] if capture_traces else None
        return gepa.EvaluationBatch([a.text for a in answers], [a.score or 0.0 for a in answers], traces)

    def make_reflective_dataset(self, candidate: dict[str, str], batch: Any, names: list[str]) -> Any:
        return {name: [{"score": score} for score in batch.scores] for name in names}


class Silent:
    def log(self, message: str) -> None:
        pass


def by_gepa(planned: SearchPlan, items: tuple[Item, ...], seed: int) -> tuple[PromptDraft, int]:
    evaluator = Evaluator(Experiment(planned.task, seed=planned.seed), planned.model)
    adapter, writer = Adapter(evaluator, planned.start.place), Writer(planned, seed)
    result = gepa.optimize(
        seed_candidate={"prompt": planned.start.text},
        trainset=list(items),
        valset=list(items),
        adapter=adapter,
        custom_candidate_proposer=writer.propose,
        stop_callbacks=lambda state: adapter.calls + writer.calls + 7 > CALLS,
        logger=Silent(),
        seed=seed,
    )
    return PromptDraft(result.best_candidate["prompt"], planned.start.place), adapter.calls + writer.calls


async def by_us(planned: SearchPlan) -> tuple[PromptDraft, int, tuple[Item, ...]]:
    spent = [0]
    experiment = Experiment(planned.task, seed=planned.seed, limits=planned.limits)
    with planned.limits.around_calls():
        found = await search(planned, experiment, lambda result: spent.append(result.usage.calls))
    return found.state.best.draft, spent[-1], found.state.items


async def held_out(planned: SearchPlan, drafts: dict[str, PromptDraft]) -> dict[str, list[float]]:
    evaluator = Evaluator(Experiment(planned.task, seed=planned.seed), planned.model)
    final = planned.split.final[:FINAL]
    tried = {name: ScoredDraft(0, draft, 0) for name, draft in drafts.items()}
    await evaluator.ask([(one, item) for one in tried.values() for item in final])
    return {name: [one.answers[item.id].score or 0.0 for item in final] for name, one in tried.items()}


def one_task(task: Task, start: str, place: Place, seed: int, ways: Sequence[str]) -> dict[str, Any]:
    limits = BudgetLimits(calls=CALLS + 2 * FINAL)
    planned = plan_prompt_search(
        task, load("mini"), start=start, place=place, limits=limits, seed=seed, proposers=["edits"]
    )
    planned = replace(planned, split=replace(planned.split, final=planned.split.final[:FINAL]))
    drafts, calls = {"start": planned.start}, {}
    items: tuple[Item, ...] = ()
    for way in ways:
        if way == "gepa":
            drafts[way], calls[way] = by_gepa(planned, items, seed)
        else:
            writer = Scripted(Writer(planned, seed).reply, name="scripted:writer") if way == "reflect" else None
            ours = replace(planned, proposers=(way,), writer=writer)
            drafts[way], calls[way], items = anyio.run(by_us, ours)
    scores = anyio.run(held_out, planned, drafts)
    said: dict[str, Any] = {"task": task.name, "seed": seed, "n": len(scores["start"]), "ways": {}}
    said["start"] = round(sum(scores["start"]) / said["n"], 3)
    for way in ways:
        pair = paired_difference(scores["start"], scores[way])
        said["ways"][way] = {
            "held_out": round(sum(scores[way]) / said["n"], 3),
            "gain": round(pair.difference, 3),
            "ci95": [round(end, 3) for end in pair.ci95 or ()],
            "p": float(f"{pair.p:.2g}"),
            "accepted": pair.difference > 0 and pair.p < 0.05,
            "search_calls": calls[way],
            "prompt": drafts[way].text or "–",
            "place": drafts[way].place,
            "examples": len(drafts[way].examples),
        }
        print(f"{task.name} seed {seed} {way}: {said['start']:.2f} → {said['ways'][way]}", flush=True)
    return said


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--only", default="")
    given = parser.parse_args()
    results = []
    with tempfile.TemporaryDirectory() as folder, use_ledger(Path(folder) / "ledger.db"):
        for seed in range(given.seeds):
            for name, start, place in TASKS:
                if given.only in name:
                    task = load_task(name, limit=2 * ITEMS, seed=seed)
                    results.append(one_task(task, start, place, seed, ("edits", "reflect", "chance", "gepa")))
            if given.only in "x + 7":
                results.append(one_task(one_operation(), "", "after", seed, ("examples", "chance")))
    means = {
        way: round(sum(of[way]["gain"] for of in texts) / len(texts), 3)
        for texts in [[result["ways"] for result in results if "gepa" in result["ways"]]]
        for way in ("edits", "reflect", "chance", "gepa")
        if texts
    }
    if not given.only:
        write("prompts", {"calls": CALLS, "held_out_items": FINAL, "mean_gain": means, "results": results})


if __name__ == "__main__":
    main()
