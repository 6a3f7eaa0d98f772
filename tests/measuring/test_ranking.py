"""Bradley-Terry from arrays: the likelihood's maximum, errors that cover, and what has no finite rating."""

from __future__ import annotations

import math
import os

import numpy as np
import pytest
from scipy.optimize import minimize

from jielong.errors import BadInput
from jielong.measuring.comparison_graph import groups_that_met, places
from jielong.measuring.ranking import _meat, bradley_terry, fit_pair_counts, pair_counts
from jielong.measuring.unbounded_rating import rating_bound, ties_only_half_width
from jielong.stats import t_quantile

FULL = os.environ.get("JIELONG_FULL") == "1"


def battles(rng: np.random.Generator, ratings: np.ndarray, n: int, ties: float = 0.15, style: float | None = None):
    models = len(ratings)
    first = rng.integers(0, models, n)
    second = (first + rng.integers(1, models, n)) % models
    odds, terms = ratings[first] - ratings[second], None
    if style is not None:  # stronger models write longer
        terms = np.clip(rng.normal(0.2 * odds, 0.4), -1, 1)[:, None]
        odds = odds + style * terms[:, 0]
    chance, luck = 1 / (1 + np.exp(-odds)), rng.random(n)
    outcome = np.where(luck < chance * (1 - ties), 1.0, np.where(luck < chance * (1 - ties) + ties, 0.5, 0.0))
    return first, second, outcome, terms


def test_ratings_are_where_the_likelihood_is_greatest():
    rng = np.random.default_rng(1)
    first, second, outcome, terms = battles(rng, rng.normal(0, 1, 6), 400, style=0.8)
    assert terms is not None

    def negative(at: np.ndarray) -> float:
        odds = at[first] - at[second] + terms[:, 0] * at[6]
        return float(np.logaddexp(0, odds).sum() - outcome @ odds + 0.5 * at[:6].sum() ** 2)

    best = minimize(negative, np.zeros(7), method="BFGS", options={"gtol": 1e-8}).x
    fit = bradley_terry(first, second, outcome, 6, style=terms)
    assert fit.values == pytest.approx(best[:6], abs=1e-6)
    assert fit.coefficients == pytest.approx(best[6:], abs=1e-6)


def test_two_models_have_the_odds_of_their_wins():
    scored = np.array([[0.0, 30.0], [10.0, 0.0]])
    assert np.ptp(fit_pair_counts(scored)) == pytest.approx(math.log(3), abs=1e-12)


def test_every_expected_score_is_the_observed_one_to_the_last_digit():
    rng = np.random.default_rng(2)
    first, second, outcome, _ = battles(rng, rng.normal(0, 2, 40), 20_000)
    scored = pair_counts(first, second, outcome, 40)
    values = fit_pair_counts(scored)
    expected = ((scored + scored.T) / (1 + np.exp(values[None] - values[:, None]))).sum(axis=1)
    assert expected == pytest.approx(scored.sum(axis=1), abs=1e-7)
    assert values.sum() == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("clusters", [1, 7, 500])
def test_sandwich_is_the_sum_over_clusters_of_squared_scores(clusters: int, monkeypatch: pytest.MonkeyPatch):
    rng = np.random.default_rng(3)
    n, models = 500, 5
    first, second, _, _ = battles(rng, np.zeros(models), n)
    residual, groups, style = rng.normal(size=n), rng.integers(0, clusters, n), rng.normal(size=(n, 2))
    rows = np.zeros((clusters, models + 2))
    for i in range(n):
        rows[groups[i], first[i]] += residual[i]
        rows[groups[i], second[i]] -= residual[i]
        rows[groups[i], models:] += residual[i] * style[i]
    if clusters == 500:
        groups = rng.permutation(500)
        rows = np.zeros((clusters, models + 2))
        rows[groups, first], rows[groups, second] = residual, -residual
        rows[groups, models:] = residual[:, None] * style
    for cells in (30_000_000, 0):  # a table, and a sparse matrix
        monkeypatch.setattr("jielong.measuring.ranking._DENSE_CELLS", cells)
        assert _meat(first, second, residual, models, groups, clusters, style) == pytest.approx(rows.T @ rows)


def coverage(worlds: int, style: float | None) -> tuple[float, float]:
    """Of the difference of two models and of the style term; prompts favour models, so that clusters count."""
    rng = np.random.default_rng(4)
    ratings, covered, weighed = np.array([0.6, 0.1, -0.2, -0.5]), 0, 0
    for _ in range(worlds):
        first, second, outcome, terms = battles(rng, ratings, 240, ties=0.0, style=style)
        fit = bradley_terry(first, second, outcome, 4, np.repeat(np.arange(120), 2), terms)
        contrast = np.array([1.0, -1, 0, 0] + [0] * len(fit.coefficients))
        error = math.sqrt(contrast @ fit.covariance @ contrast * 120 / 119)
        covered += abs(fit.values[0] - fit.values[1] - 0.5) <= t_quantile(119.0) * error
        if style is not None:
            error = math.sqrt(fit.covariance[-1, -1] * 120 / 119)
            weighed += abs(fit.coefficients[0] - style) <= t_quantile(119.0) * error
    return covered / worlds, weighed / worlds


def test_intervals_cover_what_they_say():
    """benchmarks/ranking.py has 2,000 worlds of each kind."""
    worlds = 2_000 if FULL else 400
    slack = 3 * math.sqrt(0.05 * 0.95 / worlds)
    plain, _ = coverage(worlds, None)
    styled, weight = coverage(worlds // 2, 0.7)
    assert plain == pytest.approx(0.95, abs=slack)
    assert styled == pytest.approx(0.95, abs=1.5 * slack)
    assert weight == pytest.approx(0.95, abs=1.5 * slack)


def test_style_terms_take_out_what_length_wins():
    rng = np.random.default_rng(5)
    first, second, outcome, terms = battles(rng, np.zeros(2), 4_000, style=2.0)
    assert terms is not None
    longer = terms + np.where(first == 0, 0.3, -0.3)[:, None]  # model 0 writes longer and is no better
    luck = rng.random(4_000)
    outcome = (luck < 1 / (1 + np.exp(-2 * longer[:, 0]))).astype(float)
    plain = bradley_terry(first, second, outcome, 2)
    styled = bradley_terry(first, second, outcome, 2, style=longer)
    assert np.ptp(plain.values) > 0.4
    assert np.ptp(styled.values) < 0.2


def test_a_term_that_decides_every_vote_is_refused():
    first, second = np.array([0, 1] * 20), np.array([1, 0] * 20)
    terms = np.array([0.5, 0.2, -0.5, -0.2] * 10)[:, None]
    with pytest.raises(BadInput, match="alone decide every vote"):
        bradley_terry(first, second, (terms[:, 0] > 0).astype(float), 2, style=terms)


def test_a_term_that_is_the_model_is_refused():
    rng = np.random.default_rng(6)
    first, second, outcome, _ = battles(rng, np.zeros(2), 100)
    with pytest.raises(BadInput, match="cannot be told apart"):
        bradley_terry(first, second, outcome, 2, style=np.where(first == 0, 0.5, -0.5)[:, None])


def test_two_terms_that_are_one_are_refused():
    rng = np.random.default_rng(7)
    first, second, outcome, terms = battles(rng, np.zeros(3), 300, style=0.5)
    assert terms is not None
    with pytest.raises(BadInput, match="from each other"):
        bradley_terry(first, second, outcome, 3, style=np.hstack([terms, -terms]))


def test_graph_tells_groups_and_what_is_finite():
    scored = np.zeros((7, 7))
    scored[0, 1] = scored[1, 0] = scored[1, 2] = scored[2, 0] = 1  # a cycle: finite
    scored[3, 0] = 2  # beat one of them
    scored[1, 4] = 2  # lost to one
    scored[5, 6] = 1  # never met the others
    groups = groups_that_met(scored)
    assert [group.tolist() for group in groups] == [[0, 1, 2, 3, 4], [5, 6]]
    assert places(scored[:5, :5]) == ["finite", "finite", "finite", "above", "below"]


def test_who_met_the_others_only_through_one_above_all_is_undetermined():
    scored = np.zeros((4, 4))
    scored[0, 1] = scored[1, 0] = 1
    scored[2, 0] = scored[2, 3] = 1
    assert places(scored) == ["finite", "finite", "above", "undetermined"]


def test_bound_of_a_model_without_a_loss_is_where_its_row_has_a_chance_of_one_in_forty():
    bound = rating_bound(np.zeros(10), np.arange(10), won=True)
    assert bound is not None
    assert (1 / (1 + math.exp(-bound))) ** 10 == pytest.approx(0.025, rel=1e-9)
    assert rating_bound(np.zeros(10), np.arange(10), won=False) == pytest.approx(-bound)
    one_prompt = rating_bound(np.zeros(10), np.zeros(10, dtype=int), won=True)
    assert one_prompt == pytest.approx(rating_bound(np.zeros(1), np.zeros(1, dtype=int), won=True))


def test_more_ties_leave_less_doubt():
    widths = [ties_only_half_width(n) for n in (5, 20, 100)]
    assert widths == sorted(widths, reverse=True)
    assert widths[-1] > 0.05
