"""Direct preference optimisation: a policy is moved towards preferred replies, held near the one it began as.

`sigmoid` is DPO (Rafailov et al. 2023), `ipo` the squared loss of Azar et al. (2024). Two things differ from the
papers. A preference may be a probability: of a tie half the loss of either order is taken, so that it pulls the two
replies together. And IPO compares means over tokens where the paper has sums, as its authors advised TRL to do: a sum
grows with the length of a reply, and 1 / (2 beta) does not.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..objective import Batch, Figures
from ..reply_logprobs import reply_logprobs

PreferenceLoss: TypeAlias = Literal["sigmoid", "ipo"]


@dataclass(frozen=True)
class PreferenceOptimisation:
    """Expects batches of `preference_feed`: tensors of shape (pairs, 2, length), the preferred reply first.

    `reference` is what `objective.reference` gives; policy and reference must drop nothing
    (`reply_logprobs.without_dropout`). `length_normalised` compares means over tokens with `sigmoid`, too (Meng et al.
    2024 do so without a reference); `ipo` always does.
    """

    reference: Callable[..., Any]
    beta: float = 0.1
    kind: PreferenceLoss = "sigmoid"
    length_normalised: bool = False

    def loss(self, network: nn.Module, batch: Batch) -> tuple[Tensor, Figures]:
        """The mean over pairs. Figures: the implicit rewards of both replies, beta times the log-ratio; `margin`, their
        difference; `accuracy`, the share of decided pairs whose order the policy has right, equal ones counted half."""
        rows = {name: batch[name].flatten(0, 1) for name in ("input_ids", "attention_mask", "reply_mask")}
        logprobs = reply_logprobs(network, rows).logprobs.sum(-1)
        with torch.no_grad():
            expected = reply_logprobs(self.reference, rows).logprobs.sum(-1)
        ratios = (logprobs - expected).reshape(-1, 2)
        if self.kind == "ipo" or self.length_normalised:
            ratios = ratios / batch["reply_mask"].sum(-1).clamp(min=1)
        difference, preference = ratios[:, 0] - ratios[:, 1], batch["preference"]
        if self.kind == "ipo":
            wanted = (2 * preference - 1) / (2 * self.beta)  # of a tie: no difference
            losses = (difference - wanted) ** 2
        else:
            scaled = self.beta * difference
            losses = -preference * F.logsigmoid(scaled) - (1 - preference) * F.logsigmoid(-scaled)
        rewards = self.beta * ratios.detach()
        margins = rewards[:, 0] - rewards[:, 1]
        figures = {
            "chosen_reward": rewards[:, 0].mean(),
            "rejected_reward": rewards[:, 1].mean(),
            "margin": margins.mean(),
            "accuracy": pair_accuracy(margins, preference),
        }
        return losses.mean(), figures

    def size(self, batch: Batch) -> float:
        return float(len(batch["input_ids"]))


def pair_accuracy(margins: Tensor, preference: Tensor) -> Tensor:
    """The share of pairs in which the preferred reply is ahead, equal ones counting half. Ties are not counted; .5
    where all are ties.
    """
    decided = preference != 0.5
    right = (margins > 0).float() + 0.5 * (margins == 0).float()
    return torch.where(decided, right, 0.0).sum().div(decided.sum().clamp(min=1)) + 0.5 * (~decided.any()).float()
