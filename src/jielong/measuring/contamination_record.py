"""What is known of the contamination of a task: kept in JIELONG_HOME, and shown beside its scores from then on.

A finding is about questions, not about a file: another limit, rule or name of the same questions finds it again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from typing import Any, Literal

from ..atomic_write import write_whole
from ..bounded_json import read_json
from ..runtime.home import home_folder, home_path
from ..stats import Estimate, mean
from ..tasks.task import Task
from .corpus_search import CorpusSearch, item_key
from .model_contamination import ModelSearch
from .results import EvalReport, interval_json

Status = Literal["whole", "part", "clean", "unjudged"]


@dataclass(frozen=True)
class Finding:
    """`of` names the corpus or the model; `items` are the questions by `item_key`: of a corpus each with its status, of
    a model with whether the task is contaminated (`whole`)."""

    kind: Literal["corpus", "model"]
    of: str
    when: str
    items: dict[str, Status]
    evidence: list[dict[str, Any]] = field(default_factory=list)
    contaminated: bool | None = None

    def counts(self, task: Task) -> dict[Status, int]:
        """How many items of the task have which status."""
        statuses = [self.items[key] for item in task.items if (key := item_key(item)) in self.items]
        return {status: statuses.count(status) for status in ("whole", "part", "clean", "unjudged")}


def keep_corpus(search: CorpusSearch) -> None:
    found = {item.id: "whole" if item.whole else "part" for item in search.found}
    statuses = {item_key(item): found.get(item.id, "clean") for item in search.task.items}
    statuses |= {item_key(item): "unjudged" for item in search.task.items if item.id in search.unjudged}
    _keep(Finding("corpus", ", ".join(search.corpus), str(date.today()), statuses))  # type: ignore[arg-type]


def keep_model(search: ModelSearch) -> None:
    status: Status = "whole" if search.contaminated else "clean"
    items: dict[str, Status] = {item_key(item): status for item in search.task.items}
    evidence = [asdict(each) for each in search.evidence]
    _keep(Finding("model", search.model, str(date.today()), items, evidence, search.contaminated))


def _keep(finding: Finding) -> None:
    facts = [finding.kind, finding.of, *sorted(finding.items)]
    name = hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:16]
    write_whole(home_folder() / "contamination" / f"{name}.json", json.dumps(asdict(finding), ensure_ascii=False))


def known_findings(task: Task, models: Sequence[str]) -> tuple[Finding, ...]:
    """All about items of this task: those of corpora, and of models those about one of `models` or what it is made of.
    A file that is none of ours is passed over."""
    keys = {item_key(item) for item in task.items}
    findings = []
    for file in sorted((home_path() / "contamination").glob("*.json")):
        try:
            finding = Finding(**read_json(file.read_bytes()))
            about = finding.kind == "corpus" or any(is_made_of(model, finding.of) for model in models)
            if about and not keys.isdisjoint(finding.items):
                findings.append(finding)
        except (OSError, ValueError, TypeError):
            continue
    return tuple(findings)


def is_made_of(model: str, base: str) -> bool:
    return model == base or model.startswith(f"{base} |")


@dataclass(frozen=True)
class PartScores:
    """The scores of one model on the items that a corpus does not hold, and on those that it holds."""

    model: str
    clean: Estimate
    found: Estimate


def part_scores(report: EvalReport, finding: Finding) -> list[PartScores]:
    """Of each model; none for a finding about a model. Items that could not be judged count as clean."""
    if finding.kind == "model":
        return []
    keys = [item_key(item) for item in report.task.items]

    def of(scores: Sequence[float | None], clusters: Sequence[str] | None, statuses: tuple[Status, ...]) -> Estimate:
        rows = [(s, i) for i, s in enumerate(scores) if s is not None and finding.items.get(keys[i]) in statuses]
        return mean([score for score, _ in rows], [clusters[i] for _, i in rows] if clusters else None)

    return [
        PartScores(
            result.model,
            of(result.scores, result.clusters, ("clean", "unjudged")),
            of(result.scores, result.clusters, ("whole", "part")),
        )
        for result in report.results
    ]


def findings_json(report: EvalReport, findings: Sequence[Finding]) -> list[dict[str, Any]]:
    rows = []
    for finding in findings:
        row: dict[str, Any] = {"kind": finding.kind, "of": finding.of, "date": finding.when}
        if finding.kind == "model":
            rows.append(row | {"contaminated": finding.contaminated, "evidence": finding.evidence})
            continue
        scores = [
            {"model": part.model, **{
                name: {"n": each.n, "mean": each.mean if each.n else None, "ci95": interval_json(each.ci95)}
                for name, each in (("clean", part.clean), ("found", part.found))
            }}
            for part in part_scores(report, finding)
        ]  # fmt: skip
        rows.append(row | {"items": finding.counts(report.task), "scores": scores})
    return rows
