"""Muon: momentum whose update is made orthogonal (Jordan et al. 2024), its steps scaled to AdamW's (Liu et al. 2025).

`torch.optim.Muon` multiplies in bf16 everywhere, which a processor without its instructions emulates: that took longer
than the rest of a step. Here matrices of one shape are multiplied together, in the precision of the hardware.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn

MOMENTUM, EPS = 0.95, 1e-7
NEWTON_SCHULZ_STEPS = 5
A, B, C = 3.4445, -4.7750, 2.0315


class Muon(torch.optim.Optimizer):
    """For matrices alone. `dtype` is what the products are computed in; parameters and momentum keep theirs."""

    def __init__(self, params: Iterable[nn.Parameter], lr: float, weight_decay: float, dtype: torch.dtype) -> None:
        super().__init__(params, {"lr": lr, "weight_decay": weight_decay})
        self._dtype = dtype

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            by_shape: dict[torch.Size, list[Tensor]] = defaultdict(list)
            for parameter in group["params"]:
                if parameter.grad is not None:
                    by_shape[parameter.shape].append(parameter)
            for shape, parameters in by_shape.items():
                updates = torch.stack([self._nesterov(parameter) for parameter in parameters])
                scale = -group["lr"] * 0.2 * math.sqrt(max(shape))
                for parameter, update in zip(parameters, orthogonal(updates, self._dtype), strict=True):
                    parameter.mul_(1 - group["lr"] * group["weight_decay"])
                    parameter.add_(update.to(parameter.dtype), alpha=scale)

    def _nesterov(self, parameter: Tensor) -> Tensor:
        state, gradient = self.state[parameter], parameter.grad
        assert gradient is not None
        if "momentum_buffer" not in state:
            state["momentum_buffer"] = torch.zeros_like(parameter)
        momentum: Tensor = state["momentum_buffer"].lerp_(gradient, 1 - MOMENTUM)
        return gradient.lerp(momentum, MOMENTUM)


def orthogonal(matrices: Tensor, dtype: torch.dtype) -> Tensor:
    """Matrices [n, rows, columns] with their singular values brought near 1 by Newton-Schulz steps."""
    x = matrices.to(dtype)
    if tall := x.size(1) > x.size(2):
        x = x.mT
    x = x / x.flatten(1).norm(dim=1).clamp(min=EPS)[:, None, None]
    for _ in range(NEWTON_SCHULZ_STEPS):
        gram = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=B, alpha=C), x, beta=A)
    return x.mT if tall else x
