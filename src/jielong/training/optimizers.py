"""How weights move: AdamW, or Muon on the matrices inside the layers; and the learning rate over time."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import nn

from .train_config import LoopConfig

LOWEST = 0.02


def optimizers_for(network: nn.Module, loop: LoopConfig) -> Sequence[torch.optim.Optimizer]:
    """Muon (Jordan et al. 2024; steps scaled to AdamW's: Liu et al. 2025) leaves embeddings and norms to AdamW."""
    matrices: list[nn.Parameter] = []
    others: list[nn.Parameter] = []
    for name, parameter in network.named_parameters():
        inside = loop.optimizer == "muon" and parameter.ndim == 2 and "embed" not in name and "lm_head" not in name
        (matrices if inside else others).append(parameter)
    found: list[torch.optim.Optimizer] = []
    if matrices:
        found.append(
            torch.optim.Muon(matrices, loop.rate, weight_decay=loop.weight_decay, adjust_lr_fn="match_rms_adamw")
        )
    decayed = [p for p in others if p.ndim >= 2]
    groups = [
        {"params": decayed, "weight_decay": loop.weight_decay},
        {"params": [p for p in others if p.ndim < 2], "weight_decay": 0.0},
    ]
    found.append(torch.optim.AdamW([g for g in groups if g["params"]], loop.rate, betas=(0.9, 0.95), fused=True))
    return found


def rate_at(step: int, steps: int, loop: LoopConfig) -> float:
    """The learning rate of a step: a linear warm-up, then a cosine, or a plateau and a linear decay."""
    done = step / steps
    rising = min(1.0, (step + 1) / max(1, loop.warmup_steps))
    if loop.schedule == "wsd":
        return loop.rate * rising * max(LOWEST, min(1.0, (1 - done) / loop.decay))
    return loop.rate * rising * max(LOWEST, 0.5 * (1 + math.cos(math.pi * done)))
