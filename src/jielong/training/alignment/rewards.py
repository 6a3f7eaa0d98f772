"""What a reply is worth to the policy: checks of answers, reward models and judges, one of them or several together.

A check is one of the metrics; anything else that grades is a `Scorer`. Before a training begins, `check_graders` tries
what a policy would find sooner or later: whether an empty reply, the question itself, or all answers at once are paid.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from ... import registry
from ...contract import Message, Reply, Request, Scorer
from ...errors import BadInput, JielongError, SampleError
from ...faults import fault
from ...recipe import load
from ...tasks.item import Item
from ...tasks.metric import Metric, find_metric, require_replies
from ...tasks.task import Task
from ..train_config import Section

Combine: TypeAlias = Literal["sum", "lowest", "cautious"]
ScorerOf: TypeAlias = Callable[[str], Scorer]
TRIED = 20  # items on which the graders are tried


class RewardTerm(Section):
    """`by`: `answer`, the check that the task brings; the name of a metric; or a recipe of a reward model."""

    by: str = "answer"
    weight: float = 1.0


@dataclass(frozen=True)
class Grade:
    """`total` is what the policy is paid, None where the reply has no reward; `terms` are those it is made of."""

    total: float | None
    terms: tuple[float | None, ...]


class Rewards:
    """`sum` adds the terms by their weights. For an ensemble of reward models: `lowest` takes the least of them (Coste
    et al. 2024), `cautious` their mean less `caution` times their variance."""

    def __init__(
        self, terms: Sequence[RewardTerm], task: Task, scorer_of: ScorerOf, combine: Combine = "sum",
        caution: float = 1.0,
    ) -> None:  # fmt: skip
        self.terms, self._combine, self._caution = terms, combine, caution
        self.graders = [_grader(term.by, task, scorer_of) for term in terms]

    async def grade(self, item: Item, request: Request, replies: Sequence[Reply]) -> list[Grade]:
        """In order. A reply that was cut off or says nothing gets the worst: 0 from a check, the least of the other
        replies from a scorer. One that cannot be graded, by whatever error, has no reward, and takes no other reply's.
        """
        columns = [await _values(grader, item, request, replies) for grader in self.graders]
        return [Grade(self._total(values), values) for values in zip(*columns, strict=True)]

    def _total(self, values: Sequence[float | None]) -> float | None:
        known = [term.weight * value for term, value in zip(self.terms, values, strict=True) if value is not None]
        if len(known) < len(values):
            return None
        if self._combine == "lowest":
            return min(known)
        if self._combine == "cautious":
            mean = sum(known) / len(known)
            return mean - self._caution * sum((value - mean) ** 2 for value in known) / len(known)
        return sum(known)


def load_scorer(recipe: str) -> Scorer:
    """The reward model that a recipe names. Raises BadInput for a model that answers and does not grade."""
    model: Any = load(recipe)
    if not hasattr(model, "score"):
        raise BadInput(f"{recipe} answers and does not grade; expected `answer`, a metric, or reward:FOLDER")
    scorer: Scorer = model
    return scorer


def _grader(by: str, task: Task, scorer_of: ScorerOf) -> Metric | Scorer:
    if by == "answer":
        require_replies(task.metric)
        if any(not item.accepted and item.tests is None for item in task.items) and task.metric.name == "judge":
            raise BadInput(f"rewards: {task.name} has no answers to check; name a reward model with `by`")
        return task.metric
    if by in registry.names("metrics"):
        return find_metric(by)
    return scorer_of(by)


async def _values(
    grader: Metric | Scorer, item: Item, request: Request, replies: Sequence[Reply]
) -> list[float | None]:
    if isinstance(grader, Metric):
        return [await _checked(grader, item, reply) for reply in replies]
    whole = [reply for reply in replies if _is_whole(reply)]
    try:
        values = (await grader.score(request, whole)).values if whole else ()
    except JielongError as error:
        if not isinstance(error, SampleError):
            raise
        values = (None,) * len(whole)
    except Exception as error:
        fault(error)
        values = (None,) * len(whole)
    if len(values) != len(whole):
        raise BadInput(f"rewards: the scorer gave {len(values)} grades for {len(whole)} replies")
    waiting = iter(values)
    found = [_finite(next(waiting)) if _is_whole(reply) else None for reply in replies]
    least = min((value for value in found if value is not None), default=None)
    return [value if _is_whole(reply) else least for reply, value in zip(replies, found, strict=True)]


async def _checked(metric: Metric, item: Item, reply: Reply) -> float | None:
    if not _is_whole(reply):
        return 0.0
    try:
        return _finite((await metric.score(item, reply)).value)
    except JielongError as error:
        if not isinstance(error, SampleError):
            raise
    except Exception as error:
        fault(error)
    return None


def _is_whole(reply: Reply) -> bool:
    return reply.finish != "length" and bool(reply.text.strip())


def _finite(value: float | None) -> float | None:
    return float(value) if value is not None and math.isfinite(value) else None


async def check_graders(rewards: Rewards, task: Task) -> None:
    """Raises BadInput where a check pays for what answers nothing: the policy would learn to write that."""
    items = task.items[:TRIED]
    answers = list(dict.fromkeys(answer for item in task.items[:200] for answer in item.accepted))
    for term, grader in zip(rewards.terms, rewards.graders, strict=True):
        if not isinstance(grader, Metric):
            continue
        for what, text_of in _NOTHING_ANSWERED.items():
            paid = 0
            for item in items:
                choices = list(item.choices) or answers[:TRIED]
                text = text_of(item, choices)
                if len(choices) > 1 and text.strip() and text not in item.accepted:
                    paid += ((await _checked(grader, item, Reply(Message("assistant", text)))) or 0.0) >= 0.5
            # Whoever gives one answer always is paid as often as that one is right.
            constant = max((sum(answer in item.accepted for item in items) for answer in answers), default=0)
            if paid > max(len(items) / 4, 1.2 * constant):
                raise BadInput(
                    f"rewards: the check `{term.by}` ({grader.name}) pays for {what} in {paid} of {len(items)} items; "
                    "the policy would learn to write that. Choose a stricter metric"
                )


_NOTHING_ANSWERED: Mapping[str, Callable[[Item, Sequence[str]], str]] = {
    "the question itself": lambda item, choices: item.request().messages[-1].text,
    "all answers at once": lambda item, choices: ", ".join(choices),
    "all answers, with an `or` between them": lambda item, choices: " or ".join(choices),
    "all answers at once, a line each": lambda item, choices: "\n".join(choices),
    "all letters at once": lambda item, choices: " ".join(f"({chr(65 + i)})" for i in range(len(item.choices))),
}
