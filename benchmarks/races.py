"""Races whose truth is known: what a search costs, what it loses, whether the winner's interval keeps its promise.

`simulated`: 2,000 races of random worlds through the functions that `improve` decides with (successive_halving,
verdict). A world is 22 recipes with the prices and the family likeness of the catalogue; whether a recipe is right on
an item depends on the item's difficulty, on the recipe and on chance. In a third of the worlds one technique helps, in
a third each has a small effect of its own, good or bad, in a third a large one; 2,000 further worlds have no effect at
all.

`few`: five times as many of 100 items, as 1,300 winners tell a coverage to 1.2 points only.

`nulls`: the whole engine where nothing helps and a careless figure would say that something does.

`scripted`: the whole engine on scripted models, each helped by one technique, and on one that nothing helps.
"""

from __future__ import annotations

import statistics
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import numpy as np
from common import ROOT, write
from scipy import stats

from jielong.contract import Usage
from jielong.improving import successive_halving, verdict
from jielong.improving.improve_plan import prepare
from jielong.improving.improve_result import Comparison
from jielong.improving.improve_run import ImproveRun
from jielong.measuring.results import ItemResult, ModelResult

sys.path.insert(0, str(ROOT / "tests"))

from improving import worlds

RACES, CLUSTERS, LIKENESS = (
    2000,
    20,
    0.6,
)  # the share of an item's fate that its difficulty decides, the same for all recipes
PRICES = {
    "": 1.0, "cot": 2.2, **{f"spell{i}": 1.1 for i in range(8)}, "persona": 1.15, "few_shot": 1.9,
    "few_shot cot": 3.2, "vote": 5.0, "cot vote": 11.0, "cot best": 13.0, "cot check": 5.5, "cot fresh": 5.5,
    "refine": 4.5, "cot refine": 8.0, "program": 1.8, "program vote": 7.0,
}  # fmt: skip
RECIPES, TECHNIQUES = list(PRICES), sorted({part for recipe in PRICES for part in recipe.split()})


@dataclass(frozen=True)
class World:
    truth: Any  # accuracy of each recipe
    scores: Any  # recipes × items, 0 or 1
    prices: Any  # of a mean item


def world(rng: Any, kind: str, items: int) -> World:
    effect = dict.fromkeys(TECHNIQUES, 0.0)
    if kind == "one":
        effect[rng.choice(TECHNIQUES)] = rng.uniform(0.3, 1.5)
    elif kind != "none":
        wide = 0.35 if kind == "small" else 0.6
        effect = {t: rng.normal(0, 0.05 if t.startswith("spell") else wide) for t in TECHNIQUES}
    ability = rng.uniform(-1.2, 1.2) + np.array([sum(effect[part] for part in recipe.split()) for recipe in RECIPES])
    difficulty = rng.normal(size=items) * LIKENESS**0.5
    chance = rng.normal(size=(len(RECIPES), items)) * (1 - LIKENESS) ** 0.5
    scores = (ability[:, None] + difficulty + chance > 0).astype(float)
    return World(stats.norm.cdf(ability), scores, np.array(list(PRICES.values())) * rng.lognormal(0, 0.2, len(RECIPES)))


def search_once(sample: World, search: int) -> tuple[list[int], float]:
    """The finalists in the order of the search, and what the search cost; as ImproveRun._search does it."""
    ends = successive_halving.rounds(search)
    keep = successive_halving.keep(len(RECIPES) - 1, ends, successive_halving.FINALISTS)
    running, seen, cost = list(range(1, len(RECIPES))), 0, 0.0

    def standing(i: int) -> successive_halving.Standing:
        parts = frozenset(["model", *RECIPES[i].split()])
        return successive_halving.Standing(str(i), parts, sample.scores[i, :seen].tolist(), float(sample.prices[i]))

    for end, limit in zip(ends, keep, strict=True):
        cost += (end - seen) * (sample.prices[0] + sum(sample.prices[i] for i in running))
        seen = end
        limit = limit if end < search else len(RECIPES)
        running = [
            int(one.name) for one in successive_halving.eliminate(standing(0), [standing(i) for i in running], limit)[0]
        ]
        if len(running) < 2:
            break
    order = [int(one.name) for one in successive_halving.preference([standing(i) for i in running])]
    return order[: successive_halving.FINALISTS], cost


def compare_in_final(sample: World, recipes: list[int], first: int) -> tuple[Comparison, ...]:
    """These recipes against the plain model on the items from `first` on."""

    def result(i: int) -> ModelResult:
        answers = (ItemResult(str(n), s, "", "", None, Usage(), 0.0) for n, s in enumerate(sample.scores[i, first:]))
        return ModelResult(str(i), tuple(answers), None, Usage(), ())

    return verdict.comparisons([result(i) for i in (0, *recipes)])


def covers(sample: World, comparison: Comparison) -> bool:
    gain = sample.truth[int(comparison.recipe)] - sample.truth[0]
    return comparison.ci95 is not None and bool(comparison.ci95[0] <= gain <= comparison.ci95[1])


def simulated(items: int, kinds: tuple[str, ...], races: int = RACES) -> dict[str, Any]:
    rng = np.random.default_rng(items)
    search, rows = items // 2, []
    for n in range(races):
        sample = world(rng, kinds[n % len(kinds)], items)
        finalists, cost = search_once(sample, search)
        pairs = compare_in_final(sample, finalists, search)
        decided = verdict.final_verdict("0", pairs, None)
        comparison = decided.comparison or pairs[0]
        gain = sample.truth[int(comparison.recipe)] - sample.truth[0]
        everything = items * sample.prices.sum()
        final = (items - search) * (sample.prices[0] + sum(sample.prices[i] for i in finalists))
        means = sample.scores.mean(axis=1)
        best = max(range(len(RECIPES)), key=lambda i: (means[i], -sample.prices[i]))
        rows.append(
            {
                "improved": decided.kind == "improved",
                "first": decided.recipe == pairs[0].recipe,
                "covers": covers(sample, comparison),
                "wrong": decided.kind == "improved" and gain <= 1e-12,
                "lost": sample.truth[best] - sample.truth[finalists[0]],
                "regret": sample.truth.max() - sample.truth[finalists[0]],
                "search": cost / everything,
                "whole": (cost + final) / everything,
                "price": sample.prices[finalists[0]] / sample.prices[best],
                "naive": best == 0 or covers(sample, compare_in_final(sample, [best], 0)[0]),
            }
        )
    winners = [row for row in rows if row["improved"]]

    def share(name: str, among: list[dict[str, Any]] = rows) -> float | None:
        return round(statistics.fmean(float(row[name]) for row in among), 4) if among else None

    return {
        "races": races,
        "improved": share("improved"),
        "improved, though nothing helps it": share("wrong"),
        "a winner's interval covers its true gain": share("covers", winners),
        "the interval of the recipe shown covers its true gain": share("covers"),
        "the same for the best of all on all items, as it was before": share("naive"),
        "search / every candidate on every item": share("search"),
        "search and final / every candidate on every item": share("whole"),
        "points lost against the best of all on all items": round(100 * (share("lost") or 0.0), 2),
        "points lost against the truly best": round(100 * (share("regret") or 0.0), 2),
        "price / price of the best of all on all items": share("price"),
    }


def nulls(seeds: int, items: int) -> dict[str, Any]:
    """False winners: where items come in clusters, and where a technique only makes a guesser talkative."""

    def improved(task: Any, model: Any, seed: int) -> bool:
        run = ImproveRun(prepare(task, [model], seed=seed), ledger=Path(":memory:"))
        anyio.run(run.execute)
        return run.result().verdict.kind == "improved"

    figures: dict[str, Any] = {"items": items, "seeds": seeds}
    clustered = worlds.clustered_task(items, CLUSTERS)
    models = (worlds.helped_by_nothing_by_cluster(seed, CLUSTERS) for seed in range(seeds))
    figures[f"false winners, {CLUSTERS} clusters"] = statistics.fmean(
        improved(clustered, m, i) for i, m in enumerate(models)
    )
    print(figures, flush=True)
    labelled, helpers = worlds.labelled_task(items), list(worlds.HELPERS)
    talkers = (worlds.guesser_made_talkative(seed, helpers[seed % len(helpers)]) for seed in range(seeds))
    figures["false winners, labels"] = statistics.fmean(improved(labelled, m, i) for i, m in enumerate(talkers))
    return figures


def scripted(seeds: int, null_seeds: int, items: int) -> dict[str, Any]:
    figures: dict[str, Any] = {"items": items, "seeds": seeds, "seeds where nothing helps": null_seeds}

    def named(model: Any, seed: int) -> tuple[str, str]:
        run = ImproveRun(prepare(worlds.task(items), [model], seed=seed), ledger=Path(":memory:"))
        anyio.run(run.execute)
        decided = run.result().verdict
        return decided.kind, decided.recipe.partition(" | ")[2].partition("(examples=")[0]

    kinds = [named(worlds.helped_by_nothing_and_noisy(seed), seed)[0] for seed in range(null_seeds)]
    figures["nothing helped is said where nothing helps"] = kinds.count("nothing helped") / null_seeds
    print(figures, flush=True)
    for technique in worlds.HELPERS:
        wins = [named(worlds.helped_by(technique, seed), seed)[1] == technique for seed in range(seeds)]
        figures[f"{technique} wins where it alone helps"] = statistics.fmean(wins)
        print(technique, statistics.fmean(wins), flush=True)
    wins = ["self_consistency" in named(worlds.helped_by_voting(seed), seed)[1] for seed in range(seeds)]
    return {**figures, "a vote wins where a vote alone helps": statistics.fmean(wins)}


def main() -> None:
    if sys.argv[1:] == ["scripted"]:
        write("races_scripted", scripted(20, 200, 100))
        return
    helped = ("one", "small", "large")
    if sys.argv[1:] == ["nulls"]:
        write("races_nulls", nulls(200, 100))
        return
    if sys.argv[1:] == ["few"]:
        write("races_few", {"100 items": simulated(100, helped, 5 * RACES)})
        return
    figures = {"200 items": simulated(200, helped), "200 items, nothing helps": simulated(200, ("none",))}
    write("races", {**figures, **{f"{items} items": simulated(items, helped) for items in (100, 400)}})


if __name__ == "__main__":
    main()
