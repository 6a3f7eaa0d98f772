"""The loss of a reward model: the preferred reply of two should get the greater reward, by a margin if there is one.

Bradley and Terry's model as in Stiennon et al. (2020), with the margins of Llama 2 (Touvron et al. 2023). A tie, or a
preference that is a probability, counts as that share of either order, as in a ranking of votes.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ...models.local.reward_model import head_rewards
from ..objective import Batch, Figures
from .preference import pair_accuracy


@dataclass(frozen=True)
class PairReward:
    """Expects batches of `preference_feed`; each pair counts for the head in its `head`, alone.

    `centering` holds the sum of a pair's rewards near 0 (Eisenstein et al. 2023), which no comparison of two replies
    would do; 0.01 is usual.
    """

    centering: float = 0.0

    def loss(self, network: nn.Module, batch: Batch) -> tuple[Tensor, Figures]:
        """The mean over pairs."""
        rewards = pair_rewards(network, batch)
        difference, preference, margin = rewards[:, 0] - rewards[:, 1], batch["preference"], batch["margin"]
        losses = -preference * F.logsigmoid(difference - margin) - (1 - preference) * F.logsigmoid(-difference - margin)
        losses = losses + self.centering * rewards.sum(-1) ** 2
        figures = {
            "margin": difference.detach().mean(),
            "accuracy": pair_accuracy(difference.detach(), preference),
            "reward": rewards.detach().mean(),
        }
        return losses.mean(), figures

    def size(self, batch: Batch) -> float:
        return float(len(batch["input_ids"]))


def pair_rewards(network: nn.Module, batch: Batch) -> Tensor:
    """(pairs, 2), fp32: of each reply, by the head of its pair."""
    ids, mask = (batch[name].flatten(0, 1) for name in ("input_ids", "attention_mask"))
    rewards: Tensor = head_rewards(network, ids, mask)
    heads = batch["head"][:, None, None].expand(-1, 2, 1)
    return torch.gather(rewards.reshape(-1, 2, rewards.shape[-1]), 2, heads)[..., 0]
