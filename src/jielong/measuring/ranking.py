"""Bradley-Terry ratings from arrays of comparisons: Newton on pair counts, with errors clustered by prompt.

The model (Bradley and Terry 1952): a beats b with log-odds `rating[a] - rating[b]`, plus style terms where they are
given. A tie is half a win for each. All models of one call must have finite ratings (comparison_graph.py). The variance
is the sandwich of cluster-robust estimation (Liang and Zeger 1986), so that it holds with ties and with several votes
on one prompt; no bootstrap is needed, and no round of one can leave a model without a win.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from threadpoolctl import ThreadpoolController

from ..errors import BadInput
from .comparison_graph import Floats, Integers

MAX_STEPS = 100
_DENSE_CELLS = 30_000_000  # clusters × models of a table of scores; above, it is a sparse matrix
_MAX_COEFFICIENT = 30.0  # a style term whose odds exceed e^30 separates the votes


@dataclass(frozen=True)
class Ratings:
    """`values`: log-odds, one for each model, with mean 0; `coefficients`: of the style terms.

    `covariance` (models + terms, squared) is the sandwich without a correction for few clusters; `model_based` is that
    of independent wins and losses. `clusters` counts all, `appearances` those in which each model was compared.
    """

    values: Floats
    coefficients: Floats
    covariance: Floats
    model_based: Floats
    appearances: Integers
    clusters: int


def bradley_terry(
    first: Integers,
    second: Integers,
    outcome: Floats,
    models: int,
    clusters: Integers | None = None,
    style: Floats | None = None,
) -> Ratings:
    """Ratings and their covariance.

    Args:
        first, second: the two models of each comparison, from 0 to `models` - 1; shape (comparisons,).
        outcome: 1 where the first won, 0 where the second did, .5 for a tie.
        clusters: the prompt of each comparison, from 0; each is its own if none are given.
        style: for each comparison by how much the first has more of each term; shape (comparisons, terms).

    Raises BadInput where style terms decide every vote, or cannot be told apart from the models.
    """
    # BLAS gains nothing from threads on tables so narrow, and on a busy machine they wait for each other for seconds.
    with ThreadpoolController().limit(limits=1):
        return _ratings(first, second, outcome, models, clusters, style if style is not None and style.size else None)


def _ratings(
    first: Integers,
    second: Integers,
    outcome: Floats,
    models: int,
    clusters: Integers | None,
    style: Floats | None,
) -> Ratings:
    if style is not None:
        values, coefficients, information = _fit_with_style(first, second, outcome, models, style)
        residual = outcome - _chance(values[first] - values[second] + style @ coefficients)
    else:
        scored, coefficients = pair_counts(first, second, outcome, models), np.zeros(0)
        values = fit_pair_counts(scored)
        chances = _chance(values[:, None] - values[None, :])
        information = _laplacian((scored + scored.T) * chances * (1 - chances))
        residual = outcome - chances.ravel()[first * models + second]
    groups = np.arange(len(first)) if clusters is None else clusters
    count = int(groups.max()) + 1
    inverse = _inverse(information, models)
    meat = _meat(first, second, residual, models, groups, count, style)
    return Ratings(
        values, coefficients, inverse @ meat @ inverse, inverse, appearances(first, second, groups, models), count
    )


def appearances(first: Integers, second: Integers, groups: Integers, models: int) -> Integers:
    """In how many clusters each model was compared."""
    seen = np.zeros((int(groups.max()) + 1, models), dtype=bool)
    seen[groups, first] = seen[groups, second] = True
    counts: Integers = seen.sum(axis=0)
    return counts


def pair_counts(first: Integers, second: Integers, outcome: Floats, models: int) -> Floats:
    """What the model of the row scored against that of the column: a win counts 1, a tie a half for each."""
    key = first * models + second
    size = models * models
    won = np.bincount(key, outcome, size).reshape(models, models)
    met = np.bincount(key, minlength=size).reshape(models, models)
    return won + (met - won).T


def fit_pair_counts(scored: Floats) -> Floats:
    """The ratings of greatest likelihood, with mean 0, from what each model scored against each other one."""
    models = len(scored)
    met = scored + scored.T
    total, values = scored.sum(axis=1), np.zeros(models)
    likelihood = _likelihood(scored, values)
    for _ in range(MAX_STEPS):
        chance = _chance(values[:, None] - values[None, :])
        gradient = total - (met * chance).sum(axis=1)
        step = np.linalg.solve(_laplacian(met * chance * (1 - chance)) + 1 / models, gradient)
        values, likelihood, size = _climb(values, step, likelihood, lambda tried: _likelihood(scored, tried))
        if size < 1e-11:
            break
    centred: Floats = values - values.mean()
    return centred


def _fit_with_style(
    first: Integers, second: Integers, outcome: Floats, models: int, style: Floats
) -> tuple[Floats, Floats, Floats]:
    """Ratings, coefficients and the information matrix of both."""
    terms = style.shape[1]
    values = np.zeros(models + terms)

    def log_odds(at: Floats) -> Floats:
        return at[first] - at[second] + style @ at[models:]

    def likelihood_at(at: Floats) -> float:
        odds = log_odds(at)
        return float(outcome @ odds - np.logaddexp(0, odds).sum())

    likelihood = likelihood_at(values)
    for _ in range(MAX_STEPS):
        chance = _chance(log_odds(values))
        gradient = _sums(first, second, outcome - chance, models, style)
        information = _information(first, second, chance * (1 - chance), models, style)
        _check_identified(information, models)
        step = _inverse(information, models) @ gradient
        values, likelihood, size = _climb(values, step, likelihood, likelihood_at)
        if np.abs(values[models:]).max() > _MAX_COEFFICIENT:
            raise BadInput("style terms alone decide every vote, so that they have no finite weight; rank without them")
        if size < 1e-9:
            break
    values[:models] -= values[:models].mean()
    return values[:models], values[models:], information


def _climb(
    values: Floats, step: Floats, likelihood: float, likelihood_at: Callable[[Floats], float]
) -> tuple[Floats, float, float]:
    """The step, halved while the likelihood falls by more than rounding does."""
    slack = 1e-12 * abs(likelihood)
    for _ in range(30):
        reached = likelihood_at(values + step)
        if reached >= likelihood - slack:
            return values + step, reached, float(np.abs(step).max())
        step = step / 2
    return values, likelihood, 0.0


def _chance(log_odds: Floats) -> Floats:
    with np.errstate(over="ignore"):  # where e^-x is infinite the chance is 0
        return 1 / (1 + np.exp(-log_odds))


def _likelihood(scored: Floats, values: Floats) -> float:
    return float(-(scored * np.logaddexp(0, values[None, :] - values[:, None])).sum())


def _laplacian(weights: Floats) -> Floats:
    return np.diag(weights.sum(axis=1)) - weights


def _sums(first: Integers, second: Integers, weights: Floats, models: int, style: Floats) -> Floats:
    """Of weight × (first - second, style) over the comparisons."""
    own = np.bincount(first, weights, models) - np.bincount(second, weights, models)
    return np.concatenate([own, weights @ style])


def _information(first: Integers, second: Integers, weights: Floats, models: int, style: Floats) -> Floats:
    counts = np.bincount(first * models + second, weights, models * models).astype(np.float64)
    pairs = counts.reshape(models, models)
    corner = style.T @ (weights[:, None] * style)
    cross = np.zeros((models, style.shape[1]))
    for place, term in enumerate(style.T):
        cross[:, place] = _sums(first, second, weights * term, models, style)[:models]
    return np.block([[_laplacian(pairs + pairs.T), cross], [cross.T, corner]])


def _check_identified(information: Floats, models: int) -> None:
    scale = np.sqrt(np.maximum(np.diag(information), 1e-300))
    correlations = information / np.outer(scale, scale)
    # One eigenvalue is 0 by design, as only differences of ratings count; a second one is a term that ratings explain.
    if np.linalg.eigvalsh(correlations)[1] < 1e-9:
        raise BadInput(
            "style terms cannot be told apart from the models or from each other, as they always differ together; "
            "name fewer"
        )


def _inverse(information: Floats, models: int) -> Floats:
    """The pseudo-inverse: only differences of ratings are known, so that it is 0 for all ratings moved at once."""
    level = np.zeros(len(information))
    level[:models] = models**-0.5
    moved = np.outer(level, level)
    return np.linalg.inv(information + moved) - moved


def _meat(
    first: Integers, second: Integers, residual: Floats, models: int, groups: Integers, count: int, style: Floats | None
) -> Floats:
    """The sum over the clusters of score × scoreᵀ, each score being the sum over a cluster's comparisons."""
    if count >= len(first) and np.bincount(groups).max() == 1:  # each comparison is a cluster of its own
        return _information(first, second, residual**2, models, np.zeros((len(first), 0)) if style is None else style)
    if count * models <= _DENSE_CELLS:
        rows = groups * models
        size = count * models
        scores = np.bincount(rows + first, residual, size) - np.bincount(rows + second, residual, size)
        table = scores.reshape(count, models)
        own = table.T @ table
    else:
        from scipy.sparse import coo_array

        place = np.concatenate([groups, groups]), np.concatenate([first, second])
        table = coo_array((np.concatenate([residual, -residual]), place), (count, models)).tocsr()
        own = (table.T @ table).toarray()
    if style is None:
        return own
    terms = np.stack([np.bincount(groups, residual * term, count) for term in style.T], axis=1)
    cross = table.T @ terms
    return np.block([[own, cross], [cross.T, terms.T @ terms]])
