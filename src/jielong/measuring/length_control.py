"""The win rate that a judge would give if both replies had the same length: AlpacaEval 2 (Dubois et al. 2024).

A logistic model of the verdicts, with tanh of the difference of lengths (baseline less model, in characters, over its
standard deviation), the difficulty of the instruction where it is known, and the model. The win rate is its mean
prediction at a difference of 0. Like AlpacaEval's it is fitted under an L1 penalty, whose strength five folds choose,
also to verdicts on a verbose and a concise baseline where they are given (`anchors`). Unlike there, the interval holds
for the fit, too. It takes away all that goes with length, also what longer replies earned.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import BadInput
from ..stats import MIN_CLUSTERS, Estimate, share_interval, t_quantile, t_test
from .comparison_graph import Floats

TERMS = ("length", "difficulty", "model")
PENALTIES = np.logspace(-4, 4, 10)  # scikit-learn's Cs: how much the data count against the penalty
FOLDS = 5
ANCHOR_WEIGHT = 0.1  # of each verdict on a gamed baseline: 0.2, shared by two


@dataclass(frozen=True)
class LengthControl:
    """`weights`: those of TERMS, as AlpacaEval publishes them. `p`: of verdicts that do not go with length."""

    win_rate: Estimate
    weights: Mapping[str, float]
    p: float | None


def length_controlled(
    preferences: Sequence[float],
    lengths: Sequence[float],
    baseline_lengths: Sequence[float],
    *,
    difficulty: Sequence[float] | None = None,
    clusters: Sequence[str] | None = None,
    anchors: tuple[Floats, Floats] | None = None,
) -> LengthControl | None:
    """None where all differences of length are equal, or there are too few verdicts.

    Args:
        preferences: of each instruction, from 0 (the baseline is better) to 1 (the model is).
        lengths, baseline_lengths: characters of the replies of the model and of the baseline.
        difficulty: of each instruction, as AlpacaEval publishes it.
        clusters: what belongs together; each verdict is on its own if none are given.
        anchors: terms (verdicts × 3, the last column 0) and preferences of gamed baselines.
    """
    shown = np.asarray(preferences, dtype=float)
    difference = np.asarray(baseline_lengths, dtype=float) - np.asarray(lengths, dtype=float)
    spread = float(np.std(difference, ddof=1)) if len(difference) > 1 else 0.0
    if len(shown) < 2 * FOLDS or spread == 0 or np.ptp(shown) == 0:
        return None
    hard = np.zeros(len(shown)) if difficulty is None else np.asarray(difficulty, dtype=float)
    terms = np.column_stack([np.tanh(difference / spread), hard, np.ones(len(shown))])
    rows, targets, counted = terms, shown, np.ones(len(shown))
    if anchors is not None:
        rows, targets = np.vstack([anchors[0], terms]), np.concatenate([anchors[1], shown])
        counted = np.concatenate([np.full(len(anchors[1]), ANCHOR_WEIGHT), counted])
    used = np.array([True, bool(np.ptp(rows[:, 1])), True])
    weights = np.zeros(3)
    weights[used] = fit_penalised(rows[:, used], targets, counted)
    win_rate, p = _figures((rows[:, used], targets, counted), len(shown), weights[used], clusters)
    return LengthControl(win_rate, dict(zip(TERMS, weights.tolist(), strict=True)), p)


def predicted_win_rate(
    weights: Mapping[str, float], difficulty: Sequence[float], baseline: Mapping[str, float] | None = None
) -> float:
    """The win rate of a model with these weights at equal length. `baseline`: the weights of another model to compare
    with than the one that all were fitted against."""
    other = baseline or dict.fromkeys(TERMS, 0.0)
    model, hard = (weights[term] - other[term] for term in ("model", "difficulty"))
    return float(_chance(model + hard * np.asarray(difficulty, dtype=float)).mean())


def published_weights(fields: Mapping[str, object]) -> dict[str, float]:
    """The weights in a row of AlpacaEval's CSV files. Raises BadInput for a row without them."""
    names = ("np.tanh(std_delta_len)", "instruction_difficulty", "not_gamed_baseline.astype(float)")
    try:
        return dict(zip(TERMS, (float(str(fields[name])) for name in names), strict=True))
    except (KeyError, ValueError):
        raise BadInput(f"no weights of a length-controlled win rate; expected the columns {', '.join(names)}") from None


def fit_penalised(rows: Floats, targets: Floats, counted: Floats) -> Floats:
    """Weights under the L1 penalty whose strength has the smallest loss on FOLDS folds."""
    fold = np.arange(len(rows))[::-1] % FOLDS
    losses = np.zeros(len(PENALTIES))
    for held_out in range(FOLDS):
        kept, out = fold != held_out, fold == held_out
        weights = np.zeros(rows.shape[1])
        for i, strength in enumerate(PENALTIES):
            weights = _minimum(rows[kept], targets[kept], counted[kept], strength, weights)
            losses[i] += float(np.mean(_losses(rows[out] @ weights, targets[out]) * counted[out]))
    return _minimum(rows, targets, counted, float(PENALTIES[losses.argmin()]), np.zeros(rows.shape[1]))


def _minimum(rows: Floats, targets: Floats, counted: Floats, strength: float, start: Floats) -> Floats:
    """Of sum |w| + strength × sum counted × log loss, by Newton steps whose quadratic is minimised coordinate by
    coordinate."""

    def objective(weights: Floats) -> float:
        return float(np.abs(weights).sum() + strength * (counted @ _losses(rows @ weights, targets)))

    weights, value = start, objective(start)
    for _ in range(100):
        chance = _chance(rows @ weights)
        slope = strength * rows.T @ (counted * (chance - targets))
        curve = strength * (rows.T * (counted * chance * (1 - chance))) @ rows + 1e-12 * np.eye(len(weights))
        step, size = _lasso_step(slope, curve, weights), 1.0
        while (new := objective(weights + size * step)) > value and size > 1e-6:
            size /= 2
        if value - new <= 1e-13 * (1 + abs(value)):
            return weights
        weights, value = weights + size * step, new
    return weights


def _lasso_step(slope: Floats, curve: Floats, weights: Floats) -> Floats:
    # In plain floats: NumPy takes ten times as long on three numbers.
    slopes, curves, start = slope.tolist(), curve.tolist(), weights.tolist()
    size = len(start)
    step = [0.0] * size
    for _ in range(200):
        moved = 0.0
        for j in range(size):
            pull = slopes[j] + sum(curves[j][k] * step[k] for k in range(size) if k != j)
            aim = curves[j][j] * start[j] - pull
            shrunk = max(abs(aim) - 1.0, 0.0) * (1 if aim > 0 else -1)
            new = shrunk / curves[j][j] - start[j]
            moved, step[j] = max(moved, abs(new - step[j])), new
        if moved < 1e-12:
            break
    return np.array(step)


def _figures(
    fitted: tuple[Floats, Floats, Floats], own: int, weights: Floats, clusters: Sequence[str] | None
) -> tuple[Estimate, float | None]:
    """The win rate at equal length, and the p of the term of length. The error is that of the verdicts, of the fit and
    of the instructions, clustered. The penalty makes every weight a little small, so the interval lies around the fit
    without it, which is one Newton step away. `own`: how many rows, the last ones, are the model's."""
    rows, targets, counted = fitted
    level = rows[-own:].copy()
    level[:, 0] = 0
    chance, predicted = _chance(rows @ weights), _chance(level @ weights)
    curve = (rows.T * (counted * chance * (1 - chance))) @ rows
    pulls = (rows * (counted * (targets - chance))[:, None]) @ np.linalg.pinv(curve)  # of each verdict at the weights
    gradient = (level.T * (predicted * (1 - predicted))).sum(axis=1) / own
    average, step = float(predicted.mean()), pulls.sum(axis=0)
    shares = np.column_stack([(predicted - average) / own + pulls[-own:] @ gradient, pulls[-own:, 0]])
    _, groups = np.unique([str(name) for name in (clusters or range(own))], return_inverse=True)
    sums = np.column_stack([np.bincount(groups, weights=share) for share in shares.T])
    degrees = float(len(sums) - rows.shape[1])
    if degrees < MIN_CLUSTERS:
        return Estimate(average, None, None, own), None
    variances = (sums**2).sum(axis=0) * len(sums) / degrees
    centre = min(1.0, max(0.0, average + float(gradient @ step)))
    interval = share_interval(centre, float(variances[0]), t_quantile(degrees))
    p = t_test(float((weights[0] + step[0]) / np.sqrt(variances[1])), degrees) if variances[1] > 0 else None
    return Estimate(average, interval, float(np.sqrt(variances[0])), own), p


def _chance(log_odds: Floats) -> Floats:
    return np.exp(-np.logaddexp(0.0, -log_odds))


def _losses(log_odds: Floats, targets: Floats) -> Floats:
    return np.logaddexp(0.0, log_odds) - targets * log_odds
