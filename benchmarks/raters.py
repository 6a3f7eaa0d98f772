"""Raters of whom two thirds guess: what their votes say by a count and by the model of raters, against the truth.

200 pairs, 20 raters, of whom 7 are right nine times of ten and 13 guess; 5 raters a pair, or one. A balance of votes is
half right. `known`: votes weighed by the true reliabilities, which nobody has.
"""

from __future__ import annotations

import math
import random
import statistics
from typing import Any

from common import write

from jielong.measuring.rater_reliability import RaterModel, majority, model_raters
from jielong.measuring.votes import Vote, Winner
from jielong.stats import mean

SEEDS, PAIRS, RATERS, GOOD, ACCURACY = 40, 200, 20, 7, 0.9


def world(seed: int, raters_a_pair: int) -> tuple[dict[str, Winner], list[Vote]]:
    rng = random.Random(seed)
    truth: dict[str, Winner] = {f"q{i}": rng.choice(("model_a", "model_b")) for i in range(PAIRS)}
    votes = []
    for name, winner in truth.items():
        for rater in rng.sample(range(RATERS), raters_a_pair):
            other: Winner = "model_b" if winner == "model_a" else "model_a"
            said = winner if rng.random() < (ACCURACY if rater < GOOD else 0.5) else other
            votes.append(Vote(name, name, "x", "y", said, f"rater {rater:02d}"))
    return truth, votes


def right(truth: dict[str, Winner], preferences: dict[str, float]) -> float:
    scores = (p if truth[name] == "model_a" else 1 - p for name, p in preferences.items())
    return statistics.mean(1.0 if score > 0.5 else 0.5 if score == 0.5 else 0.0 for score in scores)


def with_known(votes: list[Vote]) -> dict[str, float]:
    odds: dict[str, float] = {}
    for vote in votes:
        weight = math.log(ACCURACY / (1 - ACCURACY)) if int(str(vote.rater)[-2:]) < GOOD else 0.0
        odds[vote.id] = odds.get(vote.id, 0.0) + (weight if vote.winner == "model_a" else -weight)
    return {name: 0.5 + 0.5 * ((value > 0) - (value < 0)) for name, value in odds.items()}


def reliabilities(found: RaterModel) -> dict[str, float]:
    """Of knowing: a rater of .9 knows .8 of the answers and guesses the rest."""
    return {each.rater: round(each.reliability or 0.0, 3) for each in sorted(found.raters, key=lambda r: r.rater)}


def measured(raters_a_pair: int) -> dict[str, Any]:
    rows: dict[str, list[float]] = {"majority": [], "modelled": [], "known": []}
    good, guessing = list[float](), list[float]()
    for seed in range(SEEDS):
        truth, votes = world(seed, raters_a_pair)
        found = model_raters(votes)
        rows["majority"].append(right(truth, {key[0]: value for key, value in majority(votes).items()}))
        rows["modelled"].append(right(truth, {each.id: each.preference for each in found.preferences}))
        rows["known"].append(right(truth, with_known(votes)))
        for name, value in reliabilities(found).items():
            (good if int(name[-2:]) < GOOD else guessing).append(value)
    gains = [b - a for a, b in zip(rows["majority"], rows["modelled"], strict=True)]
    estimate = mean(gains)
    return {
        "raters_a_pair": raters_a_pair,
        **{name: round(statistics.mean(values), 4) for name, values in rows.items()},
        "gain": round(estimate.mean, 4), "ci95": estimate.ci95, "worst_gain": round(min(gains), 4),
        "reliability_of_the_good": round(statistics.mean(good), 3), "true": 2 * ACCURACY - 1,
        "reliability_of_the_guessing": round(statistics.mean(guessing), 3),
    }  # fmt: skip


def main() -> None:
    _, votes = world(0, 5)
    write("raters", {"seeds": SEEDS, "runs": [measured(5), measured(1)], "seed_0": reliabilities(model_raters(votes))})


if __name__ == "__main__":
    main()
