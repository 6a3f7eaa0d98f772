"""Agreement beyond chance: published examples, missing labels, full agreement, and intervals that cover."""

from __future__ import annotations

import math
import os

import numpy as np
import pytest

from jielong.measuring.agreement import cohen_kappa, fleiss_kappa, krippendorff_alpha

FULL = os.environ.get("JIELONG_FULL") == "1"


def test_cohen_of_a_table_worked_by_hand():
    """50 items: 20 both yes, 15 both no, 5 and 10 apart (Wikipedia, "Cohen's kappa")."""
    a = ["yes"] * 25 + ["no"] * 25
    b = ["yes"] * 20 + ["no"] * 5 + ["yes"] * 10 + ["no"] * 15
    agreement = cohen_kappa(a, b)
    assert agreement.value == pytest.approx(0.4)
    assert agreement.observed == pytest.approx(0.7)
    assert agreement.ci95 is not None
    assert agreement.ci95[0] < 0.4 < agreement.ci95[1]


def test_fleiss_of_the_published_example():
    """Fourteen raters, ten subjects, five categories: kappa .210 (Fleiss 1971; Wikipedia)."""
    table = [[0, 0, 0, 0, 14], [0, 2, 6, 4, 2], [0, 0, 3, 5, 6], [0, 3, 9, 2, 0], [2, 2, 8, 1, 1], [7, 7, 0, 0, 0],
             [3, 2, 6, 3, 0], [2, 5, 3, 2, 2], [6, 5, 2, 1, 0], [0, 2, 2, 3, 7]]  # fmt: skip
    items = [[category for category, n in enumerate(row) for _ in range(n)] for row in table]
    assert fleiss_kappa(items).value == pytest.approx(0.210, abs=5e-4)


def test_krippendorff_of_the_published_example_with_missing_labels():
    """Four observers, twelve units (Krippendorff 2011): nominal alpha .743; the unit with one label says nothing."""
    x = None
    observers = [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, x, x, x],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, x, 3],
        [x, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, x],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, x],
    ]
    agreement = krippendorff_alpha(list(zip(*observers, strict=True)))
    assert agreement.value == pytest.approx(0.743, abs=5e-4)
    assert agreement.items == 11
    assert agreement.raters == 4


@pytest.mark.parametrize("statistic", [fleiss_kappa, krippendorff_alpha, lambda items: cohen_kappa(*zip(*items))])
def test_a_missing_label_is_no_category(statistic):
    items = [("a", "a"), ("b", "b"), ("a", "b")] * 10
    with_gaps = [*items, ("a", None), (None, "b"), (None, None)] * 1
    assert statistic(with_gaps) == statistic(items)


@pytest.mark.parametrize("statistic", [fleiss_kappa, krippendorff_alpha, lambda items: cohen_kappa(*zip(*items))])
def test_raters_who_agree_wholly_leave_a_doubt(statistic):
    agreement = statistic([("a", "a"), ("b", "b")] * 15)
    assert agreement.value == 1
    low, high = agreement.ci95
    assert 0.5 < low < 0.95
    assert high == 1


@pytest.mark.parametrize("statistic", [fleiss_kappa, krippendorff_alpha, lambda items: cohen_kappa(*zip(*items))])
def test_one_category_alone_has_no_value(statistic):
    agreement = statistic([("a", "a")] * 30)
    assert agreement.value is None
    assert agreement.ci95 is None
    assert agreement.observed == 1
    assert agreement.why == "all labels are of one category"


def test_few_items_have_no_interval():
    agreement = cohen_kappa(["a", "b", "a"], ["a", "b", "b"])
    assert agreement.ci95 is None
    assert agreement.why == "3 clusters are too few for an interval"


def test_items_of_one_cluster_count_together():
    items = [("a", "a"), ("b", "b"), ("a", "b"), ("b", "b"), ("a", "a"), ("b", "a")] * 5
    alone, together = (krippendorff_alpha(items * 4, names) for names in (None, [str(i % 30) for i in range(120)]))
    assert alone.value == together.value
    assert together.ci95[1] - together.ci95[0] > 1.8 * (alone.ci95[1] - alone.ci95[0])


@pytest.mark.parametrize("accuracy", [0.65, 0.85, 0.97])
def test_intervals_cover_what_they_say(accuracy: float):
    """Two raters who name the truth with this probability, else another of three labels; benchmarks/ranking.py has
    2,000 worlds."""
    rng, worlds, n = np.random.default_rng(7), 2_000 if FULL else 300, 100
    matching = accuracy**2 + (1 - accuracy) ** 2 / 2
    kappa = 1 - (1 - matching) / (2 / 3)
    covered = 0
    for _ in range(worlds):
        truth = rng.integers(0, 3, n)
        a, b = (np.where(rng.random(n) < accuracy, truth, (truth + rng.integers(1, 3, n)) % 3) for _ in range(2))
        low, high = cohen_kappa(a.tolist(), b.tolist()).ci95 or (math.nan, math.nan)
        covered += low <= kappa <= high
    assert covered / worlds == pytest.approx(0.955, abs=3 * math.sqrt(0.05 * 0.95 / worlds))
