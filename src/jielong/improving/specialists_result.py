"""What comes of specialists: for each task the scores of all that were trained, and who is better by how much."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..measuring.results import ModelResult, compare_scores, interval_json, mean_score
from ..stats import Estimate, PairedDifference, holm


@dataclass(frozen=True)
class Measured:
    """The scores of one model, or of several as one (their mean, item by item)."""

    scores: tuple[float | None, ...]
    clusters: tuple[str, ...] | None = None

    @classmethod
    def of(cls, results: Sequence[ModelResult]) -> Measured:
        rows = zip(*(result.scores for result in results), strict=True)
        scores = (None if None in row else sum(score or 0.0 for score in row) / len(row) for row in rows)
        return cls(tuple(scores), results[0].clusters)

    @property
    def estimate(self) -> Estimate:
        return mean_score(self.scores, self.clusters)

    def less(self, other: Measured) -> PairedDifference:
        return compare_scores(other.scores, self.scores, self.clusters)


@dataclass(frozen=True)
class Row:
    """A task. Of one that nobody learnt, `specialist` is the mean of all specialists, item by item; the classifier is
    None where there is none."""

    task: str
    learnt: bool
    start: Measured
    specialist: Measured
    generalist: Measured
    classifier: Measured | None = None


@dataclass(frozen=True)
class ComparedRow:
    row: Row
    specialist: PairedDifference  # less the generalist
    specialist_p: float | None  # corrected for all rows (Holm)
    classifier: PairedDifference | None  # less the specialist
    classifier_p: float | None


@dataclass(frozen=True)
class Table:
    """`kind`: "per_task", the generalist learnt as much of each task as its specialist did; or "in_all", it learnt as
    much in all. `tokens` is how much the generalist learnt, of all tasks together."""

    kind: str
    tokens: int
    rows: tuple[Row, ...]

    def compared(self) -> list[ComparedRow]:
        specialists = [row.specialist.less(row.generalist) for row in self.rows]
        classifiers = [row.classifier.less(row.specialist) if row.classifier else None for row in self.rows]
        specialist_ps = holm([pair.p for pair in specialists])
        classifier_ps = holm([pair.p if pair else None for pair in classifiers])
        rows = zip(self.rows, specialists, specialist_ps, classifiers, classifier_ps, strict=True)
        return [ComparedRow(*row) for row in rows]

    def pooled(self) -> ComparedRow | None:
        """All learnt tasks as one, every item alike."""
        rows = [row for row in self.rows if row.learnt]
        return replace(self, rows=(_pooled(rows),)).compared()[0] if len(rows) > 1 else None

    def to_json(self) -> dict[str, Any]:
        pooled = self.pooled()
        return {
            "kind": self.kind,
            "generalist_tokens": self.tokens,
            "rows": [_row_json(row) for row in self.compared()],
            "all_learnt": _row_json(pooled) if pooled else None,
        }


def _pooled(rows: Sequence[Row]) -> Row:
    def joined(parts: Sequence[Measured]) -> Measured:
        clusters = None
        if any(part.clusters for part in parts):
            clusters = tuple(
                f"{row.task} {name}"
                for row, part in zip(rows, parts, strict=True)
                for name in part.clusters or map(str, range(len(part.scores)))
            )
        return Measured(tuple(score for part in parts for score in part.scores), clusters)

    return Row(
        "", True, joined([row.start for row in rows]), joined([row.specialist for row in rows]),
        joined([row.generalist for row in rows]),
    )  # fmt: skip


@dataclass(frozen=True)
class Training:
    """A model that was trained: its role, its task ("" for a generalist), its recipe, and how many tokens it read."""

    role: str
    task: str
    recipe: str
    tokens: int


@dataclass(frozen=True)
class SpecialistsResult:
    start: str
    tokens: int  # that each specialist learnt
    trainings: tuple[Training, ...]
    tables: tuple[Table, ...]

    def to_json(self) -> dict[str, Any]:
        return {
            "start": self.start,
            "tokens": self.tokens,
            "trainings": [vars(training) for training in self.trainings],
            "tables": [table.to_json() for table in self.tables],
        }


def _row_json(compared: ComparedRow) -> dict[str, Any]:
    row = compared.row
    names = {
        "start": row.start,
        "specialist": row.specialist,
        "generalist": row.generalist,
        "classifier": row.classifier,
    }
    return {
        "task": row.task or None,
        "learnt": row.learnt,
        "n": row.start.estimate.n,
        **{name: _estimate_json(measured) for name, measured in names.items()},
        "specialist_less_generalist": _pair_json(compared.specialist, compared.specialist_p),
        "classifier_less_specialist": _pair_json(compared.classifier, compared.classifier_p),
    }


def _estimate_json(measured: Measured | None) -> dict[str, Any] | None:
    if measured is None:
        return None
    estimate = measured.estimate
    return {"mean": estimate.mean if estimate.n else None, "ci95": interval_json(estimate.ci95), "n": estimate.n}


def _pair_json(pair: PairedDifference | None, p_holm: float | None) -> dict[str, Any] | None:
    if pair is None:
        return None
    return {"difference": pair.difference, "ci95": interval_json(pair.ci95), "p": pair.p, "p_holm": p_holm}
