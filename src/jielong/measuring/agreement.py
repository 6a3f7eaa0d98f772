"""How far raters agree beyond chance: Cohen's kappa (1960), Fleiss' (1971), Krippendorff's alpha (2011, nominal).

Each is 1 - observed disagreement / disagreement expected by chance. A label that is missing is missing, never a
category. Intervals come from the jackknife over clusters of items, on the scale of the logarithm of that ratio, which
keeps them below 1; raters who agree wholly still leave a doubt, as in the rule of three. Where one category was used
alone, chance explains everything and there is no value.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from ..stats import MIN_CLUSTERS, Interval, t_quantile
from .comparison_graph import Floats

Statistic: TypeAlias = Literal["cohen", "fleiss", "krippendorff"]
Labels: TypeAlias = Sequence[Hashable | None]  # one item's, a place for each rater; None where a label is missing


@dataclass(frozen=True, slots=True)
class Agreement:
    """`value` is None where nothing can be said, and `why` says why. `observed` is the share of pairs of labels that
    are equal; `items` those with two labels or more."""

    statistic: Statistic
    value: float | None
    ci95: Interval | None
    observed: float | None
    items: int
    raters: int
    why: str | None = None


def cohen_kappa(a: Labels, b: Labels, clusters: Sequence[str] | None = None) -> Agreement:
    """Of two raters, on the items that both labelled. `a` and `b`: their labels, item by item."""
    return _agreement("cohen", list(zip(a, b, strict=True)), clusters, _cohen_parts, _cohen_ratio)


def fleiss_kappa(items: Sequence[Labels], clusters: Sequence[str] | None = None) -> Agreement:
    """Of any raters; each item counts once, however many labels (two at least) it has."""
    return _agreement("fleiss", items, clusters, _fleiss_parts, _fleiss_ratio)


def krippendorff_alpha(items: Sequence[Labels], clusters: Sequence[str] | None = None) -> Agreement:
    """Of any raters, with nominal categories; each label counts once, in items that have two at least."""
    return _agreement("krippendorff", items, clusters, _krippendorff_parts, _krippendorff_ratio)


_Parts: TypeAlias = Callable[[Floats, "Floats | None"], Floats]
_Ratio: TypeAlias = Callable[[Floats, int], tuple[float, float]]


def _agreement(
    statistic: Statistic, items: Sequence[Labels], clusters: Sequence[str] | None, parts_of: _Parts, ratio: _Ratio
) -> Agreement:
    kept = [i for i, labels in enumerate(items) if sum(label is not None for label in labels) >= 2]
    raters = len({place for i in kept for place, label in enumerate(items[i]) if label is not None})
    if not kept:
        return Agreement(statistic, None, None, None, 0, raters, "no item has two labels")
    categories = {label: i for i, label in enumerate(dict.fromkeys(x for i in kept for x in items[i] if x is not None))}
    size = len(categories)
    counts = np.zeros((len(kept), size))
    for row, i in enumerate(kept):
        for label in items[i]:
            if label is not None:
                counts[row, categories[label]] += 1
    ordered = np.array([[categories[x] for x in items[i]] for i in kept]) if statistic == "cohen" else None
    names = [clusters[i] if clusters else str(i) for i in kept]
    _, groups = np.unique(names, return_inverse=True)
    per_item = parts_of(counts, ordered)
    parts = np.zeros((groups.max() + 1, per_item.shape[1]))
    np.add.at(parts, groups, per_item)
    each = counts.sum(axis=1)
    observed = float(((counts * (counts - 1)).sum(axis=1) / (each * (each - 1))).mean())
    value, ci95, why = _value_with_interval(parts, size, ratio)
    return Agreement(statistic, value, ci95, observed, len(kept), raters, why)


def _value_with_interval(parts: Floats, size: int, ratio: _Ratio) -> tuple[float | None, Interval | None, str | None]:
    """`parts`: clusters × sums that the ratio of disagreements is made of."""
    total, count = parts.sum(axis=0), len(parts)
    observed, expected = ratio(total, size)
    if expected <= 1e-12:
        return None, None, "all labels are of one category"
    share = observed / expected
    if count < MIN_CLUSTERS:
        return 1 - share, None, f"{count} clusters are too few for an interval"
    if observed <= 1e-12:
        unseen = 1 - 0.025 ** (1 / count)  # the share of disagreement that so many clusters may have missed
        return 1.0, (max(-1.0, 1 - unseen / expected), 1.0), None
    left_out = [ratio(total - part, size) for part in parts]
    if any(e <= 1e-12 for _, e in left_out):
        return 1 - share, None, "a single item holds all labels of another category"
    values = np.array([o / e for o, e in left_out])
    error = math.sqrt((count - 1) / count * float(((values - values.mean()) ** 2).sum()))
    factor = math.exp(t_quantile(count - 1.0) * error / share)
    return 1 - share, (max(-1.0, 1 - share * factor), 1 - share / factor), None


def _cohen_parts(counts: Floats, ordered: Floats | None) -> Floats:
    assert ordered is not None
    size = counts.shape[1]
    table = np.zeros((len(counts), size * size))
    table[np.arange(len(counts)), ordered[:, 0] * size + ordered[:, 1]] = 1
    return table


def _cohen_ratio(total: Floats, size: int) -> tuple[float, float]:
    table = total.reshape(size, size) / total.sum()
    return 1 - float(np.trace(table)), 1 - float(table.sum(axis=0) @ table.sum(axis=1))


def _fleiss_parts(counts: Floats, ordered: Floats | None) -> Floats:
    each = counts.sum(axis=1)
    agreeing = (counts * (counts - 1)).sum(axis=1) / (each * (each - 1))
    return np.column_stack([counts, agreeing, np.ones(len(counts))])


def _fleiss_ratio(total: Floats, size: int) -> tuple[float, float]:
    shares = total[:size] / total[:size].sum()
    return 1 - float(total[size] / total[size + 1]), 1 - float(shares @ shares)


def _krippendorff_parts(counts: Floats, ordered: Floats | None) -> Floats:
    """Labels of each category, and the disagreeing pairs of an item as each label counts once."""
    each = counts.sum(axis=1)
    disagreeing = (each**2 - (counts**2).sum(axis=1)) / (each - 1)
    return np.column_stack([counts, disagreeing])


def _krippendorff_ratio(total: Floats, size: int) -> tuple[float, float]:
    counts = total[:size]
    n = counts.sum()
    return float(total[size] / n), float((n**2 - counts @ counts) / (n * (n - 1)))
