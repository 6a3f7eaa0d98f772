"""PPO for language models: a value head beside the policy, advantages by GAE, clipped ratios and clipped values.

Schulman et al. 2017 with what Ziegler et al. 2019 added for texts: the reward stands at the last token of a reply, and
each token is charged `beta` times its log-ratio to the reference. A batch is one of `reply_logprobs` with tensors of
shape (rows, length) beside it: `old_logprobs`, `old_values`, `advantages`, `returns`.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ..objective import Batch, Figures
from ..reply_logprobs import position_ids
from .policy_gradient import clipped_gains, figures_of_rows


class ActorCritic(nn.Module):
    """A policy and a linear value head on its last hidden states, which both train."""

    def __init__(self, policy: Any) -> None:
        super().__init__()
        self.policy = policy
        width = policy.get_input_embeddings().weight.shape[1]
        self.value_head = nn.Linear(width, 1, device=policy.device)
        nn.init.zeros_(self.value_head.weight)  # a state is worth nothing until it is learnt
        nn.init.zeros_(self.value_head.bias)

    @property
    def all_tied_weights_keys(self) -> dict[str, str]:
        tied = getattr(self.policy, "all_tied_weights_keys", None) or {}
        return {f"policy.{name}": f"policy.{source}" for name, source in tied.items()}

    def forward(self, batch: Batch, temperature: float = 1.0) -> tuple[Tensor, Tensor]:
        """(rows, length) each, 0 outside of the replies: the log-probability of each reply token, and the value of the
        state that it was drawn in."""
        outputs = self.policy(
            input_ids=batch["input_ids"], attention_mask=batch["attention_mask"],
            position_ids=position_ids(batch["attention_mask"]), use_cache=False, output_hidden_states=True,
        )  # fmt: skip
        normalized = torch.log_softmax(outputs.logits[:, :-1].float() / temperature, -1)
        logprobs = normalized.gather(-1, batch["input_ids"][:, 1:, None])[..., 0]
        values = self.value_head(outputs.hidden_states[-1][:, :-1]).float()[..., 0]
        inside = batch["reply_mask"][:, 1:].bool()
        return _at_tokens(logprobs, inside), _at_tokens(values, inside)


@dataclass(frozen=True)
class Ppo:
    temperature: float = 1.0
    clip: float = 0.2
    value_clip: float = 0.2
    value_weight: float = 0.1

    def loss(self, network: nn.Module, batch: Batch) -> tuple[Tensor, Figures]:
        """The mean over reply tokens; figures: clipped share, mean squared error of the values."""
        logprobs, values = network(batch, self.temperature)
        mask, old_values, returns = batch["reply_mask"].float(), batch["old_values"], batch["returns"]
        gains, clipped = clipped_gains(
            torch.exp(logprobs - batch["old_logprobs"]), batch["advantages"], self.clip, self.clip
        )
        near = old_values + (values - old_values).clamp(-self.value_clip, self.value_clip)
        errors = torch.max((values - returns).square(), (near - returns).square())
        tokens = mask.sum().clamp(min=1)
        loss = ((self.value_weight * 0.5 * errors - gains) * mask).sum() / tokens
        error = ((values - returns).square() * mask).sum() / tokens
        figures = {"clipped": (clipped * mask).sum() / tokens, "value_error": error.detach()}
        return loss, figures | figures_of_rows(batch)

    def size(self, batch: Batch) -> float:
        return float(batch["reply_mask"].sum())


def rewards_of_tokens(rewards: Tensor, log_ratios: Tensor, mask: Tensor, beta: float) -> Tensor:
    """(rows, length): each reply's reward (rows,) at its last token, less `beta` × log(policy / reference) at each."""
    length = mask.shape[1]
    last = length - 1 - mask.flip(-1).argmax(-1)
    at_last = torch.arange(length, device=mask.device) == last[:, None]
    return (at_last * rewards[:, None] - beta * log_ratios) * mask


def generalized_advantages(
    rewards: Tensor, values: Tensor, mask: Tensor, gamma: float = 1.0, lam: float = 0.95
) -> tuple[Tensor, Tensor]:
    """Advantages (Schulman et al. 2016), of mean 0 and deviation 1 over all reply tokens, and returns: (rows, length).

    The tokens of a reply stand together; after the last one no value follows.
    """
    advantages, following = torch.zeros_like(rewards), rewards.new_zeros(len(rewards))
    next_value = torch.zeros_like(following)
    for t in reversed(range(rewards.shape[1])):
        inside = mask[:, t].float()
        delta = rewards[:, t] + gamma * next_value - values[:, t]
        following = (delta + gamma * lam * following) * inside
        advantages[:, t], next_value = following, values[:, t] * inside
    returns = (advantages + values) * mask
    tokens = mask.sum().clamp(min=2)
    mean = (advantages * mask).sum() / tokens
    deviation = (((advantages - mean) * mask).square().sum() / (tokens - 1)).sqrt()
    return (advantages - mean) / (deviation + 1e-8) * mask, returns


def _at_tokens(values: Tensor, inside: Tensor) -> Tensor:
    """Predictions of tokens 1 … as (rows, length) at the tokens themselves, 0 where no reply is."""
    return nn.functional.pad(torch.where(inside, values, 0.0), (1, 0))
