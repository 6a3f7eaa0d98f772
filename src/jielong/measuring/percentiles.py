"""Percentiles of latencies with intervals that hold where one slow call makes the next ones slow.

The interval of a percentile comes from order statistics (with fractional ranks: Hutson 1999), which are exact for
independent values. Latencies are not: in a queue at 70 % of its capacity such an interval of 95 % covers 30 %. So the
ranks are those of as many independent values as the calls are worth, by three estimates of which the most careful
counts: batch means of "slower than the percentile" and of "slower than the median", and the correlation of neighbours.
With too few of them for an end, the interval is open there (benchmarks/load.py measures the coverage).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..stats import Interval

BATCHES = 10
_ALPHA = 0.025
_T9 = 2.2621571628  # Student's quantile for as many batches
_ALPHA_OF_T9 = 0.0118452  # what the normal distribution has beyond it
_CHANCE = 1.6449  # a correlation of this many errors is not by chance


@dataclass(frozen=True, slots=True)
class Percentile:
    """`ci95` is that of 95 %; an end that the values do not bound is infinite, or 0."""

    value: float
    ci95: Interval


def percentile(values: Sequence[float], q: float) -> Percentile:
    """The q-quantile of values from 0 to infinity, in the order in which they arose; at least one."""
    in_order = np.asarray(values, float)
    ordered, n = np.sort(in_order), len(in_order)
    effect, alpha = _design_effect(in_order, q)
    worth = n / effect
    known = np.minimum(ordered, max(ordered[np.isfinite(ordered)], default=0.0))  # an unbounded value bounds nothing
    low = _at(known, _rank(q, worth, 1 - alpha)) if (1 - q) ** worth <= alpha else 0.0
    high = _at(ordered, _rank(q, worth, alpha)) if q**worth <= alpha else math.inf
    return Percentile(_at(ordered, q * (n - 1) / (n + 1) + 1 / (n + 1)), (low, high))


def _design_effect(values: NDArray[np.float64], q: float) -> tuple[float, float]:
    """How many values are worth one independent value, and the share to leave out at each end of the interval."""
    n = len(values)
    if n < 2 * BATCHES:
        return 1.0, _ALPHA
    ordered = np.sort(values)
    ranks = (np.searchsorted(ordered, values, "left") + np.searchsorted(ordered, values, "right") - n) / 2
    spread = float(ranks @ ranks)
    neighbours = float(ranks[1:] @ ranks[:-1]) / spread if spread else 0.0
    if neighbours < _CHANCE / math.sqrt(n):
        return 1.0, _ALPHA
    serial = (1 + neighbours) / (1 - min(neighbours, 0.999))
    return max(1.0, serial, _batch_effect(values, q), _batch_effect(values, 0.5)), _ALPHA_OF_T9


def _batch_effect(values: NDArray[np.float64], q: float) -> float:
    """The variance of the batches' shares of fast calls, over that of independent calls."""
    size = len(values) // BATCHES
    level = _at(np.sort(values), q)
    shares = (values[: size * BATCHES] <= level).reshape(BATCHES, size).mean(axis=1)
    return float(size * shares.var(ddof=1) / (q * (1 - q)))


def _rank(q: float, n: float, share: float) -> float:
    """The place among n values, as a share of n + 1, that lies below the q-quantile with this probability."""
    from scipy import special  # half a second, and a load test takes longer

    low, high = 0.0, n + 1
    for _ in range(40):
        middle = (low + high) / 2
        below = special.betainc(max(middle, 1e-9), max(n + 1 - middle, 1e-9), q)
        low, high = (middle, high) if below > share else (low, middle)
    return low / (n + 1)


def _at(ordered: NDArray[np.float64], place: float) -> float:
    """The value at this share of n + 1 places, linear between neighbours."""
    position = min(max(place * (len(ordered) + 1) - 1, 0.0), len(ordered) - 1.0)
    below = math.floor(position)
    fraction = position - below
    if fraction == 0:
        return float(ordered[below])
    return float(ordered[below] * (1 - fraction) + ordered[below + 1] * fraction)
