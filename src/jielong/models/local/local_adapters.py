"""Adapters in PEFT's layout on a base network: one that computes alone, or several that share a batch of the base.

PEFT goes on with random numbers, or with none at all, where an adapter's weights are not those of the base's layers;
here that is an error.
"""

from __future__ import annotations

import re
import threading
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from safetensors import safe_open
from tokenizers import Tokenizer

from ...errors import DamagedFile
from ..llama_weights import read_settings

BASE = "__base__"  # PEFT's name for a row without adapter
_EMBEDDINGS = ("embed_tokens", "lm_head", "wte", "embed_in", "embed_out", "word_embeddings")


def shares_base(folder: Path, base: Path) -> bool:
    """Whether rows with and without this adapter can be computed together: a plain LoRA that leaves the base's own
    weights, its tokens included, as they are."""
    settings, network = read_settings(folder / "adapter_config.json"), read_settings(base / "config.json")
    others = ("use_dora", "modules_to_save", "trainable_token_indices", "alora_invocation_tokens", "target_parameters")
    plain = settings["peft_type"] == "LORA" and settings.get("bias", "none") == "none"
    init = settings.get("init_lora_weights", True)  # some change the base: PiSSA, OLoRA …
    vocabulary = network.get("vocab_size") or (network.get("text_config") or {}).get("vocab_size") or 0
    rows, embeddings = _rows(folder)
    changes = not plain or init not in (True, False, "gaussian") or any(settings.get(each) for each in others)
    return not changes and not embeddings and rows <= vocabulary


def load_adapter(module: Any, folder: Path, name: str, trainable: bool = False) -> Any:
    """The PEFT model around `module` (which may be one already) with the adapter in `folder` under this name, in
    evaluation mode unless it is to be trained. A base with fewer tokens than the adapter gets more.

    Raises DamagedFile where the adapter is not one for this base.
    """
    import peft
    import torch

    settings = read_settings(folder / "adapter_config.json")
    base = str(settings.get("base_model_name_or_path"))[:100]
    try:
        if (rows := _rows(folder)[0]) > module.get_input_embeddings().weight.shape[0]:
            module.resize_token_embeddings(rows, mean_resizing=False)
        config = peft.PeftConfig.from_pretrained(str(folder))
        if config.is_prompt_learning or config.is_adaption_prompt:
            raise ValueError(f"{settings['peft_type']} puts vectors before the text, which is not computed here")
        config.inference_mode = not trainable
        # What is drawn at random is overwritten; PEFT must not draw from (and so change) the caller's generator.
        with torch.random.fork_rng(devices=[]), warnings.catch_warnings(action="ignore"):
            if isinstance(module, peft.PeftModel):
                module.add_adapter(name, config, low_cpu_mem_usage=True)  # no room for a rank that the file lacks
            else:
                module = peft.get_peft_model(module, config, adapter_name=name, low_cpu_mem_usage=True)
        place = {"is_trainable": trainable, "torch_device": str(module.device), "low_cpu_mem_usage": True}
        loaded: Any = module.load_adapter(str(folder), name, **place)
    except Exception as error:  # whatever PEFT makes of a file that others wrote
        reason = " ".join(str(error).split())[:200]
        raise DamagedFile(f"{folder}: no adapter for this base ({reason}); it names {base} as its base") from None
    for what, keys in (("holds", loaded.unexpected_keys), ("lacks", loaded.missing_keys)):
        if keys:
            raise DamagedFile(
                f"{folder}: no adapter for this base: it {what} {len(keys)} weights of layers that the base "
                f"{'lacks' if what == 'holds' else 'holds'}, such as {keys[0]}; it names {base} as its base"
            )
    return module


def _rows(folder: Path) -> tuple[int, bool]:
    """How many tokens the adapter knows, 0 where it brings no tokenizer; whether it holds whole embeddings."""
    with safe_open(folder / "adapter_model.safetensors", "numpy") as file:
        own = [key for key in file.keys() if re.search(rf"({'|'.join(_EMBEDDINGS)})\.weight$", key)]  # noqa: SIM118
        rows = [int(file.get_slice(key).get_shape()[0]) for key in own]
    tokenizer = folder / "tokenizer.json"
    known = Tokenizer.from_file(str(tokenizer)).get_vocab_size() if not rows and tokenizer.exists() else 0
    return max([known, *rows]), bool(rows)


class SharedAdapters:
    """Several adapters on one module, which computes as before where nobody names one."""

    def __init__(self, module: Any) -> None:
        self._module = module
        self._peft: Any = None
        self._layers: list[Any] = []
        self._active = ""
        self._rows: list[str] = []  # whose adapter computes which row, where they differ
        self._lock = threading.Lock()  # which adapter computes is a state of the layers, which readers share

    def add(self, folder: Path, name: str) -> None:
        """Nothing may compute meanwhile. Raises DamagedFile."""
        from peft.tuners.tuners_utils import BaseTunerLayer

        self._peft = load_adapter(self._module if self._peft is None else self._peft, folder, name)
        self._peft.base_model.disable_adapter_layers()
        layers: list[Any] = [layer for layer in self._module.modules() if isinstance(layer, BaseTunerLayer)]
        for layer in layers:
            if layer not in self._layers:
                # As PEFT does for the time of a call; done anew for each token it takes longer than the layers.
                layer.register_forward_pre_hook(self._name_rows, with_kwargs=True)
        self._layers = layers

    def forward(self, adapters: Sequence[str], ids: Any, arguments: dict[str, Any]) -> Any:
        """The output of the module, each row with its adapter ("" is none)."""
        if self._peft is None:
            return self._module(ids, **arguments)
        with self._lock:
            if not any(adapters):
                return self._module(ids, **arguments)
            one = adapters[0] if len(set(adapters)) == 1 else ""
            if one and one != self._active:
                self._peft.set_adapter(one, inference_mode=True)
                self._active = one
            self._rows = [] if one else [adapter or BASE for adapter in adapters]
            self._disable(False)
            try:
                return self._module(ids, **arguments)
            finally:
                self._rows = []
                self._disable(True)

    def _name_rows(self, layer: Any, inputs: Any, named: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        return inputs, {**named, "adapter_names": self._rows} if self._rows else named

    def _disable(self, disabled: bool) -> None:
        """PEFT's own way also sets which weights want gradients: a third of the time of a step."""
        for layer in self._layers:
            layer._disable_adapters = disabled
