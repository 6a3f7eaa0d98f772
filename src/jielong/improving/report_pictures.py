"""The pictures of the report: SVG in percent, so that lines stretch with the page and letters keep their size.

Each is a picture of rows that a table beside it tells in figures.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from math import ceil, floor, log10
from typing import Any

from markupsafe import Markup

from ..page import compact, fill_template
from ..stats import Interval

HEIGHT, WIDTH = 340, 940  # of the chart, in pixels: what keeps names apart; it is drawn as wide as the page
APART, LETTER = 20, 7.4


@dataclass(frozen=True)
class Dot:
    """One recipe in the chart of quality against cost. `label` "" draws a small, empty dot; `number` stands
    before a label."""

    cost: float
    quality: float
    ci95: Interval | None
    number: str
    label: str
    title: str
    kind: str  # plain, chosen, other, searched
    on_front: bool = False


def quality_against_cost(dots: Sequence[Dot], cost: str, quality: str, front: str) -> Markup:
    """Cost to the right on a logarithmic axis, quality upwards with its intervals; the front as steps."""
    costs = [max(dot.cost, 1e-9) for dot in dots]
    left, right = log10(min(costs)) - 0.12, log10(max(costs)) + 0.12
    lows = [dot.ci95[0] if dot.ci95 else dot.quality for dot in dots]
    highs = [dot.ci95[1] if dot.ci95 else dot.quality for dot in dots]
    step = 0.05 if max(highs) - min(lows) < 0.3 else 0.1 if max(highs) - min(lows) < 0.6 else 0.25
    bottom = max(0.0, floor(min(lows) / step) * step)
    top = min(1.0, ceil(max(highs) / step) * step) if max(highs) <= 1 else max(highs)
    if top <= bottom:  # all on one level
        bottom, top = max(0.0, top - step), max(top, step)
    room = 0.06 * ((top - bottom) or 1.0)

    def x(value: float) -> float:
        return 100 * (log10(max(value, 1e-9)) - left) / (right - left)

    def y(value: float) -> float:
        return 100 - 100 * (value - bottom + room) / ((top - bottom + 2 * room) or 1.0)

    drawn = [
        {"dot": dot, "x": x(dot.cost), "y": y(dot.quality), "low": y(low), "high": y(high)}
        for dot, low, high in zip(dots, lows, highs, strict=True)
    ]
    steps = _steps(sorted((d for d in dots if d.on_front), key=lambda d: d.cost), x, y)
    levels = [bottom + i * step for i in range(round((top - bottom) / step) + 1)]
    values = {
        "drawn": drawn,
        "labels": _labels([(dot, x(dot.cost), y(dot.quality)) for dot in dots], _in_the_way(drawn, steps)),
        "steps": steps,
        "across": [(y(level), f"{100 * level:.0f}") for level in levels],
        "up": [(x(tick), compact(tick)) for tick in _ticks(left, right)],
        "height": HEIGHT,
        "cost": cost,
        "quality": quality,
        "front": front,
    }
    return fill_template("improve/chart.html", values)


def _steps(
    dots: Sequence[Dot], x: Callable[[float], float], y: Callable[[float], float]
) -> list[tuple[float, float, float, float]]:
    """The front as lines: level from a dot to the cost of the next, then up to it; level to the edge at last."""
    lines = []
    for here, there in zip_longest(dots, dots[1:]):
        end = x(there.cost) if there else 100.0
        lines.append((x(here.cost), y(here.quality), end, y(here.quality)))
        if there:
            lines.append((end, y(here.quality), end, y(there.quality)))
    return lines


def _in_the_way(
    drawn: Sequence[Mapping[str, Any]], steps: Sequence[tuple[float, float, float, float]]
) -> list[tuple[float, float, float]]:
    """Short stretches over what a name should not cover, if there is room elsewhere: empty dots, and upright lines."""
    upright = [(x1, *sorted((y1, y2))) for x1, y1, x2, y2 in steps if x1 == x2]
    upright += [(each["x"], each["high"], each["low"]) for each in drawn if each["dot"].ci95]
    at = [(each["x"], each["y"]) for each in drawn if not each["dot"].label]
    at += [(x, top + i) for x, top, end in upright for i in range(0, ceil(end - top) + 1, 3)]
    return [(WIDTH * x / 100 - 5, HEIGHT * y / 100, WIDTH * x / 100 + 5) for x, y in at]


def _labels(
    dots: Sequence[tuple[Dot, float, float]], in_the_way: Sequence[tuple[float, float, float]]
) -> list[tuple[Dot, float, float, str]]:
    """Where each name stands: right or left of its dot, or a little below or above, where it covers least."""
    named = [each for each in dots if each[0].label]
    taken = [(WIDTH * x / 100 - 8, HEIGHT * y / 100, WIDTH * x / 100 + 8) for _, x, y in named]
    placed = []
    for dot, x, y in sorted(named, key=lambda each: each[2]):
        wide = LETTER * (len(dot.number) + 1 + len(dot.label))
        at, best = WIDTH * x / 100, (float("inf"), 0.0, "start")
        for down in (0, APART, -APART, 2 * APART, 3 * APART):
            for side, left in (("start", at + 13), ("end", at - 13 - wide)):
                middle = HEIGHT * y / 100 + down
                here = (left, middle, left + wide)
                covered = sum(_meet(here, other) for other in taken) + 0.1 * sum(_meet(here, it) for it in in_the_way)
                outside = left < 0 or left + wide > WIDTH or not 0 <= middle <= HEIGHT
                best = min(best, (10 * covered + 20 * outside + abs(down) / APART, middle, side))
        _, middle, side = best
        left = at + 13 if side == "start" else at - 13 - wide
        taken.append((left, middle, left + wide))
        placed.append((dot, x, 100 * middle / HEIGHT, side))
    return placed


def _meet(a: tuple[float, float, float], b: tuple[float, float, float]) -> bool:
    """Two stretches of a line (left, middle, right) that lie too near to each other."""
    return abs(a[1] - b[1]) < APART - 4 and a[0] < b[2] and b[0] < a[2]


def _ticks(left: float, right: float) -> list[float]:
    """Round costs between two powers of ten: all of 1, 2, 5 where they are few, else those of 1."""
    all_of_them = [m * 10.0**e for e in range(floor(left), ceil(right) + 1) for m in (1, 2, 5)]
    inside = [tick for tick in all_of_them if left <= log10(tick) <= right]
    return inside if len(inside) <= 7 else [tick for tick in inside if abs(log10(tick) % 1) < 1e-9]


def whisker(low: float, middle: float, high: float, axis: Interval, kind: str) -> Markup:
    """A difference with its interval on an axis that all rows share; 0 is a line."""
    width = (axis[1] - axis[0]) or 1.0
    at = {name: 100 * (value - axis[0]) / width for name, value in
          (("low", low), ("middle", middle), ("high", high), ("zero", 0.0))}  # fmt: skip
    return fill_template("improve/whisker.html", {**at, "kind": kind})


def shared_axis(intervals: Sequence[Interval]) -> Interval:
    """From the lowest end to the highest, 0 inside, and a little room."""
    low, high = min([0.0, *(a for a, _ in intervals)]), max([0.0, *(b for _, b in intervals)])
    room = 0.06 * ((high - low) or 1.0)
    return low - room, high + room


def track(seen: int, most: int, rounds: Sequence[int], ended: str) -> Markup:
    """How far a candidate came: a bar as long as the items that it met, with a line where each round ended."""
    most = most or 1
    return fill_template(
        "improve/track.html",
        {"length": 100 * seen / most, "rounds": [100 * end / most for end in rounds if end < most], "ended": ended},
    )
