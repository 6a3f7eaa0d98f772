"""`jielong train pretrain|finetune CONFIG.toml`: train with the settings of a file; run again, it resumes.

`jielong train merge local:BASE+ADAPTER`: an adapter and its base become one checkpoint."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

import click

from ..contract import Model
from ..reporting.terminal import print_json
from ..scope import scope
from . import options
from .messages import language, localized
from .train_align import align
from .train_reward import reward
from .train_specialists import specialists
from .training_options import only_the_first_speaks, overrides, progress_bar, training_options

if TYPE_CHECKING:
    from ..training.train_config import TrainConfig
    from ..training.training_output import CurvePoint

    Training: TypeAlias = Callable[[TrainConfig, Callable[[CurvePoint], None]], Model]


@click.group(help=localized("help.train"))
def train() -> None:
    only_the_first_speaks()


train.add_command(align)


@train.command(help=localized("help.pretrain"))
@training_options
def pretrain(file: Path, out: str | None, assignments: tuple[str, ...], as_json: bool) -> None:
    from ..training.pretrain_and_finetune import pretrain as run

    _train(run, _config(file, out, assignments), as_json)


@train.command(help=localized("help.finetune"))
@click.option("--show", "shown", type=click.IntRange(1), metavar="N", help=localized("option.show_documents"))
@training_options
def finetune(
    file: Path, out: str | None, assignments: tuple[str, ...], as_json: bool, shown: int | None
) -> None:  # fmt: skip
    from ..training.pretrain_and_finetune import finetune as run

    config = _config(file, out, assignments)
    if shown:
        from .shown_tokens import show_documents

        show_documents(config, shown, as_json)
        return
    _train(run, config, as_json)


@train.command(help=localized("help.merge"))
@click.argument("recipe", metavar="local:BASE+ADAPTER")
@click.option(
    "--out", metavar="DIR", required=True, type=click.Path(path_type=Path), help=localized("option.merge_out")
)
@click.option(
    "--dtype", type=click.Choice(["float32", "bfloat16"]), default="float32", help=localized("option.merge_dtype")
)
@options.as_json
def merge(recipe: str, out: Path, dtype: Literal["float32", "bfloat16"], as_json: bool) -> None:
    from ..training.pretrain_and_finetune import merge as run

    with scope("merge") as merge_scope:
        result = run(recipe, out, dtype)
    for text in merge_scope.notes:
        print(text, file=sys.stderr)
    if as_json:
        print_json(asdict(result) | {"weights": str(result.weights)})
    else:
        figures = {"effect": f"{result.effect:.3g}", "difference": f"{result.difference:.1e}"}
        print(localized("train.merged", weights=result.weights, dtype=dtype, **figures))


def _config(file: Path, out: str | None, assignments: tuple[str, ...]) -> TrainConfig:
    from ..training.train_config import read_train_config

    return read_train_config(file, overrides(out, assignments))


def _train(run: Training, config: TrainConfig, as_json: bool) -> None:
    from ..reporting.training_curves import write_page
    from ..training.training_output import CHECKPOINT, CURVE, TrainResult, read_curve

    curve, page = config.out / CURVE, config.out / "curves.html"
    if (config.out / CHECKPOINT).exists():
        print(localized("train.going_on", out=config.out), file=sys.stderr)
    with scope("train") as training_scope, progress_bar(config.steps, training_scope.notes) as show:

        def on_point(point: CurvePoint) -> None:
            show(point)
            if point.held_out is not None:
                write_page(read_curve(curve), config.out.name, page, language())

        run(config, on_point)
    result, points = TrainResult.read(config.out), read_curve(curve)
    if points:
        write_page(points, config.out.name, page, language())
    if as_json:
        print_json(
            {"weights": str(result.weights), "recipe": result.recipe, "sha256": result.sha256, "loss": result.loss}
        )
    else:
        print(localized("train.done", recipe=result.recipe, sha256=result.sha256, page=page))


train.add_command(reward)
train.add_command(specialists)
