"""From where a run stands to its result: at its end, or wherever it was interrupted."""

import platform
from collections.abc import Sequence

from .. import __version__
from ..contract import Usage
from ..measuring.evaluate import clusters
from ..measuring.experiment import Experiment
from ..measuring.judge import judge_model
from ..measuring.results import ModelResult, lost_reasons
from . import successive_halving, verdict
from .candidate_state import CandidateState, in_dollars
from .improve_plan import PreparedImprove
from .improve_result import Candidate, ImproveResult, Note, Question, SplitIds


def build_result(
    prepared: PreparedImprove,
    experiment: Experiment,
    states: Sequence[CandidateState],
    order: Sequence[CandidateState],
    finalists: Sequence[CandidateState],
    stopped: verdict.Stopped,
    notes: Sequence[Note],
) -> ImproveResult:
    """The result of a run whose `states[0]` is the plain model."""
    task, split, plain = prepared.task, prepared.split, states[0]
    results = _results(prepared, experiment, plain, finalists)
    compared = verdict.comparisons(results)
    candidates = {state.name: _candidate(prepared, experiment, state) for state in states}
    if compared or not stopped:
        decided = verdict.final_verdict(plain.name, compared, stopped)
    else:
        preferred = successive_halving.preference([state.standing(in_dollars(states)) for state in order])
        decided = verdict.search_verdict(candidates[plain.name], [candidates[s.name] for s in preferred], stopped)
    lost = [_lost_note(result) for result in results if result.lost]
    judge = judge_model(task)
    settings = {"concurrency": experiment.concurrency, "judge": judge.name if judge else None}
    settings |= {"items": len(task.items), "python": platform.python_version()}
    return ImproveResult(
        task=task.name,
        task_source=task.source,
        task_sha256=task.sha256,
        rule=task.metric.name,
        why_rule=task.why_metric,
        models=prepared.bases,
        plan=prepared.plan,
        splits=SplitIds(*(tuple(item.id for item in part) for part in (split.examples, split.search, split.final))),
        questions=tuple(Question(i.id, i.request().messages[-1].text, i.accepted) for i in split.final),
        candidates=tuple(candidates.values()),
        finalists=tuple(results),
        comparisons=compared,
        verdict=decided,
        stopped=stopped,
        search_usage=experiment.usage("search"),
        final_usage=experiment.usage("final"),
        judging_usage=sum((answer.judging for state in states for answer in state.answers()), Usage()),
        seed=prepared.seed,
        run=experiment.run,
        ledger=str(experiment.ledger),
        version=__version__,
        unit=task.metric.unit,
        settings=settings,
        notes=(*notes, *lost),
    )


def _candidate(prepared: PreparedImprove, experiment: Experiment, state: CandidateState) -> Candidate:
    answers, planned, notes = state.seen(), state.planned, tuple(experiment.notes.get(state.name, ()))
    scores, seconds = tuple(answer.score for answer in answers), tuple(answer.seconds for answer in answers)
    grouped = clusters(prepared.split.search[: len(answers)], prepared.task.items)
    usage = sum((answer.usage for answer in answers), Usage())
    return Candidate(state.name, planned.base, planned.steps, scores, grouped, usage, seconds, state.dropped, notes)


def _results(
    prepared: PreparedImprove, experiment: Experiment, plain: CandidateState, finalists: Sequence[CandidateState]
) -> list[ModelResult]:
    """The plain model and the finalists on the final items that all of them were asked."""
    compared = [state for state in (plain, *finalists) if state.dropped is None and state.final]
    if plain not in compared:
        return []
    # After an interruption some have answered more of the final than others.
    shared = sorted(set.intersection(*(set(state.final) for state in compared)))
    grouped = clusters([prepared.split.final[n] for n in shared], prepared.task.items)
    results = []
    for state in compared:
        answers = tuple(state.final[n] for n in shared)
        usage = sum((answer.usage for answer in answers), Usage())
        results.append(ModelResult(state.name, answers, grouped, usage, tuple(experiment.notes.get(state.name, ()))))
    return results


def _lost_note(result: ModelResult) -> Note:
    if why := result.inconclusive:
        return Note("lost", {"recipe": result.model, "why": why})
    words = lost_reasons(result.answers).most_common(1)[0][0]
    return Note("few_lost", {"recipe": result.model, "lost": result.lost, "n": len(result.answers), "words": words})
