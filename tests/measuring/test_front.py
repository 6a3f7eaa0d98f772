"""The front of quality, price and latency: what its probabilities say, and how often that is true."""

from __future__ import annotations

import numpy as np
import pytest

from jielong.measuring.front import FrontPair, RecipeItems, find_front
from jielong.reporting.front_lines import front_lines
from jielong.reporting.wording import words


def recipe(name: str, scores: list[float | None], usd: float | None = 0.01, seconds: float = 1.0) -> RecipeItems:
    noise = np.random.default_rng(len(name)).uniform(0.9, 1.1, len(scores))
    prices = [None if usd is None else usd * x for x in noise]
    return RecipeItems(name, scores, prices, [seconds * x for x in noise])


def pair(front, a: str, b: str) -> FrontPair:
    return next(each for each in front.pairs if (each.a, each.b) == (a, b))


def test_a_recipe_that_is_better_cheaper_and_faster_beats_the_other():
    front = find_front([recipe("good", [1.0] * 60, 0.01, 1.0), recipe("bad", [0.0, 1.0] * 30, 0.02, 2.0)])
    assert front
    assert pair(front, "good", "bad").as_good_cheaper_and_faster == pytest.approx(1, abs=0.01)
    assert pair(front, "bad", "good").as_good < 0.01
    assert [round(each.on_front, 2) for each in front.recipes] == [1, 0]
    lines = front_lines(front, words("en"), str)
    assert "good is at least as good as bad, cheaper and faster with probability >.99." in lines
    assert "概率" in front_lines(front, words("zh"), str)[0]


def test_two_recipes_that_never_differed_may_still_differ():
    front = find_front([recipe("a", [1.0] * 20), recipe("bb", [1.0] * 20)])
    assert front
    assert pair(front, "a", "bb").as_good == pytest.approx(0.5, abs=0.05)


def test_an_unknown_price_is_no_price_and_beats_nobody():
    front = find_front([recipe("a", [1.0, 0.0] * 20), recipe("bb", [1.0, 0.0] * 20, None)])
    assert front
    assert not front.with_price
    assert front.recipes[1].usd_per_1000 is None
    assert pair(front, "a", "bb").as_good_and_cheaper is None


def test_equal_prices_are_not_cheaper_and_lost_items_are_left_out():
    scores: list[float | None] = [1.0, 0.0] * 20
    a, b = recipe("a", scores), recipe("b", [None, *scores[1:]])
    front = find_front([a, b])
    assert front
    assert front.n == 39
    assert pair(front, "a", "b").cheaper == pair(front, "b", "a").cheaper == 0


def test_items_of_a_cluster_are_one_drawing():
    a = recipe("a", [float(i // 10 % 10 < 7) for i in range(200)])
    b = recipe("bb", [float(i // 10 % 2) for i in range(200)])
    apart, together = find_front([a, b]), find_front([a, b], [str(i // 10) for i in range(200)])
    assert apart
    assert together
    assert 0.7 < pair(together, "a", "bb").as_good < 0.97 < pair(apart, "a", "bb").as_good
    assert find_front([a, b], [str(i // 60) for i in range(200)]) is None


def test_what_is_said_with_probability_90_is_true_about_as_often():
    rng = np.random.default_rng(5)
    said, true = [], []
    for seed in range(150):
        better, dearer = rng.uniform(-0.3, 0.3), rng.normal(0, 0.25)
        hard = rng.random(80)
        rows = [
            RecipeItems(
                name, list((rng.random(80) < np.clip(0.5 + gain / 2 + 0.4 * (hard - 0.5), 0, 1)).astype(float)),
                list(np.exp(log + hard + rng.normal(0, 0.6, 80))), list(rng.gamma(3, 1, 80)),
            )
            for name, gain, log in (("a", 0.0, 0.0), ("b", better, dearer))
        ]  # fmt: skip
        front = find_front(rows, seed=seed)
        assert front
        for each in front.pairs:
            sign = 1 if each.a == "b" else -1
            for p, event in ((each.as_good, sign * better > 0), (each.cheaper, sign * dearer < 0)):
                if p is not None and 0.8 < p < 0.97:
                    said.append(p)
                    true.append(event)
    assert len(said) > 40
    assert np.mean(true) == pytest.approx(np.mean(said), abs=0.12)
