"""Muon beside torch's own, which multiplies in bf16 everywhere."""

import torch
from torch import nn

from jielong.training.muon import Muon


def test_it_takes_the_steps_of_torch():
    torch.manual_seed(1)
    ours = [nn.Parameter(torch.randn(shape)) for shape in ((24, 40), (40, 24), (24, 40), (32, 32))]
    theirs = [nn.Parameter(parameter.detach().clone()) for parameter in ours]
    optimizers = (
        Muon(ours, lr=0.02, weight_decay=0.1, dtype=torch.bfloat16),
        torch.optim.Muon(theirs, lr=0.02, weight_decay=0.1, adjust_lr_fn="match_rms_adamw"),
    )
    before = [parameter.detach().clone() for parameter in ours]
    for _ in range(4):
        for mine, other in zip(ours, theirs, strict=True):
            mine.grad = torch.randn_like(mine)
            other.grad = mine.grad.clone()
        for optimizer in optimizers:
            optimizer.step()
    for start, mine, other in zip(before, ours, theirs, strict=True):
        moved = (other - start).norm()
        assert (mine - other).norm() < 0.02 * moved, "bf16 rounds differently where matrices are multiplied together"


def test_fp32_makes_the_update_nearly_orthogonal():
    torch.manual_seed(2)
    parameter = nn.Parameter(torch.zeros(16, 48))
    parameter.grad = torch.randn(16, 48)
    Muon([parameter], lr=1.0, weight_decay=0.0, dtype=torch.float32).step()
    singular_values = torch.linalg.svdvals(parameter.detach() / (0.2 * 48**0.5))
    assert singular_values.min() > 0.5
    assert singular_values.max() < 1.3
