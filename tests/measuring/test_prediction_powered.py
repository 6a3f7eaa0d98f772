"""A judge's mean corrected by labels is ppi-python's, holds in clusters, and is hardly ever wider than labels alone."""

from __future__ import annotations

import numpy as np
import pytest

from jielong.measuring.prediction_powered import corrected_mean

N, MORE = 150, 2000


def world(
    rng: np.random.Generator, correlation: float, size: int = 1
) -> tuple[list[float | None], list[float], list[str]]:
    n = N + MORE
    groups = np.repeat(np.arange(-(-n // size)), size)[:n]
    worth = (rng.normal(size=groups.max() + 1)[groups] + rng.normal(size=n)) / np.sqrt(2)
    said = correlation * worth + np.sqrt(1 - correlation**2) * rng.normal(size=n)
    people, judge = np.clip(0.5 + 0.15 * worth, 0, 1), np.clip(0.6 + 0.15 * said, 0, 1)
    return [float(p) if i < N else None for i, p in enumerate(people)], judge.tolist(), groups.astype(str).tolist()


def test_it_is_that_of_ppi_python():
    rng = np.random.default_rng(4)
    labels, judged = rng.random(60), rng.random(400)
    judged[:60] = np.clip(0.6 * labels + 0.4 * rng.random(60), 0, 1)
    found = corrected_mean([*labels.tolist(), *[None] * 340], judged.tolist())
    # ppi_py.ppi_mean_pointestimate(labels, judged[:60], judged[60:], lam=found.weight)
    rectified, imputed = labels - found.weight * judged[:60], found.weight * judged[60:]
    assert found.mean == pytest.approx(imputed.mean() + rectified.mean(), abs=1e-12)
    error = np.sqrt(rectified.var() / 60 + imputed.var() / 340)  # as ppi_py.ppi_mean_ci has it
    assert found.standard_error == pytest.approx(error * np.sqrt(60 / 58), rel=1e-12)
    assert (found.mean, found.weight) == pytest.approx((PPI["mean"], PPI["weight"]), abs=1e-12)


PPI = {"mean": 0.5853261114661261, "weight": 0.8316333001173792}  # of ppi-python at this weight


@pytest.mark.parametrize(
    ("correlation", "size", "width"), [(0.6, 1, 0.90), (0.0, 1, 1.02), (0.6, 5, 0.90), (0.0, 5, 1.04)]
)
def test_intervals_cover_and_a_judge_helps_or_does_no_harm(correlation: float, size: int, width: float):
    rng, inside, widths = np.random.default_rng(2), 0, []
    for _ in range(50):
        labels, judged, clusters = world(rng, correlation, size)
        found = corrected_mean(labels, judged, clusters if size > 1 else None)
        assert found.ci95
        assert found.labels.ci95
        inside += found.ci95[0] <= 0.5 <= found.ci95[1]
        widths.append((found.ci95[1] - found.ci95[0]) / (found.labels.ci95[1] - found.labels.ci95[0]))
    assert inside >= 43
    assert np.mean(widths) <= width


def test_without_enough_labels_the_judge_corrects_nothing():
    none = corrected_mean([None] * 20, [0.5] * 20)
    assert (none.ci95, none.weight, none.judged) == (None, 0.0, 0.5)
    alike = corrected_mean([1.0] * 10 + [None] * 10, [0.1 * i for i in range(10)] * 2)
    assert (alike.mean, alike.weight, alike.ci95) == (1.0, 0.0, alike.labels.ci95)
    clustered = corrected_mean([0.0, 1.0] * 4 + [None] * 8, [0.5, 0.6] * 8, ["a"] * 4 + ["b"] * 4 + ["c"] * 8)
    assert (clustered.mean, clustered.ci95) == (0.5, None)
