"""GRPO and RLOO: the policy gradient over groups of replies to one prompt, whose mean reward is the baseline.

A batch is one of `reply_logprobs` with these tensors beside it:

    advantages          (rows,), by `group_advantages`
    old_logprobs        (rows, length), under the policy that sampled; without it, that is the policy as it is now
    reference_logprobs  (rows, length), under the reference network; without it, there is no KL term

A row whose `reply_mask` is empty (cut off, or without a reward) counts nowhere: neither above nor below the line of a
mean. TRL 1.16 leaves such rows in the denominator, where each one makes the step smaller.
"""

from dataclasses import dataclass
from typing import Literal, TypeAlias

import torch
from torch import Tensor, nn

from ..objective import Batch, Figures
from ..reply_logprobs import reply_logprobs

Baseline: TypeAlias = Literal["grpo", "dr_grpo", "rloo"]
Per: TypeAlias = Literal["token", "reply", "longest"]
EQUAL = 1e-9  # rewards that differ by less are one reward


def group_advantages(rewards: Tensor, baseline: Baseline) -> tuple[Tensor, Tensor]:
    """(groups, replies) of rewards → the advantages, and (groups,) whether a group is dead: nothing to learn from it.

    `grpo`: less the group's mean, by its standard deviation (Shao et al. 2024); `dr_grpo`: without the division, which
    favours questions that are nearly always or never answered (Liu et al. 2025); `rloo`: less the mean of the other
    replies (Ahmadian et al. 2024). NaN, a reply without a reward, has no part in its group's mean, and advantage 0.
    """
    rewards = rewards.double()
    known = ~rewards.isnan()
    filled = rewards.nan_to_num()
    count = known.sum(-1, keepdim=True)
    mean = filled.sum(-1, keepdim=True) / count.clamp(min=1)
    centred = torch.where(known, rewards - mean, 0.0)
    highest = torch.where(known, rewards, -torch.inf).amax(-1)
    lowest = torch.where(known, rewards, torch.inf).amin(-1)
    dead = (count[:, 0] < 2) | (highest - lowest < EQUAL)
    if baseline == "grpo":
        centred = centred / ((centred.square().sum(-1, keepdim=True) / (count - 1).clamp(min=1)).sqrt() + 1e-4)
    elif baseline == "rloo":
        centred = centred * count / (count - 1).clamp(min=1)  # r - mean of the others
    return torch.where(dead[:, None], 0.0, centred).float(), dead


@dataclass(frozen=True)
class Grpo:
    """Clipped ratios of single tokens. `per`: what the mean is over: all reply tokens (`token`, as in DAPO: Yu et al.
    2025), each reply's own mean (`reply`, the paper's, in which a token of a long reply counts less), or a constant,
    `longest` tokens a reply (Dr. GRPO). `temperature` is that of the sampling.

    The KL term is not the paper's, whose gradient is that of KL(reference ‖ policy): with the ratio as its weight the
    gradient is that of KL(policy ‖ reference), as in DeepSeek-V3.2 and TRL's `use_bias_correction_kl`.
    """

    temperature: float = 1.0
    beta: float = 0.0
    clip_low: float = 0.2
    clip_high: float = 0.2
    per: Per = "token"
    longest: int = 1

    def loss(self, network: nn.Module, batch: Batch) -> tuple[Tensor, Figures]:
        """A scalar; figures: the share of clipped tokens, the KL in nats a token, the entropy in nats a token."""
        mask, now = batch["reply_mask"].float(), reply_logprobs(
            network, batch, temperature=self.temperature, entropies=True
        )  # fmt: skip
        ratio = torch.exp(now.logprobs - batch.get("old_logprobs", now.logprobs.detach()))
        gains, clipped = clipped_gains(ratio, batch["advantages"][:, None], self.clip_low, self.clip_high)
        losses, tokens = -gains, mask.sum().clamp(min=1)
        figures = {"clipped": (clipped * mask).sum() / tokens, **figures_of_rows(batch)}
        if now.entropies is not None:
            figures["entropy"] = (now.entropies * mask).sum() / tokens
        if "reference_logprobs" in batch:
            divergence = kl_of_tokens(now.logprobs, batch["reference_logprobs"])
            losses = losses + self.beta * ratio * divergence
            figures["kl"] = ((divergence * mask).sum() / tokens).detach()
        return self._mean(losses * mask, mask), figures

    def _mean(self, losses: Tensor, mask: Tensor) -> Tensor:
        lengths = mask.sum(-1)
        rows = (lengths > 0).sum().clamp(min=1)
        if self.per == "token":
            return losses.sum() / lengths.sum().clamp(min=1)
        if self.per == "reply":
            return (losses.sum(-1) / lengths.clamp(min=1)).sum() / rows
        return losses.sum() / (rows * self.longest)

    def size(self, batch: Batch) -> float:
        lengths = batch["reply_mask"].sum(-1)
        return float(lengths.sum() if self.per == "token" else (lengths > 0).sum())


@dataclass(frozen=True)
class Rloo:
    """REINFORCE with the other replies as baseline; the action is the whole reply, so its ratio is clipped as one.

    The KL penalty is part of the reward (`sequence_kl`), as in the paper, and needs no term here.
    """

    temperature: float = 1.0
    clip_low: float = 0.2
    clip_high: float = 0.2

    def loss(self, network: nn.Module, batch: Batch) -> tuple[Tensor, Figures]:
        now = reply_logprobs(network, batch, temperature=self.temperature, entropies=True)
        mask = batch["reply_mask"].float()
        counts = (mask.sum(-1) > 0).float()
        old = batch.get("old_logprobs", now.logprobs.detach())
        ratio = torch.exp(((now.logprobs - old) * mask).sum(-1))
        gains, clipped = clipped_gains(ratio, batch["advantages"], self.clip_low, self.clip_high)
        rows, figures = counts.sum().clamp(min=1), figures_of_rows(batch)
        figures["clipped"] = (clipped * counts).sum() / rows
        if now.entropies is not None:
            figures["entropy"] = (now.entropies * mask).sum() / mask.sum().clamp(min=1)
        return -(gains * counts).sum() / rows, figures

    def size(self, batch: Batch) -> float:
        return float((batch["reply_mask"].sum(-1) > 0).sum())


def figures_of_rows(batch: Batch) -> dict[str, Tensor]:
    """The mean reward of the replies that have one, and the share of groups from which nothing is learnt."""
    if "rewards" not in batch:
        return {}
    counts = (batch["reply_mask"].sum(-1) > 0).float()
    return {"reward": (batch["rewards"] * counts).sum() / counts.sum().clamp(min=1), "dead": batch["dead"].mean()}


def clipped_gains(ratio: Tensor, advantages: Tensor, low: float, high: float) -> tuple[Tensor, Tensor]:
    """The surrogate of PPO (Schulman et al. 2017), and where it was clipped (without a gradient)."""
    gains = torch.min(ratio * advantages, ratio.clamp(1 - low, 1 + high) * advantages)
    clipped = ((ratio < 1 - low) & (advantages < 0)) | ((ratio > 1 + high) & (advantages > 0))
    return gains, clipped.float()


def kl_of_tokens(logprobs: Tensor, reference: Tensor) -> Tensor:
    """An estimate of KL(policy ‖ reference) at tokens that the policy sampled, never negative and of low variance
    (Schulman 2020, `k3`). As a loss on its own its gradient is another one's: see `Grpo`."""
    difference = reference - logprobs
    return torch.exp(difference) - difference - 1


def sequence_kl(logprobs: Tensor, reference: Tensor, mask: Tensor) -> Tensor:
    """(rows,): the log-ratio of each sampled reply, whose mean is the KL in nats a reply; what a reward is charged."""
    return ((logprobs - reference) * mask).sum(-1)
