"""What comparisons that all went one way still say: a bound for a model that won or lost all of them, and the doubt
that ties alone leave."""

from __future__ import annotations

import math

import numpy as np

from .comparison_graph import Floats, Integers

_TAIL = 0.025


def rating_bound(opponents: Floats, clusters: Integers, won: bool) -> float | None:
    """The least rating (`won` all) or the most (lost all) under which such a row is no rarer than 2.5 %.

    Args:
        opponents: the ratings of those that the model met, a comparison each; taken as known.
        clusters: the prompt of each comparison. Comparisons of one prompt count as one together.

    None where there was no comparison.
    """
    if not len(opponents):
        return None
    weights = 1 / np.bincount(clusters)[clusters]
    ahead = opponents if won else -opponents

    def logarithm(rating: float) -> float:
        """Of the chance that the model wins all."""
        return float(-(weights * np.logaddexp(0, ahead - rating)).sum())

    low, high = float(ahead.min()) - 60.0, float(ahead.max()) + 60.0
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if logarithm(middle) < math.log(_TAIL) else (low, middle)
    return high if won else -high


def ties_only_half_width(clusters: int) -> float:
    """Half of the 95 % interval of a difference of which nothing but ties was seen, in log-odds.

    So many clusters without a decided one leave a share of decided ones of at most q (97.5 %), and were they all for
    one side, its mean score would be (1 + q) / 2.
    """
    most = 1 - _TAIL ** (1 / clusters)
    return math.log((1 + most) / (1 - most))
