"""A student trained on a teacher's probabilities: replies with the prompts that each of the two reads before them."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from torch import nn

from ..models.local import Local
from .network_training import load_start_network, train_network
from .objective import Batch
from .objectives.distillation import TEACHER, Distillation
from .reply_logprobs import EncodedReply, pad_replies
from .train_config import TrainingConfig
from .training_output import CurvePoint, TrainResult


@dataclass(frozen=True)
class TaughtReply:
    """The tokens of a reply, and of the prompts that student and teacher read before it."""

    prompt: Sequence[int]
    teacher_prompt: Sequence[int]
    reply: Sequence[int]

    @property
    def tokens(self) -> int:
        return len(self.prompt) + len(self.reply)


class TaughtReplies:
    """A `Feed` for `Distillation`: `rows` replies a step, each seen once before any again."""

    def __init__(self, replies: Sequence[TaughtReply], rows: int, epochs: float, seed: int, filler: int) -> None:
        self._replies, self._rows, self._seed, self._filler = replies, rows, seed, filler
        self.steps = max(1, round(epochs * len(replies) / rows))
        content = [[list(reply.prompt), list(reply.teacher_prompt), list(reply.reply)] for reply in replies]
        self.digest = hashlib.sha256(json.dumps([content, rows, self.steps]).encode()).hexdigest()
        self._order = lru_cache(maxsize=2)(self._shuffled)

    def batch(self, step: int, network: nn.Module) -> Batch:
        chosen = [self._at(step * self._rows + i) for i in range(self._rows)]
        student = pad_replies([EncodedReply(each.prompt, each.reply) for each in chosen], self._filler)
        teacher = pad_replies([EncodedReply(each.teacher_prompt, each.reply) for each in chosen], self._filler)
        return {**student, **{f"{TEACHER}{name}": value for name, value in teacher.items()}}

    def tokens(self, batch: Batch) -> int:
        return int(batch["attention_mask"].sum())

    def _at(self, number: int) -> TaughtReply:
        epoch, place = divmod(number, len(self._replies))
        return self._replies[self._order(epoch)[place]]

    def _shuffled(self, epoch: int) -> list[int]:
        order = list(range(len(self._replies)))
        random.Random(f"{self._seed} {epoch}").shuffle(order)
        return order


def train_on_probabilities(
    config: TrainingConfig,
    teacher: Local,
    replies: Sequence[TaughtReply],
    rows: int,
    epochs: float,
    on_point: Callable[[CurvePoint], None],
) -> TrainResult:
    """Train `config.start` towards the probabilities of `teacher`. Raises BadInput, TrainingFailed."""
    assert config.start
    start = load_start_network(config.start, config, max(reply.tokens for reply in replies))
    filler = start.chat.special_id("pad_token") or start.chat.special_id("eos_token") or 0
    feed = TaughtReplies(replies, rows, epochs, config.loop.seed, filler)
    objective = Distillation(teacher.module())
    return train_network(start, config, feed, objective, on_point=on_point)
