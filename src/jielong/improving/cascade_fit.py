"""Fit the thresholds of a cascade: every stage is asked every item once, then any thresholds can be tried for nothing.

The calls are those that the cascade itself would make, so what was fitted is in the ledger when the cascade is measured
with the same seed. Figures are of items that the thresholds were not chosen on (two halves, each fitted on the other).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations, product
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ..call_context import current, sub_path
from ..contract import Model, Reply, Request, Usage
from ..errors import BadInput
from ..technique import InnerModel, WrappedModel
from ..techniques.cooperate.cascade import cascade, stages_of
from ..techniques.cooperate.confidence import Confidence
from .route_curve import Array, good_enough

Rows = NDArray[np.bool_]
LeaveOut = Literal["any", "not the last", "none"]
MOST_COMBINATIONS = 20_000
HALVES, FEWEST_ITEMS = 2, 20


@dataclass(frozen=True)
class CascadeData:
    """Items × stages. `costs`: of a reply alone; `asked`: of an attempt with its confidence; `sure`: of each stage but
    the last."""

    scores: Array
    costs: Array
    asked: Array
    sure: Array
    clusters: Sequence[str]


@dataclass(frozen=True)
class _Choice:
    stages: tuple[int, ...]
    thresholds: tuple[float, ...]  # of all but the last


@dataclass(frozen=True)
class FittedCascade:
    """`stages` are those that are asked, by number. `score`, `cost` and `stage` (the one that answered) of each
    item are by thresholds that were not chosen on it."""

    stages: tuple[int, ...]
    thresholds: tuple[float, ...]
    score: Array
    cost: Array
    stage: Array


@dataclass(frozen=True)
class MeasuredStage(Model):
    """One stage as a model of its own, which remembers how sure it was of each item, and what the reply alone took."""

    model: Model
    number: int
    confidence: Confidence
    following: Model | None
    items: frozenset[str]
    sure: dict[str, float | None] = field(default_factory=dict)
    alone: dict[str, Usage] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.model.name

    def max_calls(self) -> int:
        judge = self.confidence.judge or self.following
        grading = judge.max_calls() if isinstance(judge, Model) else getattr(judge, "calls", 0)
        return self.confidence.max_calls(self.model.max_calls(), grading) if self.following else self.model.max_calls()

    async def generate(self, request: Request) -> Reply:
        item = next((part for part in current().path if part in self.items), None)
        with sub_path(cascade.__name__):
            stage = InnerModel(self.model, None, f"models.{self.number - 1}" if self.number else "")
            if self.following is None:
                return await stage.call(request)
            following = InnerModel(self.following, None, f"models.{self.number}")
            reply, sure = await self.confidence.attempt(stage, request, following)
            self.sure[str(item)], self.alone[str(item)] = sure, reply.usage
            return reply


def measured_stages(model: Model, items: Sequence[str]) -> list[MeasuredStage]:
    """The stages of a recipe that ends in `cascade(…)`. Raises BadInput for any other."""
    if not isinstance(model, WrappedModel) or model.technique.function is not cascade.function:
        raise BadInput(f"{model.name}: expected a recipe that ends in cascade(models=[…])")
    options = model.technique.all_options()
    stages = stages_of(model.model, options["models"])
    names = ("accept", "n", "judge", "answer", "grade", "ask")
    confidence = Confidence(*(options[name] for name in names))
    known = frozenset(items)
    return [
        MeasuredStage(stage, i, confidence, stages[i + 1] if i + 1 < len(stages) else None, known)
        for i, stage in enumerate(stages)
    ]


def fit_cascade(
    data: CascadeData,
    *,
    accuracy: float | None = None,
    cost: float | None = None,
    seed: int = 0,
    leave_out: LeaveOut = "any",
) -> FittedCascade:
    """The stages and thresholds that reach `accuracy` at the lowest cost, or the highest accuracy within a mean `cost`
    of an item; with neither, see `good_enough`. Stages that do not pay are left out, `leave_out` of them. Raises
    BadInput for too few items."""
    if len(data.scores) < FEWEST_ITEMS:
        raise BadInput(f"cascade: {len(data.scores)} items that every stage answered; expected at least {FEWEST_ITEMS}")
    names = sorted(set(data.clusters))
    half = dict(zip(names, np.random.default_rng(seed).permutation(len(names)) % HALVES, strict=True))
    of_item = np.array([half[name] for name in data.clusters])
    score, spent, stage = (np.zeros(len(data.scores)) for _ in range(3))
    for k in range(HALVES):
        others, own = of_item != k, of_item == k
        if others.any() and own.any():
            score[own], spent[own], stage[own] = _run(data, own, _best(data, others, accuracy, cost, leave_out))
    chosen = _best(data, of_item >= 0, accuracy, cost, leave_out)
    return FittedCascade(chosen.stages, chosen.thresholds, score, spent, stage)


def _best(data: CascadeData, rows: Rows, accuracy: float | None, cost: float | None, leave_out: LeaveOut) -> _Choice:
    points = []
    for choice in _choices(data, rows, leave_out):
        score, spent, _ = _run(data, rows, choice)
        points.append((choice, float(score.mean()), float(spent.mean())))
    if cost is not None:
        payable = [p for p in points if p[2] <= cost] or [min(points, key=lambda p: p[2])]
        return max(payable, key=lambda p: (p[1], -p[2]))[0]
    best = max(p[1] for p in points)
    wanted = min(best, good_enough(data.scores[rows], best) if accuracy is None else accuracy)
    return min((p for p in points if p[1] >= wanted - 1e-12), key=lambda p: (p[2], -p[1]))[0]


def _choices(data: CascadeData, rows: Rows, leave_out: LeaveOut) -> Iterator[_Choice]:
    every = range(data.scores.shape[1])
    sizes = every[-1:] if leave_out == "none" else every
    for stages in (subset for size in sizes for subset in combinations(every, size + 1)):
        if leave_out == "not the last" and stages[-1] != every[-1]:
            continue
        steps = [_candidates(data.sure[rows, k], len(stages) - 1) for k in stages[:-1]]
        for thresholds in product(*steps):
            yield _Choice(stages, thresholds)


def _candidates(sure: Array, stages: int) -> list[float]:
    """Thresholds between the values that occur, so that what is a little less sure than one of them is not accepted;
    the first accepts all that can be read, the last nothing."""
    values = np.unique(sure[np.isfinite(sure)])
    if not len(values):
        return [1.0]
    most = min(200, max(3, int(MOST_COMBINATIONS ** (1 / stages))))
    values = np.unique(np.quantile(values, np.linspace(0, 1, min(most, len(values)))))
    between = (values[1:] + values[:-1]) / 2
    return [float(f"{value:.6g}") for value in (values[0] - 1e-3, *between, values[-1] + 1e-3)]


def _run(data: CascadeData, rows: Rows, choice: _Choice) -> tuple[Array, Array, Array]:
    """Score, cost and answering stage of each item."""
    used = list(choice.stages)
    before = np.cumsum(np.insert(data.asked[rows][:, used[:-1]], 0, 0.0, axis=1), axis=1)
    scores, costs = data.scores[rows][:, used], before.copy()
    costs[:, :-1] = before[:, 1:]  # of an accepted reply the confidence was asked
    costs[:, -1] += data.costs[rows][:, used[-1]]
    sure = data.sure[rows][:, used[:-1]]
    accepted = np.hstack([sure >= np.array(choice.thresholds), np.ones((len(sure), 1), dtype=bool)])
    place, every = np.argmax(accepted, axis=1), np.arange(len(sure))
    return scores[every, place], costs[every, place], np.array(used, dtype=np.float64)[place]
