"""What `jielong judge` found, as plain data: pairs or grades, everybody's opinion of the same items side by side."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from ..tasks.task import Task
from .agreement import Agreement
from .grade_judge import GradedReplies, GradesBeside, beside, grade_panel
from .judge_audit import Audit
from .judge_sources import rule_scores
from .pair_figures import (
    PairFigures,
    Reference,
    figures,
    longer_reply,
    panel,
    panel_agreement,
    with_common,
)
from .pair_judge import JudgedPairs, PairVerdict
from .results import ModelResult


@dataclass(frozen=True)
class PairReport:
    """`rows`: judges, their panel if there are several, what references say, and the length-only baseline."""

    rows: tuple[PairFigures, ...]
    judged: tuple[JudgedPairs, ...]
    audits: tuple[Audit, ...] = ()
    panel_agreement: Agreement | None = None

    def to_json(self) -> dict[str, Any]:
        calls = [
            {"judge": j.judge, "pairs": len(j.verdicts), "unread": j.unread, "lost": j.lost, "reasons": dict(j.reasons)}
            for j in self.judged
        ]
        rows = [{**asdict(replace(row, scores={})), "n": row.win_rate.n} for row in self.rows]
        for row in rows:
            del row["scores"]
        audits = [{**asdict(audit), "doubt": audit.doubt} for audit in self.audits]
        agreement = self.panel_agreement and asdict(self.panel_agreement)
        return _without_nan({"rows": rows, "calls": calls, "audits": audits, "panel_agreement": agreement})


@dataclass(frozen=True)
class GradeRow:
    """One judge's grades of one model's replies, or all judges' (`panel`), beside what others say of them."""

    graded: GradedReplies
    beside: tuple[GradesBeside, ...] = ()


@dataclass(frozen=True)
class GradeReport:
    rows: tuple[GradeRow, ...]

    def to_json(self) -> dict[str, Any]:
        documents = []
        for row in self.rows:
            document = asdict(row)
            del document["graded"]["grades"]
            documents.append({**document["graded"], "n": row.graded.mean.n, "beside": document["beside"]})
        return _without_nan({"rows": documents})


def grade_report(
    graded: Sequence[GradedReplies],
    task: Task,
    results: Sequence[ModelResult],
    people: Mapping[tuple[str, str | None], float],
) -> GradeReport:
    """The judges' grades, and their panel's, beside the task's own rule and the grades of people."""
    rows = []
    for result in results:
        own = [each for each in graded if each.model == result.model]
        everybody = [*own, *([grade_panel(own, task)] if len(own) > 1 else [])]
        theirs = {"people": _of_model(people, result.model), "rule": rule_scores(task, result) or {}}
        for each in everybody:
            found = (beside(each, name, scores, task) for name, scores in theirs.items() if scores)
            rows.append(GradeRow(each, tuple(other for other in found if other)))
    return GradeReport(tuple(rows))


def _of_model(people: Mapping[tuple[str, str | None], float], model: str) -> dict[str, float | None]:
    return {name: grade for (name, of), grade in people.items() if of in (None, model)}


def pair_report(
    judged: Sequence[JudgedPairs], references: Sequence[Reference] = (), audits: Sequence[Audit] = ()
) -> PairReport:
    """The verdicts are corrected by, and compared with, `references`; the first of them corrects."""
    together = len(judged) > 1
    pairs = [verdict.pair for verdict in judged[0].verdicts]
    everybody = [*judged, *([panel(judged)] if together else []), longer_reply(pairs)]
    rows = [row for each in everybody for row in figures(each, references)]
    known = [row for reference in references for row in figures(_as_judge(reference, judged[0].verdicts))]
    shared = []
    for models in dict.fromkeys((row.model_a, row.model_b) for row in rows):
        shared += with_common([row for row in (*rows, *known) if (row.model_a, row.model_b) == models])
    return PairReport(tuple(shared), tuple(judged), tuple(audits), panel_agreement(judged) if together else None)


def _as_judge(reference: Reference, verdicts: Sequence[PairVerdict]) -> JudgedPairs:
    scores = [(verdict.pair, reference.scores.get(verdict.pair.id)) for verdict in verdicts]
    orders = [(pair, None if score is None else 1 - score, score) for pair, score in scores]
    return JudgedPairs(reference.name, tuple(PairVerdict(pair, ((score, other),)) for pair, other, score in orders))


def _without_nan(document: dict[str, Any]) -> dict[str, Any]:
    cleaned: dict[str, Any] = _cleaned(document)
    return cleaned


def _cleaned(value: Any) -> Any:
    """JSON knows no NaN: what has no value is null."""
    if isinstance(value, Mapping):
        return {key: _cleaned(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_cleaned(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
