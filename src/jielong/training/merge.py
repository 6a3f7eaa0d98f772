"""An adapter merged into its base: one checkpoint. How far it computes the same is measured on what was written."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import torch
from peft.tuners.tuners_utils import BaseTunerLayer
from peft.utils import AuxiliaryTrainingWrapper
from torch import Tensor, nn

from ..errors import BadInput
from ..models.llama_weights import read_settings
from ..models.local.checkpoint_folder import open_checkpoint
from ..models.local.transformers_engine import load_module
from ..scope import note
from .data.chat_tokenizer import ChatTokenizer
from .network_training import export_checkpoint

PROBE_ROWS, PROBE_TOKENS = 4, 32
LOST = 0.05  # of what the adapter changes: more than that is told


@dataclass(frozen=True)
class MergeResult:
    """`effect` is the largest change of a logit that the adapter makes on random tokens, `difference` the largest one
    between the checkpoint that was written and the base with the adapter."""

    weights: Path
    dtype: str
    effect: float
    difference: float


def merge_adapter(spec: str, out: Path, dtype: Literal["float32", "bfloat16"] = "float32") -> MergeResult:
    """Write `BASE+ADAPTER` as a whole checkpoint into the folder `out`; computed in fp32, written in `dtype`.

    Raises BadInput for a base that is quantised and an adapter that changes nothing, DamagedFile, MissingExtra.
    """
    checkpoint = replace(open_checkpoint(spec.removeprefix("local:")), dtype="float32", engine="torch")
    if checkpoint.adapter is None:
        raise BadInput(f"{spec}: expected an adapter with its base, as in local:BASE+ADAPTER")
    _check_unquantised(checkpoint.folder)
    network = load_module(checkpoint)
    tokens = _probe(network)
    adapted = _logits(network, tokens)
    with network.disable_adapter():
        effect = _largest(adapted - _logits(network, tokens))
    if not effect:
        raise BadInput(f"{checkpoint.adapter}: this adapter changes nothing, so there is nothing to merge")
    merged = _merged(network, checkpoint.adapter)
    chat = ChatTokenizer.from_folder(checkpoint.tokenizer_folder)
    export_checkpoint(merged, chat, out, getattr(torch, dtype))
    written = load_module(replace(open_checkpoint(str(out)), dtype="float32", engine="torch", device=checkpoint.device))
    difference = _largest(adapted - _logits(written, tokens))
    if difference > LOST * effect:
        note(f"{out}: {difference / effect:.0%} of what the adapter changes is lost in {dtype}; float32 keeps it")
    return MergeResult(out, dtype, effect, difference)


def _check_unquantised(folder: Path) -> None:
    settings = read_settings(folder / "config.json")
    for name in ("quantization_config", "compression_config"):
        if quantisation := settings.get(name):
            method = quantisation.get("quant_method", name) if isinstance(quantisation, dict) else name
            raise BadInput(
                f"{folder} is quantised ({str(method)[:40]}): its steps are coarser than an adapter's changes, which "
                "would vanish in a merge; merge into the weights that it was made from, or serve local:BASE+ADAPTER"
            )


def _merged(network: Any, adapter: Path) -> nn.Module:
    """The base with the adapter in its weights. Where input and output embeddings are one matrix and only one of them
    is adapted, or both in different ways, they are separated: one matrix cannot hold two changes."""
    model = network.get_base_model()
    inputs, outputs = model.get_input_embeddings(), model.get_output_embeddings()
    tied = bool(getattr(model.config, "tie_word_embeddings", False)) and outputs is not None
    if tied and any(isinstance(each, BaseTunerLayer | AuxiliaryTrainingWrapper) for each in (inputs, outputs)):
        inner = _innermost(outputs)
        inner.weight = nn.Parameter(inner.weight.detach().clone(), requires_grad=False)
    try:
        with warnings.catch_warnings(action="ignore"):
            merged: Any = network.merge_and_unload(safe_merge=True)
    except (ValueError, NotImplementedError, AttributeError) as error:
        reason = " ".join(str(error).split())[:160]
        raise BadInput(f"{adapter}: this adapter cannot be merged ({reason}); serve local:BASE+ADAPTER") from None
    if tied:
        same = torch.equal(merged.get_input_embeddings().weight, merged.get_output_embeddings().weight)
        merged.config.tie_word_embeddings = same
        merged.all_tied_weights_keys = merged.all_tied_weights_keys if same else {}
    return merged  # type: ignore[no-any-return]


def _innermost(module: Any) -> Any:
    """The layer itself within what PEFT put around it."""
    for name in ("base_layer", "original_module"):
        if hasattr(module, name):
            return _innermost(getattr(module, name))
    return module


def _probe(network: Any) -> Tensor:
    rows = network.get_input_embeddings().weight.shape[0]
    longest = min(PROBE_TOKENS, getattr(network.config, "max_position_embeddings", None) or PROBE_TOKENS)
    generator = torch.Generator().manual_seed(0)
    return torch.randint(rows, (PROBE_ROWS, longest), generator=generator).to(network.device)


def _logits(network: Callable[..., Any], tokens: Tensor) -> Tensor:
    with torch.no_grad():
        logits: Tensor = network(input_ids=tokens).logits.float()
    return logits


def _largest(difference: Tensor) -> float:
    return float(difference.abs().max())
