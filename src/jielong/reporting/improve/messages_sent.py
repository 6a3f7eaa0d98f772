"""What was said: the items on which finalists disagree, and the messages that a recipe sends, from the ledger."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ...contract import Step, Usage
from ...improving.improve_result import ImproveResult, Question
from ...measuring.results import ItemResult
from ...runtime.ledger import Ledger

LONGEST = 1_500  # characters of a text in a transcript; whole texts are in outcome.json and the ledger
DIFFER = 0.3  # two grades that are further apart disagree


@dataclass(frozen=True)
class Call:
    """One step of what happened beneath an answer; a provider call has what was sent and what came back."""

    name: str
    usage: Usage
    sent: str
    came: str
    steps: tuple[Call, ...]


@dataclass(frozen=True)
class Disagreement:
    """One item, and what each finalist made of it, in their order."""

    question: Question
    answers: tuple[ItemResult, ...]


@dataclass(frozen=True)
class Sent:
    """A request as any chat API takes it, how often it was sent, and the first reply to it."""

    body: str  # JSON
    times: int
    came: str


def disagreements(outcome: ImproveResult) -> list[Disagreement]:
    """The items on which scores differ: in turn those that the recommended recipe gained and lost against the plain
    model, the clearest first, then the others."""
    asked = {question.id: question for question in outcome.questions}
    talks = [
        Disagreement(asked[answers[0].id], answers)
        for answers in zip(*(result.answers for result in outcome.finalists), strict=True)
        if max(scores := _scores(answers)) - min(scores) > DIFFER
    ]
    names = [result.model for result in outcome.finalists]
    best = names.index(outcome.verdict.recipe) if outcome.verdict.recipe in names else 0
    best = best or min(1, len(names) - 1)

    def gain(talk: Disagreement) -> float:
        chosen, plain = talk.answers[best].score, talk.answers[0].score
        return 0.0 if chosen is None or plain is None else chosen - plain

    gained = sorted((talk for talk in talks if gain(talk) > DIFFER), key=gain, reverse=True)
    lost = sorted((talk for talk in talks if gain(talk) < -DIFFER), key=gain)
    others = [talk for talk in talks if abs(gain(talk)) <= DIFFER]
    return [*_in_turn(gained, lost), *others]


def _scores(answers: Sequence[ItemResult]) -> list[float]:
    """The scores of those that were not lost; 0.0 alone where all were."""
    return [answer.score for answer in answers if answer.score is not None] or [0.0]


def _in_turn(gained: Sequence[Disagreement], lost: Sequence[Disagreement]) -> Iterator[Disagreement]:
    """Two that were gained, one that was lost, and so on."""
    more, less = iter(gained), iter(lost)
    for i in range(3 * max(len(gained), len(lost)) + 3):
        one = next(less if i % 3 == 2 else more, None)
        if one:
            yield one


def inside(steps: Sequence[Step], ledger: Ledger | None) -> tuple[Call, ...]:
    """The tree beneath an answer, with the texts of its calls where the ledger is at hand."""
    calls = []
    for step in steps:
        row = ledger.reply(step.call) if ledger and step.call else None
        sent = _text(row.request["messages"][-1]["content"]) if row else ""
        came = _text(row.reply["message"]["content"]) if row and row.reply else ""
        calls.append(Call(step.name, step.usage, sent, came, inside(step.steps, ledger)))
    return tuple(calls)


def example(outcome: ImproveResult) -> tuple[Question, ItemResult] | None:
    """A short item that the recommended recipe got right, to show its messages with."""
    if outcome.chosen is None:
        return None
    asked = {question.id: question for question in outcome.questions}
    best = max(_scores(outcome.chosen.answers))
    good = [answer for answer in outcome.chosen.answers if answer.score == best and answer.error is None]
    if not good:
        return None
    answer = min(good, key=lambda answer: (len(asked[answer.id].text), answer.id))
    return asked[answer.id], answer


def messages(answer: ItemResult, ledger: Ledger) -> list[Sent]:
    """The different requests beneath an answer in the order of their first sending, without seeds."""
    found: dict[str, list[str]] = {}
    for key in _keys(answer.steps):
        row = ledger.reply(key)
        if row and row.reply:
            found.setdefault(_body(row.request), []).append(_text(row.reply["message"]["content"]))
    return [Sent(body, len(came), came[0]) for body, came in found.items()]


def _keys(steps: Sequence[Step]) -> Iterator[str]:
    for step in steps:
        if step.call:
            yield step.call
        yield from _keys(step.steps)


def _body(request: dict[str, Any]) -> str:
    """As the body of a chat completion: one message a line."""
    lines = [f"  {json.dumps(_plain(message), ensure_ascii=False)}" for message in request["messages"]]
    settings = {name: value for name, value in request.get("sampling", {}).items() if name in _SENT}
    after = "".join(f',\n "{name}": {json.dumps(value, ensure_ascii=False)}' for name, value in settings.items())
    return '{"messages": [\n' + ",\n".join(lines) + "\n ]" + after + "}"


_SENT = ("temperature", "top_p", "max_tokens", "stop")


def _plain(message: dict[str, Any]) -> dict[str, Any]:
    return {"role": message["role"], "content": _text(message["content"])}


def _text(content: Any) -> str:
    return content if isinstance(content, str) else "".join(part.get("text", "") for part in content)
