"""`jielong train pretrain|finetune CONFIG.toml`: a training told by a file; stopped, the same command goes on."""

from __future__ import annotations

import json
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from ..errors import BadInput, MissingExtra
from . import options
from .messages import language, localized

if TYPE_CHECKING:
    from ..training.pretrain import Trained
    from ..training.train_config import TrainConfig
    from ..training.training_loop import CurvePoint


@click.group(help=localized("help.train"))
def train() -> None:
    pass


def _options(command: Callable[..., None]) -> Callable[..., None]:
    for option in reversed(
        (
            click.argument("config", metavar="CONFIG.toml", type=click.Path(path_type=Path)),
            click.option("--out", metavar="DIR", help=localized("option.train_out")),
            click.option("--set", "sets", multiple=True, metavar="NAME=VALUE", help=localized("option.set")),
            options.as_json,
        )
    ):
        command = option(command)
    return command


@train.command(help=localized("help.pretrain"))
@_options
def pretrain(config: Path, out: str | None, sets: tuple[str, ...], as_json: bool) -> None:
    try:
        from ..training.pretrain import pretrain as begin
    except ImportError:
        raise MissingExtra("training", "train") from None
    _run(begin, config, out, sets, as_json)


@train.command(help=localized("help.finetune"))
@_options
def finetune(config: Path, out: str | None, sets: tuple[str, ...], as_json: bool) -> None:
    try:
        from ..training.finetune import finetune as begin
    except ImportError:
        raise MissingExtra("training", "train") from None
    _run(begin, config, out, sets, as_json)


def _run(
    begin: Callable[[TrainConfig, Callable[[CurvePoint], None]], Trained],
    config: Path,
    out: str | None,
    sets: tuple[str, ...],
    as_json: bool,
) -> None:
    from ..reporting.training_curves import write_page
    from ..training.train_config import read_train_config
    from ..training.training_loop import CHECKPOINT, CURVE, read_curve

    overrides = dict(_assignment(each) for each in sets)
    settings = read_train_config(config, overrides | ({"out": out} if out else {}))
    curve, page = settings.out / CURVE, settings.out / "curves.html"
    if (settings.out / CHECKPOINT).exists():
        print(localized("train.going_on", out=settings.out), file=sys.stderr)
    with _Progress(settings) as progress:

        def on_point(point: CurvePoint) -> None:
            progress.show(point)
            if point.held_out is not None:
                write_page(read_curve(curve), settings.out.name, page, language())

        trained = begin(settings, on_point)
    points = read_curve(curve)
    if points:
        write_page(points, settings.out.name, page, language())
    if as_json:
        done = {"weights": str(trained.weights), "sha256": trained.sha256, "loss": points[-1].loss if points else None}
        print(json.dumps(done))
    else:
        print(localized("train.done", weights=trained.weights, sha256=trained.sha256, page=page))


def _assignment(said: str) -> tuple[str, object]:
    name, equals, value = said.partition("=")
    try:
        return name.strip(), tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        if equals and not value.strip().startswith(("[", "{", '"')):
            return name.strip(), value.strip()
        raise BadInput(f'--set {said}: expected NAME=VALUE, as in loop.rate=0.001 or out="here"') from None


class _Progress:
    """A bar with loss, rate and time left; a line each hundred steps where there is no terminal."""

    def __init__(self, settings: TrainConfig) -> None:
        console = Console(stderr=True)
        self._bar = Progress(
            BarColumn(bar_width=30),
            TextColumn("{task.percentage:3.0f} %  {task.fields[said]}"),
            TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task("", total=settings.steps, said="")
        self._quiet = not console.is_terminal

    def __enter__(self) -> _Progress:
        self._bar.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._bar.stop()

    def show(self, point: CurvePoint) -> None:
        held_out = "" if point.held_out is None else localized("train.held_out", loss=f"{point.held_out:.4f}")
        said = localized(
            "train.point", step=point.step, loss=f"{point.loss:.4f}", speed=f"{point.tokens_per_second:,.0f}"
        )
        self._bar.update(self._task, completed=point.step, said=said + held_out)
        if self._quiet and (held_out or point.step % 100 == 0):
            print(said + held_out, file=sys.stderr)
