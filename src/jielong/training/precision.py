"""bf16 only where the hardware computes in it. Elsewhere PyTorch imitates it, on a CPU many times slower than fp32.

Weights and the optimizer's state are fp32 in any case: a step of one part in a thousand is lost in bf16's eight bits.
"""

from contextlib import AbstractContextManager

import torch

from ..scope import note
from .train_config import LoopConfig

_CPU_FEATURES = ("avx512_bf16", "amx_bf16", "bf16", "sve_bf16")  # Intel and AMD, then Arm


def uses_bf16(loop: LoopConfig, device: torch.device) -> bool:
    """Whether a training with these settings computes in bf16 on `device`: it is asked for, and done in hardware."""
    if not loop.bf16 or device.type not in ("cuda", "cpu"):
        return False
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if hasattr(torch.cpu, "get_capabilities"):  # PyTorch 2.11 and later
        features = torch.cpu.get_capabilities()
        return any(features.get(name, False) for name in _CPU_FEATURES)
    return bool(torch.cpu._is_avx512_bf16_supported())


def autocast(loop: LoopConfig, device: torch.device) -> AbstractContextManager[object]:
    return torch.autocast(device.type, torch.bfloat16, enabled=uses_bf16(loop, device))


def note_precision(loop: LoopConfig, device: torch.device) -> None:
    """Add a note that says in which precision the training runs, where it was left to the hardware."""
    if uses_bf16(loop, device):
        note(f"loop.bf16: this {device} computes in bf16, so the training runs in bf16")
    elif loop.bf16:
        note(f"loop.bf16: this {device.type} does not compute in bf16, so the training runs in fp32")
