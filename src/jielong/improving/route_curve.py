"""What a route is worth: its accuracy at each cost, against each model alone and against mixing them at random.

Mixing two models at random reaches every point on the line between them, so the upper hull of the single models is what
a route has to beat. `area` is how much higher its curve is, in accuracy, on average over the costs from the cheapest
model to the dearest; for two models of equal prices everywhere it is RouteLLM's APGR - .5, times their gap.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
POINTS, DRAWS, GRID = 101, 1_000, 201


def cost_weights(probabilities: Array, costs: Array) -> list[float]:
    """Weights of cost from 0 (the best alone counts) to where all questions go to the cheapest model."""
    gaps = []
    for a in range(len(costs)):
        for b in range(len(costs)):
            if costs[a] > costs[b]:
                gaps.append((probabilities[:, a] - probabilities[:, b]) / (costs[a] - costs[b]))
    worth = np.sort(np.concatenate(gaps)) if gaps else np.zeros(0)
    worth = worth[worth > 0]
    if not len(worth):
        return [0.0]
    between = np.quantile(worth, np.linspace(0, 1, POINTS))
    return [0.0, *dict.fromkeys(between.tolist()), float(worth[-1]) * 1.01]


def routed(probabilities: Array, scores: Array, costs: Array, weight: float) -> tuple[Array, Array]:
    """Score and cost of each question, each going to the model that the route chooses."""
    rows = np.arange(len(scores))
    chosen = np.argmax(probabilities - weight * costs.mean(axis=0), axis=1)
    return scores[rows, chosen], costs[rows, chosen]


def good_enough(scores: Array, best: float) -> float:
    """The accuracy to reach where nobody says: that of the best single model, or of the best choice less its standard
    error, whichever is higher, so that a gain is taken where it is more than chance, and paid for no further."""
    return max(float(scores.mean(axis=0).max()), best - float(np.sqrt(max(best * (1 - best), 0.0) / len(scores))))


def area(
    predictions: Sequence[Array], scores: Array, costs: Array, *, draws: int = DRAWS, seed: int = 0
) -> list[tuple[float, tuple[float, float]]]:
    """The area above random mixing of each of several predictions with its 95 % interval (bootstrap of questions); the
    last entries are the differences of each further one from the first, paired."""
    curves = []
    for probabilities in predictions:
        points = [
            routed(probabilities, scores, costs, weight) for weight in cost_weights(probabilities, costs.mean(axis=0))
        ]
        curves.append((np.stack([p[0] for p in points], axis=1), np.stack([p[1] for p in points], axis=1)))
    rng, n = np.random.default_rng(seed), len(scores)
    every = [_areas(curves, scores, costs, np.full(n, 1 / n))]
    for _ in range(draws):
        every.append(_areas(curves, scores, costs, np.bincount(rng.integers(0, n, n), minlength=n) / n))
    table = np.array(every)
    table = np.hstack([table, table[:, :1] - table[:, 1:]])
    low, high = np.quantile(table[1:], [0.025, 0.975], axis=0) if draws else (table[0], table[0])
    return [(float(table[0, i]), (float(low[i]), float(high[i]))) for i in range(table.shape[1])]


def _areas(curves: Sequence[tuple[Array, Array]], scores: Array, costs: Array, weights: Array) -> list[float]:
    accuracy, cost = weights @ scores, weights @ costs
    grid = np.linspace(cost.min(), cost.max(), GRID)
    hull = hull_at(grid, accuracy, cost)
    return [
        float((_curve_at(grid, weights @ of_score, weights @ of_cost) - hull).mean()) for of_score, of_cost in curves
    ]


def _curve_at(grid: Array, accuracy: Array, cost: Array) -> Array:
    order = np.argsort(cost, kind="stable")
    return np.interp(grid, cost[order], accuracy[order])


def above_mixing(
    score: Array, cost: Array, scores: Array, costs: Array, *, draws: int = DRAWS, seed: int = 0
) -> tuple[float, tuple[float, float]]:
    """How much more accurate the choice with this score and cost of each item is than random mixing at its mean cost,
    with the 95 % interval (bootstrap of items)."""

    def gain(weights: Array) -> float:
        return float(weights @ score - hull_at(np.array([weights @ cost]), weights @ scores, weights @ costs)[0])

    rng, n = np.random.default_rng(seed), len(score)
    drawn = [gain(np.bincount(rng.integers(0, n, n), minlength=n) / n) for _ in range(draws)]
    low, high = np.quantile(drawn, [0.025, 0.975])
    return gain(np.full(n, 1 / n)), (float(low), float(high))


def mixing_cost(accuracy: float, scores: Array, costs: Array) -> float | None:
    """The least mean cost at which random mixing of the single models is this accurate; None where it never is."""
    grid = np.linspace(costs.mean(axis=0).min(), costs.mean(axis=0).max(), 10 * GRID)
    enough = hull_at(grid, scores.mean(axis=0), costs.mean(axis=0)) >= accuracy - 1e-9
    return float(grid[np.argmax(enough)]) if enough.any() else None


def hull_at(grid: Array, accuracy: Array, cost: Array) -> Array:
    """The best that random mixing of single models reaches at each cost."""
    best = np.full(len(grid), -np.inf)
    for a in range(len(cost)):
        best = np.where(grid >= cost[a] - 1e-12, np.maximum(best, accuracy[a]), best)
        for b in range(len(cost)):
            if cost[b] > cost[a]:
                share = (grid - cost[a]) / (cost[b] - cost[a])
                line = accuracy[a] + share * (accuracy[b] - accuracy[a])
                best = np.where((share >= 0) & (share <= 1), np.maximum(best, line), best)
    return best
