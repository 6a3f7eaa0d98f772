"""From the rewards of a round to what each objective learns from, by the policy as it was when it sampled."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ..objective import Batch, Objective, Reference, micro_batches
from ..objectives.policy_gradient import Grpo, Rloo, group_advantages, sequence_kl
from ..objectives.ppo import Ppo, generalized_advantages, rewards_of_tokens
from ..reply_logprobs import reply_logprobs
from .align_config import AlignConfig
from .rollouts import Advantages


def objective_of(config: AlignConfig) -> Objective:
    assert config.rollouts
    temperature, high = config.rollouts.temperature, config.clip_high or config.clip
    if config.method == "grpo":
        return Grpo(temperature, config.kl_weight, config.clip, high, config.per, config.rollouts.max_tokens)
    return Rloo(temperature, config.clip, high) if config.method == "rloo" else Ppo(temperature, config.clip)


def advantages_of(config: AlignConfig, reference: Reference | None) -> Advantages:
    """What a round's rows get beside them. `reference` is needed where `beta` is not 0."""
    assert config.rollouts
    rollouts, parts = config.rollouts, config.loop.gradient_accumulation

    def logprobs(network: Any, batch: Batch) -> Tensor:
        computed = (reply_logprobs(network, p, temperature=rollouts.temperature) for p in micro_batches(batch, parts))
        return torch.cat([part.logprobs for part in computed])

    def grpo(network: Any, batch: Batch, rewards: Tensor) -> dict[str, Tensor]:
        values, dead = group_advantages(rewards, config.baseline)
        extra = {"advantages": values.flatten()} | _of_rows(rewards, dead)
        if rollouts.epochs > 1:
            extra["old_logprobs"] = logprobs(network, batch)
        if config.kl_weight and reference is not None:
            extra["reference_logprobs"] = logprobs(reference, batch)
        return extra

    def rloo(network: Any, batch: Batch, rewards: Tensor) -> dict[str, Tensor]:
        own, charged = logprobs(network, batch), rewards
        if config.kl_weight and reference is not None:
            kl = sequence_kl(own, logprobs(reference, batch), batch["reply_mask"])
            charged = rewards - config.kl_weight * kl.view(rewards.shape).cpu()
        values, _ = group_advantages(charged, "rloo")
        _, dead = group_advantages(rewards, "rloo")
        return {"advantages": values.flatten(), "old_logprobs": own} | _of_rows(rewards, dead)

    def ppo(network: Any, batch: Batch, rewards: Tensor) -> dict[str, Tensor]:
        computed = [network(part, rollouts.temperature) for part in micro_batches(batch, parts)]
        own, old_values = (torch.cat(tensors) for tensors in zip(*computed, strict=True))
        before = logprobs(reference, batch) if config.kl_weight and reference is not None else own
        paid = rewards_of_tokens(rewards.flatten().nan_to_num(), own - before, batch["reply_mask"], config.kl_weight)
        values, returns = generalized_advantages(paid, old_values, batch["reply_mask"])
        _, dead = group_advantages(rewards, "rloo")
        figures = _of_rows(rewards, dead)
        return {"advantages": values, "returns": returns, "old_values": old_values, "old_logprobs": own} | figures

    return {"grpo": grpo, "rloo": rloo, "ppo": ppo}[config.method]


def _of_rows(rewards: Tensor, dead: Tensor) -> dict[str, Tensor]:
    """For the curves: of each row its reward, 0 where it has none, and whether its group taught nothing."""
    return {"rewards": rewards.flatten().nan_to_num(), "dead": dead.float().repeat_interleave(rewards.shape[1])}
