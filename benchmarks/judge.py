"""Judges in worlds whose truth is known: what intervals cover, what correction saves, which planted biases are found.

    python benchmarks/judge.py                          # 2,000 worlds each (500 of 805 pairs): some five minutes
    python benchmarks/judge.py --worlds 200
    python benchmarks/judge.py --llmbar LLMBar/Dataset  # published judgements, github.com/princeton-nlp/LLMBar

- length control: verdicts that go with length, with difficulty or without, as shares or as wins;
- correction: 150 labels and 2,000 items that only the judge has seen, the judge correlated .6 with people, or useless;
  in clusters of five, too;
- a panel of three judges who share what they think of a pair, and lose 3 % each;
- a judge with planted position and length bias on 805 pairs, 200 planted pairs and 150 labels, where length means
  nothing and where longer replies truly are better.
"""

from __future__ import annotations

import argparse
import json
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from common import write

from jielong.measuring.judge_audit import summary
from jielong.measuring.judgements import read_judgements
from jielong.measuring.length_control import length_controlled
from jielong.measuring.pair_figures import Reference, figures, labels_of, longer_reply, panel
from jielong.measuring.pair_judge import JudgedPairs, PairVerdict
from jielong.measuring.prediction_powered import corrected_mean
from jielong.measuring.vote_pairs import Pair
from jielong.stats import Estimate, mean

PAIRS, PLANTED, LABELS, JUDGED = 805, 200, 150, 2000
Rng = np.random.Generator


def chance(log_odds: Any) -> Any:
    return 1 / (1 + np.exp(-log_odds))


def covers(estimate: Any, truth: float) -> bool:
    return bool(estimate.ci95 and estimate.ci95[0] <= truth <= estimate.ci95[1])


def lengths(rng: Rng, n: int) -> tuple[np.ndarray, np.ndarray]:
    return rng.lognormal(7.1, 0.4, n).round(), rng.lognormal(7.0, 0.4, n).round()


# --- length control ---------------------------------------------------------------------------------------------------


def length_worlds(worlds: int, *, model: float, slope: float, hard: float, wins: bool) -> dict[str, Any]:
    rng = np.random.default_rng(zlib.crc32(repr((model, slope, hard, wins)).encode()))
    truth = float(chance(model + hard * np.random.default_rng(9).normal(0, 0.7, 1_000_000)).mean())
    inside = found = 0
    errors = []
    for _ in range(worlds):
        own, other = lengths(rng, PAIRS)
        difference, difficulty = other - own, rng.normal(0, 0.7, PAIRS)
        shares = chance(model + slope * np.tanh(difference / difference.std(ddof=1)) + hard * difficulty)
        verdicts = (rng.random(PAIRS) < shares).astype(float) if wins else rng.beta(1.5 * shares, 1.5 * (1 - shares))
        fit = length_controlled(verdicts, own, other, difficulty=difficulty if hard else None)
        assert fit
        inside += covers(fit.win_rate, truth)
        found += fit.p is not None and fit.p < 0.05
        errors.append(fit.win_rate.mean - truth)
    return {"coverage": inside / worlds, "bias_points": 100 * float(np.mean(errors)), "length_found": found / worlds}


# --- correction by labels ---------------------------------------------------------------------------------------------


def label_worlds(worlds: int, *, correlation: float, size: int = 1, labels: int = LABELS) -> dict[str, Any]:
    """`size`: items in a cluster, half of whose variance they share."""
    rng = np.random.default_rng(zlib.crc32(repr((correlation, size, labels)).encode()))
    n = labels + JUDGED
    groups = np.repeat(np.arange(-(-n // size)), size)[:n]
    inside = 0
    widths = []
    for _ in range(worlds):
        shared = rng.normal(size=groups.max() + 1)[groups] if size > 1 else 0.0
        worth = np.sqrt(0.5) * shared + np.sqrt(0.5 if size > 1 else 1.0) * rng.normal(size=n)
        said = correlation * worth + np.sqrt(1 - correlation**2) * rng.normal(size=n)
        people, judge = np.clip(0.5 + 0.15 * worth, 0, 1), np.clip(0.58 + 0.15 * said, 0, 1)
        known = [float(value) if i < labels else None for i, value in enumerate(people)]
        found = corrected_mean(known, judge.tolist(), groups.astype(str).tolist() if size > 1 else None)
        inside += covers(found, 0.5)
        assert found.ci95
        assert found.labels.ci95
        widths.append((found.ci95[1] - found.ci95[0]) / (found.labels.ci95[1] - found.labels.ci95[0]))
    return {"coverage": inside / worlds, "width_beside_labels_alone": float(np.mean(widths))}


# --- verdicts on pairs ------------------------------------------------------------------------------------------------

TEXT = "x" * 20_000


def pairs(own: np.ndarray, other: np.ndarray, kind: str = "a") -> list[Pair]:
    return [
        Pair(f"{i}", f"{i}", "?", kind, "b", TEXT[: int(a)], TEXT[: int(b)])
        for i, (a, b) in enumerate(zip(own, other, strict=True))
    ]


def both_orders(worth: np.ndarray, place: float) -> list[tuple[float, float]]:
    """What the reply shown first scored, where that was a's and where it was b's."""
    return list(
        zip((worth + place > 0).astype(float).tolist(), (place - worth > 0).astype(float).tolist(), strict=True)
    )


def verdicts(given: list[Pair], orders: list[tuple[float, float]]) -> list[PairVerdict]:
    return [PairVerdict(pair, (order,)) for pair, order in zip(given, orders, strict=True)]


def panel_worlds(worlds: int) -> dict[str, Any]:
    rng, n = np.random.default_rng(3), 150
    levels = (0.1, 0.4, 0.7)

    def thought(size: int, level: float, shared: np.ndarray) -> np.ndarray:
        return level + shared + rng.logistic(size=size)

    shared = rng.normal(size=1_000_000)
    truth = float(np.mean([_score(thought(len(shared), level, shared), 0.3).mean() for level in levels]))
    given, inside = pairs(np.full(n, 10), np.full(n, 12)), 0
    for _ in range(worlds):
        shared = rng.normal(size=n)
        judges = []
        for number, level in enumerate(levels):
            orders = both_orders(thought(n, level, shared), 0.3)
            kept = [order if rng.random() > 0.03 else (None, 1.0) for order in orders]
            judged = [PairVerdict(pair, (order,)) for pair, order in zip(given, kept, strict=True)]
            judges.append(JudgedPairs(f"{number}", tuple(judged)))
        scores = [each.score for each in panel(judges).verdicts if each.score is not None]
        inside += covers(mean(scores), truth)
    return {"coverage": inside / worlds}


def _score(worth: np.ndarray, place: float) -> np.ndarray:
    return ((worth + place > 0) + 1.0 - (place - worth > 0)) / 2


def biased_worlds(worlds: int, *, place: float, length: float, earned: float) -> dict[str, Any]:
    """`place` and `length`: the judge's bias; `earned`: how much better longer replies truly are, in log-odds."""
    rng = np.random.default_rng(zlib.crc32(repr((place, length, earned)).encode()))

    def world(n: int) -> tuple[np.ndarray, ...]:
        own, other = lengths(rng, n)
        longer = np.tanh((own - other) / (own - other).std(ddof=1))
        worth = 0.3 + rng.normal(size=n) + earned * longer
        people = (rng.random(n) < chance(worth)).astype(float)
        return own, other, worth + length * longer + rng.logistic(size=n), people, longer

    *_, worth, truth_people, longer = world(1_000_000)
    unbiased = float(_score(worth - length * longer, 0).mean())
    people_rate = float(truth_people.mean())
    counts = dict.fromkeys(("position", "length_planted", "length_beside_labels", "length_association"), 0)
    inside = dict.fromkeys(("length_controlled", "corrected"), 0)
    errors: dict[str, list[float]] = {"judge": [], "length_controlled": [], "corrected": []}
    for _ in range(worlds):
        own, other, worth, people, _ = world(PAIRS)
        given = pairs(own, other)
        labels = Reference("label", {f"{i}": float(people[i]) for i in range(LABELS)})
        (row,) = figures(JudgedPairs("judge", tuple(verdicts(given, both_orders(worth, place)))), [labels])
        doubled = 2 * own[:PLANTED]
        twice = length * np.tanh(own[:PLANTED] / (own - other).std(ddof=1)) + rng.logistic(size=PLANTED)
        planted = verdicts(pairs(doubled, own[:PLANTED], "length"), both_orders(twice, place))
        audit = summary(JudgedPairs("judge", tuple(planted)), PLANTED)
        assert row.length
        assert row.corrected
        for name, p in (
            ("position", row.first.p), ("length_planted", audit.tendencies["length"].p),
            ("length_beside_labels", row.agreements[0].length.p), ("length_association", row.length.p),
        ):  # fmt: skip
            counts[name] += p is not None and p < 0.05
        inside["length_controlled"] += covers(row.length.win_rate, unbiased)
        inside["corrected"] += covers(row.corrected, people_rate)
        errors["judge"].append(row.win_rate.mean - unbiased)
        errors["length_controlled"].append(row.length.win_rate.mean - unbiased)
        errors["corrected"].append(row.corrected.mean - people_rate)
    return {
        "found": {name: count / worlds for name, count in counts.items()},
        "coverage": {name: count / worlds for name, count in inside.items()},
        "bias_points": {name: 100 * float(np.mean(each)) for name, each in errors.items()},
    }


# --- judgements that exist --------------------------------------------------------------------------------------------


def llmbar(folder: Path) -> dict[str, Any]:
    """Every published accuracy of an evaluator beside ours, and for some what their tables do not have."""
    equal, files, examples = 0, sorted(folder.rglob("result.json")), {}
    for file in files:
        published = json.loads(file.with_name("statistics.json").read_text())
        (judged,) = read_judgements(file)
        labels = labels_of([verdict.pair for verdict in judged.verdicts])
        assert labels
        (row,) = figures(judged, [labels])
        found = row.agreements[0]
        (longer,) = figures(longer_reply([verdict.pair for verdict in judged.verdicts]), [labels])
        equal += abs(100 * found.of_all - float(published["correct_average"].rstrip("%"))) < 1e-9
        if file.parent.parent.name == "GPT-4" and file.parent.name == "Vanilla":
            examples[str(file.parent.parent.parent.parent.relative_to(folder))] = {
                "accuracy": _json(found.accuracy), "kappa": found.kappa.value, "kappa_ci95": found.kappa.ci95,
                "published_kappa": published["kappa_average"], "swap_consistency": _json(row.swap),
                "first_shown_wins": row.first.share.mean, "position_p": row.first.p, "unread": judged.unread,
                "the_longer_reply": _json(longer.agreements[0].accuracy),
            }  # fmt: skip
    return {"files": len(files), "accuracies_equal": equal, "GPT-4 Vanilla": examples}


def _json(estimate: Estimate) -> list[Any]:
    return [estimate.mean, *(estimate.ci95 or (None, None))]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--worlds", type=int, default=2000)
    parser.add_argument("--llmbar", type=Path)
    chosen = parser.parse_args()
    if chosen.llmbar:
        write("judge_llmbar", llmbar(chosen.llmbar))
        return
    worlds, fewer = chosen.worlds, chosen.worlds // 4
    runs: dict[str, Callable[[], dict[str, Any]]] = {
        "labels, correlation .6": lambda: label_worlds(worlds, correlation=0.6),
        "labels, useless judge": lambda: label_worlds(worlds, correlation=0.0),
        "labels in clusters, correlation .6": lambda: label_worlds(worlds, correlation=0.6, size=5),
        "labels in clusters, useless judge": lambda: label_worlds(worlds, correlation=0.0, size=5),
        "panel of three": lambda: panel_worlds(worlds),
        "biased judge": lambda: biased_worlds(fewer, place=0.5, length=1.0, earned=0.0),
        "honest judge": lambda: biased_worlds(fewer, place=0.0, length=0.0, earned=0.0),
        "biased judge, longer is better": lambda: biased_worlds(fewer, place=0.5, length=1.0, earned=0.8),
        "honest judge, longer is better": lambda: biased_worlds(fewer, place=0.0, length=0.0, earned=0.8),
        "length control, wins": lambda: length_worlds(worlds, model=0.4, slope=-1.0, hard=0.0, wins=True),
        "length control, no length": lambda: length_worlds(worlds, model=0.4, slope=0.0, hard=0.0, wins=True),
        "length control, difficulty": lambda: length_worlds(worlds, model=0.4, slope=-1.5, hard=0.6, wins=False),
    }
    results: dict[str, Any] = {"worlds": worlds, "worlds of 805 pairs": fewer}
    for name, run in runs.items():
        results[name] = run()
        print(name, json.dumps(results[name]), flush=True)
        write("judge", results, quiet=True)


if __name__ == "__main__":
    main()
