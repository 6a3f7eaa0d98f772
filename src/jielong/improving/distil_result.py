"""What `distil` brought: the student before and after, its teacher and a control, on questions that nobody learnt."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ..contract import Usage
from ..measuring.results import EvalReport, ModelResult, interval_json
from ..stats import Interval

RESAMPLES = 2_000


@dataclass(frozen=True)
class GainKept:
    """The part of the teacher's gain over the student before that a student has; None where the teacher gained none."""

    share: float | None
    ci95: Interval | None


@dataclass(frozen=True)
class DistilResult:
    """`report` holds the student before, the teacher, the student after and, where there is one, the control."""

    report: EvalReport
    asked: int
    kept: int
    dropped: dict[str, int]  # why replies were not kept: lost, no_answer, wrong, no_agreement, too_long
    teaching: Usage  # what asking the teacher for data took
    steps: int
    tokens: int
    stopped: str | None = None

    @property
    def before(self) -> ModelResult:
        return self.report.results[0]

    @property
    def teacher(self) -> ModelResult:
        return self.report.results[1]

    @property
    def after(self) -> ModelResult:
        return self.report.results[2]

    @property
    def control(self) -> ModelResult | None:
        return self.report.results[3] if len(self.report.results) > 3 else None

    @property
    def gain_kept(self) -> GainKept:
        return gain_kept(self.before, self.teacher, self.after)

    def to_json(self) -> dict[str, Any]:
        kept, against = self.gain_kept, self.after.against(self.control) if self.control else None
        return {
            **self.report.to_json(),
            "data": {"asked": self.asked, "kept": self.kept, **self.dropped, "stopped": self.stopped},
            "teaching": asdict(self.teaching),
            "steps": self.steps,
            "tokens": self.tokens,
            "gain_kept": {"share": kept.share, "ci95": interval_json(kept.ci95)},
            "student_over_control": against
            and {"difference": against.difference, "ci95": interval_json(against.ci95), "p": against.p},
        }


def gain_kept(before: ModelResult, teacher: ModelResult, student: ModelResult, seed: int = 0) -> GainKept:
    """Of the means on the items that all three have scored. The interval is a bootstrap over clusters; there is none
    where the teacher's gain is 0 or less in more than 2.5 % of the resamples."""
    rows = [
        (group, *scores)
        for group, *scores in zip(
            before.clusters or range(len(before.answers)), before.scores, teacher.scores, student.scores, strict=True
        )
        if None not in scores
    ]
    if not rows:
        return GainKept(None, None)
    groups = {name: i for i, name in enumerate(dict.fromkeys(row[0] for row in rows))}
    sums = np.zeros((len(groups), 2))  # of each cluster: the teacher's gain and the student's
    for group, plain, taught, learnt in rows:
        sums[groups[group]] += (taught - plain, learnt - plain)  # type: ignore[operator]
    teacher_gain, student_gain = sums.sum(axis=0)
    if teacher_gain <= 0:
        return GainKept(None, None)
    counts = np.random.default_rng(seed).multinomial(len(sums), np.full(len(sums), 1 / len(sums)), RESAMPLES)
    drawn = counts @ sums
    share = float(student_gain / teacher_gain)
    if np.mean(drawn[:, 0] <= 0) > 0.025:
        return GainKept(share, None)
    shares = np.sort(np.where(drawn[:, 0] > 0, drawn[:, 1] / np.where(drawn[:, 0] > 0, drawn[:, 0], 1), np.inf))
    low, high = np.quantile(shares[np.isfinite(shares)], (0.025, 0.975))
    return GainKept(share, (float(low), float(high)))
