"""A judge's mean corrected by a few labels of people: prediction-powered inference (Angelopoulos et al. 2023, "PPI++").

The judge's mean on the many items without labels is moved by how far it was from people where both are known. So it is
right however wrong the judge is, and a better judge makes the interval narrower; `weight`, from 0 (labels alone) to 1,
is the one with the smallest variance. Unlike ppi-python, items may come in clusters, and the quantile is Student's.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..stats import MIN_CLUSTERS, Estimate, Interval, mean, share_interval, t_quantile
from .comparison_graph import Floats


@dataclass(frozen=True)
class CorrectedMean:
    """`labels` is the mean of the labels alone, `judged` that of the judge alone, on all items. `ci95` is None where
    there are too few labels."""

    mean: float
    ci95: Interval | None
    standard_error: float | None
    weight: float
    labels: Estimate
    judged: float


def corrected_mean(
    labels: Sequence[float | None], judged: Sequence[float], clusters: Sequence[str] | None = None
) -> CorrectedMean:
    """The mean of what people would say on all items, from 0 to 1.

    `labels`: what they said, None where nobody was asked; those who were should be drawn at random. `judged`: what the
    judge said, item by item.
    """
    known = np.array([label is not None for label in labels], dtype=bool)
    truth, scores = np.array([label or 0.0 for label in labels]), np.asarray(judged, dtype=float)
    among = [name for name, is_known in zip(clusters, known, strict=True) if is_known] if clusters else None
    alone = mean(truth[known].tolist(), among)
    judge = float(scores.mean())
    n, more = int(known.sum()), int((~known).sum())
    if n == 0:
        return CorrectedMean(math.nan, None, None, 0.0, alone, judge)
    average = float(truth[known].mean())
    groups = len(set(among)) if among else n
    if groups < MIN_CLUSTERS or more == 0 or alone.standard_error in (None, 0.0):
        return CorrectedMean(average, alone.ci95, alone.standard_error, 0.0, alone, judge)
    # What each cluster adds to the error of the labels' mean, and to that of the judge's with labels less without.
    own, judged_known, judged_more = (
        np.where(known, truth - average, 0.0) / n,
        scores[known].mean(),
        scores[~known].mean(),
    )
    other = np.where(known, (scores - judged_known) / n, -(scores - judged_more) / more)
    sums = _cluster_sums(clusters, own, other)
    spread = float(sums[1] @ sums[1])
    weight = min(1.0, max(0.0, float(sums[0] @ sums[1]) / spread)) if spread > 0 else 0.0
    value = average + weight * float(judged_more - judged_known)
    # The weight is fitted, too, so one cluster more than the mean takes is no evidence of the error.
    variance = float(((sums[0] - weight * sums[1]) ** 2).sum()) * groups / (groups - 2)
    quantile = t_quantile(groups - 2.0)
    inside = min(1.0, max(0.0, value))
    return CorrectedMean(inside, share_interval(inside, variance, quantile), math.sqrt(variance), weight, alone, judge)


def _cluster_sums(clusters: Sequence[str] | None, *parts: Floats) -> Sequence[Floats]:
    if clusters is None:
        return parts
    _, groups = np.unique(list(clusters), return_inverse=True)
    return [np.bincount(groups, weights=part).astype(np.float64) for part in parts]
