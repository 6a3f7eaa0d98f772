"""What judges are given: criteria, replies of models in pairs; and what is set beside them: rules, people's grades."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

from ..contract import Message, Reply
from ..errors import BadInput
from ..tasks.data_files import KINDS, read
from ..tasks.data_row import BadRow
from ..tasks.item import Item
from ..tasks.metric import CheckMetric, Metric, NeedsJudge, Score
from ..tasks.task import Task
from .pair_figures import Reference
from .results import ModelResult
from .vote_pairs import Pair

Criteria: TypeAlias = Mapping[str, str]
_ID = re.compile(r"[\w-]{1,40}")


def read_criteria(file: Path) -> Criteria:
    """One criterion a row: `id` and `criterion` (or `text`). Raises BadInput for a row without, and for an id twice."""
    criteria: dict[str, str] = {}
    for row in read(file):
        if isinstance(row, BadRow):
            raise BadInput(f"{file}, line {row.line}: {row.why}")
        name, text = str(row.fields.get("id") or ""), row.fields.get("criterion") or row.fields.get("text")
        if not _ID.fullmatch(name) or not isinstance(text, str):
            raise BadInput(f"{file}, line {row.line}: expected an id (letters, digits, - and _) and a criterion")
        if name.lower() in map(str.lower, criteria):
            raise BadInput(f"{file}, line {row.line}: the id {name!r} stands there twice")
        criteria[name] = " ".join(text.split())
    if not criteria:
        raise BadInput(f"{file} holds no criteria")
    return criteria


def first_row(spec: str) -> Mapping[str, Any] | None:
    """Of the file that `spec` names; None where it names no file of data."""
    file = Path(spec)
    if file.suffix.lower() not in KINDS or not file.is_file():
        return None
    return next((row.fields for row in read(file) if not isinstance(row, BadRow)), None)


def only_replies(task: Task) -> Task:
    """A task that only a judge can grade, as one whose models can be asked; other tasks as they are."""
    if type(task.metric) is not NeedsJudge:
        return task
    return replace(task, metric=CheckMetric("judge", _not_scored, max_tokens=task.metric.max_tokens, unit="grade"))


def _not_scored(item: Item, reply: Reply) -> Score:
    return Score(0.0, reply.text)


def has_rule(task: Task) -> bool:
    """Whether a rule grades the replies, and not only judges do."""
    return not (isinstance(task.metric, CheckMetric) and task.metric.check is _not_scored)


def pairs_of_replies(task: Task, results: Sequence[ModelResult]) -> list[Pair]:
    """The replies of each further model against those of the first, where both are there."""
    first, *others = results
    pairs = []
    for number, other in enumerate(others):
        names = (first.model, other.model if other.model != first.model else f"{other.model} ({number + 2})")
        for item, a, b in zip(task.items, first.answers, other.answers, strict=True):
            if a.text and b.text:
                name = f"{item.id} {number + 2}" if len(others) > 1 else item.id
                prompt = item.request().messages[-1].text
                group = hashlib.sha256(item.group().encode()).hexdigest()[:12]
                pairs.append(Pair(name, group, prompt, *names, a.text, b.text, item.accepted))
    if not pairs:
        raise BadInput("no item has a reply of two models, so there is nothing to compare")
    return pairs


def rule_of_replies(task: Task, pairs: Sequence[Pair], results: Sequence[ModelResult]) -> Reference | None:
    """Which reply the task's own rule prefers: the one that scores higher."""
    if not has_rule(task):
        return None
    first, *others = ({answer.id: answer.score for answer in result.answers} for result in results)
    scores = {}
    for number, other in enumerate(others):
        for name in first:
            a, b = first[name], other.get(name)
            if a is not None and b is not None:
                scores[f"{name} {number + 2}" if len(others) > 1 else name] = _which(a, b)
    known = {pair.id for pair in pairs}
    return Reference("rule", {name: score for name, score in scores.items() if name in known})


async def rule_of_pairs(pairs: Sequence[Pair], metric: Metric) -> Reference | None:
    """Which reply of each pair with an accepted answer `metric` prefers. Raises BadInput where none has one."""
    scores = {}
    for pair in pairs:
        if pair.accepted:
            item = Item(pair.id, pair.prompt, pair.accepted)
            a, b = [
                (await metric.score(item, Reply(Message("assistant", text)))).value
                for text in (pair.response_a, pair.response_b)
            ]
            scores[pair.id] = _which(a, b)
    if not scores:
        raise BadInput("--rule needs pairs with an `answer`; none of these has one")
    return Reference("rule", scores)


def rule_scores(task: Task, result: ModelResult) -> dict[str, float | None] | None:
    """What the task's own rule gave each reply; None for a task without one."""
    return {answer.id: answer.score for answer in result.answers} if has_rule(task) else None


def people_grades(files: Sequence[Path], task: Task) -> dict[tuple[str, str | None], float]:
    """People's grades, from 0 to 1: the mean for each item and model (None where the file names no model). A row has
    `id`, `grade` from 0 to 10, and `model` if it likes. Raises BadInput."""
    given: dict[tuple[str, str | None], list[float]] = {}
    known = {item.id for item in task.items}
    for file in files:
        for row in read(file):
            grade = None if isinstance(row, BadRow) else row.fields.get("grade")
            try:
                value = float(str(grade)) / 10
            except ValueError:
                value = -1.0
            if isinstance(row, BadRow) or not 0 <= value <= 1 or row.fields.get("id") is None:
                raise BadInput(f"{file}, line {row.line}: expected an id and a grade from 0 to 10")
            model = row.fields.get("model")
            if (name := str(row.fields["id"])) in known:
                given.setdefault((name, None if model is None else str(model)), []).append(value)
    if not given:
        raise BadInput("no grade is of one of these items; they are matched by their ids")
    return {key: sum(values) / len(values) for key, values in given.items()}


def _which(a: float, b: float) -> float:
    return 1.0 if a > b else 0.0 if a < b else 0.5
