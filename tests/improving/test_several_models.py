"""`improve` with several models: it finds a route or a cascade where one pays, and says so where none does."""

import os
from pathlib import Path

import anyio
import pytest

from jielong import Request, Scripted
from jielong.improving.improve_plan import prepare
from jielong.improving.improve_result import ImproveResult
from jielong.improving.improve_run import ImproveRun
from jielong.tasks.item import Item
from jielong.tasks.metric import find_metric
from jielong.tasks.task import Task

from .worlds import seeded

KINDS = ("cooking", "sailing")


def task(n: int = 100) -> Task:
    texts = [f"A question about {KINDS[i % 2]}: what is three times {i}?" for i in range(1, n + 1)]
    items = tuple(Item(str(i), text, (str(3 * i),)) for i, text in enumerate(texts, 1))
    return Task("experts", items, find_metric("number"), "as this task is made", "made for tests")


def expert(*kinds: str, elsewhere: float = 0.1, words: int = 1) -> Scripted:
    """Knows all about these kinds, and a part of the rest; where it does not know, its samples differ."""

    def reply(request: Request) -> str:
        text = next(m.text for m in request.messages if "three times" in m.text)
        i = int(text.partition("three times ")[2].partition("?")[0])
        if request.messages[-1].text.startswith("How likely"):
            return "90"
        right = any(kind in text for kind in kinds) or seeded(kinds, i).random() < elsewhere
        value = 3 * i if right else 3 * i + seeded(i, request.sampling.seed).randint(1, 50)
        return "well " * words + f"The answer is {value}."

    name = "-".join((*kinds, str(words)))
    return Scripted(reply, name=f"scripted:{name}", identity=f"{name} {elsewhere} {words}")


def improved(*models: Scripted) -> ImproveResult:
    run = ImproveRun(prepare(task(), models), ledger=Path(":memory:"))
    anyio.run(run.execute)
    return run.result()


def mixing(outcome: ImproveResult, technique: str) -> set[str]:
    return {note.key for note in outcome.notes if technique in str(note.values.get("recipe"))}


def test_a_route_is_found_over_experts(tmp_path, monkeypatch):
    monkeypatch.setenv("JIELONG_HOME", str(tmp_path))
    outcome = improved(*map(expert, KINDS))
    assert outcome.verdict.kind == "improved"
    assert any(f"{technique}(models=" in outcome.verdict.recipe for technique in ("route", "cascade"))
    assert outcome.verdict.comparison.difference > 0.3
    assert mixing(outcome, "route") == {"mixing_pays"}
    assert list(tmp_path.glob("runs/*/route.json"))


@pytest.mark.skipif(os.environ.get("JIELONG_FULL") != "1", reason="five seconds of work")
def test_a_cascade_is_found_where_a_dear_model_knows_all_and_a_cheap_one_half(tmp_path, monkeypatch):
    monkeypatch.setenv("JIELONG_HOME", str(tmp_path))
    outcome = improved(expert("cooking"), expert(*KINDS, words=60))
    assert "mixing_pays" in mixing(outcome, "cascade") | mixing(outcome, "route")


def test_where_neither_pays_it_is_said(tmp_path, monkeypatch):
    monkeypatch.setenv("JIELONG_HOME", str(tmp_path))
    outcome = improved(expert("cooking", elsewhere=0.0), expert("cooking", elsewhere=0.0, words=2))
    assert outcome.verdict.kind == "nothing helped"
    assert mixing(outcome, "cascade") == {"mixing_no_gain"}
