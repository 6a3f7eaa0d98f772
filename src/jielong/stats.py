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


MIN_CLUSTERS = 5  # with fewer, and with fewer than two degrees of freedom, nothing is said beyond the mean
NO_VARIANCE = 1e-24  # below it, values that are equal differ by rounding


@dataclass(frozen=True, slots=True)
class Estimate:
    """`ci95` is None where there are too few values, or too few clusters, for one."""

    mean: float
    ci95: Interval | None
    standard_error: float | None
    n: int


@dataclass(frozen=True, slots=True)
class PairedDifference:
    """b - a, item by item. `p` is two-sided; it and `ci95` are None where too few values or clusters allow no test."""

    difference: float
    ci95: Interval | None
    p: float | None
    n: int
    better: int  # items on which b scored higher
    worse: int


@dataclass(frozen=True, slots=True)
class _Clusters:
    """The sums of values over the clusters that they come from; each value is a cluster of its own if none are given.

    The error of the mean is CR2, and its degrees of freedom are Bell and McCaffrey's (2002) under the working
    correlation of Imbens and Kolesár (2016), at a quarter of its estimate (docs/decisions/0013-clusters.md).
    """

    values: Sequence[float]
    named: bool  # false: each value is a cluster of its own
    sizes: list[int]
    sums: list[float]
    varied: int  # clusters whose values are not all the commonest extreme

    @classmethod
    def of(cls, values: Sequence[float], names: Sequence[str] | None) -> _Clusters:
        members: dict[object, list[float]] = {}
        for name, value in zip(names or range(len(values)), values, strict=True):
            members.setdefault(name, []).append(value)
        groups = list(members.values())
        usual = 0.0 if min(values) < 0 else float(math.fsum(values) * 2 >= len(values))
        varied = sum(any(value != usual for value in group) for group in groups)
        return cls(
            values, names is not None, [len(group) for group in groups], [math.fsum(group) for group in groups], varied
        )

    @property
    def n(self) -> int:
        return len(self.values)

    @property
    def mean(self) -> float:
        return math.fsum(self.values) / self.n

    @property
    def independent(self) -> float:
        """As how many independent values they count at least: Kish's, for values that are all alike within clusters."""
        return self.n**2 / sum(size**2 for size in self.sizes)

    def variance(self) -> float:
        """Of the mean (CR2)."""
        mean, n = self.mean, self.n
        return sum((s - m * mean) ** 2 / (1 - m / n) for s, m in zip(self.sums, self.sizes, strict=True)) / n**2

    def degrees_of_test(self) -> float | None:
        """None where there are too few clusters, or one holds nearly all, to say anything."""
        if len(self.sizes) < (MIN_CLUSTERS if self.named else 2):
            return None
        degrees = self.degrees()
        return None if self.named and degrees < 2 else degrees

    def degrees(self) -> float:
        """Of freedom. A share is known no better than by the clusters that differ from all right or all wrong."""
        n, correlation = self.n, 0.25 * self._correlation()
        shares = [m / n for m in self.sizes]
        weights = [1 / (1 - share) for share in shares]
        variances = [m * (1 - correlation) + m * m * correlation for m in self.sizes]
        rows = list(zip(weights, shares, variances, strict=True))
        total = math.fsum(variances)
        own = [-2 * f * v + f * f * total for _, f, v in rows]
        trace = math.fsum(w * (v + u) for (w, _, v), u in zip(rows, own, strict=True))
        squares, share2, cross = (
            math.fsum(terms)
            for terms in (
                (w * v * v for w, _, v in rows),
                (w * f * f for w, f, _ in rows),
                (w * f * v for w, f, v in rows),
            )
        )
        of_square = 2 * squares * share2 + (total * share2) ** 2 + 2 * cross**2 - 4 * total * share2 * cross
        of_square += math.fsum(w * w * (v * v + 2 * v * u) for (w, _, v), u in zip(rows, own, strict=True))
        return trace**2 / of_square

    def _correlation(self) -> float:
        """Within clusters, by analysis of variance; 0 where it is negative or every cluster holds one value."""
        n, groups, mean = self.n, len(self.sizes), self.mean
        if groups in (1, n):
            return 0.0
        means = [total / size for total, size in zip(self.sums, self.sizes, strict=True)]
        between = math.fsum(m * (each - mean) ** 2 for m, each in zip(self.sizes, means, strict=True)) / (groups - 1)
        whole = math.fsum((value - mean) ** 2 for value in self.values)
        within = (whole - between * (groups - 1)) / (n - groups)
        size = (n - sum(m * m for m in self.sizes) / n) / (groups - 1)
        spread = between + (size - 1) * within
        return min(1.0, max(0.0, (between - within) / spread)) if spread > 0 else 0.0


def mean(values: Sequence[float], clusters: Sequence[str] | None = None) -> Estimate:
    """The mean with its 95 % interval: Wilson's for independent 0/1 values.

    In clusters, and for grades from 0 to 1, it is Wilson's for as many independent values as have this error, with
    Student's quantile; for values beyond 0 and 1 it is Student's.
    """
    n = len(values)
    if n == 0:
        return Estimate(float("nan"), None, None, 0)
    average = math.fsum(values) / n
    if n == 1:
        return Estimate(average, None, None, 1)
    groups = _Clusters.of(values, clusters)
    if len(groups.sizes) == 1:
        return Estimate(average, None, None, n)
    variance = groups.variance()
    error = math.sqrt(variance)
    if clusters is None and _is_binary(values):
        return Estimate(average, _wilson(average, n), error, n)
    among_shares = min(values) >= 0 and max(values) <= 1
    if (degrees := groups.degrees_of_test()) is None:
        return Estimate(average, None, error, n)
    quantile = t_quantile(min(degrees, float(groups.varied)) if among_shares and variance > NO_VARIANCE else degrees)
    if not among_shares:
        return Estimate(
            average, (average - quantile * error, average + quantile * error) if variance else None, error, n
        )
    counted = groups.independent if variance <= NO_VARIANCE else None
    return Estimate(average, share_interval(average, variance, quantile, counted), error, n)


def share_interval(share: float, variance: float, quantile: float, counted: float | None = None) -> Interval:
    """Wilson's interval of a share with this variance: that of as many independent values (or `counted`) as have it."""
    values = counted if counted is not None else share * (1 - share) / variance if variance > 0 else 0.0
    return _wilson(share, values, quantile) if values > 0 else (share, share)


def paired_difference(
    a: Sequence[float], b: Sequence[float], clusters: Sequence[str] | None = None
) -> PairedDifference:
    """How much better b is than a on the same items.

    Independent 0/1 scores: exact McNemar test, and Tango's (1998) score interval. Otherwise Student's t on the
    differences with clustered errors. Where all differences are equal they have no error: the sign test counts each
    cluster once, and Tango's interval takes clusters for items.
    """
    if len(a) != len(b):
        raise ValueError(f"paired scores differ in number: {len(a)} and {len(b)}")
    differences = [float(y) - float(x) for x, y in zip(a, b, strict=True)]  # NumPy's integers would overflow below
    n = len(differences)
    better, worse = sum(d > 0 for d in differences), sum(d < 0 for d in differences)
    if n < 2:
        return PairedDifference(differences[0] if n else float("nan"), None, None, n, better, worse)
    difference = math.fsum(differences) / n
    if clusters is None and _is_binary(a) and _is_binary(b):
        return PairedDifference(difference, _tango(better, worse, n), _sign_test(better, worse), n, better, worse)
    groups = _Clusters.of(differences, clusters)
    ci95, p = _student_test(groups)
    return PairedDifference(difference, ci95, p, n, better, worse)


def _student_test(groups: _Clusters) -> tuple[Interval | None, float | None]:
    if (degrees := groups.degrees_of_test()) is None:
        return None, None
    difference, count, variance = groups.mean, len(groups.sizes), groups.variance()
    if groups.named and variance > 0:
        degrees = min(degrees, max(groups.varied - 1.0, 1.0))
    if variance <= NO_VARIANCE:
        better, worse = (count, 0) if difference > 0 else (0, count) if difference < 0 else (0, 0)
        return _tango(better, worse, count) if abs(difference) <= 1 else None, _sign_test(better, worse)
    error = math.sqrt(variance)
    half = t_quantile(degrees) * error
    return (difference - half, difference + half), t_test(difference / error, degrees)


def t_quantile(degrees: float) -> float:
    """Student's, for 95 %."""
    from scipy import special

    return float(special.stdtrit(degrees, 0.975))


def t_test(errors: float, degrees: float) -> float:
    """The two-sided p of a figure that is this many standard errors from 0."""
    from scipy import special

    return float(2 * special.stdtr(degrees, -abs(errors)))


def _is_binary(values: Iterable[float]) -> bool:
    return all(value in (0.0, 1.0) for value in values)


def _wilson(share: float, n: float, quantile: float = Z95) -> Interval:
    """Wilson's (1927) score interval of a share of `n` independent values."""
    spread = quantile**2 / n
    center = (share + spread / 2) / (1 + spread)
    half = quantile / (1 + spread) * math.sqrt(share * (1 - share) / n + spread / (4 * n))
    return 0.0 if share == 0 else max(0.0, center - half), 1.0 if share == 1 else min(1.0, center + half)


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


def holm(ps: Sequence[float | None]) -> list[float | None]:
    """Holm's (1979) adjusted p values, in the order given. None is no test: it stays None and counts for nothing."""
    tested = sorted((p, i) for i, p in enumerate(ps) if p is not None)
    adjusted: list[float | None] = [None] * len(ps)
    largest = 0.0
    for rank, (p, i) in enumerate(tested):
        largest = max(largest, min(1.0, (len(tested) - rank) * p))
        adjusted[i] = largest
    return adjusted


def minimum_detectable(n: int, *, discordance: float = 0.3, power: float = 0.8, alpha: float = 0.05) -> float:
    """The smallest paired difference that `n` items show with this power, if two models disagree on `discordance`.

    Connor's (1987) formula for McNemar's test, with the half item that the exact test loses; a difference that
    is larger than the discordance asks for more of it.
    """
    chance, sure = NormalDist().inv_cdf(1 - alpha / 2), NormalDist().inv_cdf(power)

    def surplus(gain: float) -> float:
        disagree = max(discordance, gain)
        errors = chance * math.sqrt(disagree) + sure * math.sqrt(max(disagree - gain**2, 0.0))
        return (gain - 0.5 / n) * math.sqrt(n) - errors

    return 1.0 if n < 2 or surplus(1.0) <= 0 else _root(surplus, 0.0, 1.0)


def quantile(values: Sequence[float], q: float) -> float:
    """The q-quantile, linear between neighbours."""
    ordered = sorted(values)
    place = q * (len(ordered) - 1)
    below = math.floor(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (place - below) * (ordered[above] - ordered[below])
