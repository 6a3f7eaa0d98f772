"""The weights of a plain Llama checkpoint in Hugging Face layout, read without torch."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, deserialize

from ..bounded_json import read_json
from ..errors import DamagedFile, Unsupported
from ..regular_files import read_regular_file

Floats = NDArray[np.float32]
Integers = NDArray[np.int64]
MAX_CONTEXT = 2_000_000  # positions, whose angles are computed when it is loaded
BLOCK = 64  # positions: a cache has room for whole blocks of them


def cores() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


@dataclass(frozen=True)
class Weights:
    """`groups` counts the heads of keys and values, `width` is that of one head, `context` the most tokens read."""

    layers: int
    heads: int
    groups: int
    width: int
    context: int
    epsilon: float
    theta: float
    tensors: dict[str, Floats]

    def matrix(self, *names: str) -> Floats:
        """(outputs, inputs): the matrices of these names, their outputs one after another."""
        matrices = [self.tensors[f"{name}.weight"] for name in names]
        return matrices[0] if len(matrices) == 1 else np.concatenate(matrices)

    def head(self) -> Floats:
        """(vocabulary, hidden): the embedding itself where a checkpoint ties the two."""
        return self.tensors.get("lm_head.weight", self.tensors["model.embed_tokens.weight"])

    def rotations(self) -> tuple[Floats, Floats]:
        """(context, width / 2) each: cosine and sine of every position's angles (Su et al. 2021)."""
        frequencies = self.theta ** (-np.arange(0, self.width, 2) / self.width)
        angles = np.arange(self.context)[:, None] * frequencies
        return np.cos(angles).astype(np.float32), np.sin(angles).astype(np.float32)


def read_weights(folder: Path) -> Weights:
    """The weights of a checkpoint folder. Raises Unsupported for another architecture, DamagedFile."""
    config = read_settings(folder / "config.json")
    if other := unsupported_setting(config):
        raise Unsupported(f"{folder}: only plain Llama checkpoints run without torch, and this has {other}")
    tensors: dict[str, Floats] = {}
    for file in sorted(folder.glob("*.safetensors")):
        tensors |= read_safetensors(file)
    try:
        weights = weights_of(config, tensors)
        shapes = _shapes(weights, config)
    except ValueError as error:
        raise DamagedFile(f"{folder / 'config.json'}: {error}; fetch it again") from None
    for name, shape in shapes.items():
        if name not in tensors or tensors[name].shape != shape:
            found = f"has the shape {list(tensors[name].shape)}" if name in tensors else "is missing"
            raise DamagedFile(f"{folder}: the tensor {name} {found}, expected {list(shape)}; fetch the weights again")
    return weights


def weights_of(config: dict[str, Any], tensors: dict[str, Floats]) -> Weights:
    """The tensors of a plain Llama with this configuration. Raises ValueError for a setting that is no number."""
    heads = _count(config, "num_attention_heads", 10_000)
    theta = config.get("rope_theta") or (config.get("rope_parameters") or {}).get("rope_theta", 10000.0)
    epsilon = config.get("rms_norm_eps")
    if not all(isinstance(value, int | float) and 0 < value < 1e30 for value in (theta, epsilon)):
        raise ValueError(f"rope_theta is {str(theta)[:40]} and rms_norm_eps {str(epsilon)[:40]}; expected numbers")
    return Weights(
        layers=_count(config, "num_hidden_layers", 10_000),
        heads=heads,
        groups=_count(config, "num_key_value_heads", heads) if config.get("num_key_value_heads") else heads,
        width=_count(config, "head_dim", 10_000) if config.get("head_dim") else _count(config, "hidden_size") // heads,
        context=_count(config, "max_position_embeddings", MAX_CONTEXT),
        epsilon=float(epsilon or 0.0),
        theta=float(theta),
        tensors=tensors,
    )


def _count(config: dict[str, Any], name: str, most: int = 10_000_000) -> int:
    value = config.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= most:
        setting = f"no {name}" if value is None else f"{name} is {str(value)[:40]}"
        raise ValueError(f"{setting}; expected a whole number from 1 to {most:,}")
    return value


def _shapes(weights: Weights, config: dict[str, Any]) -> dict[str, tuple[int, ...]]:
    """The tensors that a plain Llama consists of."""
    hidden, inner, vocabulary = (_count(config, name) for name in ("hidden_size", "intermediate_size", "vocab_size"))
    queries, keys = weights.heads * weights.width, weights.groups * weights.width
    of_layer = {
        "input_layernorm": (hidden,),
        "self_attn.q_proj": (queries, hidden),
        "self_attn.k_proj": (keys, hidden),
        "self_attn.v_proj": (keys, hidden),
        "self_attn.o_proj": (hidden, queries),
        "post_attention_layernorm": (hidden,),
        "mlp.gate_proj": (inner, hidden),
        "mlp.up_proj": (inner, hidden),
        "mlp.down_proj": (hidden, inner),
    }
    shapes = {"model.embed_tokens.weight": (vocabulary, hidden), "model.norm.weight": (hidden,)}
    for layer in range(weights.layers):
        shapes |= {f"model.layers.{layer}.{name}.weight": shape for name, shape in of_layer.items()}
    return shapes


def unsupported_setting(config: dict[str, Any]) -> str | None:
    """The first setting of a configuration that our networks do not compute; None where they compute all of it."""
    rope = config.get("rope_parameters") or config.get("rope_scaling") or {}
    if not isinstance(rope, dict):
        return f"rope_scaling = {str(rope)[:40]}"
    expected = {
        "model_type": (config.get("model_type"), "llama"),
        "hidden_act": (config.get("hidden_act", "silu"), "silu"),
        "attention_bias": (config.get("attention_bias", False), False),
        "mlp_bias": (config.get("mlp_bias", False), False),
        "rope_type": (rope.get("rope_type", rope.get("type", "default")), "default"),
    }
    return next((f"{name} = {str(value)[:40]}" for name, (value, plain) in expected.items() if value != plain), None)


def read_settings(file: Path) -> dict[str, Any]:
    """The JSON object in a file of a checkpoint. Raises DamagedFile."""
    try:
        content = read_json(read_regular_file(file))
    except (ValueError, OSError) as error:
        raise DamagedFile(f"{file} is not JSON ({error}); fetch it again") from None
    if not isinstance(content, dict):
        raise DamagedFile(f"{file}: expected a JSON object; fetch it again")
    return content


def read_safetensors(file: Path) -> dict[str, Floats]:
    """All tensors as fp32. bf16 is the upper half of fp32, which NumPy can widen itself. Raises DamagedFile."""
    try:
        entries = deserialize(read_regular_file(file, file.stat().st_size))  # type: ignore[no-untyped-call]
    except SafetensorError as error:
        raise DamagedFile(f"{file} is not a whole safetensors file ({str(error)[:80]}); fetch it again") from None
    for name, entry in entries:
        if entry["dtype"] not in ("F32", "F16", "BF16"):
            raise Unsupported(
                f"{file}: the tensor {name} holds {entry['dtype']}; without torch only F32, F16 and BF16 run"
            )
    return {name: _tensor(**entry) for name, entry in entries}


def _tensor(dtype: str, shape: list[int], data: bytes) -> Floats:
    if dtype == "BF16":
        wide = (np.frombuffer(data, np.uint16).astype(np.uint32) << 16).view(np.float32)
    else:
        wide = np.frombuffer(data, {"F32": np.float32, "F16": np.float16}[dtype]).astype(np.float32)
    return wide.reshape(shape)
