"""Intervals and tests for scores: clustered errors, paired differences, exact McNemar, Holm, detectable gains.

What is chosen, and why, follows Miller (2024), "Adding Error Bars to Evals". `scipy.stats` is the tests' oracle and is
not imported here, as it takes two seconds: the binomial is exact in integers, the normal quantile the standard
library's, and `scipy.special` is loaded for Student's t alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import NormalDist

Interval = tuple[float, float]
Z95 = NormalDist().inv_cdf(0.975)


@dataclass(frozen=True, slots=True)
class Estimate:
    """`ci95` is None where there are too few values for one."""

    mean: float
    ci95: Interval | None
    standard_error: float | None
    n: int


@dataclass(frozen=True, slots=True)
class PairedDifference:
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
    n = len(values)
    if n == 0:
        return Estimate(float("nan"), None, None, 0)
    average = math.fsum(values) / n
    if n == 1:
        return Estimate(average, None, None, 1)
    error, groups = _clustered_error(values, clusters)
    if clusters is None and _is_binary(values):
        return Estimate(average, _wilson(round(sum(values)), n), error, n)
    interval = _student(average, error, groups)
    if interval and min(values) >= 0 and max(values) <= 1:
        interval = max(0.0, interval[0]), min(1.0, interval[1])
    return Estimate(average, interval, error, n)


def paired_difference(
    a: Sequence[float], b: Sequence[float], clusters: Sequence[str] | None = None
) -> PairedDifference:
    """How much better b is than a on the same items.

    Independent 0/1 scores: exact McNemar test, and Tango's (1998) score interval. Otherwise Student's t on the
    differences with clustered errors.
    """
    if len(a) != len(b):
        raise ValueError(f"paired scores differ in number: {len(a)} and {len(b)}")
    differences = [float(y) - float(x) for x, y in zip(a, b, strict=True)]  # NumPy's integers would overflow below
    n = len(differences)
    better, worse = sum(d > 0 for d in differences), sum(d < 0 for d in differences)
    if n < 2:
        return PairedDifference(differences[0] if n else float("nan"), None, 1.0, n, better, worse)
    difference = math.fsum(differences) / n
    if clusters is None and _is_binary(a) and _is_binary(b):
        return PairedDifference(difference, _tango(better, worse, n), _sign_test(better, worse), n, better, worse)
    error, groups = _clustered_error(differences, clusters)
    if error == 0:
        return PairedDifference(difference, (difference, difference), 1.0 if difference == 0 else 0.0, n, better, worse)
    from scipy import special

    p = float(2 * special.stdtr(groups - 1, -abs(difference) / error))
    return PairedDifference(difference, _student(difference, error, groups), p, n, better, worse)


def _is_binary(values: Iterable[float]) -> bool:
    return all(value in (0.0, 1.0) for value in values)


def _clustered_error(values: Sequence[float], clusters: Sequence[str] | None) -> tuple[float, int]:
    """The standard error of the mean, and the number of independent groups."""
    n = len(values)
    average = math.fsum(values) / n
    if clusters is None:
        return math.sqrt(math.fsum((value - average) ** 2 for value in values) / (n - 1) / n), n
    sums = dict.fromkeys(clusters, 0.0)
    for value, cluster in zip(values, clusters, strict=True):
        sums[cluster] += value - average
    groups = len(sums)
    correction = groups / (groups - 1) if groups > 1 else 1.0
    return math.sqrt(correction * math.fsum(total**2 for total in sums.values())) / n, groups


def _student(center: float, error: float, groups: int) -> Interval | None:
    if groups < 2:
        return None
    from scipy import special

    half = float(special.stdtrit(groups - 1, 0.975)) * error
    return center - half, center + half


def _wilson(successes: int, n: int) -> Interval:
    """Wilson's (1927) score interval of a share."""
    share = successes / n
    center = (share + Z95**2 / (2 * n)) / (1 + Z95**2 / n)
    half = Z95 / (1 + Z95**2 / n) * math.sqrt(share * (1 - share) / n + (Z95 / (2 * n)) ** 2)
    return 0.0 if successes == 0 else center - half, 1.0 if successes == n else center + half


def _sign_test(better: int, worse: int) -> float:
    """The two-sided exact binomial test of as many better as worse ones."""
    n = better + worse
    tail = term = 1  # of the integers C(n, i), added up to the smaller of the two counts
    for i in range(min(better, worse)):
        term = term * (n - i) // (i + 1)
        tail += term
    return min(1.0, 2 * tail / (1 << n))


def _tango(better: int, worse: int, n: int) -> Interval:
    """The differences that the score test does not reject, with the likeliest discordance for each of them."""
    observed = (better - worse) / n

    def score(difference: float) -> float:
        """How many standard errors the observed difference is above this one."""
        half = better + worse - (2 * n - better + worse) * difference
        root = math.sqrt(max(half**2 + 8 * n * worse * difference * (1 - difference), 0.0))
        lost = (root + half) / (4 * n)  # the likeliest share of items on which b is worse
        variance = n * (2 * lost + difference * (1 - difference))
        return (better - worse - n * difference) / math.sqrt(max(variance, 1e-12))

    def edge(end: float, wanted: float) -> float:
        if (score(end) - wanted) * (score(observed) - wanted) > 0:
            return end
        return _root(lambda difference: score(difference) - wanted, observed, end)

    return edge(-1.0, Z95), edge(1.0, -Z95)


def _root(function: Callable[[float], float], inside: float, outside: float) -> float:
    """Where `function` changes its sign between the two, halved until they are neighbouring floats."""
    positive = function(inside) > 0
    while (middle := (inside + outside) / 2) not in (inside, outside):
        if (function(middle) > 0) == positive:
            inside = middle
        else:
            outside = middle
    return middle


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
    factor = NormalDist().inv_cdf(1 - alpha / 2) + NormalDist().inv_cdf(power)
    return min(1.0, factor * math.sqrt(discordance / n)) if n else 1.0


def quantile(values: Sequence[float], q: float) -> float:
    """The q-quantile, linear between neighbours."""
    ordered = sorted(values)
    place = q * (len(ordered) - 1)
    below = math.floor(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (place - below) * (ordered[above] - ordered[below])
