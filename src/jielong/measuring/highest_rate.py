"""The highest rate at which 95 % of the calls still meet a target, by windows at rates that close in on it.

Near its capacity a server's percentile grows as 1 / (capacity - rate): exactly in an M/M/1 queue, in the limit of heavy
traffic in any. So 1 / p95 is nearly a straight line of the rate, and the answer is where the line through the windows
around the target crosses it; its interval comes from those of the percentiles. One lucky window decides nothing.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..stats import Z95, Interval
from .load_results import LoadResult, LoadTarget

MAX_WINDOWS, PRECISE = 12, 0.05
_NEAR, _ROUNDS = 1.5, 4  # windows whose rate is off by no more than this factor are on the first line
OVERLOADED = 4.0  # times the target: a server that cannot keep up gets as slow as the window is long
_STEP = 4.0  # the first windows, until one keeps the target and one does not


@dataclass(frozen=True)
class HighestRate:
    """Calls a second. `rate` is None where the windows do not say it: it lies between `kept`, the highest that kept the
    target, and `missed`, the lowest that did not."""

    target: LoadTarget
    rate: float | None
    ci95: Interval | None
    kept: float | None
    missed: float | None

    def to_json(self) -> dict[str, Any]:
        return {
            "seconds": self.target.seconds,
            "of": "first_token" if self.target.first_token else "latency",
            "share": 0.95,
            "rate": self.rate,
            "ci95": list(self.ci95) if self.ci95 else None,
            "kept": self.kept,
            "missed": self.missed,
        }


async def find_highest_rate(
    measure: Callable[[float], Awaitable[LoadResult]],
    target: LoadTarget,
    start: float,
    *,
    windows: int = MAX_WINDOWS,
    precise: float = PRECISE,
) -> HighestRate:
    """Measures at most so many windows, the first one at `start` calls a second, until half the interval is `precise`
    times the rate. Ends early when `measure` gives a window that was stopped by more than being hopeless."""
    results: list[LoadResult] = []
    rate = start
    while True:
        results.append(await measure(rate))
        found = estimate(results, target)
        if len(results) >= windows or results[-1].window.stopped or _is_precise(found, precise):
            return found
        rate = _next_rate(found, len(results))


def _is_precise(found: HighestRate, precise: float) -> bool:
    if found.rate is None or found.ci95 is None or found.kept is None or found.missed is None:
        return False
    return (found.ci95[1] - found.ci95[0]) / 2 <= precise * found.rate


def _next_rate(found: HighestRate, number: int) -> float:
    if found.missed is None:
        return (found.kept or 0.0) * _STEP
    if found.kept is None:
        return found.missed / _STEP
    if found.rate is None:
        return math.sqrt(found.kept * found.missed)
    # On both sides of the estimate by turns: so the line has a slope.
    aside = found.rate * (1 + (0.06 if number % 2 else -0.06))
    return min(max(aside, 0.5 * min(found.kept, found.missed)), 2 * max(found.kept, found.missed))


def estimate(results: Sequence[LoadResult], target: LoadTarget) -> HighestRate:
    """What the windows so far say."""
    kept: list[float] = []
    missed: list[float] = []
    points: list[tuple[float, float, float]] = []
    for result in results:
        if result.window.calls:
            met, at = result.met(target), result.window.rate
            slow = math.inf if result.window.hopeless else met.value
            (kept if slow <= target.seconds else missed).append(at)
            low, high = max(met.ci95[0], met.value / 10), met.ci95[1]
            error = (1 / low - 1 / high) / (2 * Z95) * met.value if low < math.inf else 1.0
            points.append((at, min(slow / target.seconds, OVERLOADED), error))
    highest, lowest = max(kept, default=None), min(missed, default=None)
    crossing = _crossing(np.array(points), math.sqrt(highest * lowest)) if highest and lowest else None
    rate, ci95 = crossing or (None, None)
    return HighestRate(target, rate, ci95, highest, lowest)


def _crossing(points: NDArray[np.float64], middle: float) -> tuple[float, Interval] | None:
    """The rate at which the time is 1, and its interval, from rows (rate, time, relative error), times in units of the
    target: solves sum(time * (a + b * rate) - 1) = 0, and the same times the rate. As the times enter as they are,
    their mean is what counts; a fit to 1 / time would take long windows' luck for capacity."""
    rates, times, errors = points.T
    near = np.abs(np.log(rates / middle)) < math.log(_NEAR)
    found = None
    for _ in range(_ROUNDS):
        if len(set(rates[near])) < 2:
            return found
        z = np.stack([np.ones_like(rates), rates / middle], axis=1)
        inverse = np.linalg.pinv(z[near].T @ (z * times[:, None])[near])
        line = inverse @ z[near].sum(axis=0)
        if line[1] >= 0:
            return found
        crossing = (1 - line[0]) / line[1]
        if not 0 < crossing < 10:
            return found
        residuals = (times * (z @ line) - 1)[near]
        variance = max(np.mean(errors[near] ** 2), residuals @ residuals / max(1, len(residuals) - 2))
        at = np.array([1.0, crossing]) @ inverse
        half = Z95 * math.sqrt(variance * float(at @ (z[near].T @ z[near]) @ at)) / -line[1]
        found = middle * crossing, (middle * max(0.0, crossing - half), middle * (crossing + half))
        # Those for which the line, not their own luck, says that they are near the target.
        near = np.abs(z @ line - 1.25) < 0.75
    return found
