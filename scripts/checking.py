"""Two ways of checking an answer, side by side on mini: below it in the same conversation, or by fresh eyes.

    python scripts/checking.py [--items 150]

writes docs/checking.md and docs/checking.zh.md. What was measured is in the ledger of JIELONG_HOME, so a run that was
interrupted goes on.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio

from jielong import load
from jielong.answers import RULES
from jielong.contract import Reply
from jielong.measuring.evaluate import compare
from jielong.measuring.results import ModelResult
from jielong.runtime.home import home_folder
from jielong.runtime.ledger import Ledger, use_ledger
from jielong.stats import Estimate, mean
from jielong.tasks.load_task import load_task
from jielong.tasks.task import Task
from jielong.technique import ballot, gather
from jielong.techniques.self_check import verdict_question

DOCS = Path(__file__).parent.parent / "docs"
TEXTS = Path(__file__).parent / "checking"
SEED, ROUNDS, MAX_TOKENS = 1, 2, 256
CASES = (
    ("mini:word_problems/3", "mini"),
    ("mini:word_problems/5", "mini | options(temperature=1.3) | cot"),
    ("mini:facts", "mini"),
    ("mini:reading/told", "mini"),
)
WAYS = ("same_turn", "fresh")


@dataclass(frozen=True)
class Case:
    """`rejected` and `caught` are what each way says no to: of the right first answers, and of the wrong ones."""

    task: str
    recipe: str
    rejected: dict[str, Estimate]
    caught: dict[str, Estimate]
    results: tuple[ModelResult, ...]  # plain, the two ways, self_refine, a vote at the tokens of the dearer way


async def verdicts(task: Task, recipe: str) -> tuple[dict[str, Estimate], dict[str, Estimate]]:
    model = load(recipe)
    requests = [item.request().with_sampling(seed=SEED, max_tokens=MAX_TOKENS) for item in task.items]
    drafts = await gather(model, requests)
    answered = [(i, draft) for i, draft in enumerate(drafts) if isinstance(draft, Reply)]
    right = [(await task.metric.score(task.items[i], draft)).value == 1 for i, draft in answered]
    rejected, caught = {}, {}
    for turn, way in enumerate(WAYS, 1):
        questions = [verdict_question(requests[i], draft, way) for i, draft in answered]  # type: ignore[arg-type]
        replies = await gather(model, questions, first=turn * len(requests))
        no = [ballot(verdict, RULES["yes_no"]) != "yes" for verdict in replies]
        rejected[way] = mean([float(n) for n, r in zip(no, right, strict=True) if r])
        caught[way] = mean([float(n) for n, r in zip(no, right, strict=True) if not r])
    return rejected, caught


async def measured(name: str, recipe: str, items: int) -> Case:
    task = load_task(name, limit=items, seed=SEED)
    file = home_folder() / "ledger.db"
    with Ledger(file) as opened:
        run = opened.begin(f"checking {task.sha256} {items} {recipe}", f"checking {name}")
    with use_ledger(file, run) as opened:
        rejected, caught = await verdicts(task, recipe)
        opened.finish(run)
    ways = [f"{recipe} | self_check(mode={way}, rounds={ROUNDS})" for way in WAYS]
    report = await compare(task, [load(r) for r in (recipe, *ways, f"{recipe} | self_refine")], seed=SEED)
    plain, *checked, refined = report.results
    votes = max(2, round(max(map(tokens, checked)) / tokens(plain)))
    voted = f"{recipe} | self_consistency(n={votes}, adaptive=false)"
    vote = (await compare(task, [load(voted)], seed=SEED)).results[0]
    return Case(name, recipe, rejected, caught, (plain, *checked, refined, vote))


def tokens(result: ModelResult) -> float:
    return (result.usage.input_tokens + result.usage.output_tokens) / len(result.answers)


def figure(estimate: Estimate) -> str:
    if estimate.n < 2 or estimate.ci95 is None:
        return "–"
    low, high = estimate.ci95
    return f"{100 * estimate.mean:.0f} % [{100 * low:.0f}, {100 * high:.0f}] (n = {estimate.n})"


def row(*cells: Any) -> str:
    return f"| {' | '.join(str(cell).replace('|', chr(92) + '|') for cell in cells)} |"


def verdict_rows(cases: list[Case]) -> str:
    return "\n".join(
        row(f"`{case.task}`", f"`{case.recipe}`", f"`{way}`", figure(case.caught[way]), figure(case.rejected[way]))
        for case in cases
        for way in WAYS
    )


def accuracy_rows(cases: list[Case]) -> str:
    rows = []
    for case in cases:
        plain = case.results[0]
        for result in case.results:
            accuracy, pair = result.accuracy, result.against(plain)
            low, high = pair.ci95 or (float("nan"), float("nan"))
            change = "" if result is plain else f"{100 * pair.difference:+.1f} [{100 * low:+.1f}, {100 * high:+.1f}]"
            rows.append(row(f"`{case.task}`", f"`{result.model}`", f"{100 * accuracy.mean:.1f}", change,
                            f"{tokens(result):.0f}"))  # fmt: skip
    return "\n".join(rows)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--items", type=int, default=150)
    items = arguments.parse_args().items
    cases = []
    for name, recipe in CASES:
        print(f"{name}: {recipe}", file=sys.stderr, flush=True)
        cases.append(anyio.run(measured, name, recipe, items))
    for language in ("md", "zh.md"):
        text = (TEXTS / f"page.{language}").read_text("utf-8")
        for blank, filled in (("{items}", str(items)), ("{verdicts}", verdict_rows(cases)),
                              ("{accuracies}", accuracy_rows(cases))):  # fmt: skip
            text = text.replace(blank, filled)
        (DOCS / f"checking.{language}").write_text(text, "utf-8")
        print(DOCS / f"checking.{language}")


if __name__ == "__main__":
    main()
