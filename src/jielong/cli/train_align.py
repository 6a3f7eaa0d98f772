"""`jielong train align CONFIG.toml`: a policy on its own replies, towards a reward; run again, it resumes."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from ..contract import Scorer
from ..recipe import load
from ..reporting.terminal import print_json
from ..scope import scope
from .messages import language, localized
from .training_options import overrides, progress_bar, training_options

if TYPE_CHECKING:
    from ..training.alignment.align_config import AlignConfig
    from ..training.alignment.overoptimization_guard import GuardRecord
    from ..training.alignment.reward_front import FrontPoint

METHODS = ("grpo", "rloo", "ppo", "dpo")


@click.command(help=localized("help.align"))
@training_options
@click.option("--method", type=click.Choice(METHODS), help=localized("option.align_method"))
def align(file: Path, out: str | None, assignments: tuple[str, ...], as_json: bool, method: str | None) -> None:
    from ..training.alignment.align_config import AlignConfig
    from ..training.alignment.train_align import align as run
    from ..training.train_config import read_config
    from ..training.training_output import CHECKPOINT

    changes = overrides(out, assignments) | ({"method": method} if method else {})
    config = read_config(file, AlignConfig, changes)
    if (config.out / CHECKPOINT).exists():
        print(localized("train.going_on", out=config.out), file=sys.stderr)
    with scope("align") as training_scope, progress_bar(config.steps, training_scope.notes) as show:
        if config.front:
            from ..training.alignment.reward_front import align_front

            points = align_front(config, show, scorer_of=_scorer)
        else:
            run(config, show, scorer_of=_scorer)
    if config.front:
        _report_front(config, points, as_json)
    else:
        _report(config, as_json)


def _scorer(recipe: str) -> Scorer:
    """A reward model, or a model of another kind as a judge."""
    from ..measuring.judge import Judge

    model = load(recipe)
    return cast(Scorer, model) if hasattr(model, "score") else Judge(model)


def _report_front(config: AlignConfig, points: Sequence[FrontPoint], as_json: bool) -> None:
    if as_json:
        print_json({"front": [asdict(point) for point in points]})
        return
    for point in points:
        weights = " ".join(f"{weight:g}" for weight in point.weights) or localized("align.before")
        scores = ", ".join(f"{term.by} {score:.3f}" for term, score in zip(config.rewards, point.scores, strict=True))
        front = localized("align.on_front") if point.on_front else ""
        print(localized("align.point", weights=weights, scores=scores, front=front, recipe=point.recipe))


def _report(config: AlignConfig, as_json: bool) -> None:
    from ..reporting.guard_page import write_page as write_guard_page
    from ..reporting.training_curves import write_page
    from ..training.alignment.overoptimization_guard import GuardRecord
    from ..training.alignment.rollouts import ROLLOUTS
    from ..training.training_output import CURVE, TrainResult, read_curve

    result, points = TrainResult.read(config.out), read_curve(config.out / CURVE)
    page, guard_page, record = config.out / "curves.html", config.out / "guard.html", GuardRecord.read(config.out)
    if points:
        write_page(points, config.out.name, page, language())
    every = config.rollouts.epochs if config.rollouts else 1
    if config.guard:
        write_guard_page(record, every, config.out.name, guard_page, language())
    if as_json:
        guard = {"stopped": record.stopped, **asdict(record.estimate)} if record.estimate else None
        print_json({"model": result.recipe, "weights": str(result.weights), "sha256": result.sha256, "guard": guard})
        return
    print(localized("train.done", recipe=result.recipe, sha256=result.sha256, page=page))
    if (samples := config.out / ROLLOUTS).exists():
        print(localized("align.samples", file=samples))
    if record.estimate:
        print(_guard_line(record, every))
        print(localized("align.page", page=guard_page))


def _guard_line(record: GuardRecord, every: int) -> str:
    estimate = record.estimate
    assert estimate
    peak, last = (record.looks[look].steps // every for look in (estimate.best, -1))
    shares = (estimate.regret, estimate.regret_at_most, estimate.latest_regret)
    regret, at_most, latest = (f"{100 * share:.0f} %" for share in shares)
    outcome = localized("align.fell" if record.stopped else "align.best", peak=peak, last=last)
    return localized("align.guard", outcome=outcome, regret=regret, at_most=at_most, latest=latest)
