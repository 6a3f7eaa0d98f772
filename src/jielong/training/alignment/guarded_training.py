"""A training under the guard against over-optimisation: looks, votes, the stop, and the weights of the peak put back.

OUT/guard.json holds every look and vote, OUT/guard/ the weights and the replies of each look. An interrupted training
takes up the looks before its checkpoint and repeats later ones, whose replies are in the ledger.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from pydantic import TypeAdapter
from safetensors.torch import load_file, save_file

from ...atomic_write import make_folder, temporary_beside, write_whole
from ...contract import Finish, Message, Reply
from ...regular_files import read_regular_file
from ...sync import run_sync
from ...tasks.item import Item
from ..objective import Reference
from ..reply_logprobs import reply_logprobs
from ..training_checkpoint import trained_weights
from .align_config import GuardConfig
from .overoptimization_guard import Duel, Guard, GuardRecord, Look, PeakEstimate
from .rewards import Rewards
from .rollouts import Rollout, RolloutSampler, rollout_rows

MIN_REPLIES = 64  # of a look


class GuardedTraining:
    """`look` before the first step and `ends_after` after each; `every` and `steps` count steps of the loop."""

    def __init__(
        self, config: GuardConfig, every: int, steps: int, out: Path, module: Any, reference: Reference,
        sampler: RolloutSampler, items: Sequence[Item], proxy: Rewards, voters: Rewards, filler: int,
    ) -> None:  # fmt: skip
        self._config, self._every, self._steps, self._out = config, every, steps, out
        self._module, self._reference, self._sampler, self._items = module, reference, sampler, items
        self._proxy, self._voters, self._filler = proxy, voters, filler
        self._looks: list[Look] = []
        self._guard = self._new_guard()
        self._grades: dict[tuple[int, int], float | None] = {}
        self._voted: dict[tuple[int, int], int] = {}

    def _new_guard(self) -> Guard:
        return Guard(1 + self._steps // self._every, self._config.votes, self._config.false_stops)

    def begin(self) -> None:
        """The look before training, unless it was taken before an interruption."""
        if not GuardRecord.read(self._out).looks:
            self.look(0)

    def ends_after(self, steps: int) -> bool:
        """Whether the training ends after so many steps; then the weights of the peak are back in the network."""
        if steps % self._every and steps != self._steps:
            return False
        if steps % self._every == 0:
            if not self._looks:
                self._take_up(steps)
            self.look(steps)
        stopped = self._guard.has_fallen()
        if not stopped and steps != self._steps:
            return False
        while duel := self._guard.next_duel():
            voted = self._vote(*duel)
            if not voted.votes:
                break
            self._guard.add_choice(voted)
        estimate = self._guard.estimate()
        self._record(stopped, estimate).write(self._out)
        weights = load_file(self._folder(estimate.best) / "weights.safetensors")
        self._module.load_state_dict(weights, strict=False)
        return True

    def look(self, steps: int) -> None:
        number = len(self._looks)
        replies = max(MIN_REPLIES, 2 * self._guard.votes_of_look)
        self._sampler.policy.renew(f"look {number}")
        items = [self._items[i % len(self._items)] for i in range(replies)]
        rollouts = [group[0] for group in run_sync(self._sample, items, number)]
        kl = self._kl([rollout for rollout in rollouts if rollout.reply])
        grades = [rollout.grade.total for rollout in rollouts if rollout.grade.total is not None]
        self._looks.append(Look(steps, kl, sum(grades) / len(grades) if grades else None))
        self._keep(number, rollouts)
        rival = self._guard.add_look(kl)
        if rival is not None:
            self._guard.add(self._vote(number, rival, self._guard.votes_of_look))
        self._record(False, None).write(self._out)
        self._module.train()

    async def _sample(self, items: list[Item], number: int) -> list[list[Rollout]]:
        return await self._sampler.graded(await self._sampler.sample(items, 1, f"look {number}"), self._proxy)

    @torch.no_grad()
    def _kl(self, rollouts: Sequence[Rollout]) -> float:
        if not rollouts:
            return 0.0
        total = 0.0
        network = getattr(self._module, "policy", self._module)
        for start in range(0, len(rollouts), MIN_REPLIES):
            part = rollout_rows(rollouts[start : start + MIN_REPLIES], self._sampler.policy, self._filler)
            rows = {name: tensor.to(network.device) for name, tensor in part.items()}
            own, before = (reply_logprobs(each, rows).logprobs for each in (network, self._reference))
            total += float((own - before).sum())
        return total / len(rollouts)

    def _vote(self, later: int, earlier: int, votes: int) -> Duel:
        """Of two looks, on replies to the same question; each pair of replies is voted on once."""
        first = self._voted.get((later, earlier), 0)
        pools = {look: self._replies(look) for look in (later, earlier)}
        numbers = range(first, min(first + votes, *(len(pool) for pool in pools.values())))
        self._voted[later, earlier] = numbers.stop if len(numbers) else first
        counts = [0, 0, 0]
        for number in numbers:
            a, b = (self._grade(look, number, pools[look][number]) for look in (later, earlier))
            if a is not None and b is not None:
                counts[0 if a > b else 1 if a < b else 2] += 1
        return Duel(later, earlier, *counts)

    def _grade(self, look: int, number: int, reply: Reply | None) -> float | None:
        if (look, number) not in self._grades:
            item = self._items[number % len(self._items)]
            grades = run_sync(self._voters.grade, item, item.request(), [reply]) if reply else []
            self._grades[look, number] = grades[0].total if grades else None
        return self._grades[look, number]

    def _keep(self, number: int, rollouts: Sequence[Rollout]) -> None:
        folder = self._folder(number)
        make_folder(folder)
        texts = [None if r.reply is None else [r.reply.text, r.reply.finish] for r in rollouts]
        write_whole(folder / "replies.json", json.dumps(texts, ensure_ascii=False) + "\n")
        with temporary_beside(folder / "weights.safetensors") as unfinished:
            save_file(trained_weights(self._module), unfinished)

    def _replies(self, number: int) -> list[Reply | None]:
        pairs = TypeAdapter(list[tuple[str, Finish] | None]).validate_json(
            read_regular_file(self._folder(number) / "replies.json")
        )
        return [None if pair is None else Reply(Message("assistant", pair[0]), pair[1]) for pair in pairs]

    def _folder(self, number: int) -> Path:
        return self._out / "guard" / f"look-{number}"

    def _take_up(self, steps: int) -> None:
        """The looks before these steps, after an interruption."""
        record = GuardRecord.read(self._out)
        self._looks = [look for look in record.looks if look.steps < steps]
        for look in self._looks:
            self._guard.add_look(look.kl)
        for duel in record.duels[: max(0, len(self._looks) - 1)]:
            self._guard.add(duel)
            self._voted[duel.later, duel.earlier] = self._guard.votes_of_look

    def _record(self, stopped: bool, estimate: PeakEstimate | None) -> GuardRecord:
        guard = self._guard
        return GuardRecord(tuple(self._looks), tuple(guard.duels), tuple(guard.choices), stopped, estimate)
