"""Models as judges of single replies: a grade from 0 to 10, by criteria or against what is accepted.

As in pair_judge.py, the judge's questions are the items of an experiment of their own. A reply whose grade cannot be
read, or lacks one of the criteria, is not graded: it has no score, which is not a score of 0.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..contract import Message, Model
from ..stats import Estimate, mean
from ..tasks.item import Item
from ..tasks.metric import Score
from ..tasks.task import Task
from .agreement import Agreement, cohen_kappa
from .evaluate import clusters
from .judge import grading_prompt
from .pair_judge import VerdictMetric, ask_judges, failures
from .prediction_powered import CorrectedMean, corrected_mean
from .results import ModelResult, mean_score
from .verdicts import read_grade, read_grades


@dataclass(frozen=True)
class GradedReplies:
    """One judge's grades of one model's replies, by the id of the item: the mean of what the repeats gave, from 0 to 1.
    `unstable`: the share of replies whose repeats differ. `asked` counts replies, `unread` and `lost` the judge's
    calls."""

    judge: str
    model: str
    asked: int
    grades: Mapping[str, float]
    mean: Estimate
    parts: Mapping[str, Estimate]
    unstable: Estimate | None
    unread: int
    lost: int
    reasons: Mapping[str, int]


async def grade_replies(
    task: Task,
    results: Sequence[ModelResult],
    judges: Sequence[Model],
    *,
    criteria: Mapping[str, str] | None = None,
    repeats: int = 1,
    seed: int = 0,
    concurrency: int = 64,
    ledger: Path | None = None,
    on_answer: Callable[[], None] | None = None,
) -> list[GradedReplies]:
    """Every judge on every reply of `results`, which are of the items of `task`."""
    graded = []
    for result in results:
        items = [item for item, answer in zip(task.items, result.answers, strict=True) if answer.text]
        texts = [answer.text for answer in result.answers if answer.text]
        questions = grading_task(items, texts, result.model, criteria or {}, repeats, seed)
        for judged in await ask_judges(questions, judges, seed, concurrency, ledger, on_answer):
            graded.append(_graded(judged, result.model, items, repeats))
    return graded


def grading_task(
    items: Sequence[Item], replies: Sequence[str], model: str, criteria: Mapping[str, str], repeats: int, seed: int
) -> Task:
    """The judge's questions: for each reply as many as there are repeats."""

    def question(item: Item, reply: str) -> tuple[Message, ...]:
        request = item.request()
        text = grading_prompt(request, reply, item.accepted, criteria)
        return (*request.messages[:-1], Message("user", text))

    questions = tuple(
        Item(f"{item.id} {repeat}", question(item, reply))
        for item, reply in zip(items, replies, strict=True)
        for repeat in range(repeats)
    )
    names = tuple(criteria)

    def read(text: str) -> Score | None:
        return criteria_score(text, names) if names else grade_score(text)

    return Task(f"grades of {model}", questions, VerdictMetric(read, seed, "grade", unit="grade"), "graded", "replies")


def grade_score(text: str) -> Score | None:
    value = read_grade(text)
    return None if value is None else Score(value, f"{10 * value:g}")


def criteria_score(text: str, criteria: Sequence[str]) -> Score | None:
    """The mean of the criteria; None where the grade of one is missing."""
    grades = read_grades(text, criteria)
    if len(grades) < len(criteria):
        return None
    value = sum(grades.values()) / len(grades)
    return Score(value, f"{10 * value:g}", grades)


def _graded(judged: ModelResult, model: str, items: Sequence[Item], repeats: int) -> GradedReplies:
    answers = [answer if answer.error is None else None for answer in judged.answers]
    by_item = {item.id: [a for a in answers[i * repeats : (i + 1) * repeats] if a] for i, item in enumerate(items)}
    read = {name: [answer.score or 0.0 for answer in given] for name, given in by_item.items() if given}
    grades = {name: sum(values) / len(values) for name, values in read.items()}
    kept = [item for item in items if item.id in grades]
    repeated = [float(len(set(read[item.id])) > 1) for item in kept if len(read[item.id]) > 1]
    grouped = clusters(kept, items)
    names = dict.fromkeys(name for given in by_item.values() for answer in given for name in answer.parts)
    parts = {
        name: mean([sum(a.parts[name] for a in by_item[i.id]) / len(by_item[i.id]) for i in kept], grouped)
        for name in names
    }
    unread, lost, reasons = failures(judged)
    return GradedReplies(
        judged.model, model, len(items), grades, mean(list(grades.values()), grouped), parts,
        mean(repeated) if repeated else None, unread, lost, reasons,
    )  # fmt: skip


def grade_panel(graded: Sequence[GradedReplies], task: Task) -> GradedReplies:
    """All judges of one model's replies as one: their mean, where every judge gave a grade."""
    items = [item for item in task.items if all(item.id in each.grades for each in graded)]
    grades = {item.id: sum(each.grades[item.id] for each in graded) / len(graded) for item in items}
    average = mean(list(grades.values()), clusters(items, task.items))
    return GradedReplies("panel", graded[0].model, graded[0].asked, grades, average, {}, None, 0, 0, {})


@dataclass(frozen=True)
class GradesBeside:
    """A judge's grades beside another opinion (the rule, people) of the same replies, each from 0 to 1: both means on
    the items that both have, how far "at least one half" agrees, and the judge's mean on all corrected by the other."""

    other: str
    theirs: Estimate
    judged: Estimate
    kappa: Agreement
    corrected: CorrectedMean


def beside(graded: GradedReplies, other: str, scores: Mapping[str, float | None], task: Task) -> GradesBeside | None:
    """None where no reply has both."""
    items = [item for item in task.items if item.id in graded.grades]
    theirs, own = [scores.get(item.id) for item in items], [graded.grades[item.id] for item in items]
    both = [i for i, score in enumerate(theirs) if score is not None]
    if not both:
        return None
    grouped = clusters(items, task.items)
    some = [grouped[i] for i in both] if grouped else None
    kappa = cohen_kappa([own[i] >= 0.5 for i in both], [(theirs[i] or 0.0) >= 0.5 for i in both], some)
    return GradesBeside(
        other, mean_score([theirs[i] for i in both], some), mean_score([own[i] for i in both], some), kappa,
        corrected_mean(theirs, own, grouped),
    )  # fmt: skip
