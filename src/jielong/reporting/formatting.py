"""Tables for people: the terminal form that every room uses. Figures are written the same way everywhere."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .terminal import console, visible

MOST_REASONS = 3  # different words for what failed that are shown for one model


@dataclass(frozen=True)
class Cell:
    """A place in a table: a figure and a smaller one that belongs to it, or prose, which runs over several lines."""

    text: str
    note: str = ""
    prose: bool = False

    def __str__(self) -> str:
        return f"{self.text} {self.note}".strip().replace("`", "")


def percent(value: float | None) -> str:
    return "–" if value is None or value != value else f"{100 * value:.1f}"


def interval(ci95: tuple[float, float] | None) -> str:
    return "" if ci95 is None else f"[{100 * ci95[0]:.1f}, {100 * ci95[1]:.1f}]"


def signed(value: float) -> str:
    return f"{100 * value:+.1f}"


def p_value(p: float) -> str:
    return "<.001" if p < 0.001 else f"{p:.3f}".lstrip("0") if p < 1 else "1"


def dollars(usd: float) -> str:
    return "0" if usd == 0 else f"${usd:.4f}" if usd < 1 else f"${usd:,.2f}"


def duration(seconds: float | None) -> str:
    if seconds is None or seconds < 1:
        return "–" if seconds is None else f"{1000 * seconds:.0f} ms"
    return f"{seconds:.1f} s" if seconds < 90 else f"{seconds / 60:.1f} min"


def count(number: float) -> str:
    return f"{number:,.0f}" if number >= 100 or number == int(number) else f"{number:.1f}"


def token_count(number: float, untold: float) -> str:
    """`untold`: calls of whose tokens nothing is known, so that `number` is the least that it can have been."""
    return count(number) if not untold else f"≥ {count(number)}" if number else "?"


def compact(value: float) -> str:
    """A figure as it stands at an axis: 12M, 3.5k, 0.04."""
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if abs(value) >= size:
            return f"{value / size:.3g}{unit}"
    return f"{value:.3g}"


def print_table(
    title: str,
    columns: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    left: Sequence[int] = (0,),
    to_stderr: bool = False,
) -> None:
    """Texts (the columns `left`) to the left, figures to the right; as wide as the terminal, else 180 columns. In a
    terminal that is too narrow for its figures the table is a list."""
    from rich.console import JustifyMethod
    from rich.measure import Measurement
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    out = console(stderr=to_stderr)
    if not out.is_terminal:
        out.width = 180
    table = Table(title=title, title_justify="left", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for i, column in enumerate(columns):
        prose, width = i in left, 0 if i else 28
        justify: JustifyMethod = "left" if prose else "right"
        table.add_column(column, justify=justify, overflow="fold", no_wrap=not prose, min_width=width)
    lines = [[*map(visible, row)] for row in rows]
    for row in lines:
        table.add_row(*row)
    if Measurement.get(out, out.options.update(max_width=10_000), table).minimum <= out.width:
        out.print(table)
        return
    if title:
        out.print(Text(title, style="italic"))
    for name, *cells in lines:
        out.print(Text(name, style="bold"))
        for column, cell in zip(columns[1:], cells, strict=True):
            if cell:
                out.print(Padding(Text(f"{column}: {cell}" if column else cell), (0, 0, 0, 2)))
