"""The file of a route: how well each of several models will answer a question, from the question alone.

JSON with plain numbers, read with limits and checked. For each model a logistic regression over what a text looks like
(length, digits, symbols, …) and the main axes of its embedding, or the scores of the nearest questions that were asked,
or the mean of both; then Platt's calibration, on questions that the regression had not seen. `jielong route fit` writes
it (improving/route_fit.py).
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from ...bounded_json import read_json
from ...errors import BadInput
from ...regular_files import read_regular_file
from ...settings_error import settings_error

Array = NDArray[np.float64]
Row = tuple[Annotated[float, Field(ge=-1e6, le=1e6)], ...]  # nothing overflows that is made of such numbers
Rows = tuple[Row, ...]

MAX_FILE_BYTES, MAX_CHARACTERS = 32_000_000, 100_000
SURFACE = 8  # figures of a text
FARTHEST = 3.0  # standard deviations from the mean that count: beyond what was seen nothing is extrapolated
NEARNESS = 8.0  # the weight of a neighbour grows by e for each 1/8 of cosine


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class RoutedModel(_Section):
    """One model, as it was when the route was fitted. `cost` is that of a mean item, in the unit of the file."""

    name: str
    answered_as: tuple[str, ...] = ()  # by the endpoint's own word
    accuracy: float = Field(ge=0, le=1)
    cost: float = Field(ge=0)
    weights: Row  # of the features, the constant last
    calibration: Row = Field(min_length=2, max_length=2)  # slope and constant of the log-odds


class Neighbours(_Section):
    """The questions of the fit on the axes, and what each model scored on them."""

    count: int = Field(gt=0)
    share: float = Field(ge=0, le=1)  # of the neighbours' word, beside the regression's
    vectors: Rows
    scores: Rows


class RouteFile(_Section):
    format: Literal["jielong-route-1"]
    task: str
    items: int
    unit: Literal["tokens", "usd"]
    models: tuple[RoutedModel, ...] = Field(min_length=2)
    cost_weight: float = Field(ge=0)  # the share of right answers that one unit of cost is worth
    surface_mean: Row = Field(min_length=SURFACE, max_length=SURFACE)
    surface_scale: Row = Field(min_length=SURFACE, max_length=SURFACE)
    embedder: str | None = None
    center: Row = ()  # of the embeddings
    axes: Rows = ()
    neighbours: Neighbours | None = None

    @model_validator(mode="after")
    def _shapes(self) -> RouteFile:
        if len({model.name for model in self.models}) < len(self.models):
            raise ValueError("models: two have the same name")
        if any(scale < 1e-6 for scale in self.surface_scale):
            raise ValueError("surface_scale: expected numbers above 0")
        longest = SURFACE + 2 + len(self.axes) + 1
        if any(not SURFACE + 3 <= len(model.weights) <= longest for model in self.models):
            raise ValueError(f"models.weights: expected from {SURFACE + 3} to {longest} numbers for each model")
        if any(len(axis) != len(self.center) for axis in self.axes) or (self.axes and not self.embedder):
            raise ValueError(f"axes: expected an embedder, and {len(self.center)} numbers in each, as in center")
        if (near := self.neighbours) and (
            not near.vectors
            or len(near.vectors) != len(near.scores)
            or any(len(vector) != len(self.axes) for vector in near.vectors)
            or any(len(scores) != len(self.models) for scores in near.scores)
        ):
            raise ValueError("neighbours: expected a vector on the axes and a score of each model for every question")
        return self


def read_route_file(file: Path) -> RouteFile:
    """Raises BadInput in one line."""
    try:
        data = read_json(read_regular_file(file, MAX_FILE_BYTES))
    except OSError as error:
        raise BadInput(f"{file}: cannot be read ({error.strerror}); write one with: jielong route fit") from None
    except ValueError as error:
        raise BadInput(f"{file}: not JSON ({error}); write one with: jielong route fit") from None
    try:
        return RouteFile.model_validate(data, strict=False)
    except ValidationError as error:
        raise settings_error(file, RouteFile, error) from None


def surface(text: str) -> Row:
    """What a text looks like, in any language: lengths, lines, digits, symbols, capitals."""
    text = text[:MAX_CHARACTERS]
    n, words = max(1, len(text)), [len(word) for word in re.findall(r"\w+", text)] or [0]
    digits, spaces = sum(map(str.isdigit, text)), sum(map(str.isspace, text))
    symbols = n - spaces - sum(map(str.isalnum, text))
    logs = np.log1p([len(text), text.count("\n"), digits, max(words)])
    return (*logs.tolist(), digits / n, symbols / n, sum(map(str.isupper, text)) / n, sum(words) / len(words))


class Router:
    """Predicts from a checked file. `probabilities` has a row for each question, a column for each model."""

    def __init__(self, file: RouteFile) -> None:
        self.file = file
        self._mean, self._scale = np.array(file.surface_mean), np.array(file.surface_scale)
        self._center, self._axes = np.array(file.center), np.array(file.axes)
        self._calibration = np.array([model.calibration for model in file.models])
        self.costs = np.array([model.cost for model in file.models])
        if near := file.neighbours:
            self._near, self._near_scores = unit_rows(np.array(near.vectors)), np.array(near.scores)

    def choose(self, probabilities: Array, cost_weight: float | None = None) -> NDArray[np.int64]:
        """The model with the best chance of a right answer, less what it costs; of equals the first."""
        weight = self.file.cost_weight if cost_weight is None else cost_weight
        chosen: NDArray[np.int64] = np.argmax(probabilities - weight * self.costs, axis=1)
        return chosen

    def probabilities(self, surfaces: Array, vectors: Array | None = None) -> Array:
        """Of a right answer. `vectors`: embeddings, where the file names an embedder."""
        z = np.zeros((len(surfaces), 0)) if vectors is None else (unit_rows(vectors) - self._center) @ self._axes.T
        x = features(surfaces, self._mean, self._scale, z)
        fitted = np.stack([_sigmoid(x[:, : len(w) - 1] @ w[:-1] + w[-1]) for w in self._weights()], axis=1)
        if near := self.file.neighbours:
            nearest = nearest_scores(unit_rows(z), self._near, self._near_scores, near.count)
            fitted = (1 - near.share) * fitted + near.share * nearest
        return calibrated(fitted, self._calibration)

    def _weights(self) -> list[Array]:
        return [np.array(model.weights) for model in self.file.models]


def features(surfaces: Array, mean: Array, scale: Array, z: Array) -> Array:
    """The standardised figures of texts, the squares of how much longer and shorter they are, and their axes."""
    figures = np.clip((surfaces - mean) / scale, -FARTHEST, FARTHEST)
    longer, shorter = np.maximum(figures[:, :1], 0) ** 2, np.minimum(figures[:, :1], 0) ** 2
    return np.hstack([figures, longer, shorter, z])


def nearest_scores(z: Array, near: Array, scores: Array, count: int) -> Array:
    """The mean scores of the `count` nearest rows, near ones counting more. `z` and `near` have unit rows."""
    count, result = min(count, len(near)), np.empty((len(z), scores.shape[1]))
    for start in range(0, len(z), 512):
        cosines = z[start : start + 512] @ near.T
        picked = np.argpartition(-cosines, count - 1, axis=1)[:, :count]
        close = np.take_along_axis(cosines, picked, axis=1)
        weights = np.exp(NEARNESS * (close - close.max(axis=1, keepdims=True)))
        result[start : start + 512] = np.einsum("nk,nkm->nm", weights / weights.sum(1, keepdims=True), scores[picked])
    return result


def calibrated(probabilities: Array, calibration: Array) -> Array:
    return _sigmoid(logit(probabilities) * calibration[:, 0] + calibration[:, 1])


def logit(p: Array) -> Array:
    p = np.clip(p, 1e-6, 1 - 1e-6)
    odds: Array = np.log(p / (1 - p))
    return odds


def unit_rows(rows: Array) -> Array:
    units: Array = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    return units


def _sigmoid(z: Array) -> Array:
    probabilities: Array = 1 / (1 + np.exp(-np.clip(z, -60, 60)))
    return probabilities
