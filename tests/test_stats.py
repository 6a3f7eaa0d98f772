"""Statistics against hand computation, SciPy and simulation."""

import math
import subprocess
import sys
from functools import cache

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from jielong import stats


def test_a_proportion_has_wilsons_interval():
    found = stats.mean([1.0] * 8 + [0.0] * 2)
    assert found.mean == 0.8
    assert found.ci95 == pytest.approx((0.4902, 0.9433), abs=1e-4)  # Wilson (1927) by hand


def test_few_values_have_no_interval():
    assert stats.mean([]).ci95 is None
    assert math.isnan(stats.mean([]).mean)
    assert stats.mean([1.0]).ci95 is None


def test_clusters_widen_the_interval():
    values = [1.0, 1.0, 1.0, 0.0, 0.0, 0.0] * 5
    clusters = [str(i // 3) for i in range(30)]
    alone, together = stats.mean(values), stats.mean(values, clusters)
    assert together.standard_error is not None
    assert alone.standard_error is not None
    assert together.standard_error > 1.5 * alone.standard_error
    sums = np.array([1.5, -1.5] * 5)  # the residuals of each cluster, summed
    assert together.standard_error == pytest.approx(math.sqrt(10 / 9 * (sums**2).sum()) / 30)


def test_mcnemar_is_the_exact_binomial():
    a = [1.0] * 2 + [0.0] * 10 + [1.0] * 20
    b = [0.0] * 2 + [1.0] * 10 + [1.0] * 20
    found = stats.paired_difference(a, b)
    expected = 2 * sum(math.comb(12, k) for k in range(3)) / 2**12
    assert found.p == pytest.approx(expected)
    assert (found.better, found.worse, found.difference) == (10, 2, pytest.approx(8 / 32))


@pytest.mark.parametrize(("better", "worse", "n"), [(12, 2, 50), (1, 0, 44), (0, 0, 30), (30, 10, 100), (25, 0, 30)])
def test_the_paired_interval_is_what_the_score_test_does_not_reject(better: int, worse: int, n: int):
    """Tango (1998); the oracle finds the likeliest discordance under each difference by search."""
    a = [0.0] * better + [1.0] * (n - better)
    b = [1.0] * better + [0.0] * worse + [1.0] * (n - better - worse)
    found = stats.paired_difference(a, b)
    assert found.ci95 is not None
    assert (found.better, found.worse) == (better, worse)

    def z(difference: float) -> float:
        lost = np.linspace(max(0.0, -difference), (1 - difference) / 2, 200_001)[1:-1]
        same = 1 - 2 * lost - difference
        likelihood = better * np.log(lost + difference) + worse * np.log(lost) + (n - better - worse) * np.log(same)
        q = lost[np.argmax(likelihood)]
        return float((better - worse - n * difference) / math.sqrt(n * (2 * q + difference - difference**2)))

    for edge, expected in zip(found.ci95, (1.96, -1.96), strict=True):
        if abs(edge) < 1:
            assert z(edge) == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize(("n", "gain"), [(60, 0.0), (200, 0.1), (200, 0.3)])
def test_the_paired_interval_covers_the_truth(n: int, gain: float):
    rng = np.random.default_rng(n)
    covered = 0
    for _ in range(600):
        easy = rng.random(n)
        a = (easy < 0.4).astype(float)
        b = (easy + rng.normal(0, 0.15, n) < 0.4 + gain).astype(float)
        low, high = interval(n, int((b > a).sum()), int((b < a).sum()))
        covered += low <= TRUTH(gain) <= high
    assert 0.93 <= covered / 600 <= 0.985


@cache
def interval(n: int, gained: int, lost: int) -> tuple[float, float]:
    """Only these counts matter, and most of them come up often."""
    before = [0.0] * gained + [1.0] * lost + [1.0] * (n - gained - lost)
    after = [1.0] * gained + [0.0] * lost + [1.0] * (n - gained - lost)
    found = stats.paired_difference(before, after).ci95
    assert found is not None
    return found


@cache
def TRUTH(gain: float) -> float:
    rng = np.random.default_rng(0)
    easy = rng.random(2_000_000)
    return float((easy + rng.normal(0, 0.15, len(easy)) < 0.4 + gain).mean() - 0.4)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_is_monotone_and_no_smaller(ps: list[float]):
    adjusted = [p for p in stats.holm(ps) if p is not None]
    assert all(q >= p for p, q in zip(ps, adjusted, strict=True))
    order = sorted(range(len(ps)), key=lambda i: ps[i])
    assert [adjusted[i] for i in order] == sorted(adjusted)


def test_holm_by_hand():
    assert stats.holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_the_detectable_difference_is_detected_in_four_of_five():
    n = 200
    gain = stats.minimum_detectable(n, discordance=0.3)
    rng = np.random.default_rng(3)
    found = 0
    for _ in range(600):
        kind = rng.random(n)
        b = (kind < (0.3 + gain) / 2).astype(float)
        a = ((kind >= (0.3 + gain) / 2) & (kind < 0.3)).astype(float)
        p = stats.paired_difference(a.tolist(), b.tolist()).p
        assert p is not None
        found += p < 0.05
    assert 0.72 <= found / 600 <= 0.88


def test_the_interval_of_clustered_shares_stays_among_shares():
    nearly_all = stats.mean([1.0] * 19 + [0.0], [str(n // 2) for n in range(20)])
    assert nearly_all.ci95 is not None
    assert 0.95 < nearly_all.ci95[1] <= 1.0
    assert 0 < nearly_all.ci95[0] < 0.8
    grades = stats.mean([7.0, 9.0, 10.0, 9.0, 10.0, 10.0], list("aabcde"))
    assert grades.ci95 is not None
    assert grades.ci95[1] > 10


def test_all_right_in_ten_clusters_is_not_certain():
    names = [str(i // 5) for i in range(50)]
    all_right = stats.mean([1.0] * 50, names)
    assert all_right.ci95 is not None
    assert all_right.ci95 == (pytest.approx(0.661, abs=0.001), 1.0)  # ten values' worth, whatever their number
    gain = stats.paired_difference([0.0] * 50, [1.0] * 50, names)
    assert gain.p == pytest.approx(2 / 2**10)
    assert gain.ci95 is not None
    assert 0 < gain.ci95[0] < 0.6
    nothing = stats.paired_difference([1.0] * 50, [1.0] * 50, names)
    assert nothing.p == 1
    assert nothing.ci95 is not None
    assert nothing.ci95[0] < -0.1
    assert nothing.ci95[1] > 0.1


@pytest.mark.parametrize("names", [["a"] * 20, ["a", "b"] * 10, ["a", "b", "c", "d"] * 5, ["a"] * 16 + list("bcde")])
@pytest.mark.parametrize("b", [[1.0] * 20, [1.0, 0.0] * 10, [0.0] * 20])
def test_too_few_clusters_have_no_interval_and_no_test(names: list[str], b: list[float]):
    """One cluster was p = 0 with an interval of width 0, and so were two with equal differences."""
    compared = stats.paired_difference([0.0] * 20, b, names)
    assert (compared.ci95, compared.p) == (None, None)
    assert compared.difference == stats.mean(b, names).mean
    assert stats.mean(b, names).ci95 is None


def test_degrees_of_freedom_are_bell_and_mccaffreys():
    """By matrices, as they define them: CR2 for the mean, its working covariance that of random effects."""
    rng = np.random.default_rng(5)
    sizes = [1, 2, 2, 7, 12, 30]
    names = np.repeat(np.arange(len(sizes)), sizes)
    values = rng.random(len(names)) + 0.3 * rng.random(len(sizes))[names]
    groups = stats._Clusters.of(values.tolist(), [str(name) for name in names])
    n, same = len(names), names[:, None] == names[None, :]
    residual = np.eye(n) - np.ones((n, n)) / n
    correlation = 0.25 * groups._correlation()
    working = np.eye(n) * (1 - correlation) + same * correlation
    rows = []
    for cluster, size in enumerate(sizes):
        members = names == cluster
        values_of_h, vectors = np.linalg.eigh(residual[np.ix_(members, members)])
        root = vectors @ np.diag(values_of_h**-0.5) @ vectors.T
        rows.append(np.ones(size) @ root @ residual[members] / n)
    form = np.array(rows)
    assert groups.variance() == pytest.approx(((form @ values) ** 2).sum())
    omega = form @ working @ form.T
    assert groups.degrees() == pytest.approx(np.trace(omega) ** 2 / np.trace(omega @ omega))


def test_a_comparison_without_a_test_is_left_out_of_holms_correction():
    assert stats.holm([0.02, None, 0.03]) == [pytest.approx(0.04), None, pytest.approx(0.04)]


# ---- SciPy as oracle: `jielong.stats` must not import scipy.stats, which takes two seconds ----

COUNTS = st.integers(0, 60)


def close(found: float, expected: float) -> bool:
    return found == pytest.approx(expected, rel=1e-12, abs=1e-12)


@given(st.integers(0, 300), st.integers(2, 300))
def test_a_proportion_is_scipys(successes: int, n: int):
    successes = min(successes, n)
    found = stats.mean([1.0] * successes + [0.0] * (n - successes))
    oracle = scipy.stats.binomtest(successes, n).proportion_ci(0.95, "wilson")
    assert found.ci95 is not None
    assert close(found.ci95[0], oracle.low)
    assert close(found.ci95[1], oracle.high)


@given(COUNTS, COUNTS, COUNTS)
def test_the_sign_test_is_scipys(better: int, worse: int, same: int):
    a = [0.0] * better + [1.0] * worse + [1.0] * (same + 2)
    b = [1.0] * better + [0.0] * worse + [1.0] * (same + 2)
    oracle = scipy.stats.binomtest(better, better + worse).pvalue if better + worse else 1.0
    assert close(stats.paired_difference(a, b).p, oracle)


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=2, max_size=40))
def test_grades_are_compared_as_scipy_does(pairs: list[tuple[float, float]]):
    a, b = [x for x, _ in pairs], [y for _, y in pairs]
    differences = [y - x for x, y in pairs]
    found, spread = stats.paired_difference(a, b), np.std(differences)
    if spread < 1e-6 or {*a, *b} <= {0.0, 1.0}:  # scipy warns of nearly equal ones; 0/1 scores have their own test
        return
    oracle = scipy.stats.ttest_rel(b, a)
    interval = oracle.confidence_interval(0.95)
    assert found.p == pytest.approx(oracle.pvalue, rel=1e-9)
    assert found.ci95 == pytest.approx((interval.low, interval.high), rel=1e-9, abs=1e-12)


def exact_power(n: int, disagree: float, gain: float) -> float:
    """Of the two-sided exact test of n items at .05."""
    power, better = 0.0, (disagree + gain) / 2 / disagree
    for discordant in range(n + 1):
        chance = scipy.stats.binom.pmf(discordant, n, disagree)
        few = [k for k in range(discordant // 2 + 1) if scipy.stats.binom.cdf(k, discordant, 0.5) < 0.025]
        if few and chance > 1e-9:
            power += chance * scipy.stats.binom.cdf(few[-1], discordant, 1 - better)
    return float(power)


@pytest.mark.parametrize("n", [12, 20, 30, 50, 100, 200])
def test_the_detectable_difference_has_the_power_that_it_says(n: int):
    gain = stats.minimum_detectable(n)
    assert exact_power(n, max(0.3, gain), gain) == pytest.approx(0.82, abs=0.05)


def test_too_few_items_detect_nothing():
    assert [stats.minimum_detectable(n) for n in (0, 1, 4)] == [1.0, 1.0, 1.0]


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=50), st.floats(0, 1))
def test_quantiles_are_numpys(values: list[float], q: float):
    assert stats.quantile(values, q) == pytest.approx(np.quantile(values, q), rel=1e-12, abs=1e-9)


def test_scipys_slow_part_is_not_imported():
    code = (
        "import sys; from jielong import stats;"
        "stats.paired_difference([0.0, 1.0], [1.0, 1.0]); stats.mean([0.0, 1.0]);"
        "print('numpy' in sys.modules); stats.mean([0.5, 0.2]); print('scipy.stats' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


def test_the_error_of_clusters_is_that_of_a_bootstrap_that_keeps_repeated_draws():
    rng = np.random.default_rng(3)
    sizes = rng.integers(1, 30, 80)
    names = np.repeat(np.arange(80), sizes)
    values = (rng.random(len(names)) < np.repeat(rng.beta(2, 1, 80), sizes)).astype(float)
    sums = np.bincount(names, values)
    draws = rng.integers(0, 80, (4000, 80))
    kept = sums[draws].sum(1) / sizes[draws].sum(1)
    dropped = [sums[once].sum() / sizes[once].sum() for once in map(np.unique, draws)]
    estimate = stats.mean(values.tolist(), [*map(str, names)])
    assert estimate.standard_error == pytest.approx(np.std(kept), rel=0.05)
    assert np.std(dropped) < 0.85 * np.std(
        kept
    )  # a draw that is dropped when it repeats: intervals that are too narrow
