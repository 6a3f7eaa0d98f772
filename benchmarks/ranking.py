"""Ratings from votes: how fast they come, whether they are those of evalica and arena-rank, how often intervals cover.

    python -m venv peers && peers/bin/pip install evalica arena-rank
    python benchmarks/ranking.py --peers peers/bin/python        # some ten minutes on two cores
    python benchmarks/ranking.py --worlds 200

Speed: 1,000,000 battles of 150 models from arrays; fit, sandwich clustered by prompt, and for comparison the same
intervals from 100 bootstrap rounds over prompts, each on weighted pair counts and from the last round's ratings on.
Coverage: worlds whose truth is known, from votes to the intervals that `jielong rank` prints. Prompts favour models, so
that votes of one prompt belong together. The truth is what 1,600,000 votes give.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
import time
import zlib
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from common import write
from threadpoolctl import ThreadpoolController

from jielong.measuring.agreement import cohen_kappa, fleiss_kappa, krippendorff_alpha
from jielong.measuring.rank_votes import rank_votes
from jielong.measuring.ranking import bradley_terry, fit_pair_counts, pair_counts
from jielong.measuring.votes import Vote, VoteFile

BATTLES, MODELS = 1_000_000, 150


# --- speed ------------------------------------------------------------------------------------------------------------


def battles(n: int, models: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    ratings, first = rng.normal(0, 1, models), rng.integers(0, models, n)
    second = (first + rng.integers(1, models, n)) % models
    outcome = (rng.random(n) < 1 / (1 + np.exp(ratings[second] - ratings[first]))).astype(float)
    outcome[rng.random(n) < 0.2] = 0.5
    return first, second, outcome


def best_of(run: Callable[[], Any], times: int) -> tuple[float, float]:
    """Wall and CPU seconds of the fastest."""
    results = []
    for _ in range(times):
        wall, cpu = time.perf_counter(), time.process_time()
        run()
        results.append((time.perf_counter() - wall, time.process_time() - cpu))
    return min(results)


@ThreadpoolController().wrap(limits=1)
def bootstrap(
    first: np.ndarray, second: np.ndarray, outcome: np.ndarray, groups: np.ndarray, rounds: int
) -> np.ndarray:
    """Prompts drawn again with their repetitions, as weights of their battles."""
    rng, count, size = np.random.default_rng(1), int(groups.max()) + 1, MODELS * MODELS
    key, values = first * MODELS + second, []
    for _ in range(rounds):
        weights = np.bincount(rng.integers(0, count, count), minlength=count)[groups]
        won = np.bincount(key, weights * outcome, size).reshape(MODELS, MODELS)
        met = np.bincount(key, weights, size).reshape(MODELS, MODELS)
        values.append(fit_pair_counts(won + (met - won).T))
    return np.array(values)


def speed(rounds: int) -> dict[str, Any]:
    first, second, outcome = battles(BATTLES, MODELS)
    fit, fit_cpu = best_of(lambda: fit_pair_counts(pair_counts(first, second, outcome, MODELS)), 5)
    figures: dict[str, Any] = {"battles": BATTLES, "models": MODELS, "fit_s": fit, "fit_cpu_s": fit_cpu, "prompts": {}}
    for prompts in (1_000, 10_000, 100_000, BATTLES):
        groups = np.random.default_rng(2).integers(0, prompts, BATTLES) if prompts < BATTLES else np.arange(BATTLES)
        _, groups = np.unique(groups, return_inverse=True)
        wall, cpu = best_of(lambda: bradley_terry(first, second, outcome, MODELS, groups), 3)  # noqa: B023
        row = {"fit_and_sandwich_s": wall, "fit_and_sandwich_cpu_s": cpu}
        if prompts == 10_000:
            tried, cpu = best_of(lambda: bootstrap(first, second, outcome, groups, rounds), 1)  # noqa: B023
            row |= {"bootstrap_of_100_s": 100 / rounds * tried, "times_faster": 100 / rounds * tried / wall}
            errors = np.sqrt(np.diag(bradley_terry(first, second, outcome, MODELS, groups).covariance))
            row["bootstrap_error_over_sandwich"] = float(
                (bootstrap(first, second, outcome, groups, rounds).std(axis=0, ddof=1) / errors).mean()
            )
        figures["prompts"][str(prompts)] = row
    terms = np.random.default_rng(3).uniform(-1, 1, (BATTLES, 4))
    wall, cpu = best_of(lambda: bradley_terry(first, second, outcome, MODELS, None, terms), 1)
    return figures | {"four_style_terms_s": wall, "four_style_terms_cpu_s": cpu}


PEERS = """
import json, sys, time
import numpy as np
import evalica
first, second, outcome = np.load(sys.argv[1]).values()
models = int(max(first.max(), second.max())) + 1
names = np.array([f"m{k:03}" for k in range(models)])
xs, ys = names[first], names[second]
winners = [evalica.Winner.X if o == 1 else evalica.Winner.Y if o == 0 else evalica.Winner.Draw for o in outcome]
found = {}
for tolerance in (1e-6, 1e-15):
    began = time.perf_counter()
    scores = evalica.bradley_terry(xs, ys, winners, tolerance=tolerance, limit=100_000).scores
    found[f"evalica {tolerance}"] = {"s": time.perf_counter() - began, "log": np.log(scores.reindex(names)).tolist()}
try:
    import pandas as pd
    from arena_rank.models.bradley_terry import BradleyTerry
    from arena_rank.utils.data_utils import PairDataset
    words = {1.0: "model_a", 0.0: "model_b", 0.5: "tie"}
    frame = pd.DataFrame({"model_a": xs, "model_b": ys, "winner": [words[o] for o in outcome]})
    data = PairDataset.from_pandas(frame)
    began = time.perf_counter()
    ranked = BradleyTerry(n_competitors=models).compute_ratings_and_cis(data, significance_level=0.05)
    seconds = time.perf_counter() - began
    order = [list(ranked["competitors"]).index(name) for name in names]
    found["arena-rank"] = {"s": seconds, **{
        key: np.asarray(ranked[key])[order].tolist() for key in ("ratings", "rating_lower", "rating_upper")}}
except Exception as error:
    found["arena-rank"] = {"error": f"{type(error).__name__}: {error}"}
print(json.dumps(found))
"""


def peers(python: str) -> dict[str, Any]:
    """The largest difference in log-odds from theirs, on the same battles; and their times."""
    first, second, outcome = battles(BATTLES, MODELS)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "battles.npz"
        np.savez(file, first=first, second=second, outcome=outcome)
        done = subprocess.run([python, "-c", PEERS, str(file)], capture_output=True, text=True, check=True)
    results, figures = json.loads(done.stdout.splitlines()[-1]), {}
    ours = bradley_terry(first, second, outcome, MODELS, np.arange(BATTLES))
    for name, result in results.items():
        figures[name] = {key: result[key] for key in ("s", "error") if key in result}
        if "log" in result:
            theirs = np.array(result["log"])
            figures[name]["largest_difference"] = float(np.abs(theirs - theirs.mean() - ours.values).max())
        elif "ratings" in result:
            theirs = np.array(result["ratings"]) * np.log(10) / 400
            width = (np.array(result["rating_upper"]) - np.array(result["rating_lower"])) * np.log(10) / 400
            own_width = 2 * 1.959964 * np.sqrt(np.diag(ours.covariance))
            figures[name]["largest_difference"] = float(np.abs(theirs - theirs.mean() - ours.values).max())
            figures[name]["their_width_over_ours"] = [float(f(width / own_width)) for f in (np.min, np.mean, np.max)]
    return figures


# --- coverage ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class World:
    """`per`: votes of a prompt; `favour`: how much prompts favour models (log-odds); `style`: the weight of length;
    `newcomer`: the votes of a last model that has only these."""

    models: int
    prompts: int
    per: int
    favour: float = 0.0
    style: float | None = None
    newcomer: int | None = None

    def ratings(self) -> np.ndarray:
        return np.linspace(0.9, -0.9, self.models)

    def draw(self, prompts: int, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
        """First and second model, what the first scored, its surplus of length and the prompt of each vote."""
        n, groups = prompts * self.per, np.repeat(np.arange(prompts), self.per)
        old = self.models - (self.newcomer is not None)
        first = rng.integers(0, old, n)
        second = (first + rng.integers(1, old, n)) % old
        if self.newcomer:
            first[rng.choice(n, round(self.newcomer * prompts / self.prompts), replace=False)] = self.models - 1
        favours = rng.normal(0, self.favour, (prompts, self.models)) if self.favour else np.zeros((1, self.models))
        place = groups if self.favour else np.zeros(n, int)
        values = self.ratings()
        odds = values[first] - values[second] + favours[place, first] - favours[place, second]
        longer = np.clip(rng.normal(0.15 * (values[first] - values[second]), 0.4), -0.95, 0.95)
        won = rng.random(n) < 1 / (1 + np.exp(-odds - (self.style or 0.0) * longer))
        return first, second, np.where(rng.random(n) < 0.15, 0.5, won), longer, groups

    def votes(self, rng: np.random.Generator) -> VoteFile:
        names, words = [f"m{i:02}" for i in range(self.models)], {1.0: "model_a", 0.0: "model_b", 0.5: "tie"}
        rows = zip(*(column.tolist() for column in self.draw(self.prompts, rng)), strict=True)
        votes = [
            Vote(str(i), str(group), names[first], names[second], words[outcome],  # type: ignore[arg-type]
                 style_a=(1 + longer, 0, 0, 0), style_b=(1 - longer, 0, 0, 0)).sorted_models()
            for i, (first, second, outcome, longer, group) in enumerate(rows)
        ]  # fmt: skip
        return VoteFile(tuple(votes), 0, ())


def truth(world: World) -> tuple[np.ndarray, float]:
    """What ever more votes give: ties and prompts that favour models make it another than the world's own ratings."""
    rng, sums = np.random.default_rng(5), []
    for _ in range(4):
        first, second, outcome, longer, groups = world.draw(400_000 // world.per, rng)
        style = None if world.style is None else longer[:, None]
        fit = bradley_terry(first, second, outcome, world.models, groups, style)
        sums.append([*fit.values, *fit.coefficients])
    means = np.mean(sums, axis=0)
    return means[: world.models], float(means[-1])


def style_of(world: World) -> tuple[str, ...]:
    return ("length",) if world.style is not None else ()


def ranked_worlds(setting: tuple[World, int]) -> dict[str, Any]:
    world, worlds = setting
    rng = np.random.default_rng(zlib.crc32(repr(world).encode()))
    values, weight = truth(world)
    covered: dict[str, list[bool]] = {"rating": [], "difference": [], "style": [], "newcomer": []}
    unbounded = none = 0
    for _ in range(worlds):
        group = rank_votes(world.votes(rng), style_of(world)).groups[0]
        finite = [model for model in group.models if model.place == "finite"]
        unbounded += len(group.models) - len(finite)
        if len(finite) < world.models:  # the mean is that of other models then; differences stay what they are
            finite = []
        for model in finite:
            number = int(model.model[1:])
            none += model.ci95 is None
            if model.ci95:
                inside = model.ci95[0] <= values[number] <= model.ci95[1]
                covered["newcomer" if world.newcomer and number == world.models - 1 else "rating"].append(inside)
        for pair in group.pairs:
            a, b = int(pair.a[1:]), int(pair.b[1:])
            if pair.ci95 and not (world.newcomer and b == world.models - 1):
                covered["difference"].append(pair.ci95[0] <= values[b] - values[a] <= pair.ci95[1])
        for effect in group.style:
            covered["style"].append(bool(effect.ci95 and effect.ci95[0] <= weight <= effect.ci95[1]))
    shares = {name: round(float(np.mean(inside)), 4) for name, inside in covered.items() if inside}
    return {"world": repr(world), "worlds": worlds, "coverage": shares, "unbounded": unbounded, "no_interval": none}


@dataclass(frozen=True)
class Raters:
    """Who name the true one of three labels with this probability; a label is missing with `missing`."""

    items: int
    raters: int
    accuracy: float
    missing: float = 0.0
    per_cluster: int = 1


def agreement_worlds(setting: tuple[Raters, int]) -> dict[str, Any]:
    crowd, worlds = setting
    rng = np.random.default_rng(zlib.crc32(repr(crowd).encode()))
    truly = 1 - (1 - crowd.accuracy**2 - (1 - crowd.accuracy) ** 2 / 2) / (2 / 3)
    statistics = {"fleiss": fleiss_kappa, "krippendorff": krippendorff_alpha}
    covered: dict[str, list[bool]] = {name: [] for name in (*statistics, *(("cohen",) if crowd.raters == 2 else ()))}
    none = 0
    for _ in range(worlds):
        # Items of a cluster share their truth, and whether each rater sees it.
        clusters = crowd.items // crowd.per_cluster
        true = rng.integers(0, 3, clusters)
        sees, error = (
            rng.random((crowd.raters, clusters)) < crowd.accuracy,
            rng.integers(1, 3, (crowd.raters, clusters)),
        )
        labels = np.where(sees, true, (true + error) % 3)
        labels = np.repeat(labels, crowd.per_cluster, axis=1)
        gone = rng.random(labels.shape) < crowd.missing
        rows = [
            [None if gone[r, i] else int(labels[r, i]) for r in range(crowd.raters)] for i in range(labels.shape[1])
        ]
        names = [str(i // crowd.per_cluster) for i in range(labels.shape[1])]
        for name in covered:
            result = (
                cohen_kappa([row[0] for row in rows], [row[1] for row in rows], names)
                if name == "cohen"
                else statistics[name](rows, names)
            )
            none += result.ci95 is None
            if result.ci95:
                covered[name].append(result.ci95[0] <= truly <= result.ci95[1])
    shares = {name: round(float(np.mean(inside)), 4) for name, inside in covered.items()}
    return {"world": repr(crowd), "worlds": worlds, "coverage": shares, "no_interval": none}


WORLDS = (
    World(4, 30, 4), World(4, 120, 1), World(6, 60, 4, favour=0.8), World(8, 300, 1), World(10, 100, 5, favour=0.8),
    World(16, 150, 6, favour=0.8), World(6, 150, 4, favour=0.8, newcomer=30),
    World(4, 120, 2, style=0.7), World(6, 100, 4, favour=0.8, style=0.7), World(10, 150, 4, style=0.7),
)  # fmt: skip
CROWDS = tuple(
    Raters(items, raters, accuracy, missing, per)
    for items, raters, accuracy, missing, per in (
        (50, 2, 0.7, 0, 1), (50, 2, 0.9, 0, 1), (200, 2, 0.8, 0.2, 1), (200, 2, 0.97, 0, 1), (100, 3, 0.7, 0.2, 1),
        (100, 5, 0.85, 0.3, 1), (240, 3, 0.8, 0, 4),
    )
)  # fmt: skip


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--worlds", type=int, default=2_000)
    options.add_argument("--rounds", type=int, default=100, help="of the bootstrap")
    options.add_argument("--peers", help="Python of an environment with evalica and arena-rank")
    options.add_argument("--only", choices=("speed", "coverage"))
    given = options.parse_args()
    figures: dict[str, Any] = {}
    if given.only != "coverage":
        figures["speed"] = speed(given.rounds)
        if given.peers:
            figures["peers"] = peers(given.peers)
        print(json.dumps(figures, indent=1))
    if given.only != "speed":
        with ProcessPoolExecutor(2) as pool:
            figures["ranking"] = list(pool.map(ranked_worlds, [(world, given.worlds) for world in WORLDS]))
            figures["agreement"] = list(pool.map(agreement_worlds, [(crowd, given.worlds) for crowd in CROWDS]))
    write("ranking" if not given.only else f"ranking_{given.only}", figures)


if __name__ == "__main__":
    main()
