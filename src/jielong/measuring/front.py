"""Quality, price and latency of several recipes on the same items, with their joint uncertainty.

"A is at least as good and cheaper with probability .93" is a share of draws of the Bayesian bootstrap (Rubin 1981):
each draw weighs all clusters of items anew, for all recipes and all three figures at once, so that items that are hard,
dear and slow together stay together, and none is dropped. One made-up item with random scores is among them: two
recipes that never differ on twenty items may still differ. benchmarks/load.py measures how often what has
probability .9 is true.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .results import EvalReport, ModelResult

Draws = NDArray[np.float64]  # draws × recipes

MIN_DRAWS, MAX_DRAWS, MIN_CLUSTERS = 500, 4_000, 5
_ALL_CELLS, _CELLS = 40_000_000, 1_000_000  # weights in all, and those that are held at once


@dataclass(frozen=True)
class RecipeItems:
    """What one recipe made of each item: score and price are None where the item was lost or its price is unknown."""

    recipe: str
    scores: Sequence[float | None]
    usd: Sequence[float | None]
    seconds: Sequence[float]


@dataclass(frozen=True)
class FrontRecipe:
    """`on_front`: the probability that no other recipe is at least as good, as cheap and as fast, and better in one."""

    recipe: str
    quality: float
    usd_per_1000: float | None
    seconds: float  # the median
    on_front: float


@dataclass(frozen=True)
class FrontPair:
    """Probabilities that `a`, against `b`, is so. None where a price is unknown."""

    a: str
    b: str
    as_good: float
    cheaper: float | None
    faster: float
    as_good_and_cheaper: float | None
    as_good_and_faster: float
    as_good_cheaper_and_faster: float | None


@dataclass(frozen=True)
class Front:
    """Over the `n` items that all recipes have scored. `with_price`: the price counts, as all are known."""

    n: int
    with_price: bool
    recipes: tuple[FrontRecipe, ...]
    pairs: tuple[FrontPair, ...]  # each pair both ways round

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def front_of(report: EvalReport) -> Front | None:
    """Of the models about which something can be concluded; None for fewer than two."""
    sound = [result for result in report.results if not result.inconclusive]
    return find_front([*map(_items, sound)], sound[0].clusters) if len(sound) > 1 else None


def _items(result: ModelResult) -> RecipeItems:
    """A call whose endpoint did not say what it cost has no price, which is not 0."""
    usd = [None if answer.usage.unsettled_calls else answer.usage.usd for answer in result.answers]
    return RecipeItems(result.model, result.scores, usd, [answer.seconds for answer in result.answers])


def find_front(recipes: Sequence[RecipeItems], clusters: Sequence[str] | None = None, *, seed: int = 0) -> Front | None:
    """`clusters` names what each item belongs to. None where the recipes have too few clusters in common."""
    common = [i for i, scores in enumerate(zip(*(each.scores for each in recipes), strict=True)) if None not in scores]
    names = [clusters[i] for i in common] if clusters else [str(i) for i in common]
    if len(recipes) < 2 or len(set(names)) < MIN_CLUSTERS:
        return None
    groups = np.unique(names, return_inverse=True)[1]
    scores, usd, seconds = (
        np.array([[np.nan if row[i] is None else row[i] for i in common] for row in rows], float)
        for rows in ([r.scores for r in recipes], [r.usd for r in recipes], [r.seconds for r in recipes])
    )
    known = ~np.isnan(usd).any(axis=1)
    drawn = [*_draws(scores, usd, seconds, groups, np.random.default_rng(seed))]
    quality, price, time = (np.concatenate(parts) for parts in zip(*drawn, strict=True))
    with_price = bool(known.all())
    on_front = _on_front(quality, price if with_price else np.zeros_like(price), time)
    figures = tuple(
        FrontRecipe(each.recipe, float(scores[k].mean()), float(1000 * usd[k].mean()) if known[k] else None,
                    float(np.median(seconds[k])), float(on_front[:, k].mean()))
        for k, each in enumerate(recipes)
    )  # fmt: skip
    pairs = tuple(
        _pair(recipes[a].recipe, recipes[b].recipe, quality[:, a] >= quality[:, b],
              price[:, a] < price[:, b] if known[a] and known[b] else None, time[:, a] < time[:, b])
        for a, b in itertools.permutations(range(len(recipes)), 2)
    )  # fmt: skip
    return Front(len(common), with_price, figures, pairs)


def _draws(
    scores: Draws, usd: Draws, seconds: Draws, groups: NDArray[np.intp], rng: np.random.Generator
) -> Iterator[tuple[Draws, Draws, Draws]]:
    """Mean score, mean price and median time of each recipe, draw by draw."""
    models, n = scores.shape
    count = int(groups.max()) + 1
    # As many clusters as there are know the spread a little too well: the draws are spread by what they lack.
    wider = np.sqrt((count + 1) / (count - 1))
    order = np.argsort(seconds, axis=1)
    for size in _chunks(n):
        weights = rng.standard_exponential((size, count))[:, groups]
        made_up = rng.standard_exponential((size, 1)) * n / count
        total = weights.sum(axis=1, keepdims=True)
        quality = (weights @ scores.T + made_up * rng.random((size, models))) / (total + made_up)
        price = weights @ usd.T / total
        time = np.empty((size, models))
        for k in range(models):
            below = np.cumsum(weights[:, order[k]], axis=1) < total / 2
            time[:, k] = seconds[k, order[k]][np.minimum(below.sum(axis=1), n - 1)]
        centre = scores.mean(axis=1), usd.mean(axis=1)
        yield centre[0] + wider * (quality - centre[0]), centre[1] + wider * (price - centre[1]), time


def _chunks(n: int) -> Iterator[int]:
    left = min(MAX_DRAWS, max(MIN_DRAWS, _ALL_CELLS // n))
    while left:
        size = min(left, max(1, _CELLS // n))
        left -= size
        yield size


def _on_front(quality: Draws, price: Draws, time: Draws) -> NDArray[np.bool_]:
    beaten = np.zeros(quality.shape, bool)
    for a, b in itertools.permutations(range(quality.shape[1]), 2):
        no_worse = (quality[:, b] >= quality[:, a]) & (price[:, b] <= price[:, a]) & (time[:, b] <= time[:, a])
        better = (quality[:, b] > quality[:, a]) | (price[:, b] < price[:, a]) | (time[:, b] < time[:, a])
        beaten[:, a] |= no_worse & better
    return ~beaten


def _pair(
    a: str, b: str, as_good: NDArray[np.bool_], cheaper: NDArray[np.bool_] | None, faster: NDArray[np.bool_]
) -> FrontPair:
    def share(events: NDArray[np.bool_]) -> float:
        return float(events.mean())

    return FrontPair(
        a, b, share(as_good), None if cheaper is None else share(cheaper), share(faster),
        None if cheaper is None else share(as_good & cheaper), share(as_good & faster),
        None if cheaper is None else share(as_good & cheaper & faster),
    )  # fmt: skip
