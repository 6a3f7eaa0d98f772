"""One HTML file that holds everything it shows: no script, no request to anywhere, light and dark, wide and narrow."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from ..atomic_write import write_whole

Language = Literal["en", "zh"]

INK = "var(--ink)"
LINES = ("var(--a)", "var(--b)", "var(--c)", "var(--d)", "var(--e)", "var(--f)")

_SCRIPT = re.compile("<script.*?</script>", re.DOTALL)  # pygal leaves its settings in one


@dataclass(frozen=True)
class Point:
    x: float
    y: float
    label: str = ""


@dataclass(frozen=True)
class Series:
    """`joined` points are a line, others are dots."""

    name: str
    points: Sequence[Point]
    joined: bool = True


@dataclass
class HtmlPage:
    """A title and sections; `add` puts one below the others.

    `above` and `lead` stand around the heading, which is the title unless given; `style` is CSS of this page's own.
    """

    title: str
    language: Language
    lead: Markup | str = ""
    above: str = ""
    heading: Markup | str = ""
    style: str = ""
    _sections: list[dict[str, Any]] = field(default_factory=list)

    def add(self, heading: str, *parts: Markup | str) -> None:
        """A section: plain texts become paragraphs, markup stays as it is."""
        said = [part if isinstance(part, Markup) else Markup("<p>{}</p>").format(part) for part in parts if part]
        self._sections.append({"heading": heading, "parts": said})

    def write(self, file: Path) -> None:
        """Put the whole page in its place at once."""
        file.parent.mkdir(parents=True, exist_ok=True)
        write_whole(file, self.html())

    def html(self) -> str:
        said = {name: getattr(self, name) for name in ("title", "above", "heading", "lead", "language")}
        return str(fill_template("page.html", said | {"style": Markup(self.style), "sections": self._sections}))


def table(columns: Sequence[str], rows: Sequence[Sequence[str | Markup]], *, marked: Sequence[int] = ()) -> Markup:
    """Cells whose text is a figure stand to the right; `marked` are the numbers of the rows that stand out."""
    return fill_template("table.html", {"columns": columns, "rows": rows, "marked": set(marked)})


def chart(series: Sequence[Series], *, x: str, y: str, logarithmic: bool = False, height: int = 380) -> Markup:
    """Lines and dots over two axes with the titles `x` and `y`, as SVG; the label of a dot is shown on hover."""
    import pygal
    from pygal.style import Style

    style = Style(
        background="transparent", plot_background="transparent", foreground=INK, foreground_strong=INK,
        foreground_subtle="var(--faint)", colors=LINES, font_family="inherit", label_font_size=12,
        major_label_font_size=12, legend_font_size=13, title_font_size=13, guide_stroke_color="var(--faint)",
        opacity=".85", opacity_hover="1", stroke_width="2",
    )  # fmt: skip
    drawn = pygal.XY(
        js=[], style=style, width=900, height=height, x_title=x, y_title=y, logarithmic=logarithmic, dots_size=2,
        legend_at_bottom=True, disable_xml_declaration=True, explicit_size=False, truncate_legend=-1, truncate_label=-1,
        show_y_guides=True, show_x_guides=False, print_labels=False, margin=10,
        value_formatter=compact, x_value_formatter=compact,
    )  # fmt: skip
    for each in series:
        points = [{"value": (p.x, p.y), "label": p.label} for p in each.points]
        drawn.add(each.name, points, stroke=each.joined, show_dots=not each.joined, dots_size=2 if each.joined else 6)
    return Markup('<figure class="chart">{}</figure>').format(Markup(_SCRIPT.sub("", drawn.render(is_unicode=True))))


def compact(value: float) -> str:
    """A figure as it stands at an axis: 12M, 3.5k, 0.04."""
    for unit, of in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if abs(value) >= of:
            return f"{value / of:.3g}{unit}"
    return f"{value:.3g}"


def details(summary: Markup | str, *parts: Markup | str) -> Markup:
    """Parts that are folded away under a line."""
    return fill_template("details.html", {"summary": summary, "parts": parts})


def verbatim(text: str) -> Markup:
    return Markup("<pre>{}</pre>").format(text)


def fill_template(name: str, values: Mapping[str, Any]) -> Markup:
    """The file `name` of the folder templates, filled in. Texts are escaped, markup is not."""
    return Markup(_template(name).render(values))


def read_template(name: str) -> str:
    return files(__package__).joinpath(f"templates/{name}").read_text("utf-8")


@cache
def _template(name: str) -> Any:
    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined)
    return environment.from_string(read_template(name))
