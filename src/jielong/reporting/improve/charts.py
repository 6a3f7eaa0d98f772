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

from ...stats import Interval
from ..formatting import compact
from ..html_page import fill_template

HEIGHT, WIDTH, NARROW = 340, 940, 310  # of the chart, in pixels: what keeps names apart; it is as wide as the page
APART, AWAY, LETTER = 20, 13, 7.4


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
    at = [(dot, x(dot.cost), y(dot.quality)) for dot in dots]
    steps = _steps(sorted((d for d in dots if d.on_front), key=lambda d: d.cost), x, y)
    levels = [bottom + i * step for i in range(round((top - bottom) / step) + 1)]
    values = {
        "drawn": drawn,
        "wide": _labels(at, _in_the_way(drawn, steps), WIDTH, True),
        "narrow": _labels(at, _in_the_way(drawn, steps), NARROW, False),
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
) -> list[tuple[float, float]]:
    """What a name should not cover, if there is room elsewhere: empty dots, and points of upright lines."""
    upright = [(x1, *sorted((y1, y2))) for x1, y1, x2, y2 in steps if x1 == x2]
    upright += [(each["x"], each["high"], each["low"]) for each in drawn if each["dot"].ci95]
    dots = [(each["x"], each["y"]) for each in drawn if not each["dot"].label]
    return dots + [(x, top + i) for x, top, end in upright for i in range(0, ceil(end - top) + 1, 3)]


def _labels(
    dots: Sequence[tuple[Dot, float, float]], in_the_way: Sequence[tuple[float, float]], page: int, names: bool
) -> list[tuple[Dot, float, float, str]]:
    """Where each name stands on a picture of this width: right or left of its dot, or a little below or above, where it
    covers least. Without `names` these are numbers alone, which may also stand on their own interval."""

    def box(x: float, y: float, half: float) -> tuple[float, float, float]:
        return page * x / 100 - half, HEIGHT * y / 100, page * x / 100 + half

    named = [each for each in dots if (each[0].label if names else each[0].number)]
    taken, others = [box(x, y, 8) for _, x, y in named], [box(x, y, 5) for x, y in in_the_way]
    placed = []
    for dot, x, y in sorted(named, key=lambda each: each[2]):
        wide = LETTER * (len(dot.number) + (1 + len(dot.label) if names else 0))
        at, best = page * x / 100, (float("inf"), 0.0, "start")
        for down in (0, APART, -APART, 2 * APART, 3 * APART):
            sides = {"start": at + AWAY, "end": at - AWAY - wide}
            for side, left in (sides if names or not down else {**sides, "middle": at - wide / 2}).items():
                here = (left, HEIGHT * y / 100 + down, left + wide)
                covered = 10 * sum(_meet(here, other) for other in taken) + sum(_meet(here, it) for it in others)
                outside = left < 0 or left + wide > page or not 0 <= here[1] <= HEIGHT
                worth = covered + 20 * outside + abs(down) / APART - (side == "middle")
                best = min(best, (worth, here[1], side))
        _, middle, side = best
        left = {"start": at + AWAY, "end": at - AWAY - wide, "middle": at - wide / 2}[side]
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
