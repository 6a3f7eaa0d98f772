"""What every command that trains shares: its file of settings, what replaces single ones, and the progress bar."""

from __future__ import annotations

import os
import sys
import tomllib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from ..errors import BadInput
from ..reporting.terminal import console
from . import options
from .messages import localized

if TYPE_CHECKING:
    from ..training.training_output import CurvePoint

training_options = options.in_order(
    click.argument("file", metavar="CONFIG.toml", type=click.Path(path_type=Path)),
    click.option("--out", metavar="DIR", help=localized("option.train_out")),
    click.option("--set", "assignments", multiple=True, metavar="NAME=VALUE", help=localized("option.set")),
    options.as_json,
)


def overrides(out: str | None, assignments: tuple[str, ...]) -> dict[str, object]:
    """Dotted names and the values that replace those of the file."""
    return dict(parse_assignment(assignment) for assignment in assignments) | ({"out": out} if out else {})


def parse_assignment(assignment: str) -> tuple[str, object]:
    """`NAME=VALUE`; the value as TOML reads it, or else the text itself."""
    name, equals, value = assignment.partition("=")
    try:
        return name.strip(), tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        if equals and not value.strip().startswith(("[", "{", '"')):
            return name.strip(), value.strip()
        raise BadInput(f'--set {assignment}: expected NAME=VALUE, as in loop.seed=7 or out="here"') from None


def only_the_first_speaks() -> None:
    """Of the processes that torchrun started, the first one prints; errors are everybody's."""
    if os.environ.get("RANK", "0") != "0" and "WORLD_SIZE" in os.environ:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115 — to the end of the process


@contextmanager
def progress_bar(steps: int | None, notes: Mapping[str, object]) -> Iterator[Callable[[CurvePoint], None]]:
    """A bar with loss, speed and time left; a line each hundred steps where there is no terminal. Notes come first."""
    out, printed_notes = console(stderr=True), 0
    figures_column = TextColumn("{task.percentage:3.0f} %  {task.fields[figures]}", markup=False)
    columns = BarColumn(bar_width=30), figures_column, TimeRemainingColumn()

    def show(point: CurvePoint) -> None:
        nonlocal printed_notes
        for text in [*notes][printed_notes:]:
            out.print(text, soft_wrap=True)
        printed_notes = len(notes)
        held_out = "" if point.held_out is None else localized("train.held_out", loss=f"{point.held_out:.4f}")
        loss, speed = f"{point.loss:.4f}", f"{point.tokens_per_second:,.0f}"
        held_out += "".join(f", {name} {value:.3g}" for name, value in point.figures.items())
        figures = localized("train.point", step=point.step, loss=loss, speed=speed) + held_out
        bar.update(task, completed=point.step, figures=figures)
        if not out.is_terminal and (held_out or point.step % 100 == 0):
            print(figures, file=sys.stderr)

    silent = not out.is_terminal
    with Progress(*columns, console=out, redirect_stdout=False, redirect_stderr=False, disable=silent) as bar:
        task = bar.add_task("", total=steps, figures="")
        yield show
