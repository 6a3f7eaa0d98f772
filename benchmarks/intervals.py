"""Do intervals cover what they say, and do tests err as often as they say? Simulated worlds whose truth is known.

Means and differences of 0/1 scores: independent items, and items in clusters of equal, MMLU's and Pareto sizes, whose
own rates are drawn from beta distributions with a given correlation within clusters. In the worlds of differences both
models are right equally often, and half of the items are the same luck for both.

    python benchmarks/intervals.py                  # 2,000 worlds each: some 20 minutes on two cores
    python benchmarks/intervals.py --worlds 200
"""

from __future__ import annotations

import argparse
import zlib
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import product
from typing import Any

import numpy as np
from common import write

from jielong import stats

SHARES = (0.5, 0.7, 0.9, 0.98)
CORRELATIONS = (0.0, 0.05, 0.2)
PLAIN = (10, 20, 50, 100, 200, 500)
# Items of MMLU's test subjects (Hendrycks et al. 2021), a tenth of each.
MMLU = (
    *(
        10,
        14,
        15,
        27,
        14,
        10,
        10,
        10,
        17,
        10,
        10,
        24,
        11,
        15,
        38,
        13,
        10,
        31,
        20,
        10,
        17,
        20,
        19,
        39,
        27,
        24,
        15,
        55,
        22,
    ),
    *(20, 24, 22, 13, 12, 11, 16, 11, 10, 23, 10, 78, 35, 90, 31, 31, 32, 28, 153, 27, 61, 11, 25, 20, 10, 17, 17, 17),
)


def sizes(kind: str, clusters: int, rng: np.random.Generator) -> np.ndarray:
    if kind == "equal":
        return np.full(clusters, 20)
    if kind == "MMLU":
        return rng.choice(MMLU, clusters, replace=False)
    return np.minimum(np.ceil(5 * (1 + rng.pareto(1.2, clusters))), 500).astype(int)


def rates(share: float, correlation: float, clusters: int, rng: np.random.Generator) -> np.ndarray:
    if not correlation:
        return np.full(clusters, share)
    strength = 1 / correlation - 1
    return rng.beta(share * strength, (1 - share) * strength, clusters)


def names(of: np.ndarray) -> list[str]:
    return [str(name) for name in np.repeat(np.arange(len(of)), of)]


def one_mean(kind: str, clusters: int, share: float, correlation: float, rng: np.random.Generator) -> stats.Estimate:
    if kind == "plain":
        return stats.mean((rng.random(clusters) < share).astype(float).tolist())
    of = sizes(kind, clusters, rng)
    right = rng.random(of.sum()) < np.repeat(rates(share, correlation, clusters, rng), of)
    return stats.mean(right.astype(float).tolist(), names(of))


def one_pair(
    kind: str, clusters: int, share: float, correlation: float, rng: np.random.Generator
) -> stats.PairedDifference:
    of = np.ones(clusters, int) if kind == "plain" else sizes(kind, clusters, rng)
    luck = rng.random(of.sum())
    other_luck = np.where(rng.random(len(luck)) < 0.5, luck, rng.random(len(luck)))
    a, b = (
        (draw < np.repeat(rates(share, correlation, clusters, rng), of)).astype(float).tolist()
        for draw in (luck, other_luck)
    )
    return stats.paired_difference(a, b, None if kind == "plain" else names(of))


def simulate(setting: tuple[str, int, float, float, int]) -> dict[str, Any]:
    """How often the interval of a mean and of a difference holds the truth, how wide it is, and how often p < .05."""
    kind, clusters, share, correlation, worlds = setting
    rng = np.random.default_rng(zlib.crc32(repr(setting).encode()))
    means = [one_mean(kind, clusters, share, correlation, rng) for _ in range(worlds)]
    pairs = [one_pair(kind, clusters, share, correlation, rng) for _ in range(worlds)]
    intervals = [each.ci95 for each in means if each.ci95]
    differences = [each.ci95 for each in pairs if each.ci95]
    tests = [each.p for each in pairs if each.p is not None]
    return {
        "kind": kind,
        "clusters": clusters,
        "share": share,
        "correlation": correlation,
        "no_interval": 1 - len(intervals) / worlds,
        "coverage": np.mean([low <= share <= high for low, high in intervals]) if intervals else None,
        "width": np.mean([high - low for low, high in intervals]) if intervals else None,
        "no_test": 1 - len(tests) / worlds,
        "type_1": np.mean([p < 0.05 for p in tests]) if tests else None,
        "difference_coverage": np.mean([low <= 0 <= high for low, high in differences]) if differences else None,
        "difference_width": np.mean([high - low for low, high in differences]) if differences else None,
    }


def settings(worlds: int) -> Iterator[tuple[str, int, float, float, int]]:
    for n, share in product(PLAIN, SHARES):
        yield "plain", n, share, 0.0, worlds
    for kind, clusters, share, correlation in product(
        ("equal", "MMLU", "Pareto"), (2, 5, 10, 57), SHARES, CORRELATIONS
    ):
        yield kind, clusters, share, correlation, worlds


def summary(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Over the shares and correlations of one kind and number."""

    def values(name: str) -> list[float]:
        return [float(row[name]) for row in rows if row[name] is not None]

    if not values("coverage"):
        return {"no interval, no test": 1.0}
    return {
        "no interval": round(float(np.mean(values("no_interval"))), 3),
        "coverage": [round(f(values("coverage")), 3) for f in (min, lambda v: float(np.mean(v)), max)],
        "width": round(float(np.mean(values("width"))), 3),
        "no test": round(float(np.mean(values("no_test"))), 3),
        "type I": [round(f(values("type_1")), 3) for f in (lambda v: float(np.mean(v)), max)],
        "coverage of differences": [
            round(f(values("difference_coverage")), 3) for f in (min, lambda v: float(np.mean(v)))
        ],
        "width of differences": round(float(np.mean(values("difference_width"))), 3),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--worlds", type=int, default=2000)
    with ProcessPoolExecutor(2) as pool:
        rows = list(pool.map(simulate, settings(parser.parse_args().worlds)))
    by_size: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        by_size.setdefault(f"{row['kind']} {row['clusters']}", []).append(row)
    clustered = [row for row in rows if row["kind"] != "plain" and row["coverage"] is not None]
    figures: dict[str, Any] = {name: summary(group) for name, group in by_size.items()}
    figures["clustered, by share"] = {
        share: summary([row for row in clustered if row["share"] == share]) for share in SHARES
    }
    figures["all clustered"] = summary(clustered)
    figures["lowest coverage"] = min(
        (row for row in rows if row["coverage"] is not None), key=lambda row: row["coverage"]
    )
    figures["highest type I"] = max((row for row in rows if row["type_1"] is not None), key=lambda row: row["type_1"])
    write("intervals", figures)


if __name__ == "__main__":
    main()
