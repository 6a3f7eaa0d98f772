"""AdamW, or Muon on the matrices inside the layers; and the learning rate over time."""

import math
from collections.abc import Sequence
from typing import TypeAlias

import torch
from torch import nn

from .muon import Muon
from .precision import uses_bf16
from .train_config import LoopConfig

Optimizers: TypeAlias = Sequence[torch.optim.Optimizer]
MIN_FRACTION = 0.02  # of the highest learning rate: the schedule never goes below


def optimizers_for(network: nn.Module, loop: LoopConfig) -> Optimizers:
    """The optimizers of the parameters that require gradients; frozen ones have none.

    Muon leaves embeddings and norms to AdamW.
    """
    matrices: list[nn.Parameter] = []
    others: list[nn.Parameter] = []
    for name, parameter in network.named_parameters():
        if not parameter.requires_grad:
            continue
        inside = loop.optimizer == "muon" and parameter.ndim == 2 and "embed" not in name and "lm_head" not in name
        (matrices if inside else others).append(parameter)
    optimizers: list[torch.optim.Optimizer] = []
    rate, decay = loop.learning_rate, loop.weight_decay
    if matrices:
        dtype = torch.bfloat16 if uses_bf16(loop, matrices[0].device) else torch.float32
        optimizers.append(Muon(matrices, rate, decay, dtype))
    # Norms and biases are not decayed: pulling a scale of 1 towards 0 regularises nothing.
    groups = [
        {"params": [p for p in others if p.ndim >= 2], "weight_decay": decay},
        {"params": [p for p in others if p.ndim < 2], "weight_decay": 0.0},
    ]
    groups = [group for group in groups if group["params"]]
    if groups:
        optimizers.append(torch.optim.AdamW(groups, rate, betas=(0.9, 0.95), fused=True))
    return optimizers


def learning_rate_at(step: int, steps: int, loop: LoopConfig) -> float:
    """The learning rate of a step: a linear warm-up, then a cosine, or a plateau and a linear decay (`wsd`)."""
    progress = step / steps
    warmup = min(1.0, (step + 1) / max(1, loop.warmup(steps)))
    if loop.schedule == "wsd":
        return loop.learning_rate * warmup * max(MIN_FRACTION, min(1.0, (1 - progress) / loop.decay))
    return loop.learning_rate * warmup * max(MIN_FRACTION, 0.5 * (1 + math.cos(math.pi * progress)))
