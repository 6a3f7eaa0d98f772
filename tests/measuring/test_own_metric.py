"""A metric of one's own: registered, it grades a task by `--rule NAME`, votes, and is tried in votes by improve."""

from __future__ import annotations

import json
from pathlib import Path

import anyio
import pytest

from jielong import Reply, Request, Scripted, evaluate, registry
from jielong.contract import Message
from jielong.errors import UnknownName
from jielong.improving.candidate_catalogue import candidates
from jielong.recipe import build, parse
from jielong.tasks.item import Item
from jielong.tasks.load_task import load_task
from jielong.tasks.metric import Metric, Score, Unit, answer_rule


class Colours:
    """The last colour that is named; crimson is red. Half right is a colour of the same temperature."""

    name = "colours"
    max_tokens = 64
    unit: Unit = "share"

    def extract(self, reply: Reply) -> str | None:
        named = [word for word in reply.text.lower().split() if word in ("red", "crimson", "blue", "orange")]
        return named[-1] if named else None

    async def score(self, item: Item, reply: Reply) -> Score:
        colour = self.extract(reply)
        right = colour is not None and self.same(colour, item.accepted[0])
        warm = colour in ("red", "crimson", "orange") and item.accepted[0] != "blue"
        return Score(1.0 if right else 0.5 if warm else 0.0, colour, {"right": float(right), "warm": float(warm)})

    def same(self, a: str, b: str) -> bool:
        return {a, b} <= {"red", "crimson"} or a == b


@pytest.fixture(autouse=True)
def registered(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(registry, "_registered", dict(registry._registered))
    monkeypatch.setenv("JIELONG_HOME", str(tmp_path / "home"))
    registry.register("metrics", "colours", Colours(), f"{__name__}:Colours")


def file(folder: Path) -> str:
    rows = [{"input": f"Which colour has apple {i}?", "answer": "red"} for i in range(30)]
    (folder / "apples.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return str(folder / "apples.jsonl")


def test_it_is_a_metric_and_grades_a_task_by_its_name(tmp_path: Path):
    assert isinstance(Colours(), Metric)
    task = load_task(file(tmp_path), rule="colours")
    model = Scripted(lambda request: "crimson" if "apple 1" in request.messages[-1].text else "orange")
    result = evaluate(task, model).results[0]
    assert result.accuracy.mean == pytest.approx((11 * 1.0 + 19 * 0.5) / 30)
    assert model.requests[0].sampling.max_tokens == 64
    with pytest.raises(UnknownName, match="did you mean 'colours'"):
        load_task(file(tmp_path), rule="colour")


def test_what_it_counts_as_the_same_is_one_answer_in_a_vote():
    texts = iter(["blue", "red", "blue", "crimson", "red"])
    steps = parse("scripted | self_consistency(n=5, adaptive=false, answer=colours)")
    voting = build(steps, Scripted(lambda request: next(texts)))
    reply = anyio.run(voting.generate, Request((Message("user", "Which?"),)))
    assert reply.text == "red"
    assert voting.name.endswith("self_consistency(n=5, adaptive=false, answer=colours)")


def test_improve_tries_votes_by_it(tmp_path: Path):
    task = load_task(file(tmp_path), rule="colours")
    assert answer_rule(task.metric) == "colours"
    assert "self_consistency(n=8, answer=colours)" in candidates(task, ())
