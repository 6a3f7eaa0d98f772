"""Whether a model has read a task: each test on models that have and have not, and what is said where none is made."""

from __future__ import annotations

import asyncio
import math
import random
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from jielong import load
from jielong.contract import Message, Model, Reply, Request, TokenLogprob
from jielong.errors import BadInput
from jielong.measuring.contamination_record import keep_model, known_findings
from jielong.measuring.memory_metrics import SEPARATOR, other_orders, overlap
from jielong.measuring.model_contamination import (
    Evidence,
    ModelSearch,
    familiarity_evidence,
    item_text,
    neighbours_alike,
    order_evidence,
    search_model,
)
from jielong.models.scripted import Scripted
from jielong.models.token_sampling import standardized_logprob
from jielong.tasks.item import Item
from jielong.tasks.metric import find_metric
from jielong.tasks.task import Task


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JIELONG_HOME", str(tmp_path))


def task(name: str, n: int = 60) -> Task:
    rng = random.Random(name)
    words = [f"w{i}" for i in range(400)]
    items = tuple(Item(f"{name}{i}", " ".join(rng.choices(words, k=14)) + "?", ("7",)) for i in range(n))
    return Task(name, items, find_metric("number"), "", name)


class Reader(Model):
    """Has read `texts` in their order: a text is likelier behind the one before it. Completes what it has read."""

    def __init__(self, texts: list[str], gain: float = 1.0, repeats: bool = False) -> None:
        self.next, self.gain, self.texts = dict(pairwise(texts)), gain, texts if repeats else []

    @property
    def name(self) -> str:
        return f"reader {self.gain} {bool(self.texts)}"

    async def generate(self, request: Request) -> Reply:
        begun = request.messages[-1].text.split("First part: ")[-1].split("\n")[0]
        rest = next((text[len(begun) :] for text in self.texts if text.startswith(begun)), "who knows")
        return Reply(Message("assistant", rest))

    async def logprobs(self, request: Request, continuation: str) -> tuple[TokenLogprob, ...]:
        parts = continuation.split(SEPARATOR)
        noise = random.Random(continuation).gauss(0, 1)
        known = sum(self.next.get(a) == b for a, b in pairwise(parts))
        return (TokenLogprob("", -50 + noise + self.gain * known),)


def evidence_of(of: Task, model: Model, reference: Task | None = None) -> dict[str, Evidence]:
    return {each.test: each for each in asyncio.run(search_model(of, model, reference)).evidence}


def test_a_model_that_knows_the_order_is_found_and_a_clean_one_is_not():
    of = task("a")
    texts = [item_text(item) for item in of.items]
    result = asyncio.run(search_model(of, Reader(texts)))
    order = result.evidence[0]
    assert result.contaminated
    assert order.p is not None
    assert order.p < 0.01
    assert order.ci95 is not None
    assert order.ci95[0] > 0.5
    assert not asyncio.run(search_model(task("e"), Reader(texts, gain=0.0))).contaminated


def test_p_of_the_order_is_valid_whatever_the_spread_of_the_groups():
    rng = np.random.default_rng(1)
    worlds = [rng.standard_t(2, (7, 12)) * rng.exponential(5, (7, 1)) for _ in range(400)]
    ps = [order_evidence(world.tolist(), seed).p or 1.0 for seed, world in enumerate(worlds)]
    assert np.mean([p < 0.05 for p in ps]) < 0.05 + 2.5 * math.sqrt(0.05 * 0.95 / 400)
    assert 0.4 < float(np.mean(ps)) < 0.6


def test_a_sorted_file_is_no_evidence():
    of = task("a")
    ordered = tuple(sorted(of.items, key=lambda item: len(str(item.input))))
    groups = [[f"item number {i} of {topic}s and their {topic}" for i in range(3)] * 2 for topic in ("cat", "dog")]
    assert neighbours_alike([group[:3] + other[:3] for group, other in (groups, groups[::-1])] * 4, 0) < 0.01
    assert neighbours_alike([[item_text(i) for i in of.items[j : j + 6]] for j in range(0, 60, 6)], 0) > 0.01
    long = tuple(Item(i.id, " ".join(["word"] * (3 * n + 1)) + i.id, ("7",)) for n, i in enumerate(ordered))
    result = evidence_of(Task("sorted", long, of.metric, "", "sorted"), Reader([], gain=0.0))
    assert "alike" in str(result["order"].why)
    assert result["order"].p is None


def test_likelihood_needs_a_reference_and_its_interval_covers():
    assert "--reference" in str(evidence_of(task("a"), Reader([]))["likelihood"].why)
    rng = np.random.default_rng(3)
    truth, covered, alarms = 0.76025, 0, 0  # of normal values that are one apart
    for seed in range(16):
        evidence = familiarity_evidence(
            "likelihood", rng.normal(1, 1, 40).tolist(), rng.normal(0, 1, 50).tolist(), seed
        )
        covered += evidence.ci95 is not None and evidence.ci95[0] <= truth <= evidence.ci95[1]
        null = familiarity_evidence("likelihood", rng.normal(0, 1, 40).tolist(), rng.normal(0, 1, 50).tolist(), seed)
        alarms += null.p is not None and null.p < 0.05
    assert covered >= 13
    assert alarms <= 3


def test_mini_shows_how_likely_each_token_is_among_all():
    mini, request = load("mini"), Request((Message("user", "What is 11 + 21?"),))
    own = mini.ask("What is 11 + 21?", max_tokens=60)  # the most likely token each time, so none is below the mean
    values = {text: asyncio.run(mini.base.standardized_logprobs(request, text)) for text in (own, "zebra Q7 of of")}
    assert len(values[own]) == len(asyncio.run(mini.logprobs(request, own)))
    assert min(values[own]) > -0.01
    assert min(values["zebra Q7 of of"]) < -1


def test_a_completion_is_a_sign_alone_and_evidence_beside_a_reference():
    of, other = task("a"), task("b")
    reader = Reader([str(item.input) for item in of.items], gain=0.0, repeats=True)
    alone = asyncio.run(search_model(of, reader))
    assert alone.evidence[2].figure == 0.0  # halves of seven words are too short to be a sign
    assert alone.evidence[2].p is None
    both = evidence_of(of, reader, other)["completion"]
    assert both.figure == 1.0
    assert both.p is not None
    assert both.p < 0.001


def test_a_model_without_logprobs_is_told_so_in_one_line():
    result = asyncio.run(search_model(task("a"), Scripted("nothing", name="silent")))
    assert result.contaminated is None
    order = result.evidence[0].why
    assert order is not None
    assert "gives no log-probabilities" in order
    with pytest.raises(BadInput, match="at least 20"):
        asyncio.run(search_model(task("a", 5), Scripted("nothing", name="silent")))


def test_a_finding_about_a_model_is_known_for_all_that_is_made_of_it():
    of = task("a")
    keep_model(ModelSearch(of, "mini", (Evidence("order", 5, 0.9, (0.8, 1.0), 0.001, p_holm=0.003),)))
    assert known_findings(of, ["mini | cot"])[0].contaminated
    assert not known_findings(of, ["mini2", "openai:x"])
    assert not known_findings(task("b"), ["mini"])


def test_other_orders_are_distinct_and_never_the_own_one():
    for n, count in ((2, 9), (3, 9), (6, 11), (30, 20)):
        orders = [tuple(order) for order in other_orders(list(map(str, range(n))), count)]
        assert len(set(orders)) == len(orders) == min(count, math.factorial(n) - 1)
        assert tuple(map(str, range(n))) not in orders


def test_overlap_counts_tokens_of_both_scripts():
    assert overlap("the cat sat", "The CAT, sat!") == (1.0, 3)
    assert overlap("今天天气", "天气") == (0.5, 2)
    assert overlap("a b", "") == (0.0, 0)


def test_a_standardized_logprob_is_by_mean_and_deviation_of_all_tokens():
    p = np.array([0.5, 0.25, 0.25])
    mean = float((p * np.log(p)).sum())
    deviation = math.sqrt(float((p * (np.log(p) - mean) ** 2).sum()))
    assert standardized_logprob(np.log(p), 1) == pytest.approx((math.log(0.25) - mean) / deviation)
    assert standardized_logprob(np.array([0.0, -np.inf]), 0) == pytest.approx(0.0)
