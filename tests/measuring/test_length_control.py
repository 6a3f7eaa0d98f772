"""The length-controlled win rate is AlpacaEval's: scikit-learn's weights, and predictions from published ones."""

from __future__ import annotations

import numpy as np
import pytest

from jielong.errors import BadInput
from jielong.measuring.length_control import fit_penalised, length_controlled, predicted_win_rate, published_weights


def verdicts(
    rng: np.random.Generator, n: int, slope: float, model: float = 0.4
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    own, other = rng.lognormal(7.1, 0.4, n).round(), rng.lognormal(7.0, 0.4, n).round()
    difference = other - own
    shares = 1 / (1 + np.exp(-(model + slope * np.tanh(difference / difference.std(ddof=1)))))
    return (rng.random(n) < shares).astype(float), own, other


def test_the_fit_is_scikit_learns_with_five_folds_and_an_l1_penalty():
    rng = np.random.default_rng(5)
    rows = np.column_stack([np.tanh(rng.normal(size=300)), rng.normal(size=300), np.ones(300)])
    targets = np.clip(1 / (1 + np.exp(-rows @ [-1.2, 0.5, 0.3])) + 0.2 * rng.normal(size=300), 0, 1)
    counted = np.where(np.arange(300) < 100, 0.1, 1.0)
    # LogisticRegressionCV(Cs=10, cv=GroupKFold(5), penalty="l1", solver="liblinear", fit_intercept=False, tol=1e-12)
    assert fit_penalised(rows, targets, counted) == pytest.approx(SCIKIT_LEARN, abs=1e-6)


SCIKIT_LEARN = [-1.222304524392684, 0.5257042975427234, 0.31651211121581396]


def test_intervals_cover_and_length_is_found_where_it_counts():
    rng, inside, found = np.random.default_rng(7), 0, []
    for slope in (-1.0, 0.0):
        ps = []
        for _ in range(40):
            fit = length_controlled(*verdicts(rng, 400, slope))
            assert fit
            assert fit.win_rate.ci95
            inside += fit.win_rate.ci95[0] <= 1 / (1 + np.exp(-0.4)) <= fit.win_rate.ci95[1]
            ps.append(fit.p is not None and fit.p < 0.05)
        found.append(np.mean(ps))
    assert inside >= 70
    assert found[0] == 1.0
    assert found[1] <= 0.2


def test_a_win_rate_is_predicted_from_published_weights():
    row = {
        "np.tanh(std_delta_len)": "-1.69",
        "instruction_difficulty": "0.94",
        "not_gamed_baseline.astype(float)": "-0.5",
    }
    weights, difficulty = published_weights(row), [-1.0, 0.0, 2.0]
    expected = np.mean([1 / (1 + np.exp(-(-0.5 + 0.94 * each))) for each in difficulty])
    assert predicted_win_rate(weights, difficulty) == pytest.approx(expected, abs=1e-12)
    assert predicted_win_rate(weights, difficulty, weights) == 0.5
    with pytest.raises(BadInput, match="no weights of a length-controlled win rate"):
        published_weights({"win_rate": 3})


def test_equal_lengths_and_few_verdicts_have_no_length_control():
    assert length_controlled([1.0, 0.0] * 20, [5] * 40, [5] * 40) is None
    assert length_controlled([1.0, 0.0], [5, 7], [6, 2]) is None
    assert length_controlled([1.0] * 40, list(range(40)), [5] * 40) is None
