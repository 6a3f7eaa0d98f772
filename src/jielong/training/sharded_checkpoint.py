"""Where a training with divided weights stands: each process writes its share, any number of them reads it again.

A folder of safetensors, written by torch.distributed.checkpoint, and beside it a small file that names the folder that
is whole: it is replaced when every process has written.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributed.checkpoint import state_dict_loader, state_dict_saver
from torch.distributed.checkpoint.api import CheckpointException
from torch.distributed.checkpoint.hf_storage import HuggingFaceStorageReader, HuggingFaceStorageWriter
from torch.distributed.checkpoint.state_dict import (
    StateDictOptions,
    get_model_state_dict,
    get_optimizer_state_dict,
    set_model_state_dict,
    set_optimizer_state_dict,
)

from ..atomic_write import write_whole
from ..bounded_json import read_json
from ..errors import BadInput
from ..regular_files import read_regular_file
from .processes import Processes
from .training_checkpoint import Progress

NAME = "checkpoint.json"
_FLAT = StateDictOptions(flatten_optimizer_state_dict=True)
_NO_FROZEN = StateDictOptions(ignore_frozen_params=True, strict=False)


def save(
    out: Path,
    network: nn.Module,
    optimizers: Sequence[torch.optim.Optimizer],
    progress: Progress,
    digest: str,
    processes: Processes,
) -> None:
    """Called by every process. Whoever kills them leaves the old checkpoint or the new one."""
    folder = out / f"checkpoint-{progress.steps}"
    writer = HuggingFaceStorageWriter(str(folder), save_distributed=True)
    state_dict_saver.save(_tensors(network, optimizers), storage_writer=writer)
    processes.wait_for_all()
    if processes.is_first:
        state = {"folder": folder.name, "progress": asdict(progress), "settings": digest}
        write_whole(out / NAME, json.dumps(state) + "\n")
        for other in out.glob("checkpoint-*"):
            if other != folder:
                shutil.rmtree(other)
    processes.wait_for_all()


def load(out: Path, network: nn.Module, optimizers: Sequence[torch.optim.Optimizer], digest: str) -> Progress:
    """Called by every process: restore weights and optimizers; how far the training was, nothing where there is none.
    Raises BadInput for a damaged checkpoint or one of another training."""
    file = out / NAME
    if not file.exists():
        return Progress()
    state = read_json(read_regular_file(file))
    if state.get("settings") != digest:
        raise BadInput(f"{file}: a checkpoint of other settings; choose another `out`, or delete it to begin again")
    tensors = _tensors(network, optimizers)
    try:
        state_dict_loader.load(tensors, storage_reader=HuggingFaceStorageReader(str(out / Path(state["folder"]).name)))
    except (CheckpointException, OSError, ValueError, RuntimeError, KeyError) as error:
        reason = str(error).strip().splitlines()[0][:200]
        raise BadInput(f"{file}: damaged, or of another network ({reason}); delete it to begin again") from None
    weights: dict[str, Any] = {
        name.removeprefix("weights "): value for name, value in tensors.items() if name.startswith("weights ")
    }
    set_model_state_dict(network, weights, options=_NO_FROZEN)
    for number, optimizer in enumerate(optimizers):
        prefix = f"optimizer {number} "
        own: dict[str, Any] = {
            name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)
        }
        groups = get_optimizer_state_dict(network, optimizer, options=_FLAT)
        set_optimizer_state_dict(network, optimizer, {**groups, **own}, options=_FLAT)
    return Progress(**state["progress"])


def _tensors(network: nn.Module, optimizers: Sequence[torch.optim.Optimizer]) -> dict[str, Tensor]:
    """The trained weights and the optimizers' state by name; what they hold beside tensors comes from the settings."""
    tied = getattr(network, "all_tied_weights_keys", None) or {}
    weights: dict[str, Any] = get_model_state_dict(network, options=_NO_FROZEN)
    tensors = {f"weights {name}": value for name, value in weights.items() if name not in tied}
    for number, optimizer in enumerate(optimizers):
        state: dict[str, Any] = get_optimizer_state_dict(network, optimizer, options=_FLAT)
        tensors |= {f"optimizer {number} {name}": value for name, value in state.items() if isinstance(value, Tensor)}
    return tensors
