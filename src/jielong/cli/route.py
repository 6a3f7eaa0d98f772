"""`jielong route fit`: from what several models score on a task to the file by which `route` chooses among them."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from ..atomic_write import write_whole
from ..improving.model_choice import choose_by_route
from ..measuring.experiment import most_calls
from ..recipe import load
from ..retrieval.embedders import default_embedder
from . import options
from .eval import read_task
from .messages import localized
from .model_choice import announce_or_fit, show

NO_EMBEDDER = "none"


@click.group(help=localized("help.route"))
def route() -> None:
    pass


@route.command(help=localized("help.route_fit"))
@options.task
@click.option(
    "-m", "--model", "models", multiple=True, required=True, metavar="RECIPE", help=localized("option.routed")
)
@click.option(
    "--out", type=click.Path(path_type=Path), required=True, metavar="FILE", help=localized("option.route_file")
)
@click.option("--accuracy", type=click.FloatRange(0, 1), help=localized("option.target_accuracy"))
@click.option("--cost", type=click.FloatRange(0, min_open=True), help=localized("option.target_cost"))
@click.option("--embedder", metavar="NAME", help=localized("option.route_embedder"))
@options.run_without_folder
def fit(
    measurement: options.Measurement, models: tuple[str, ...], accuracy: float | None, cost: float | None,
    embedder: str | None,
) -> None:  # fmt: skip
    built, file = [load(model) for model in models], measurement.out
    assert file
    task = read_task(measurement)
    calls = sum(most_calls(task, model) for model in built)
    spec = default_embedder() if embedder is None else None if embedder == NO_EMBEDDER else embedder
    result = announce_or_fit(
        measurement, task, accuracy, cost, calls, len(built),
        lambda fitting: choose_by_route(task, built, file, fitting, spec),
    )  # fmt: skip
    if result is None:
        return
    choice, fitted = result
    write_whole(file, fitted.file.model_dump_json() + "\n")
    print(localized("choice.written", file=file), file=sys.stderr)
    show(choice, measurement.as_json)
