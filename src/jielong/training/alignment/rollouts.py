"""Rollouts: the policy's own replies as batches. A round is sampled, graded and trained on before the next one begins.

What is sampled depends on the weights, the round and the settings alone, and goes through the ledger: killed and
started again, a training finds the replies that it had paid for, and ends with the same weights.
"""

from __future__ import annotations

import json
import math
import random
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import anyio
import torch
from torch import Tensor

from ... import call_context
from ...atomic_write import write_whole
from ...contract import Model, Reply, Request
from ...errors import BadInput, SampleError, TrainingFailed
from ...recipe import build, parse
from ...scope import note
from ...sync import run_sync, unwrap_exception_group
from ...tasks.item import Item
from ..objective import Batch
from ..precision import autocast
from ..reply_logprobs import EncodedReply, pad_replies
from .align_config import AlignConfig, RolloutConfig
from .rewards import Grade, Rewards
from .rollout_policy import RolloutPolicy, sampled_tokens

# (network, rows, (groups, replies) of rewards with NaN) → `advantages`, `dead` and what else the objective wants
Advantages: TypeAlias = Callable[[Any, Batch, Tensor], dict[str, Tensor]]
NOT_GRADED = Grade(None, ())
ROLLOUTS = "rollouts.jsonl"
SHOWN = 4  # replies of each round that are written down
DEAD_ROUNDS = 10  # in a row, after which a note says that nothing is being learnt


@dataclass(frozen=True)
class Rollout:
    """A reply of the policy, and the request as it reached it; `reply` is None where the call was lost."""

    item: Item
    request: Request
    reply: Reply | None
    grade: Grade = NOT_GRADED

    @property
    def truncated(self) -> bool:
        return self.reply is not None and self.reply.finish == "length"


class RolloutSampler:
    """Asks a policy for groups of replies, through techniques that add to the question."""

    def __init__(self, policy: Any, config: RolloutConfig, seed: int) -> None:
        self.policy, self._config, self._seed = policy, config, seed
        self._model: Model = build(parse(f"policy | {config.through}"), policy) if config.through else policy
        if self._model.max_calls() != 1:
            raise BadInput(
                f"rollouts.through: {config.through} makes several calls; expected what adds to the question"
            )

    async def sample(self, items: Sequence[Item], replies: int, where: str) -> list[list[Rollout]]:
        """Of each item so many replies; `where` tells these samples from others of the same items."""
        found: dict[tuple[int, int], Rollout] = {}

        async def ask(row: int, column: int) -> None:
            item, reply = items[row], None
            request = item.request().with_sampling(
                temperature=self._config.temperature, max_tokens=self._config.max_tokens, seed=self._seed, logprobs=0
            )  # fmt: skip
            path = (where, row, item.id, column)
            with call_context.replace(path=path), suppress(SampleError):
                reply = await self._model.generate(request)
            asked = self.policy.asked.pop(path, None)  # nothing where a technique lost the question before the policy
            found[row, column] = Rollout(item, asked or request, reply if asked else None)

        with unwrap_exception_group():
            async with anyio.create_task_group() as tasks:
                for row in range(len(items)):
                    for column in range(replies):
                        tasks.start_soon(ask, row, column)
        return [[found[row, column] for column in range(replies)] for row in range(len(items))]

    async def graded(self, groups: list[list[Rollout]], rewards: Rewards) -> list[list[Rollout]]:
        done = []
        for group in groups:
            replies = [rollout.reply for rollout in group if rollout.reply is not None]
            grades = iter(await rewards.grade(group[0].item, group[0].request, replies))
            done.append([r if r.reply is None else replace(r, grade=next(grades)) for r in group])
        return done


class RolloutFeed:
    """A `Feed` of rollouts. `prepare(batch, network)` adds what the objective wants beside the advantages."""

    def __init__(
        self, config: AlignConfig, items: Sequence[Item], sampler: RolloutSampler, rewards: Rewards, filler: int,
        digest: str, advantages: Advantages,
    ) -> None:  # fmt: skip
        assert config.rollouts
        self._config, self._rollouts, self._items = config, config.rollouts, items
        self._sampler, self._rewards, self._filler, self._advantages = sampler, rewards, filler, advantages
        self.steps, self.digest = self._rollouts.rounds * self._rollouts.epochs, digest
        self._round, self._batch, self._dead_rounds = -1, dict[str, Tensor](), 0

    def batch(self, step: int, network: Any) -> Batch:
        number = step // self._rollouts.epochs
        if number != self._round:
            self._round, self._batch = number, self._collect(number, network)
        return self._batch

    def tokens(self, batch: Batch) -> int:
        return int(batch["attention_mask"].sum())

    def _collect(self, number: int, network: Any) -> dict[str, Tensor]:
        self._sampler.policy.renew(f"round {number}")
        items = [self._item(number * self._rollouts.prompts + i) for i in range(self._rollouts.prompts)]

        async def ask_and_grade() -> list[list[Rollout]]:
            groups = await self._sampler.sample(items, self._rollouts.replies, f"round {number}")
            return await self._sampler.graded(groups, self._rewards)

        groups = run_sync(ask_and_grade)
        device = next(network.parameters()).device
        rewards = torch.tensor([[self._paid(rollout) for rollout in group] for group in groups], device=device)
        rollouts = [rollout for group in groups for rollout in group]
        if not any(rollout.reply for rollout in rollouts):
            raise TrainingFailed(f"round {number + 1}: every call for a reply was lost; nothing can be learnt from it")
        if all(rollout.grade.total is None for rollout in rollouts):
            raise TrainingFailed(f"round {number + 1}: no reply could be graded; look at what the rewards need")
        rows = rollout_rows(rollouts, self._sampler.policy, self._filler)
        batch = {name: tensor.to(device) for name, tensor in rows.items()}
        batch["reply_mask"] *= ~rewards.flatten().isnan()[:, None]  # without a reward a row is kept, and counts nowhere
        with torch.no_grad(), autocast(self._config.loop, device):  # as in training, or the first ratio is not 1
            batch |= self._advantages(network, batch, rewards)
        network.train()
        self._write(number, groups, batch)
        return batch

    def _item(self, number: int) -> Item:
        """Each once before any again, in an order of the seed."""
        epoch, index = divmod(number, len(self._items))
        return random.Random(f"{self._config.loop.seed} {epoch}").sample(self._items, len(self._items))[index]

    def _paid(self, rollout: Rollout) -> float:
        dropped = rollout.truncated and self._rollouts.truncated == "drop"
        return float("nan") if dropped or rollout.grade.total is None else rollout.grade.total

    def _write(self, number: int, groups: Sequence[Sequence[Rollout]], batch: Batch) -> None:
        rollouts = [rollout for group in groups for rollout in group]
        paid = [value for value in map(self._paid, rollouts) if not math.isnan(value)]
        dead = int(batch["dead"].view(len(groups), -1)[:, 0].sum())
        line = {
            "round": number + 1,
            "reward": sum(paid) / max(1, len(paid)),
            "terms": [_mean(its) for its in zip(*(r.grade.terms for r in rollouts if r.grade.terms), strict=True)],
            "groups": len(groups),
            "dead_groups": dead,
            "truncated": sum(rollout.truncated for rollout in rollouts),
            "lost": sum(rollout.reply is None for rollout in rollouts),
            "without_reward": sum(rollout.grade.total is None for rollout in rollouts),
            "tokens": int(batch["reply_mask"].sum()),
            "samples": [_shown(rollout) for rollout in rollouts[:: max(1, len(rollouts) // SHOWN)]],
        }  # fmt: skip
        file = self._config.out / ROLLOUTS
        earlier = file.read_text().splitlines()[:number] if file.exists() else []
        write_whole(file, "".join(f"{each}\n" for each in [*earlier, json.dumps(line, ensure_ascii=False)]))
        self._dead_rounds = self._dead_rounds + 1 if dead == len(groups) else 0
        if self._dead_rounds == DEAD_ROUNDS:
            note(
                f"in {DEAD_ROUNDS} rounds all replies to one question were paid the same, so nothing was learnt; take "
                "easier or harder questions, or more replies to each"
            )


def rollout_rows(rollouts: Sequence[Rollout], policy: RolloutPolicy, filler: int) -> dict[str, Tensor]:
    """A row for each, in order, as `reply_logprobs` wants them. One whose call was lost is a row of filling."""
    replies = [sampled_tokens(rollout.reply)[0] if rollout.reply else (filler,) for rollout in rollouts]
    prompts = [policy.encode(rollout.request) for rollout in rollouts]
    return dict(pad_replies([EncodedReply(*pair) for pair in zip(prompts, replies, strict=True)], filler))


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def _shown(rollout: Rollout) -> dict[str, Any]:
    question = rollout.request.messages[-1].text
    return {"question": question, "reply": rollout.reply and rollout.reply.text, "reward": rollout.grade.total}
