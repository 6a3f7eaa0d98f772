"""`jielong train pretrain|finetune CONFIG.toml`: train with the settings of a file; run again, it resumes."""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import click
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from ..contract import Model
from ..errors import BadInput
from ..reporting.terminal import console, print_json
from ..scope import scope
from . import options
from .messages import language, localized

if TYPE_CHECKING:
    from ..training.train_config import TrainConfig
    from ..training.training_output import CurvePoint

    Training: TypeAlias = Callable[[TrainConfig, Callable[[CurvePoint], None]], Model]


@click.group(help=localized("help.train"))
def train() -> None:
    pass


_options = options.in_order(
    click.argument("file", metavar="CONFIG.toml", type=click.Path(path_type=Path)),
    click.option("--out", metavar="DIR", help=localized("option.train_out")),
    click.option("--set", "assignments", multiple=True, metavar="NAME=VALUE", help=localized("option.set")),
    options.as_json,
)


@train.command(help=localized("help.pretrain"))
@_options
def pretrain(file: Path, out: str | None, assignments: tuple[str, ...], as_json: bool) -> None:
    from ..training.pretrain_and_finetune import pretrain as run

    _train(run, _config(file, out, assignments), as_json)


@train.command(help=localized("help.finetune"))
@_options
def finetune(file: Path, out: str | None, assignments: tuple[str, ...], as_json: bool) -> None:
    from ..training.pretrain_and_finetune import finetune as run

    _train(run, _config(file, out, assignments), as_json)


def _config(file: Path, out: str | None, assignments: tuple[str, ...]) -> TrainConfig:
    from ..training.train_config import read_train_config

    overrides = dict(_parse_assignment(assignment) for assignment in assignments)
    return read_train_config(file, overrides | ({"out": out} if out else {}))


def _train(run: Training, config: TrainConfig, as_json: bool) -> None:
    from ..reporting.training_curves import write_page
    from ..training.training_output import CHECKPOINT, CURVE, TrainResult, read_curve

    curve, page = config.out / CURVE, config.out / "curves.html"
    if (config.out / CHECKPOINT).exists():
        print(localized("train.going_on", out=config.out), file=sys.stderr)
    with scope("train") as training_scope, _progress_bar(config.steps, training_scope.notes) as show:

        def on_point(point: CurvePoint) -> None:
            show(point)
            if point.held_out is not None:
                write_page(read_curve(curve), config.out.name, page, language())

        run(config, on_point)
    result, points = TrainResult.read(config.out), read_curve(curve)
    if points:
        write_page(points, config.out.name, page, language())
    if as_json:
        print_json({"weights": str(result.weights), "sha256": result.sha256, "loss": result.loss})
    else:
        print(localized("train.done", weights=result.weights, sha256=result.sha256, page=page))


def _parse_assignment(assignment: str) -> tuple[str, object]:
    """`NAME=VALUE`; the value as TOML reads it, or else the text itself."""
    name, equals, value = assignment.partition("=")
    try:
        return name.strip(), tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        if equals and not value.strip().startswith(("[", "{", '"')):
            return name.strip(), value.strip()
        raise BadInput(f'--set {assignment}: expected NAME=VALUE, as in loop.seed=7 or out="here"') from None


@contextmanager
def _progress_bar(steps: int, notes: Mapping[str, object]) -> Iterator[Callable[[CurvePoint], None]]:
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
        figures = localized("train.point", step=point.step, loss=loss, speed=speed) + held_out
        bar.update(task, completed=point.step, figures=figures)
        if not out.is_terminal and (held_out or point.step % 100 == 0):
            print(figures, file=sys.stderr)

    silent = not out.is_terminal
    with Progress(*columns, console=out, redirect_stdout=False, redirect_stderr=False, disable=silent) as bar:
        task = bar.add_task("", total=steps, figures="")
        yield show
