"""How good a reward model is on comparisons that it was not trained on: accuracy beside baselines, and calibration."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from ...atomic_write import write_whole
from ...models.local.reward_model import REWARD_FILE
from ...stats import Interval, mean, paired_difference
from ..data.preference_data import Preference
from .reward_baselines import Floats, baselines

BINS = 10
MAX_SLOPE = 100.0


@dataclass(frozen=True)
class BaselineResult:
    """`difference`: the model's accuracy minus the baseline's, with its interval and p, by prompts."""

    name: str
    accuracy: float
    difference: float
    ci95: Interval | None
    p: float | None


@dataclass(frozen=True)
class HeadResult:
    """`accuracy` is of the pairs that are no ties; equal rewards count half. `calibration_error`: how far the
    probability of being better is from how often it is so, the mean over ten groups of pairs; `scaled` once `slope`,
    fitted on the other half of the prompts, has been put before the rewards. `center` is the mean reward."""

    name: str
    pairs: int
    ties: int
    accuracy: float | None
    ci95: Interval | None
    baselines: tuple[BaselineResult, ...]
    calibration_error: float | None
    scaled_calibration_error: float | None
    slope: float
    center: float


@dataclass(frozen=True)
class RewardReport:
    """`recipe` loads the model. `trained`, `tested`: how many pairs."""

    recipe: str
    trained: int
    tested: int
    heads: tuple[HeadResult, ...]

    def write(self, weights: Path, out: Path) -> None:
        """What `reward:` needs beside the weights, and the report."""
        heads = {head.name: {"center": head.center, "slope": head.slope} for head in self.heads}
        write_whole(weights / REWARD_FILE, json.dumps({"heads": heads}, indent=1) + "\n")
        write_whole(out / "reward_report.json", json.dumps(asdict(self), ensure_ascii=False, indent=1) + "\n")


def reward_report(
    recipe: str, heads: Sequence[str], training: Sequence[Preference], tested: Sequence[Preference], rewards: Floats
) -> RewardReport:
    """`rewards`: (tested pairs, 2), those of the preferred reply first. A head is tested on its own standard."""
    results = []
    for name in heads:
        own = [i for i, each in enumerate(tested) if len(heads) == 1 or each.standard == name]
        known = [each for each in training if len(heads) == 1 or each.standard == name]
        results.append(_head(name, known, [tested[i] for i in own], rewards[own]))
    return RewardReport(recipe, len(training), len(tested), tuple(results))


def _head(name: str, training: Sequence[Preference], tested: Sequence[Preference], rewards: Floats) -> HeadResult:
    decided = [i for i, each in enumerate(tested) if each.preference != 0.5]
    center = float(rewards.mean()) if len(rewards) else 0.0
    if not decided:
        return HeadResult(name, 0, len(tested), None, None, (), None, None, 1.0, center)
    kept, clusters = [tested[i] for i in decided], [tested[i].cluster for i in decided]
    differences = rewards[decided, 0] - rewards[decided, 1]
    right = _right(differences)
    accuracy = mean(right, clusters)
    beside = []
    for baseline in baselines(training, kept):
        its = _right(baseline.differences)
        paired = paired_difference(its, right, clusters)
        beside.append(
            BaselineResult(baseline.name, sum(its) / len(its), paired.difference, paired.ci95, paired.p)
        )  # fmt: skip
    return HeadResult(
        name, len(decided), len(tested) - len(decided), accuracy.mean, accuracy.ci95, tuple(beside),
        calibration_error(differences), _scaled_error(differences, clusters), fitted_slope(differences), center,
    )  # fmt: skip


def _right(differences: Floats) -> list[float]:
    return [1.0 if each > 0 else 0.5 if each == 0 else 0.0 for each in differences]


def calibration_error(differences: Floats) -> float:
    """Expected calibration error (Naeini et al. 2015) of the reply that is thought to be better, by groups of equal
    size: the mean distance of its probability from how often it was preferred."""
    confidence = 1 / (1 + np.exp(-np.abs(differences)))
    right = np.array(_right(differences))
    order = np.argsort(confidence)
    groups = np.array_split(order, min(BINS, len(order)))
    return float(sum(abs(confidence[g].mean() - right[g].mean()) * len(g) for g in groups) / len(order))


def fitted_slope(differences: Floats) -> float:
    """The factor before the rewards that makes what was observed most likely; 0 where they say nothing.

    No pair counts as wholly certain (Platt 1999): where all are right, the factor would have no end.
    """
    low, high = 0.0, MAX_SLOPE
    if _gradient(low, differences) <= 0:
        return 0.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if _gradient(middle, differences) > 0 else (low, middle)
    return low


def _gradient(slope: float, differences: Floats) -> float:
    """Of the log-likelihood, which is concave in the slope."""
    certain = (len(differences) + 1) / (len(differences) + 2)
    return float((differences * (certain - 1 / (1 + np.exp(-np.clip(slope * differences, -500, 500))))).sum())


def _scaled_error(differences: Floats, clusters: Sequence[str]) -> float | None:
    number: Mapping[str, int] = {name: i for i, name in enumerate(dict.fromkeys(clusters))}
    half = np.array([number[name] % 2 for name in clusters])
    if len(number) < 2:
        return None
    scaled = differences.copy()
    for side in (0, 1):
        scaled[half == side] *= fitted_slope(differences[half != side])
    return calibration_error(scaled)
