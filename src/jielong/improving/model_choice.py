"""Which of several models answers: a route or a cascade is fitted on a task, and set beside each model alone and random
mixing. What the models replied before is in the ledger, so a further fit makes no calls."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..contract import Model, Reply, Request, Scorer, Usage
from ..errors import BadInput
from ..measuring.evaluate import clusters, compare
from ..measuring.results import EvalReport
from ..recipe import write_value
from ..stats import Interval, PairedDifference, paired_difference
from ..tasks.task import Task
from ..technique import WrappedModel
from ..techniques.cooperate.cascade import cascade
from ..techniques.cooperate.route import embedded, route
from ..techniques.prompting import question
from .cascade_fit import CascadeData, LeaveOut, fit_cascade, measured_stages
from .route_curve import Array, above_mixing, area, mixing_cost, routed
from .route_fit import FittedRoute, RouteData, fit_route


@dataclass(frozen=True)
class Alone:
    name: str
    accuracy: float
    cost: float
    share: float  # of the items that the choice gives to this model


@dataclass(frozen=True)
class ModelChoice:
    """Figures are of items that the choice was not fitted on. `saved` is the part of the cost that random mixing of the
    same accuracy takes more; None where no mixing is as accurate. `gain` is over mixing at the same cost."""

    kind: str  # route or cascade
    recipe: str
    method: str
    n: int
    lost: int
    unit: str
    models: tuple[Alone, ...]
    accuracy: float
    cost: float
    best: str
    against_best: PairedDifference
    saved: float | None
    gain: float
    gain_ci95: Interval
    area: float | None = None
    area_ci95: Interval | None = None
    by_length: float | None = None
    notes: tuple[str, ...] = ()

    @property
    def pays(self) -> bool:
        return self.gain_ci95[0] > 0

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "pays": self.pays}


@dataclass(frozen=True)
class NamedModel(Model):
    """A model that remembers under which names its endpoint answered."""

    model: Model
    names: dict[str, None] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.model.name

    def max_calls(self) -> int:
        return self.model.max_calls()

    async def generate(self, request: Request) -> Reply:
        reply = await self.model.generate(request)
        if reply.answered_by:
            self.names[reply.answered_by] = None
        return reply


@dataclass(frozen=True)
class Fitting:
    """How a choice is fitted: what for, and how the items are asked."""

    accuracy: float | None = None
    cost: float | None = None
    seed: int = 0
    concurrency: int = 64
    judge: Scorer | None = None
    ledger: Path | None = None
    on_model: Callable[[int, Model], None] | None = None
    on_answer: Callable[[], None] | None = None

    async def ask(self, task: Task, models: Sequence[Model]) -> EvalReport:
        return await compare(
            task, models, seed=self.seed, concurrency=self.concurrency, judge=self.judge, ledger=self.ledger,
            on_model=self.on_model, on_answer=self.on_answer,
        )  # fmt: skip


async def choose_by_route(
    task: Task, models: Sequence[Model], file: Path, fitting: Fitting, embedder: str | None
) -> tuple[ModelChoice, FittedRoute]:
    """Asks the models what the ledger does not know, and fits a route of them, to be written to `file`. Raises BadInput
    for too few models or items, or a model that lost too many."""
    if len({model.name for model in models}) < max(2, len(models)):
        raise BadInput("route: expected at least two different models (-m RECIPE -m RECIPE)")
    named = [NamedModel(model) for model in models]
    report = await fitting.ask(task, named)
    kept, scores, costs, unit = scored(report)
    data = await route_data(report, kept, scores, costs, unit, embedder)
    data = replace(data, answered_as=tuple(tuple(each.names) for each in named))
    fitted = fit_route(data, accuracy=fitting.accuracy, cost=fitting.cost, seed=fitting.seed)
    score, cost = routed(fitted.unseen, scores, costs, fitted.file.cost_weight)
    chosen = np.argmax(fitted.unseen - fitted.file.cost_weight * costs.mean(axis=0), axis=1)
    lengths = np.zeros_like(scores)
    lengths[:, np.argsort(costs.mean(axis=0))] = np.outer([len(q) for q in data.questions], np.arange(len(models)))
    areas = area([fitted.unseen, lengths], scores, costs)
    recipe = WrappedModel(models[0], route(models=tuple(models[1:]), file=file)).name
    choice = _choice("route", recipe, fitted.method, report, kept, unit, scores, costs, (score, cost, chosen))
    return replace(choice, area=areas[0][0], area_ci95=areas[0][1], by_length=areas[1][0]), fitted


async def choose_by_cascade(task: Task, model: Model, fitting: Fitting) -> ModelChoice:
    """Fits the thresholds of a recipe that ends in `cascade(…)`. Raises BadInput for another one, or too few items."""
    stages = measured_stages(model, [item.id for item in task.items])
    report = await fitting.ask(task, stages)
    kept, scores, asked, unit = scored(report)
    ids = [report.task.items[i].id for i in kept]
    sure = np.array([[s.sure.get(i) for s in stages[:-1]] for i in ids], dtype=np.float64)
    costs = asked.copy()
    costs[:, :-1] = [[in_unit(stage.alone[i], unit) for stage in stages[:-1]] for i in ids]
    data = CascadeData(scores, costs, asked, np.nan_to_num(sure, nan=-np.inf), clusters_of(report, kept))
    how = stages[0].confidence
    judged_by_next = how.accept == "judge" and how.judge is None  # then none can be left out
    # A vote of samples is another reply than the one that a last stage gives.
    leave_out: LeaveOut = "none" if judged_by_next else "not the last" if how.accept == "agreement" else "any"
    fitted = fit_cascade(
        data, accuracy=fitting.accuracy, cost=fitting.cost, seed=fitting.seed,
        leave_out=leave_out,
    )  # fmt: skip
    assert isinstance(model, WrappedModel)
    first, *others = (stages[i].model for i in fitted.stages)
    step = model.technique(models=tuple(others), threshold=fitted.thresholds)
    recipe = WrappedModel(first, step).name if others else first.name
    chosen = fitted.stage.astype(int)
    method = f"{how.accept} {write_value(fitted.thresholds)}" if others else how.accept
    return _choice(
        cascade.__name__, recipe, method, report, kept, unit, scores, costs, (fitted.score, fitted.cost, chosen)
    )


def scored(report: EvalReport) -> tuple[list[int], Array, Array, str]:
    """The items that every model has scored, their scores and costs (items × models), and the unit of the costs:
    dollars where all prices are known and not all 0, else tokens. Raises BadInput where a model lost too many."""
    for result in report.results:
        if result.inconclusive:
            raise BadInput(f"nothing is fitted: {result.model}: {result.inconclusive}")
    answers = [result.answers for result in report.results]
    kept = [i for i in range(len(answers[0])) if all(of[i].score is not None for of in answers)]
    scores = np.array([[of[i].score for of in answers] for i in kept], dtype=np.float64).reshape(-1, len(answers))
    usages = [[of[i].usage for of in answers] for i in kept]
    in_dollars = all(u.usd is not None for row in usages for u in row) and any(u.usd for row in usages for u in row)
    unit = "usd" if in_dollars else "tokens"
    costs = [[in_unit(usage, unit) for usage in row] for row in usages]
    return kept, scores, np.array(costs, dtype=np.float64).reshape(scores.shape), unit


def in_unit(usage: Usage, unit: str) -> float:
    return (usage.usd or 0.0) if unit == "usd" else usage.input_tokens + usage.output_tokens


def clusters_of(report: EvalReport, kept: Sequence[int]) -> list[str]:
    return [report.task.items[i].group() for i in kept]


async def route_data(
    report: EvalReport, kept: Sequence[int], scores: Array, costs: Array, unit: str, embedder: str | None
) -> RouteData:
    questions = [question(report.task.items[i].request()) for i in kept]
    names = tuple(result.model for result in report.results)
    vectors = await embedded(embedder, questions) if questions else None
    groups = clusters_of(report, kept)
    return RouteData(report.task.name, names, questions, scores, costs, unit, groups, (), embedder, vectors)


def _choice(
    kind: str, recipe: str, method: str, report: EvalReport, kept: Sequence[int], unit: str, scores: Array,
    costs: Array, chosen: tuple[Array, Array, Array],
) -> ModelChoice:  # fmt: skip
    score, cost, model = chosen
    means, prices = scores.mean(axis=0), costs.mean(axis=0)
    best = int(np.lexsort((prices, -means))[0])
    gain, ci95 = above_mixing(score, cost, scores, costs)
    mixed = mixing_cost(float(score.mean()), scores, costs)
    return ModelChoice(
        kind=kind, recipe=recipe, method=method, n=len(kept), lost=len(report.task.items) - len(kept), unit=unit,
        models=tuple(
            Alone(result.model, float(means[m]), float(prices[m]), float((model == m).mean()))
            for m, result in enumerate(report.results)
        ),
        accuracy=float(score.mean()), cost=float(cost.mean()), best=report.results[best].model,
        against_best=paired_difference(
            scores[:, best].tolist(), score.tolist(), clusters([report.task.items[i] for i in kept])
        ),
        saved=None if mixed is None or not mixed else 1 - float(cost.mean()) / mixed,
        gain=gain, gain_ci95=ci95, notes=tuple(dict.fromkeys(note for r in report.results for note in r.notes)),
    )  # fmt: skip
