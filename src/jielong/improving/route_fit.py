"""Fit a route: from what several models scored on the items of a task to the file that `route` reads.

How the chance of a right answer is predicted (which axes, how much regularisation, neighbours or not, or nothing but
each model's mean) is chosen by the log loss on folds that were left out, clusters kept together. The same predictions
calibrate, choose the weight of cost, and tell what the route brings.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import BadInput
from ..techniques.cooperate.route_file import (
    SURFACE,
    Array,
    Neighbours,
    RoutedModel,
    RouteFile,
    calibrated,
    features,
    logit,
    nearest_scores,
    surface,
    unit_rows,
)
from .logistic_regression import logistic_regression, predicted
from .route_curve import cost_weights, good_enough, routed

FOLDS, FEWEST_ITEMS = 5, 20
AXES = (0, 16, 64)
PENALTIES = (0.01, 0.1, 1.0)
MOST_NEIGHBOURS, NEIGHBOUR_SHARE = 4_000, 0.02  # questions that are kept; the part of them that is asked
Unit = str


@dataclass(frozen=True)
class RouteData:
    """What is fitted: questions × models, without those that some model lost. `clusters` belong together."""

    task: str
    names: tuple[str, ...]
    questions: Sequence[str]
    scores: Array
    costs: Array
    unit: Unit
    clusters: Sequence[str]
    answered_as: Sequence[tuple[str, ...]] = ()
    embedder: str | None = None
    vectors: Array | None = None


@dataclass(frozen=True)
class _Method:
    """`axes` of the embedding in the regression, None for the means alone; `share` of the neighbours' word;
    `length_alone`: of a text's form nothing else, which holds where questions are of a new kind."""

    axes: int | None
    penalty: float = 0.0
    share: float = 0.0
    length_alone: bool = False


@dataclass(frozen=True)
class FittedRoute:
    """`unseen`: the calibrated probabilities of each question by a fit that had not seen it."""

    file: RouteFile
    unseen: Array
    method: str


def fit_route(
    data: RouteData, *, accuracy: float | None = None, cost: float | None = None, seed: int = 0
) -> FittedRoute:
    """The weight of cost is the one that reaches `accuracy` at the lowest cost, or the highest accuracy within a mean
    `cost` of an item, as predicted on unseen questions; with neither, see `good_enough`.
    Raises BadInput for too few items."""
    n = len(data.questions)
    if n < FEWEST_ITEMS:
        raise BadInput(f"route: {n} items that every model answered; expected at least {FEWEST_ITEMS}")
    surfaces = np.array([surface(text) for text in data.questions])
    fold = _folds(data.clusters, seed)
    methods = [_Method(None), _Method(0, PENALTIES[0], length_alone=True)] + [
        _Method(k, l2) for k in AXES if not k or _has_axes(data, k) for l2 in PENALTIES
    ]
    unseen = {method: _left_out(data, surfaces, fold, method) for method in methods}
    if data.vectors is not None:
        best = min((m for m in methods if m.axes), key=lambda m: _loss(unseen[m], data.scores), default=None)
        for share in (0.5, 1.0) if best else ():
            assert best
            method = _Method(best.axes, best.penalty, share)
            unseen[method] = _left_out(data, surfaces, fold, method)
    chosen = min(unseen, key=lambda method: _loss(unseen[method], data.scores))
    predictions = unseen[chosen]
    calibration = np.array([_platt(predictions[:, m], data.scores[:, m]) for m in range(len(data.names))])
    if chosen.axes is None:
        calibration[:] = (1.0, 0.0)
    predictions = calibrated(predictions, calibration)
    weight = _cost_weight(predictions, data, accuracy, cost)
    return FittedRoute(_file(data, surfaces, chosen, calibration, weight, seed), predictions, _called(chosen))


def _has_axes(data: RouteData, k: int) -> bool:
    return data.vectors is not None and len(data.questions) >= 2 * k and data.vectors.shape[1] >= k


def _called(method: _Method) -> str:
    if method.axes is None:
        return "means"
    if method.length_alone:
        return "regression on the text's length"
    regression = f"regression on the text's form and {method.axes} axes of its embedding"
    regression = regression if method.axes else "regression on the text's form"
    return {0.0: regression, 1.0: "nearest questions"}.get(method.share, f"mean of nearest questions and {regression}")


def _folds(clusters: Sequence[str], seed: int) -> NDArray[np.int64]:
    names = sorted(set(clusters))
    order = np.random.default_rng(seed).permutation(len(names))
    of_name = {name: int(order[i]) % min(FOLDS, len(names)) for i, name in enumerate(names)}
    return np.array([of_name[name] for name in clusters])


def _left_out(data: RouteData, surfaces: Array, fold: NDArray[np.int64], method: _Method) -> Array:
    result = np.empty_like(data.scores)
    for k in np.unique(fold):
        train, test = fold != k, fold == k
        if not train.any():
            train = test
        parts = _fit(surfaces[train], None if data.vectors is None else data.vectors[train], data.scores[train], method)
        result[test] = parts.predict(surfaces[test], None if data.vectors is None else data.vectors[test])
    return result


@dataclass(frozen=True)
class _Parts:
    """A fit without its calibration."""

    mean: Array
    scale: Array
    center: Array
    axes: Array
    weights: Array  # models × features, the constant last
    near: Array
    near_scores: Array
    share: float
    count: int

    def predict(self, surfaces: Array, vectors: Array | None) -> Array:
        z = self.project(surfaces, vectors)
        fitted = predicted(features(surfaces, self.mean, self.scale, z), self.weights)
        if self.share:
            fitted = (1 - self.share) * fitted + self.share * nearest_scores(
                unit_rows(z), self.near, self.near_scores, self.count
            )
        return fitted

    def project(self, surfaces: Array, vectors: Array | None) -> Array:
        if vectors is None or not len(self.axes):
            return np.zeros((len(surfaces), 0))
        return (unit_rows(vectors) - self.center) @ self.axes.T


def _fit(surfaces: Array, vectors: Array | None, scores: Array, method: _Method) -> _Parts:
    mean, scale = surfaces.mean(axis=0), np.maximum(surfaces.std(axis=0), 1e-3)
    center, axes = np.zeros(0), np.zeros((0, 0))
    if vectors is not None and method.axes:
        rows = unit_rows(vectors)
        center = rows.mean(axis=0)
        _, vectors_of = np.linalg.eigh(np.cov((rows - center).T))
        axes = vectors_of[:, ::-1][:, : method.axes].T
        axes = axes / max(1e-9, float(((rows - center) @ axes.T).std()))
    parts = _Parts(mean, scale, center, axes, np.zeros((0, 0)), np.zeros((0, 0)), scores, method.share, 0)
    z = parts.project(surfaces, vectors)
    x = features(surfaces, mean, scale, z)
    if method.axes is None:
        weights = np.hstack([np.zeros((scores.shape[1], x.shape[1])), logit(_shrunk_mean(scores))[:, None]])
    else:
        used = (
            np.isin(np.arange(x.shape[1]), (0, SURFACE, SURFACE + 1))
            if method.length_alone
            else np.full(x.shape[1], True)
        )
        weights = np.zeros((scores.shape[1], x.shape[1] + 1))
        weights[:, [*np.flatnonzero(used), -1]] = [logistic_regression(x[:, used], y, method.penalty) for y in scores.T]
    count = max(10, min(200, round(NEIGHBOUR_SHARE * len(x))))
    return _Parts(mean, scale, center, axes, weights, unit_rows(z), scores, method.share, count)


def _shrunk_mean(scores: Array) -> Array:
    """One right and one wrong answer more: no model is right always or never."""
    mean: Array = (scores.sum(axis=0) + 1) / (len(scores) + 2)
    return mean


def _loss(probabilities: Array, scores: Array) -> float:
    p = np.clip(probabilities, 1e-3, 1 - 1e-3)
    return float(-(scores * np.log(p) + (1 - scores) * np.log(1 - p)).mean())


def _platt(probabilities: Array, scores: Array) -> tuple[float, float]:
    slope, constant = logistic_regression(logit(probabilities)[:, None], scores, 1e-4)
    return (float(slope), float(constant)) if slope > 0 else (0.0, float(logit(np.array([scores.mean()]))[0]))


def _cost_weight(probabilities: Array, data: RouteData, accuracy: float | None, cost: float | None) -> float:
    points = []
    for weight in cost_weights(probabilities, data.costs.mean(axis=0)):
        accuracies, costs = routed(probabilities, data.scores, data.costs, weight)
        points.append((weight, float(accuracies.mean()), float(costs.mean())))
    if cost is not None:
        payable = [p for p in points if p[2] <= cost] or [min(points, key=lambda p: p[2])]
        return max(payable, key=lambda p: (p[1], -p[2]))[0]
    best = max(p[1] for p in points)
    wanted = min(best, good_enough(data.scores, best) if accuracy is None else accuracy)
    return min((p for p in points if p[1] >= wanted - 1e-12), key=lambda p: (p[2], -p[1]))[0]


def _file(data: RouteData, surfaces: Array, method: _Method, calibration: Array, weight: float, seed: int) -> RouteFile:
    parts = _fit(surfaces, data.vectors, data.scores, method)
    near = None
    if method.share:
        kept = np.sort(np.random.default_rng(seed).permutation(len(parts.near))[:MOST_NEIGHBOURS])
        near = Neighbours(
            count=parts.count,
            share=method.share,
            vectors=_rows(parts.near[kept], 4),
            scores=_rows(data.scores[kept], 4),
        )
    answered = data.answered_as or ((),) * len(data.names)
    return RouteFile(
        format="jielong-route-1",
        task=data.task,
        items=len(data.questions),
        unit="usd" if data.unit == "usd" else "tokens",
        models=tuple(
            RoutedModel(
                name=name, answered_as=tuple(answered[m]), accuracy=float(data.scores[:, m].mean()),
                cost=float(data.costs[:, m].mean()), weights=_rows(parts.weights[m : m + 1], 6)[0],
                calibration=(float(calibration[m, 0]), float(calibration[m, 1])),
            )
            for m, name in enumerate(data.names)
        ),
        cost_weight=weight,
        surface_mean=_rows(parts.mean[None], 6)[0],
        surface_scale=_rows(parts.scale[None], 6)[0],
        embedder=data.embedder if len(parts.axes) else None,
        center=_rows(parts.center[None], 6)[0],
        axes=_rows(parts.axes, 6),
        neighbours=near,
    )  # fmt: skip


def _rows(values: Array, digits: int) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(row) for row in np.round(values, digits).tolist())
