"""From where a run stands to its outcome: at its end, or wherever it was interrupted."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from pathlib import Path

from .. import __version__
from ..contract import Usage
from ..measuring.evaluate import ModelResult
from . import racing, verdict
from .candidate_state import CandidateState, clusters, in_dollars
from .improve_plan import PreparedImprove
from .improve_result import ImproveResult, Note, Question, SplitIds


def build_result(
    prepared: PreparedImprove,
    arms: Sequence[CandidateState],
    order: Sequence[CandidateState],
    finalists: Sequence[CandidateState],
    stopped: verdict.Stopped,
    usage: Mapping[str, Usage],
    notes: Sequence[Note],
    *,
    run: str | None,
    ledger: Path,
    concurrency: int,
) -> ImproveResult:
    """The outcome of a run whose `arms[0]` is the plain model; `usage` is that of its "search" and "final"."""
    split, items, plain = prepared.split, prepared.task.items, arms[0]
    results = _results(prepared, plain, finalists)
    compared = verdict.comparisons(results)
    candidates = {a.name: a.candidate(clusters(split.search[: len(a.seen())], items)) for a in arms}
    if compared or not stopped:
        decided = verdict.final_verdict(plain.name, compared, stopped)
    else:
        preferred = racing.preference([arm.runner(in_dollars(arms)) for arm in order])
        decided = verdict.search_verdict(candidates[plain.name], [candidates[r.name] for r in preferred], stopped)
    judge = prepared.judge
    return ImproveResult(
        task=prepared.task.name,
        task_source=prepared.task.source,
        task_sha256=prepared.task.sha256,
        rule=prepared.task.rule,
        why_rule=prepared.task.why_rule,
        models=prepared.bases,
        plan=prepared.plan,
        splits=SplitIds(*(tuple(item.id for item in part) for part in (split.examples, split.search, split.final))),
        questions=tuple(Question(i.id, i.request().messages[-1].text, i.accepted) for i in split.final),
        candidates=tuple(candidates.values()),
        finalists=tuple(results),
        comparisons=compared,
        verdict=decided,
        stopped=stopped,
        search_usage=usage.get("search", Usage()),
        final_usage=usage.get("final", Usage()),
        judging_usage=sum((answer.judging for arm in arms for answer in arm.answers()), Usage()),
        seed=prepared.seed,
        run=run,
        ledger=str(ledger),
        version=__version__,
        settings={
            "concurrency": concurrency,
            "judge": judge.model.name if judge else None,
            "items": len(items),
            "python": platform.python_version(),
        },
        notes=tuple(notes),
    )


def _results(
    prepared: PreparedImprove, plain: CandidateState, finalists: Sequence[CandidateState]
) -> list[ModelResult]:
    """The plain model and the finalists on the final items that all of them have answered."""
    met = [arm for arm in (plain, *finalists) if arm.dropped is None and arm.final]
    if plain not in met:
        return []
    shared = sorted(set.intersection(*(set(arm.final) for arm in met)))
    together = clusters([prepared.split.final[n] for n in shared], prepared.task.items)
    results = []
    for arm in met:
        answers = tuple(arm.final[n] for n in shared)
        usage = sum((answer.usage for answer in answers), Usage())
        results.append(ModelResult(arm.name, answers, together, usage, tuple(arm.notes)))
    return results
