"""Where a training stands, in one file that is whole or not there: trained weights, the optimizers' state, the step."""

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import nn

from ..atomic_write import temporary_beside
from ..bounded_json import read_json
from ..errors import BadInput
from ..regular_files import check_regular_file
from .processes import whole


@dataclass(frozen=True)
class Progress:
    """The steps done and the tokens that the network read in them; whether the training has ended."""

    steps: int = 0
    tokens: int = 0
    ended: bool = False


def save(
    file: Path, network: nn.Module, optimizers: Sequence[torch.optim.Optimizer], progress: Progress, digest: str
) -> None:
    """Write beside `file`, then put in its place: whoever kills this process leaves the old file or the new one."""
    tensors = {f"weights {name}": value for name, value in trained_weights(network).items()}
    for number, optimizer in enumerate(optimizers):
        for parameter, state in optimizer.state_dict()["state"].items():
            for name, value in state.items():
                tensors[f"optimizer {number} {parameter} {name}"] = value.detach().cpu().contiguous()
    metadata = {"progress": json.dumps(asdict(progress)), "settings": digest, "sha256": _hash_of_tensors(tensors)}
    with temporary_beside(file) as unfinished:
        save_file(tensors, unfinished, metadata=metadata)
        with open(unfinished, "rb+") as stream:
            os.fsync(stream.fileno())  # else a power cut may leave the new name with an empty file


def load(file: Path, network: nn.Module, optimizers: Sequence[torch.optim.Optimizer], digest: str) -> Progress:
    """Restore weights and optimizers; how far the training was. Raises BadInput for a damaged or another checkpoint."""
    try:
        check_regular_file(file)
        with safe_open(file, "pt") as checkpoint:
            metadata = checkpoint.metadata() or {}
            tensors = {key: checkpoint.get_tensor(key) for key in checkpoint.keys()}  # noqa: SIM118 — it is no mapping
    except SafetensorError as error:
        raise BadInput(f"{file}: not a whole checkpoint ({error}); delete it to begin again") from None
    if metadata.get("settings") != digest:
        raise BadInput(f"{file}: a checkpoint of other settings; choose another `out`, or delete it to begin again")
    if metadata["sha256"] != _hash_of_tensors(tensors):
        raise BadInput(f"{file}: damaged: its weights do not have the hash it names; delete it to begin again")
    weights: dict[str, torch.Tensor] = {}
    states: list[dict[int, dict[str, torch.Tensor]]] = [{} for _ in optimizers]
    for key, value in tensors.items():
        kind, *names = key.split(" ")
        if kind == "weights":
            weights[names[0]] = value
        else:
            states[int(names[0])].setdefault(int(names[1]), {})[names[2]] = value
    _restore_weights(file, network, weights)
    for optimizer, state in zip(optimizers, states, strict=True):
        optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
    return Progress(**read_json(metadata["progress"]))


def _restore_weights(file: Path, network: nn.Module, weights: dict[str, torch.Tensor]) -> None:
    """Every trained weight is restored or named in an error; one that is tied to another comes with that one."""
    expected = {name: value.shape for name, value in trained_weights(network).items()}
    differences = {
        "missing": sorted(expected.keys() - weights.keys()),
        "unknown": sorted(weights.keys() - expected.keys()),
        "of another shape": sorted(n for n in expected.keys() & weights.keys() if expected[n] != weights[n].shape),
    }
    first = {kind: ", ".join([*names[:3], *["…"][: len(names) > 3]]) for kind, names in differences.items()}
    if reasons := [f"{kind}: {names}" for kind, names in first.items() if names]:
        raise BadInput(f"{file}: a checkpoint of another network ({'; '.join(reasons)}); delete it to begin again")
    network.load_state_dict(weights, strict=False)  # the names were compared above


def all_weights(network: nn.Module) -> dict[str, torch.Tensor]:
    """The weights by name, on the CPU, each once: what is tied to another name is left out. Where they are divided
    among processes, all of these have to ask."""
    return {name: whole(value) for name, value in _own_weights(network).items()}


def trained_weights(network: nn.Module) -> dict[str, torch.Tensor]:
    """`all_weights` without the frozen ones, which are those that the training began with."""
    parameters = network.named_parameters(remove_duplicate=False)
    frozen = {name for name, parameter in parameters if not parameter.requires_grad}
    return {name: whole(value) for name, value in _own_weights(network).items() if name not in frozen}


def _own_weights(network: nn.Module) -> dict[str, torch.Tensor]:
    tied = set(getattr(network, "all_tied_weights_keys", None) or {})
    for named in (network.named_parameters, network.named_buffers):  # what an adapter ties is not in that list
        tied |= {name for name, _ in named(remove_duplicate=False)} - {name for name, _ in named()}
    return {name: value for name, value in network.state_dict().items() if name not in tied}


def weights_digest(network: nn.Module) -> str:
    """SHA-256 of all weights as they are in memory."""
    return _hash_of_tensors(all_weights(network))


def _hash_of_tensors(tensors: dict[str, torch.Tensor]) -> str:
    digest = hashlib.sha256()
    for name in sorted(tensors):
        value = tensors[name]
        digest.update(json.dumps([name, str(value.dtype), list(value.shape)]).encode())
        digest.update(value.reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
