"""`jielong cascade fit`: the thresholds at which each stage of a cascade is sure enough, from a task."""

from __future__ import annotations

import click

from ..improving.cascade_fit import measured_stages
from ..improving.model_choice import choose_by_cascade
from ..measuring.experiment import most_calls
from ..recipe import load
from . import options
from .eval import read_task
from .messages import localized
from .model_choice import announce_or_fit, show


@click.group(help=localized("help.cascade"))
def cascade() -> None:
    pass


@cascade.command(help=localized("help.cascade_fit"))
@options.task
@click.option("-m", "--model", required=True, metavar="RECIPE", help=localized("option.cascade"))
@click.option("--accuracy", type=click.FloatRange(0, 1), help=localized("option.target_accuracy"))
@click.option("--cost", type=click.FloatRange(0, min_open=True), help=localized("option.target_cost"))
@options.run_without_folder
def fit(measurement: options.Measurement, model: str, accuracy: float | None, cost: float | None) -> None:
    built, task = load(model), read_task(measurement)
    stages = measured_stages(built, [item.id for item in task.items])
    calls = sum(most_calls(task, stage) for stage in stages)
    choice = announce_or_fit(
        measurement, task, accuracy, cost, calls, len(stages), lambda fitting: choose_by_cascade(task, built, fitting)
    )
    if choice:
        show(choice, measurement.as_json)
