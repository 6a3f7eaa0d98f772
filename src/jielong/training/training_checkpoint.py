"""Where a training stands, in one file that is whole or not there: weights, the optimizers' memory, the step."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import nn

from ..atomic_write import beside
from ..errors import BadInput


def save(file: Path, network: nn.Module, optimizers: Sequence[torch.optim.Optimizer], step: int, digest: str) -> None:
    """Write beside `file`, then put in its place: whoever kills this process leaves the old file or the new one."""
    tensors = {f"weights {name}": value for name, value in weights_of(network).items()}
    for number, optimizer in enumerate(optimizers):
        for parameter, memory in optimizer.state_dict()["state"].items():
            for name, value in memory.items():
                tensors[f"memory {number} {parameter} {name}"] = value.detach().cpu().contiguous()
    about = {"step": str(step), "settings": digest, "sha256": _digest(tensors)}
    with beside(file) as unfinished:
        save_file(tensors, unfinished, metadata=about)
        with open(unfinished, "rb+") as written:
            os.fsync(written.fileno())


def load(file: Path, network: nn.Module, optimizers: Sequence[torch.optim.Optimizer], digest: str) -> int:
    """Put everything back; the step to go on with. Raises BadInput for a damaged file or one of another training."""
    try:
        with safe_open(file, "pt") as kept:
            about = kept.metadata() or {}
            tensors = {key: kept.get_tensor(key) for key in kept.keys()}  # noqa: SIM118 — it is no mapping
    except SafetensorError as error:
        raise BadInput(f"{file}: not a whole checkpoint ({error}); delete it to begin again") from None
    if about.get("settings") != digest:
        raise BadInput(f"{file}: a checkpoint of other settings; choose another `out`, or delete it to begin again")
    if about["sha256"] != _digest(tensors):
        raise BadInput(f"{file}: damaged: its weights do not have the hash it names; delete it to begin again")
    weights: dict[str, torch.Tensor] = {}
    memories: list[dict[int, dict[str, torch.Tensor]]] = [{} for _ in optimizers]
    for key, value in tensors.items():
        kind, *names = key.split(" ")
        if kind == "weights":
            weights[names[0]] = value
        else:
            memories[int(names[0])].setdefault(int(names[1]), {})[names[2]] = value
    _put_back(file, network, weights)
    for optimizer, memory in zip(optimizers, memories, strict=True):
        optimizer.load_state_dict({"state": memory, "param_groups": optimizer.state_dict()["param_groups"]})
    return int(about["step"])


def _put_back(file: Path, network: nn.Module, weights: dict[str, torch.Tensor]) -> None:
    """Every weight is put back or named in an error; one that is tied to another comes with that one."""
    expected = {name: value.shape for name, value in weights_of(network).items()}
    wrong = {
        "missing": sorted(expected.keys() - weights.keys()),
        "unknown": sorted(weights.keys() - expected.keys()),
        "of another shape": sorted(n for n in expected.keys() & weights.keys() if expected[n] != weights[n].shape),
    }
    said = [
        f"{what}: {', '.join(names[:3])}{', …' if len(names) > 3 else ''}" for what, names in wrong.items() if names
    ]
    if said:
        raise BadInput(f"{file}: a checkpoint of another network ({'; '.join(said)}); delete it to begin again")
    network.load_state_dict(weights, strict=False)


def weights_of(network: nn.Module) -> dict[str, torch.Tensor]:
    """The weights by name, each once: what is tied to another name is left out."""
    tied = getattr(network, "all_tied_weights_keys", None) or {}
    return {k: v.detach().cpu().contiguous() for k, v in network.state_dict().items() if k not in tied}


def digest_of(network: nn.Module) -> str:
    """SHA-256 of the weights as they are in memory."""
    return _digest(weights_of(network))


def _digest(tensors: dict[str, torch.Tensor]) -> str:
    found = hashlib.sha256()
    for name in sorted(tensors):
        value = tensors[name]
        found.update(json.dumps([name, str(value.dtype), list(value.shape)]).encode())
        found.update(value.reshape(-1).view(torch.uint8).numpy().tobytes())
    return found.hexdigest()
