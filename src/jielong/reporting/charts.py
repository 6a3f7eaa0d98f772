"""Every picture of every report: drawn by lets-plot and written into the page as SVG (docs/decisions/0011-charts.md).

Each chart is drawn twice, for wide pages and for phones, and the page's style shows one of the two. Colours are drawn
as those of the light page and become its variables in the SVG, so that the same picture serves light and dark.
"""

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil, floor, isfinite, log10
from typing import Any, Literal, TypeAlias

from markupsafe import Markup, escape

from ..stats import Interval
from .formatting import compact

WIDE, NARROW = 1040, 380  # pixels
COLOURS = {
    "ink": "#1c2228", "soft": "#5d6873", "faint": "#8f99a3", "line": "#e3e7eb", "paper": "#ffffff",
    "accent": "#2360c0", "good": "#0b7a4b", "bad": "#b3243f", "orange": "#c85a17", "violet": "#8b3fb0",
}  # fmt: skip
Kind = Literal["plain", "chosen", "finalist", "searched", "better", "worse", "none"]
_COLOUR_OF: dict[Kind, str] = {
    "plain": "soft", "chosen": "good", "finalist": "accent", "searched": "faint",
    "better": "good", "worse": "bad", "none": "faint",
}  # fmt: skip
Plot: TypeAlias = Any  # lets-plot has no types
Columns: TypeAlias = dict[str, list[Any]]


@dataclass(frozen=True)
class ChartLine:
    name: str
    points: Sequence[tuple[float, float]]  # (x, y)


@dataclass(frozen=True)
class Dot:
    """A recipe by cost and quality (0..1). One without a `label` is drawn small and empty. On a phone the `number`
    stands alone. `title` is shown on hover."""

    cost: float
    quality: float
    title: str
    kind: Kind
    label: str = ""
    number: str = ""
    ci95: Interval | None = None
    on_front: bool = False


@dataclass(frozen=True)
class Whisker:
    """One row: a difference (in units of score, -1..1) with its interval."""

    label: str
    difference: float
    ci95: Interval
    kind: Kind


def curves(series: Sequence[ChartLine], *, x: str, y: str, height: int = 340) -> Markup:
    """Lines over two axes with the titles `x` and `y`; points that are not finite are left out."""
    import lets_plot as lp

    # lets-plot prints a line on standard output about any row that it leaves out itself
    rows = [(*point, line.name) for line in series for point in _thinned(line.points) if all(map(isfinite, point))]
    data: Columns = {name: [row[i] for row in rows] for i, name in enumerate(("x", "y", "name"))}
    colours = [COLOURS[name] for name in ("accent", "orange", "good", "violet", "bad", "soft")]
    lines = lp.ggplot(data, lp.aes("x", "y", color="name")) + _look() + lp.geom_line(size=1.2, sampling="none")
    lines += lp.scale_color_manual(values=colours, name="")
    lines += lp.scale_x_continuous(format="~s")  # 12M, 3.5k
    lines += lp.theme(legend_position="bottom" if len(series) > 1 else "none")
    return _figure(lambda wide: lines, lambda wide: height, x, y)


def _thinned(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """At most a thousand of them, evenly, the last one included: more cannot be told apart on a page."""
    return [*points[:: -(-len(points) // 1000) or 1], *points[-1:]]


def quality_against_cost(dots: Sequence[Dot], *, cost: str, quality: str) -> Markup:
    """Cost to the right on a logarithmic axis, quality in percent upwards with its intervals, the front as steps."""
    import lets_plot as lp

    dots = [dot for dot in dots if isfinite(dot.quality)]  # a recipe whose every call was lost has no quality
    if not dots:
        return Markup("")
    empty, named = [dot for dot in dots if not dot.label], [dot for dot in dots if dot.label]
    front = _dots(sorted((dot for dot in named if dot.on_front), key=lambda dot: dot.cost))
    logs = [log10(at) for at in _dots(dots)["x"]]
    left, right = min(logs) - 0.12, max(logs) + 0.12
    if front["x"]:  # level from the last one to the edge
        front = {"x": [*front["x"], 10**right], "y": [*front["y"], front["y"][-1]]}
    ticks = _round_costs(left, right)
    position, accent = lp.aes("x", "y", color="colour"), COLOURS["accent"]

    def plot(wide: bool) -> Plot:
        names = [" ".join(filter(None, (dot.number, dot.label if wide else ""))) for dot in named]
        texts = {**_dots([*named, *empty]), "text": [*names, *("" for _ in empty)]}  # names keep off empty dots, too
        return (
            lp.ggplot()
            + _look()
            + lp.geom_step(lp.aes("x", "y"), data=front, direction="hv", color=accent, linetype="dashed", size=0.7)
            + lp.geom_point(position, data=_dots(empty), shape=21, size=2.6, fill=COLOURS["paper"])
            + lp.geom_segment(
                lp.aes("x", "low", xend="x", yend="high", color="colour"), data=_dots(named), size=1, alpha=0.5
            )
            + lp.geom_point(position, data=_dots(named), size=4.6)
            + lp.geom_text_repel(
                lp.aes("x", "y", label="text", color="colour"), data=texts, seed=1, size=5.9, point_padding=7,
                box_padding=4, min_segment_length=1000.0, max_iter=5000, halo_width=3, halo_color=COLOURS["paper"],
            )
            + lp.scale_color_identity()
            + lp.scale_x_log10(breaks=ticks, labels=[compact(tick) for tick in ticks], limits=[10**left, 10**right])
        )  # fmt: skip

    return _figure(plot, lambda wide: 360 if wide else 300, cost, quality, [dot.title for dot in [*empty, *named]])


def _dots(dots: Sequence[Dot]) -> Columns:
    return {
        "x": [max(dot.cost, 1e-9) for dot in dots],  # a logarithm knows no 0
        "y": [100 * dot.quality for dot in dots],
        "low": [100 * (dot.ci95[0] if dot.ci95 else dot.quality) for dot in dots],
        "high": [100 * (dot.ci95[1] if dot.ci95 else dot.quality) for dot in dots],
        "colour": [COLOURS[_COLOUR_OF[dot.kind]] for dot in dots],
    }


def whiskers(rows: Sequence[Whisker], *, x: str) -> Markup:
    """Differences in points with their intervals, one row below the other on a shared axis; 0 is a line."""
    import lets_plot as lp

    heights = list(range(len(rows), 0, -1))
    figures = [(100 * row.difference, 100 * row.ci95[0], 100 * row.ci95[1]) for row in rows]
    data: Columns = {name: [row[i] for row in figures] for i, name in enumerate(("x", "low", "high"))}
    colours = [COLOURS[_COLOUR_OF[row.kind]] for row in rows]
    data |= {"y": heights, "label": [row.label for row in rows], "colour": colours}
    low, high = min([0.0, *data["low"]]), max([0.0, *data["high"]])
    room = 0.04 * ((high - low) or 1.0)

    def plot(wide: bool) -> Plot:
        chart = (
            lp.ggplot(data, lp.aes("x", "y", color="colour"))
            + _look()
            + lp.geom_vline(xintercept=0, color=COLOURS["faint"], size=0.7)
            + lp.geom_segment(lp.aes("low", "y", xend="high", yend="y", color="colour"), size=2, alpha=0.55)
            + lp.geom_point(size=4)
            + lp.scale_color_identity()
            + lp.scale_x_continuous(limits=[low - room, high + room])
            + lp.theme(panel_grid_major_y="blank")
        )
        if wide:
            limits = [0.4, len(rows) + 0.6]
            return chart + lp.scale_y_continuous(breaks=heights, labels=data["label"], limits=limits, expand=[0, 0])
        labels = lp.geom_text(
            lp.aes(y="y", label="label"), x=low - room, hjust="left", nudge_y=0.42, size=5.2, color=COLOURS["ink"],
            halo_width=3, halo_color=COLOURS["paper"],
        )  # fmt: skip
        return chart + labels + lp.scale_y_continuous(breaks=[], limits=[0.5, len(rows) + 0.8], expand=[0, 0])

    lowest = 104  # with less, the name of the axis does not fit below one row
    return _figure(plot, lambda wide: max(lowest, (24 if wide else 42) * len(rows) + 50), x, "")


def _look() -> Plot:
    import lets_plot as lp

    text = {name: lp.element_text(color=COLOURS["soft"], size=12) for name in ("axis_title", "axis_text")}
    return lp.theme_minimal() + lp.theme(
        **text, legend_text=lp.element_text(color=COLOURS["ink"], size=13), panel_grid_minor="blank",
        panel_grid=lp.element_line(color=COLOURS["line"]), plot_background="blank",
    )  # fmt: skip


def _figure(
    plot: Callable[[bool], Plot], height: Callable[[bool], int], x: str, y: str, titles: Sequence[str] = ()
) -> Markup:
    """The chart in both widths. `titles` are those of its dots in the order in which they are drawn."""
    import lets_plot as lp

    pictures = []
    for wide in (True, False):
        size = (WIDE if wide else NARROW, height(wide))
        svg = _with_titles((plot(wide) + lp.labs(x=x, y=y) + lp.ggsize(*size)).to_svg(), titles)
        head = Markup('<svg class="{}" role="img" aria-label="{}" viewBox="0 0 {} {}">')
        shape = head.format("wide" if wide else "narrow", ", ".join(filter(None, (y, x))), *size)
        pictures.append(shape + Markup(_for_any_page(svg).partition(">")[2]))
    return Markup('<figure class="chart">{}</figure>').format(Markup("").join(pictures))


def _with_titles(svg: str, titles: Sequence[str]) -> str:
    waiting = iter(titles)

    def titled(circle: re.Match[str]) -> str:
        title = next(waiting, "")
        return f"{circle[1]}><title>{escape(title)}</title></circle>" if title else circle[0]

    return re.sub(r"(<circle [^>]*?) ?/>", titled, svg)


def _for_any_page(svg: str) -> str:
    """Colours as the page's variables, its font, selectable text, and ids that are the same at every drawing."""
    for name, colour in COLOURS.items():
        rgb = ",".join(str(int(colour[i : i + 2], 16)) for i in (1, 3, 5))
        svg = svg.replace(f"rgb({rgb})", f"var(--{name})").replace(colour, f"var(--{name})")
    svg = re.sub(r"font-family: ?[^;\"]+;", "", svg)
    svg = re.sub(r"\s*(?:-\w+-)?user-select: none;", "", svg)
    for i, id in enumerate(dict.fromkeys(re.findall(r'\bid="([^"]+)"', svg))):
        svg = svg.replace(id, f"\0{i}\0")
    digest = hashlib.sha256(svg.encode()).hexdigest()[:8]
    return re.sub("\0(\\d+)\0", rf"c{digest}-\1", svg)


def _round_costs(left: float, right: float) -> list[float]:
    """Round costs between two powers of ten: all of 1, 2, 5 where they are few, else those of 1."""
    ticks = [m * 10.0**e for e in range(floor(left), ceil(right) + 1) for m in (1, 2, 5)]
    inside = [tick for tick in ticks if left <= log10(tick) <= right]
    return inside if len(inside) <= 7 else [tick for tick in inside if abs(log10(tick) % 1) < 1e-9]
