"""A route over two and three models on RouteLLM's record of MMLU and GSM8K (Ong et al. 2024), which is not in this
project: the folder `routellm/evals` of lm-sys/RouteLLM, or one that holds `mmlu/responses/*.csv` and `gsm8k/*.csv`.

    python benchmarks/route.py /path/to/routellm/evals

Fitted and tested on different questions: 200, 1,000 and all of one half against the other; each question by a fit that
had seen none of its subject; and with a whole field of subjects left out. The third model is made: it answers as the
strong one where the questions of two fields come from, and as the weak one elsewhere, at a price between theirs. Beside
it: the length of the question alone, and every model alone.
"""

from __future__ import annotations

import csv
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import anyio
import numpy as np
from common import write

from jielong.improving.route_curve import area, cost_weights, hull_at, routed
from jielong.improving.route_fit import RouteData, fit_route
from jielong.techniques.cooperate.route import embedded
from jielong.techniques.cooperate.route_file import Router, surface

WEAK, STRONG = "mistralai/Mixtral-8x7B-Instruct-v0.1", "gpt-4-1106-preview"
COST = {WEAK: 0.6, "made": 3.0, STRONG: 24.7}  # dollars a million tokens, as in RouteLLM's paper
MOST, DRAWS = 8_000, 500  # items of a fit and of a test; draws of the bootstrap
FIELDS = ("law", "medicine", "mathematics", "history")
WORDS = {
    "law": ("law", "jurisprudence", "moral", "ethics", "philosophy", "logical"),
    "medicine": ("medic", "anatomy", "clinical", "biology", "virology", "nutrition", "genetics", "aging"),
    "mathematics": ("math", "algebra", "statistics", "physics", "gsm8k", "formal_logic", "computer", "econometrics"),
    "history": ("history", "politic", "government", "geography", "relations", "religions", "policy", "sociology"),
}


def read(folder: Path) -> tuple[list[str], list[str], Any]:
    csv.field_size_limit(10**8)
    subjects, questions, scores = list[str](), list[str](), []
    for file in [*sorted(folder.rglob("mmlu_*.csv")), *folder.rglob("gsm8k_responses.csv")]:
        with file.open(encoding="utf-8", newline="") as lines:
            for row in csv.DictReader(lines):
                subjects.append(file.stem.removeprefix("mmlu_").removesuffix("_responses"))
                questions.append(row["prompt"])
                scores.append([float(row[WEAK] == "True"), float(row[STRONG] == "True")])
    return subjects, questions, np.array(scores)


def field(subject: str) -> str:
    return next((name for name in FIELDS if any(word in subject for word in WORDS[name])), "other")


class Study:
    def __init__(self, subjects: Sequence[str], questions: Sequence[str], scores: Any, names: tuple[str, ...]) -> None:
        self.subjects, self.questions, self.scores, self.names = subjects, questions, scores, names
        self.surfaces = np.array([surface(text) for text in questions])
        self.vectors: Any = None
        self.costs = np.tile([COST[name] for name in names], (len(questions), 1))

    def fitted(self, train: Any, test: Any, by_subject: bool = False) -> dict[str, Any]:
        data = RouteData(
            "routellm", self.names, [self.questions[i] for i in train], self.scores[train], self.costs[train], "usd",
            [self.subjects[i] if by_subject else str(i) for i in train], (), "wordllama", self.vectors[train],
        )  # fmt: skip
        started = time.process_time()
        fit = fit_route(data)
        seconds = time.process_time() - started
        router = Router(fit.file)
        predicted = router.probabilities(self.surfaces[test], self.vectors[test] if fit.file.embedder else None)
        by_length = np.outer(self.surfaces[test][:, 0], np.arange(len(self.names)))
        scores, costs = self.scores[test], self.costs[test]
        means, prices = scores.mean(axis=0), costs.mean(axis=0)
        (ours, length, more) = area([predicted, by_length], scores, costs, draws=DRAWS)
        gap = float(means.max() - means[prices.argmin()])
        best = self._against_best(predicted, scores, costs)
        return {
            "fitted_on": len(train), "tested_on": len(test), "method": fit.method, "fit_cpu_seconds": round(seconds, 1),
            "accuracy_alone": dict(zip(self.names, means.round(4).tolist(), strict=True)),
            "area_above_mixing": _figure(ours), "area_by_length": _figure(length), "ours_less_length": _figure(more),
            "apgr": round(0.5 + ours[0] / gap, 4), "apgr_by_length": round(0.5 + length[0] / gap, 4),
            "calibration_error": np.abs(predicted.mean(axis=0) - means).round(4).tolist(), **best,
        }  # fmt: skip

    def subject_left_out(self, items: Any) -> dict[str, Any]:
        """Each question by a fit that had seen none of its subject, in five folds of subjects."""
        data = RouteData(
            "routellm", self.names, [self.questions[i] for i in items], self.scores[items], self.costs[items], "usd",
            [self.subjects[i] for i in items], (), "wordllama", self.vectors[items],
        )  # fmt: skip
        fit = fit_route(data)
        by_length = np.outer(self.surfaces[items][:, 0], np.arange(len(self.names)))
        ours, length, more = area([fit.unseen, by_length], self.scores[items], self.costs[items], draws=DRAWS)
        gap = float(np.ptp(self.scores[items].mean(axis=0)))
        return {
            "items": len(items), "subjects": len(set(data.clusters)), "method": fit.method,
            "area_above_mixing": _figure(ours), "area_by_length": _figure(length), "ours_less_length": _figure(more),
            "apgr": round(0.5 + ours[0] / gap, 4), "apgr_by_length": round(0.5 + length[0] / gap, 4),
        }  # fmt: skip

    def _against_best(self, predicted: Any, scores: Any, costs: Any) -> dict[str, Any]:
        """The cheapest cost at which the curve is as accurate as the best model, and how high it comes."""
        points = [routed(predicted, scores, costs, weight) for weight in cost_weights(predicted, costs.mean(axis=0))]
        curve = [(float(score.mean()), float(cost.mean())) for score, cost in points]
        best = int(scores.mean(axis=0).argmax())
        line = float(scores[:, best].mean())
        equal = min((cost for accuracy, cost in curve if accuracy >= line), default=None)
        nearly = min((cost for accuracy, cost in curve if accuracy >= line - 0.01), default=None)
        mixing = [float(hull_at(np.array([c]), scores.mean(0), costs.mean(0))[0]) for _, c in curve[:1]]
        alone = float(costs[:, best].mean())
        return {
            "best_single_line": round(line, 4), "highest": round(max(a for a, _ in curve), 4), "mixing_there": mixing,
            "cost_at_the_line": equal and round(equal / alone, 3),
            "cost_one_point_below": nearly and round(nearly / alone, 3),
        }  # fmt: skip


def _figure(value: tuple[float, tuple[float, float]]) -> dict[str, Any]:
    return {"points": round(100 * value[0], 3), "ci95": [round(100 * v, 3) for v in value[1]]}


def with_third(subjects: Sequence[str], scores: Any, seed: int) -> Any:
    """A made expert of law and history beside the two: it answers there as the strong model does, else as the weak."""
    expert = np.array([field(subject) in ("law", "history") for subject in subjects])
    noise = np.random.default_rng(seed).random(len(subjects)) < 0.02  # it is neither of them exactly
    third = np.where(expert, scores[:, 1], scores[:, 0])
    return np.stack([scores[:, 0], np.where(noise, 1 - third, third), scores[:, 1]], axis=1)


def main() -> None:
    if len(sys.argv) != 2 or not (folder := Path(sys.argv[1])).is_dir():
        raise SystemExit(__doc__)
    subjects, questions, scores = read(folder)
    started = time.process_time()
    vectors = anyio.run(embedded, "wordllama", questions)
    figures: dict[str, Any] = {
        "items": len(questions), "embedding_cpu_seconds": round(time.process_time() - started, 1)
    }  # fmt: skip
    order = np.random.default_rng(0).permutation(len(questions))
    train, test = order[: len(order) // 2], order[len(order) // 2 :][:MOST]
    fields = np.array([field(subject) for subject in subjects])
    two = Study(subjects, questions, scores, (WEAK, STRONG))
    three = Study(subjects, questions, with_third(subjects, scores, 1), (WEAK, "made", STRONG))
    two.vectors = three.vectors = vectors
    figures["two_models"] = {n: two.fitted(train[:n], test) for n in (200, 1000, MOST)}
    figures["gsm8k_alone"] = _one_source(two, np.array(subjects) == "gsm8k", order)
    figures["field_left_out"] = {
        name: two.fitted(order[fields[order] != name][:1000], order[fields[order] == name][:MOST], by_subject=True)
        for name in FIELDS
    }
    figures["subject_left_out"] = two.subject_left_out(order[:MOST])
    figures["three_models"] = {n: three.fitted(train[:n], test) for n in (1000,)}
    write("route", figures)


def _one_source(study: Study, mask: Any, order: Any) -> dict[str, Any]:
    own = order[mask[order]]
    return study.fitted(own[: len(own) // 2], own[len(own) // 2 :])


if __name__ == "__main__":
    main()
