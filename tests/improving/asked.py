"""An outcome with real answers of a scripted model: three recipes in the final, two that left in the search."""

from __future__ import annotations

from pathlib import Path

from jielong.contract import Request, Usage
from jielong.improving.improve_result import (
    Candidate,
    Comparison,
    Dropped,
    ImprovePlan,
    ImproveResult,
    Question,
    SplitIds,
    Verdict,
)
from jielong.measuring.experiment import ask_item
from jielong.measuring.results import ItemResult, ModelResult
from jielong.models.scripted import Scripted
from jielong.recipe import build, parse
from jielong.runtime.ledger import use_ledger
from jielong.stats import holm
from jielong.tasks.item import Item
from jielong.tasks.metric import find_metric
from jielong.tasks.task import Task

HOSTILE = '</pre><script>document.title = "taken"</script><img src="http://192.0.2.1/x.png">'
FINALISTS = ("", "cot", "cot | self_consistency(n=3, adaptive=false, answer=number)")
LEFT = {"spell(kind=emotion)": Dropped(1, "halved"), "self_refine": Dropped(2, "dearer", "", "scripted:test | cot")}


def reply(request: Request) -> str:
    """Wrong when asked plainly, but for every fourth question; right when asked to think."""
    texts = "\n".join(message.text for message in request.messages)
    n = int(texts.split("#")[1].split()[0])
    right = "step by step" in texts or n % 4 == 0
    return f"{HOSTILE} The answer is {n if right else n + 1}"


def task(n: int = 30) -> Task:
    items = tuple(Item(f"q{i}", f"What is the number of #{i} ? {HOSTILE}", (str(i),)) for i in range(n))
    return Task("numbers.csv", items, find_metric("number"), "all answers are numbers", "numbers.csv, read as rows")


async def asked(folder: Path, n: int = 30) -> ImproveResult:
    """The search has the first third of `n` items, the final the others."""
    full_task, base = task(n), Scripted(reply)
    search, final = full_task.items[: n // 3], full_task.items[n // 3 :]
    ledger = folder / "ledger.db"

    async def answers(steps: str, items: tuple[Item, ...]) -> tuple[str, tuple[ItemResult, ...]]:
        model = build(parse(f"scripted | {steps}"), base) if steps else base
        return model.name, tuple([(await ask_item(full_task, item, model, 0))[0] for item in items])

    candidates, results = [], []
    with use_ledger(ledger, "run-1"):
        for steps in (*FINALISTS, *LEFT):
            name, item_results = await answers(steps, search)
            scores, seconds = tuple(a.score for a in item_results), tuple(a.seconds for a in item_results)
            usage = sum((a.usage for a in item_results), Usage())
            candidates.append(Candidate(name, base.name, steps, scores, None, usage, seconds, LEFT.get(steps)))
        for steps in FINALISTS:
            name, item_results = await answers(steps, final)
            results.append(ModelResult(name, item_results, None, sum((a.usage for a in item_results), Usage()), ()))
    pairs = [result.against(results[0]) for result in results[1:]]
    compared = tuple(
        Comparison(pair.difference, pair.ci95, pair.p, pair.n, pair.better, pair.worse, result.model, p)
        for result, pair, p in zip(results[1:], pairs, holm([pair.p for pair in pairs]), strict=True)
    )
    return ImproveResult(
        task=full_task.name, task_source=full_task.source, task_sha256=full_task.sha256,
        rule=full_task.metric.name, why_rule=full_task.why_metric,
        models=(base.name,), plan=ImprovePlan(4, (5, 10), (3, 2), 2, 200, 0.0, 400, 0.2, {}),
        splits=SplitIds((), tuple(item.id for item in search), tuple(item.id for item in final)),
        questions=tuple(Question(item.id, item.request().messages[-1].text, item.accepted) for item in final),
        candidates=tuple(candidates), finalists=tuple(results), comparisons=compared,
        verdict=Verdict("improved", results[1].model, compared[0], "final"), stopped=None,
        search_usage=sum((c.usage for c in candidates), Usage()), final_usage=sum((r.usage for r in results), Usage()),
        judging_usage=Usage(), seed=0, run="run-1", ledger=str(ledger), version="0.1.0",
    )  # fmt: skip
