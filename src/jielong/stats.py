"""Intervals and tests for scores: clustered errors, paired differences, exact McNemar, Holm, detectable gains.

The routines are SciPy's; what is chosen, and why, follows Miller (2024), "Adding Error Bars to Evals".
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

Interval = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Estimate:
    """`ci95` is None where there are too few values for one."""

    mean: float
    ci95: Interval | None
    standard_error: float | None
    n: int


@dataclass(frozen=True, slots=True)
class Paired:
    """b - a, item by item. `p` is two-sided."""

    difference: float
    ci95: Interval | None
    p: float
    n: int
    better: int  # items on which b scored higher
    worse: int


def mean(values: Sequence[float], clusters: Sequence[str] | None = None) -> Estimate:
    """The mean with its 95 % interval: Wilson's for independent 0/1 values, else Student's with clustered errors.

    Where all values lie between 0 and 1, so does the interval.
    """
    import numpy as np
    from scipy import stats

    n = len(values)
    if n == 0:
        return Estimate(float("nan"), None, None, 0)
    x = np.asarray(values, float)
    average = float(x.mean())
    if n == 1:
        return Estimate(average, None, None, 1)
    error, groups = _clustered_error(x, clusters)
    if clusters is None and _is_binary(x):
        wilson = stats.binomtest(round(float(x.sum())), n).proportion_ci(0.95, "wilson")
        return Estimate(average, (float(wilson.low), float(wilson.high)), error, n)
    interval = _student(average, error, groups)
    if interval and x.min() >= 0 and x.max() <= 1:
        interval = max(0.0, interval[0]), min(1.0, interval[1])
    return Estimate(average, interval, error, n)


def paired(a: Sequence[float], b: Sequence[float], clusters: Sequence[str] | None = None) -> Paired:
    """How much better b is than a on the same items.

    Independent 0/1 scores: exact McNemar test, and Tango's (1998) score interval. Otherwise Student's t on the
    differences with clustered errors.
    """
    import numpy as np
    from scipy import stats

    x, y = np.asarray(a, float), np.asarray(b, float)
    if x.shape != y.shape:
        raise ValueError(f"paired scores differ in number: {len(x)} and {len(y)}")
    n, d = len(x), y - x
    better, worse = int((d > 0).sum()), int((d < 0).sum())
    if n < 2:
        return Paired(float(d.mean()) if n else float("nan"), None, 1.0, n, better, worse)
    difference = float(d.mean())
    if clusters is None and _is_binary(x) and _is_binary(y):
        p = float(stats.binomtest(better, better + worse).pvalue) if better + worse else 1.0
        return Paired(difference, _tango(better, worse, n), p, n, better, worse)
    error, groups = _clustered_error(d, clusters)
    if error == 0:
        return Paired(difference, (difference, difference), 1.0 if difference == 0 else 0.0, n, better, worse)
    p = float(2 * stats.t.sf(abs(difference) / error, groups - 1))
    return Paired(difference, _student(difference, error, groups), p, n, better, worse)


def _is_binary(x: Iterable[float]) -> bool:
    return all(value in (0.0, 1.0) for value in x)


def _clustered_error(x: Iterable[float], clusters: Sequence[str] | None) -> tuple[float, int]:
    """The standard error of the mean, and the number of independent groups."""
    import numpy as np

    residuals = np.fromiter(x, float)
    residuals = residuals - residuals.mean()
    n = len(residuals)
    if clusters is None:
        return float(np.sqrt((residuals**2).sum() / (n - 1) / n)), n
    _, group = np.unique(np.asarray(clusters), return_inverse=True)
    sums = np.bincount(group, residuals)
    groups = len(sums)
    correction = groups / (groups - 1) if groups > 1 else 1.0
    return float(np.sqrt(correction * (sums**2).sum()) / n), groups


def _student(center: float, error: float, groups: int) -> Interval | None:
    from scipy import stats

    if groups < 2:
        return None
    half = float(stats.t.ppf(0.975, groups - 1)) * error
    return center - half, center + half


def _tango(better: int, worse: int, n: int) -> Interval:
    """The differences that the score test does not reject, with the likeliest discordance for each of them."""
    from scipy import optimize, stats

    z, observed = float(stats.norm.ppf(0.975)), (better - worse) / n

    def score(difference: float) -> float:
        """How many standard errors the observed difference is above this one."""
        half = better + worse - (2 * n - better + worse) * difference
        root = max(half**2 + 8 * n * worse * difference * (1 - difference), 0.0) ** 0.5
        lost = (root + half) / (4 * n)  # the likeliest share of items on which b is worse
        variance = n * (2 * lost + difference * (1 - difference))
        return float((better - worse - n * difference) / max(variance, 1e-12) ** 0.5)

    def edge(end: float, wanted: float) -> float:
        if (score(end) - wanted) * (score(observed) - wanted) > 0:
            return end
        return float(optimize.brentq(lambda difference: score(difference) - wanted, *sorted((end, observed))))

    return edge(-1.0, z), edge(1.0, -z)


def holm(ps: Sequence[float]) -> list[float]:
    """Holm's (1979) adjusted p values, in the order given."""
    order = sorted(range(len(ps)), key=lambda i: ps[i])
    adjusted, largest = [0.0] * len(ps), 0.0
    for rank, i in enumerate(order):
        largest = max(largest, min(1.0, (len(ps) - rank) * ps[i]))
        adjusted[i] = largest
    return adjusted


def minimum_detectable(n: int, *, discordance: float = 0.3, power: float = 0.8, alpha: float = 0.05) -> float:
    """The smallest paired difference that `n` items show with this power, if two models disagree on `discordance`."""
    from scipy import stats

    factor = float(stats.norm.ppf(1 - alpha / 2) + stats.norm.ppf(power))
    return min(1.0, factor * (discordance / n) ** 0.5) if n else 1.0


def quantile(values: Sequence[float], q: float) -> float:
    """The q-quantile, linear between neighbours."""
    import numpy as np

    return float(np.quantile(np.asarray(values, float), q))
