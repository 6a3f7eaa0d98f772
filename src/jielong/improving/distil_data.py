"""From a teacher's replies to fine-tuning data: which are kept, what of them is learnt, and after which prompt.

A reply is kept where the task's check finds it right (rejection sampling, as in STaR: Zelikman et al. 2022), or where
the teacher's own vote is clear (self-training: Huang et al. 2022), which needs no answers.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, TypeAlias

from .. import call_context
from ..atomic_write import write_whole
from ..contract import Message, Model, Reply, Request
from ..errors import BadInput, BudgetExceeded, Unsupported
from ..measuring.experiment import Experiment, Trial, item_request
from ..measuring.results import ItemResult
from ..tasks.item import Item
from ..tasks.task import Task
from ..technique import BoundTechnique, WrappedModel
from ..techniques.self_consistency import count_votes, self_consistency

Keep: TypeAlias = Literal["check", "vote", "all"]
Learn: TypeAlias = Literal["whole", "answer", "fading"]
Match: TypeAlias = Literal["text", "logprobs"]
Row: TypeAlias = dict[str, Any]

MOST_FADINGS = 6  # times that steps are removed; of longer replies several at once
_STEP_END = re.compile(r"(?<=[.!?;])\s+|(?<=[。！？；])|\n+")


@dataclass(frozen=True)
class KeptReply:
    """`agreement` is the part of the teacher's votes that went to this answer; None where there was no vote."""

    item: Item
    text: str
    answer: str | None
    agreement: float | None = None


@dataclass
class Collected:
    """What became of the questions that the teacher was asked."""

    kept: list[KeptReply] = field(default_factory=list)
    lost: int = 0
    no_answer: int = 0
    wrong: int = 0
    no_agreement: int = 0
    stopped: str | None = None  # why the teacher was not asked everything

    @property
    def asked(self) -> int:
        return len(self.kept) + self.lost + self.no_answer + self.wrong + self.no_agreement


@dataclass
class VotedTeacher(Model):
    """A recipe that ends in `self_consistency`, and how clear its votes were, by the item that was asked."""

    model: WrappedModel
    samples: dict[object, list[Reply]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._voting = self.model.technique.wrap(_Recorded(self.model.model, self.samples))

    @property
    def name(self) -> str:
        return self.model.name

    def max_calls(self) -> int:
        return self.model.max_calls()

    async def generate(self, request: Request) -> Reply:
        return await self._voting.generate(request)

    def agreement(self, item: Item) -> float:
        """The part of the samples that voted for the winner, among those that were asked."""
        samples = self.samples.get(item.id, [])
        votes, _ = count_votes(samples, self.model.technique.all_options()["answer"])
        return max(votes.values(), default=0) / max(1, len(samples))


@dataclass(frozen=True)
class _Recorded(Model):
    model: Model
    samples: dict[object, list[Reply]]

    @property
    def name(self) -> str:
        return self.model.name

    def max_calls(self) -> int:
        return self.model.max_calls()

    async def generate(self, request: Request) -> Reply:
        item = call_context.current().path[0]
        reply = await self.model.generate(request)
        self.samples.setdefault(item, []).append(reply)
        return reply


def voted(teacher: Model) -> VotedTeacher:
    """Raises BadInput for a recipe without a vote at its end."""
    if isinstance(teacher, WrappedModel) and teacher.technique.function is self_consistency.function:
        return VotedTeacher(teacher)
    raise BadInput(
        f"{teacher.name}: keeping what a vote agrees on needs a teacher that votes; add | self_consistency(n=8)"
    )


async def collect(
    experiment: Experiment, teacher: Model, items: Sequence[Item], keep: Keep, agreement: float
) -> Collected:
    """Ask the teacher all `items`, or as many as the budget around allows, and keep what passes."""
    collected, task = Collected(), experiment.task
    asked = voted(teacher) if keep == "vote" else teacher
    results: dict[str, ItemResult] = {}

    def receive(_: Model, item: Item, result: ItemResult) -> None:
        results[item.id] = result

    try:
        await experiment.ask([Trial(asked, asked, item) for item in items], receive)
    except BudgetExceeded as error:
        collected.stopped = str(error)
    for item in items:  # in their order, whatever came first: the data of a run that was resumed is the same
        if (result := results.get(item.id)) is None:
            continue
        share = asked.agreement(item) if isinstance(asked, VotedTeacher) else None
        if result.score is None:
            collected.lost += 1
        elif result.error is not None or (result.extracted is None and keep != "all"):
            collected.no_answer += 1
        elif keep == "check" and result.score < 1:
            collected.wrong += 1
        elif share is not None and share < agreement:
            collected.no_agreement += 1
        else:
            reply = Reply(Message("assistant", result.text))
            answer = result.extracted if result.extracted is not None else task.metric.extract(reply)
            collected.kept.append(KeptReply(item, result.text, answer, share))
    return collected


# ---- the prompt after which the student learns ----


def input_techniques(model: Model, role: str = "student") -> list[BoundTechnique[Any]]:
    """What a recipe adds to its input, innermost first. Raises BadInput for what adds output."""
    techniques: list[BoundTechnique[Any]] = []
    while isinstance(model, WrappedModel):
        techniques.insert(0, model.technique)
        model = model.model
    if adding := [technique for technique in techniques if technique.adds_output]:
        raise BadInput(
            f"{adding[0]} makes a reply of several; the {role} needs a recipe of one call, whose techniques add input "
            "alone, such as cot"
        )
    return techniques


def wrapped(model: Model, techniques: Sequence[BoundTechnique[Any]]) -> Model:
    for technique in techniques:
        model = technique.wrap(model)
    return model


class _PromptReader(Model):
    """Stands in the student's place and keeps what reaches it."""

    request: Request | None = None

    @property
    def name(self) -> str:
        return "prompt"

    async def generate(self, request: Request) -> Reply:
        self.request = request
        return Reply(Message("assistant", ""))


async def prompt_messages(task: Task, item: Item, techniques: Sequence[BoundTechnique[Any]], seed: int) -> list[Row]:
    """The messages that reach the student when it is asked this item. Raises Unsupported for images and tools."""
    reader = _PromptReader()
    with call_context.replace(path=(item.id,)):
        await wrapped(reader, techniques).generate(item_request(task, item, seed))
    assert reader.request
    messages = reader.request.messages
    if reader.request.tools or any(not isinstance(message.content, str) for message in messages):
        raise Unsupported(f"{item.id}: distil teaches texts alone, and this item has tools or images")
    return [{"role": message.role, "content": message.text} for message in messages]


# ---- what is learnt ----


def training_rows(kept: Sequence[KeptReply], prompts: Sequence[list[Row]], learn: Learn) -> list[list[Row]]:
    """The rows of each part of the training: one part, but for `fading`, which removes the steps of a reply from the
    first on, more in each part, until the answer alone is left (Deng et al. 2024; they remove tokens, not steps)."""
    pairs = list(zip(kept, prompts, strict=True))
    if learn == "whole":
        return [[with_reply(prompt, reply.text) for reply, prompt in pairs]]
    if learn == "answer":
        return [[with_reply(prompt, _answer(reply)) for reply, prompt in pairs]]
    most = max((len(_steps(reply.text)) - 1 for reply in kept), default=0)
    parts = min(MOST_FADINGS, max(1, most))
    faded = [
        [with_reply(prompt, without_steps(reply.text, part / parts)) for reply, prompt in pairs]
        for part in range(parts + 1)
    ]
    return [*faded, [with_reply(prompt, _answer(reply)) for reply, prompt in pairs]]


def without_steps(text: str, share: float) -> str:
    """The reply without this share of its steps (sentences and lines), the first ones; its last one stays."""
    steps = _steps(text)
    removed = -int(-(len(steps) - 1) * share // 1)
    return " ".join(steps[removed:]) if removed else text


def _steps(text: str) -> list[str]:
    return [step for step in _STEP_END.split(text.strip()) if step]


def _answer(reply: KeptReply) -> str:
    return reply.text if reply.answer is None else reply.answer


def with_reply(prompt: list[Row], reply: str) -> Row:
    """A row of fine-tuning data. Turns of the assistant within the prompt, such as examples, are not learnt."""
    return {"prompt": prompt, "completion": [{"role": "assistant", "content": reply}]}


def gold_rows(items: Sequence[Item], prompts: Sequence[list[Row]]) -> list[Row]:
    """The control: the answers of the task itself, after the same prompts."""
    return [with_reply(prompt, item.accepted[0]) for item, prompt in zip(items, prompts, strict=True) if item.accepted]


def write_rows(rows: Sequence[Row], file: Path) -> None:
    write_whole(file, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))


def without_test_questions(items: Sequence[Item], test: Sequence[Item]) -> list[Item]:
    """Those that share no question and no cluster with a held-out item."""
    held_out = {item.group() for item in test} | {replace(item, cluster=None).group() for item in test}
    return [item for item in items if not {item.group(), replace(item, cluster=None).group()} & held_out]
