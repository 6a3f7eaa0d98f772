"""Do clustered means and paired differences cover what they say? Ours and truescore's on the same 2,000 worlds each.

A world is scores of two models on items in clusters (texts, subjects), with clusters that both models find hard and
some that only one does: 0/1 or graded, in clusters of equal or very different sizes. truescore has a cluster bootstrap
of differences; its interval of a mean is that of the difference from zeros. It runs in an environment of its own:

    python -m venv /tmp/peer && /tmp/peer/bin/pip install truescore
    python benchmarks/clustered_pairs.py --peer /tmp/peer/bin/python      # some minutes on one core
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
import time
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from common import write

from jielong import stats

EFFECT = 0.06  # by which the second model is better where power is measured
PEER = """
import sys, time
import numpy as np
from truescore.compare import paired_bootstrap
worlds = np.load(sys.argv[1])
ends, started = [], time.process_time()
for i in range(int(worlds["n"])):
    a, b, names = (worlds[f"{part}{i}"] for part in ("a", "b", "names"))
    mean = paired_bootstrap(a, np.zeros(len(a)), clusters=names, n_bootstrap=1000, seed=i)
    pair = paired_bootstrap(b, a, clusters=names, n_bootstrap=1000, seed=i)
    ends.append([mean.low, mean.high, pair.low, pair.high, pair.p_value])
np.savez(sys.argv[2], ends=np.array(ends), seconds=time.process_time() - started)
"""


@dataclass(frozen=True)
class World:
    clusters: int
    sizes: str  # equal: 10 items in each; skewed: from 1 to 60
    share: float  # of right answers of the first model
    graded: bool = False

    def name(self) -> str:
        scores = "graded" if self.graded else f"0/1, {self.share:.0%} right"
        return f"{self.clusters} clusters, {self.sizes}, {scores}"

    def draw(self, rng: np.random.Generator, effect: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The scores of both models, whose truth differs by `effect`, and the number of each item's cluster."""
        of = np.full(self.clusters, 10)
        if self.sizes == "skewed":
            of = np.clip(np.ceil(rng.lognormal(1.8, 0.8, self.clusters)), 1, 60).astype(int)
        names = np.repeat(np.arange(self.clusters), of)
        strength = 1 / 0.1 - 1  # a correlation of .1 within clusters
        shared = rng.beta(self.share * strength, (1 - self.share) * strength, self.clusters)
        luck = rng.random(len(names))
        own = np.where(rng.random(len(names)) < 0.6, luck, rng.random(len(names)))
        # What only the second model finds harder or easier: 0 on the whole, and no rate beyond 0 and 1.
        tilt = rng.uniform(-0.3, 0.3, self.clusters) * shared * (1 - shared)
        first, second = shared[names], shared[names] + tilt[names]
        if self.graded:
            a, b = (0.5 * rate + 0.5 * each for rate, each in ((first, luck), (second, own)))
            return a, b + effect, names
        # An expectation that is moved by exactly the effect: so many right answers are added, or taken away.
        a, b = (luck < first).astype(float), (own < second).astype(float)
        return a, np.clip(b + (rng.random(len(names)) < self.added(effect)) * (1 - b), 0, 1), names

    def added(self, effect: float) -> float:
        return effect / (1 - self.share) if effect else 0.0

    def truth(self) -> float:
        return 0.5 * self.share + 0.25 if self.graded else self.share


WORLDS = (
    World(30, "equal", 0.7),
    World(30, "skewed", 0.5),
    World(30, "skewed", 0.6, graded=True),
    World(10, "equal", 0.7),
)


def ours(draws: list[tuple[np.ndarray, ...]]) -> tuple[np.ndarray, float]:
    ends, started = [], time.process_time()
    for a, b, names in draws:
        clusters = [*map(str, names)]
        mean = stats.mean(a.tolist(), clusters).ci95 or (np.nan, np.nan)
        pair = stats.paired_difference(a.tolist(), b.tolist(), clusters)
        ends.append([*mean, *(pair.ci95 or (np.nan, np.nan)), pair.p if pair.p is not None else np.nan])
    return np.array(ends), time.process_time() - started


def theirs(peer: str, draws: list[tuple[np.ndarray, ...]]) -> tuple[np.ndarray, float]:
    with tempfile.TemporaryDirectory() as folder:
        worlds, results = Path(folder, "worlds.npz"), Path(folder, "results.npz")
        arrays = {
            f"{part}{i}": each
            for i, draw in enumerate(draws)
            for part, each in zip(("a", "b", "names"), draw, strict=True)
        }
        np.savez(worlds, n=len(draws), **arrays)  # type: ignore[arg-type]
        subprocess.run([peer, "-c", PEER, str(worlds), str(results)], check=True)
        found = np.load(results)
        return found["ends"], float(found["seconds"])


def figures(null: np.ndarray, moved: np.ndarray, truth: float) -> dict[str, float]:
    """Coverage where nothing differs, false alarms, coverage and power where the effect is there."""

    def holds(low: np.ndarray, high: np.ndarray, value: float) -> float:
        return round(float(np.mean((low <= value) & (value <= high))), 4)

    return {
        "mean covers": holds(null[:, 0], null[:, 1], truth),
        "mean width": round(float(np.nanmean(null[:, 1] - null[:, 0])), 4),
        "difference covers": holds(null[:, 2], null[:, 3], 0.0),
        "difference covers the effect": holds(moved[:, 2], moved[:, 3], EFFECT),
        "difference width": round(float(np.nanmean(null[:, 3] - null[:, 2])), 4),
        "false alarms": round(float(np.mean(null[:, 4] < 0.05)), 4),
        "power": round(float(np.mean(moved[:, 4] < 0.05)), 4),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--worlds", type=int, default=2000)
    parser.add_argument("--peer", help="a Python that has truescore")
    options = parser.parse_args()
    report: dict[str, Any] = {"worlds": options.worlds, "effect": EFFECT}
    for world in WORLDS:
        rng = np.random.default_rng(zlib.crc32(world.name().encode()))
        null, moved = ([world.draw(rng, effect) for _ in range(options.worlds)] for effect in (0.0, EFFECT))
        (a, seconds_a), (b, seconds_b) = ours(null), ours(moved)
        report[world.name()] = {"jielong": figures(a, b, world.truth()) | {"seconds": round(seconds_a + seconds_b, 1)}}
        if options.peer:
            (a, seconds_a), (b, seconds_b) = theirs(options.peer, null), theirs(options.peer, moved)
            seconds = round(seconds_a + seconds_b, 1)
            report[world.name()]["truescore"] = figures(a, b, world.truth()) | {"seconds": seconds}
        write("clustered_pairs", report)


if __name__ == "__main__":
    main()
