"""Adapters: a few new weights are trained in place of the network's own. PEFT makes, computes, saves and loads them."""

from __future__ import annotations

import dataclasses
import json
import re
import tempfile
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import peft
import torch
from peft.mapping import PEFT_TYPE_TO_CONFIG_MAPPING
from torch import nn

from ..bounded_json import read_json
from ..errors import BadInput
from ..models.local.checkpoint_folder import MINI
from ..registry import unknown_name
from .train_config import AdapterConfig

TRAINED, REFERENCE = "default", "reference"  # the names of a network's adapters
WEIGHTS, CONFIG = "adapter_model.safetensors", "adapter_config.json"
_ALWAYS = {
    "peft_type",
    "task_type",
    "base_model_name_or_path",
    "r",
    "lora_alpha",
    "lora_dropout",
    "bias",
    "target_modules",
}
_NAMES = {  # settings of PEFT's that name layers, by the ends of their paths or as patterns
    "target_modules", "exclude_modules", "modules_to_save", "feedforward_modules", "rank_pattern", "alpha_pattern",
}  # fmt: skip
_OWN_NAMES = {  # of our settings, in the order in which they are looked for among those of a kind
    "rank": ("r",),
    "alpha": ("lora_alpha", "alpha"),
    "dropout": ("{kind}_dropout", "module_dropout"),
    "targets": ("target_modules",),
    "rslora": ("use_rslora",),
}


def add_adapter(network: nn.Module, config: AdapterConfig, seed: int, tokens: Sequence[int] = ()) -> Any:
    """The network within a PEFT model whose new adapter alone requires gradients; its first weights are drawn by the
    seed. Of the embeddings, those of `tokens` are part of it.

    Raises BadInput for a kind, a setting or a target that does not exist, or that PEFT refuses.
    """
    _check_names(network, config)
    torch.manual_seed(seed)
    try:
        peft_config = _peft_config(network, config, tokens)
        with warnings.catch_warnings(action="ignore"):  # of tied embeddings, which `merge` separates
            return peft.get_peft_model(network, peft_config, adapter_name=TRAINED)
    except (ValueError, TypeError, NotImplementedError) as error:
        raise BadInput(f"adapter: PEFT refuses these settings ({str(error).strip().splitlines()[0][:200]})") from None


def _peft_config(network: nn.Module, config: AdapterConfig, tokens: Sequence[int]) -> peft.PeftConfig:
    kind = next((known for known in PEFT_TYPE_TO_CONFIG_MAPPING if known.value.lower() == config.kind.lower()), None)
    if kind is None or "target_modules" not in _fields(PEFT_TYPE_TO_CONFIG_MAPPING[kind]):
        known = [
            each.value.lower() for each, its in PEFT_TYPE_TO_CONFIG_MAPPING.items() if "target_modules" in _fields(its)
        ]
        raise unknown_name("kind of adapter", config.kind, known)
    config_class = PEFT_TYPE_TO_CONFIG_MAPPING[kind]
    fields = _fields(config_class)
    values = {
        "rank": config.rank,
        "alpha": _alpha(config),
        "dropout": config.dropout,
        "targets": list(config.targets) or "all-linear",
        "rslora": config.rslora,
    }
    settings: dict[str, Any] = {}
    for name, value in values.items():
        names = [each.format(kind=config.kind.lower()) for each in _OWN_NAMES[name]]
        field = next((each for each in names if each in fields), None)
        if field is not None:
            settings[field] = value
        elif name in config.model_fields_set:
            raise BadInput(f"adapter.{name}: {config.kind} has no such setting; its own go into adapter.options")
    for name in config.options:
        if name not in fields:
            raise unknown_name("setting", f"adapter.options.{name}", [f"adapter.options.{each}" for each in fields])
    if tokens and "trainable_token_indices" not in fields:
        raise BadInput(f"added_tokens: {config.kind} trains no single embeddings; lora does")
    if tokens:
        settings["trainable_token_indices"] = {name: list(tokens) for name in _embedding_names(network)}
    settings["task_type"] = "SEQ_CLS" if "SequenceClassification" in type(network).__name__ else "CAUSAL_LM"
    return config_class(**settings | config.options)


def _alpha(config: AdapterConfig) -> float:
    """An integer where it is one: vLLM's type for it."""
    alpha = config.alpha or round(2 * (config.rank**0.5 if config.rslora else config.rank))
    return int(alpha) if alpha == int(alpha) else alpha


def _embedding_names(network: Any) -> list[str]:
    """Of the input, and of the output where that is a matrix of its own; PEFT sees to tied ones."""
    inputs, outputs = network.get_input_embeddings(), network.get_output_embeddings()
    own = [inputs, *([outputs] if outputs is not None and outputs.weight is not inputs.weight else [])]
    return [name for name, module in network.named_modules() if any(module is each for each in own)]


def _fields(config_class: type[Any]) -> list[str]:
    return [field.name for field in dataclasses.fields(config_class) if field.init]


def _check_names(network: nn.Module, config: AdapterConfig) -> None:
    """PEFT goes on where some names exist and another one is misspelt; here every one must be that of a layer."""
    paths = [name for name, _ in network.named_modules() if name]
    options = {f"options.{name}": value for name, value in config.options.items() if name in _NAMES}
    for setting, value in {"targets": config.targets, **options}.items():
        for name in [value] if isinstance(value, str) else value if isinstance(value, dict | list | tuple) else ():
            if not any(re.fullmatch(rf"(.*\.)?({name})", path) for path in paths):
                known = sorted({path.rpartition(".")[2] for path in paths})
                raise unknown_name(f"adapter.{setting}:", str(name), known)
    layers = config.options.get("layers_to_transform")
    count = getattr(getattr(network, "config", None), "num_hidden_layers", None)
    for layer in [layers] if isinstance(layers, int) else layers or ():
        if count and layer not in range(count):
            raise BadInput(f"adapter.options.layers_to_transform: no layer {layer}; expected 0 to {count - 1}")


def export_adapter(network: Any, base: str, folder: Path, weights: Mapping[str, torch.Tensor] | None = None) -> None:
    """The adapter that was trained, in PEFT's layout; `base` is what it names as its model, a folder by its whole path.
    Each file is put in its place whole. The base's embeddings are never written. `weights`: those of the network, where
    it does not hold them itself as they are divided among processes."""
    there = MINI if base == "mini" else Path(base).expanduser()
    network.peft_config[TRAINED].base_model_name_or_path = str(there.resolve()) if there.exists() else base
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as unfinished:
        network.save_pretrained(
            unfinished, selected_adapters=[TRAINED], save_embedding_layers=False, state_dict=weights and dict(weights)
        )
        config = _without_defaults(network.peft_config[TRAINED], read_json((Path(unfinished) / CONFIG).read_bytes()))
        (Path(unfinished) / CONFIG).write_text(json.dumps(config, indent=1, sort_keys=True) + "\n")
        for name in (WEIGHTS, CONFIG):
            (Path(unfinished) / name).replace(folder / name)


def _without_defaults(config: peft.PeftConfig, settings: dict[str, Any]) -> dict[str, Any]:
    """PEFT writes every setting of every variant; an older PEFT, or a server, stumbles over names that it lacks."""
    defaults = {field.name: field.default for field in dataclasses.fields(config)}
    kept = {k: v for k, v in settings.items() if k in _ALWAYS or (v not in (None, {}) and v != defaults.get(k))}
    return {k: sorted(v) if k == "target_modules" and isinstance(v, list) else v for k, v in kept.items()}


def adapter_reference(network: Any) -> Callable[..., Any]:
    """See `objective.reference`."""
    untrained = [weights for name, weights in network.named_parameters() if ".lora_B." in name]
    if untrained and not any(weights.any() for weights in untrained):
        return _without_gradients(network, network.disable_adapter)
    network.add_adapter(REFERENCE, dataclasses.replace(network.peft_config[TRAINED]))
    state = peft.get_peft_model_state_dict(network, adapter_name=TRAINED, save_embedding_layers=False)
    peft.set_peft_model_state_dict(network, state, adapter_name=REFERENCE)
    network.set_adapter(TRAINED)
    return _without_gradients(network, lambda: _Switched(network))


class _Switched:
    """A context in which the copy of the adapter computes in its place."""

    def __init__(self, network: Any) -> None:
        self._network = network

    def __enter__(self) -> None:
        self._network.set_adapter(REFERENCE, inference_mode=True)

    def __exit__(self, *error: object) -> None:
        self._network.set_adapter(TRAINED)


def _without_gradients(network: nn.Module, context: Callable[[], Any]) -> Callable[..., Any]:
    def _compute(*inputs: Any, **named_inputs: Any) -> Any:
        training = network.training
        network.eval()
        try:
            with torch.no_grad(), context():
                return network(*inputs, **named_inputs)
        finally:
            network.train(training)

    return _compute
