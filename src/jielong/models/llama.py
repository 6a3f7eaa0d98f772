"""A Llama network in NumPy: the clearest form of what a language model computes, and fast enough for a small one.

Tokens become vectors; each layer adds what attention reads from earlier positions and what a gated MLP makes of it; the
last vector, compared with every token's own, gives the logits of the next token (Touvron et al. 2023).
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import ThreadpoolController

from ..errors import DamagedFile, Unsupported

Floats = NDArray[np.float32]
ROWS, REMEMBERED_PROMPTS = 64, 32
LENGTH_BLOCK = 64
WIDE = 768  # from here on, more threads are faster
CACHE_BYTES = 1 << 32  # of address space; memory is taken as rows grow
_POOLS = ThreadpoolController()


class Network:
    """`start`, `step` and `release` are the engine that `models.batching` drives; rows are numbered by slot."""

    def __init__(self, folder: Path) -> None:
        """Raises Unsupported for another architecture, DamagedFile."""
        config = json.loads((folder / "config.json").read_text("utf-8"))
        if other := not_plain(config):
            raise Unsupported(f"{folder}: the NumPy engine reads plain Llama checkpoints only, and this has {other}")
        self.heads = config["num_attention_heads"]
        self.width = config.get("head_dim") or config["hidden_size"] // self.heads
        self.groups = config.get("num_key_value_heads") or self.heads
        self.layers, self.context = config["num_hidden_layers"], config["max_position_embeddings"]
        self.epsilon = config["rms_norm_eps"]
        tensors: dict[str, Floats] = {}
        for file in sorted(folder.glob("*.safetensors")):
            tensors |= read_safetensors(file)
        self.embedding = tensors["model.embed_tokens.weight"]
        self.head = Matrix(tensors.get("lm_head.weight", self.embedding))
        self.last_norm = tensors["model.norm.weight"]
        self.blocks = [_Block(tensors, f"model.layers.{i}.") for i in range(self.layers)]
        base = config.get("rope_theta") or config.get("rope_parameters", {}).get("rope_theta", 10000.0)
        frequencies = base ** (-np.arange(0, self.width, 2) / self.width)
        angles = np.arange(self.context)[:, None] * frequencies
        self.cosine, self.sine = np.cos(angles).astype(np.float32), np.sin(angles).astype(np.float32)
        row_bytes = 8 * self.layers * self.groups * self.context * self.width
        self.rows = max(1, min(ROWS, CACHE_BYTES // row_bytes))
        shape = (
            max(2, self.rows),
            self.layers,
            self.groups,
            _whole(self.context, LENGTH_BLOCK),
            self.width,
        )
        self.keys, self.values = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
        self.lengths = np.zeros(self.rows, np.int64)
        self._place: dict[int, int] = {}  # slot -> row of the cache; the rows in use are always the first ones
        self._next_slot = 0
        self._prompts: OrderedDict[tuple[int, ...], tuple[Floats, Floats, Floats]] = OrderedDict()

    def logits(self, tokens: Sequence[int]) -> Floats:
        """(len(tokens), vocabulary): what follows each prefix of `tokens`."""
        with self._threads():
            return self._after(self._read(tokens)[2])

    def _threads(self) -> AbstractContextManager[object]:
        """A small product is done before a second thread has begun, and on a busy machine waits long for it."""
        return _POOLS.limit(limits=1, user_api="blas") if self.embedding.shape[1] < WIDE else nullcontext()

    def start(self, prompts: Sequence[tuple[int, ...]]) -> tuple[list[int], list[Floats]]:
        slots, logits = [], []
        for prompt in prompts:
            with self._threads():
                keys, values, after = self._remembered(prompt)
            row = len(self._place)
            self.keys[row, :, :, : len(prompt)] = keys
            self.values[row, :, :, : len(prompt)] = values
            self.lengths[row] = len(prompt)
            self._place[self._next_slot] = row
            slots.append(self._next_slot)
            logits.append(after)
            self._next_slot += 1
        return slots, logits

    def release(self, slot: int) -> None:
        row, last = self._place.pop(slot), len(self._place)
        if row != last:
            length = self.lengths[last]
            self.keys[row, :, :, :length] = self.keys[last, :, :, :length]
            self.values[row, :, :, :length] = self.values[last, :, :, :length]
            self.lengths[row] = length
            moved = next(s for s, place in self._place.items() if place == last)
            self._place[moved] = row

    def step(self, rows: Sequence[int], tokens: Sequence[int]) -> list[Floats]:
        with self._threads():
            return self._step(rows, tokens)

    def _step(self, rows: Sequence[int], tokens: Sequence[int]) -> list[Floats]:
        """One row is computed as two, and lengths are filled up to whole blocks: a row has the same figures, to the
        bit, in any company."""
        n, places = max(2, len(rows)), [self._place[slot] for slot in rows]
        ids = np.zeros(n, np.int64)
        ids[places] = tokens
        positions = np.zeros(n, np.int64)
        positions[: len(rows)] = self.lengths[: len(rows)]
        length = _whole(int(positions.max()) + 1, LENGTH_BLOCK)
        hidden_from = np.where(np.arange(length) > positions[:, None], np.float32(-1e30), np.float32(0))
        cosine, sine = self.cosine[positions][:, None], self.sine[positions][:, None]
        x, every = self.embedding[ids], np.arange(n)
        for layer, block in enumerate(self.blocks):
            q, k, v = self._project(block, x)
            q, k = rotated(q, cosine, sine), rotated(k, cosine, sine)
            self.keys[every, layer, :, positions] = k
            self.values[every, layer, :, positions] = v
            seen_keys, seen_values = self.keys[:n, layer, :, :length], self.values[:n, layer, :, :length]
            grouped = q.reshape(n, self.groups, -1, self.width)
            scores = grouped @ seen_keys.swapaxes(-1, -2) * np.float32(self.width**-0.5)
            mixed = attended(scores + hidden_from[:, None, None], seen_values)
            x = self._finish(block, x, mixed.reshape(n, -1))
        self.lengths[: len(rows)] += 1
        logits = self._after(x)
        return [logits[place] for place in places]

    def _remembered(self, prompt: tuple[int, ...]) -> tuple[Floats, Floats, Floats]:
        """The cache of a prompt and what follows it; samples of one prompt share one reading."""
        if prompt in self._prompts:
            self._prompts.move_to_end(prompt)
            return self._prompts[prompt]
        keys, values, x = self._read(prompt)
        self._prompts[prompt] = keys, values, self._after(x[-1:])[0]
        if len(self._prompts) > REMEMBERED_PROMPTS:
            self._prompts.popitem(last=False)
        return self._prompts[prompt]

    def _read(self, tokens: Sequence[int]) -> tuple[Floats, Floats, Floats]:
        n = len(tokens)
        cosine, sine = self.cosine[:n, None], self.sine[:n, None]
        future = np.triu(np.full((n, n), np.float32(-1e30)), 1)
        x = self.embedding[np.asarray(tokens)]
        all_keys, all_values = [], []
        for block in self.blocks:
            q, k, v = self._project(block, x)
            q, k = rotated(q, cosine, sine), rotated(k, cosine, sine)
            keys, values = k.swapaxes(0, 1), v.swapaxes(0, 1)  # (groups, n, width)
            grouped = q.reshape(n, self.groups, -1, self.width).transpose(1, 2, 0, 3)
            scores = grouped @ keys[:, None].swapaxes(-1, -2) * np.float32(self.width**-0.5)
            mixed = attended(scores + future, values[:, None])
            x = self._finish(block, x, mixed.transpose(2, 0, 1, 3).reshape(n, -1))
            all_keys.append(keys)
            all_values.append(values)
        return np.stack(all_keys), np.stack(all_values), x

    def _after(self, x: Floats) -> Floats:
        return self.head.after(norm(x, self.last_norm, self.epsilon))

    def _project(self, block: _Block, x: Floats) -> tuple[Floats, Floats, Floats]:
        together = block.qkv.after(norm(x, block.before_attention, self.epsilon))
        heads = together.reshape(len(x), -1, self.width)
        keys, values = self.heads, self.heads + self.groups
        return heads[:, :keys], heads[:, keys:values], heads[:, values:]

    def _finish(self, block: _Block, x: Floats, mixed: Floats) -> Floats:
        x = x + block.out.after(mixed)
        together = block.gate_up.after(norm(x, block.before_mlp, self.epsilon))
        gate, up = together[:, : together.shape[1] // 2], together[:, together.shape[1] // 2 :]
        added: Floats = x + block.down.after(gate / (1 + np.exp(-gate)) * up)
        return added


class _Block:
    def __init__(self, tensors: dict[str, Floats], name: str) -> None:
        def matrix(*parts: str) -> Matrix:
            return Matrix(np.concatenate([tensors[f"{name}{part}.weight"] for part in parts]))

        self.qkv = matrix("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj")
        self.out = matrix("self_attn.o_proj")
        self.gate_up = matrix("mlp.gate_proj", "mlp.up_proj")
        self.down = matrix("mlp.down_proj")
        self.before_attention = tensors[f"{name}input_layernorm.weight"]
        self.before_mlp = tensors[f"{name}post_attention_layernorm.weight"]


class Matrix:
    """A matrix whose product with a row has the same bits whatever other rows there are, from two rows on.

    OpenBLAS has a faster way for products below a million multiplications, which adds up long columns in another order.
    So long columns are cut, and a product of few rows is cut into ones that take the faster way.
    """

    SMALL, LONGEST, FEW = 1_000_000, 352, 16

    def __init__(self, rows: Floats) -> None:
        outputs, inputs = rows.shape
        parts = -(-inputs // self.LONGEST) if 2 * inputs * outputs <= self.SMALL else 1
        columns = np.ascontiguousarray(rows.T)
        self._parts: list[tuple[slice, Floats]] = []
        for inside in np.array_split(np.arange(inputs), parts):
            cut = slice(int(inside[0]), int(inside[-1]) + 1)
            self._parts.append((cut, columns[cut]))
        self._outputs = outputs

    def after(self, x: Floats) -> Floats:
        """(n, outputs) for `x` of (n, inputs)."""
        made = [self._product(x[:, cut], part) for cut, part in self._parts]
        return made[0] if len(made) == 1 else np.add.reduce(made)

    def _product(self, x: Floats, part: Floats) -> Floats:
        n, inputs = x.shape
        width = self.SMALL // (n * inputs) // 64 * 64
        if n > self.FEW or inputs > self.LONGEST or not 0 < width < self._outputs:
            whole: Floats = x @ part
            return whole
        return np.concatenate([x @ part[:, at : at + width] for at in range(0, self._outputs, width)], 1)


def not_plain(config: dict[str, Any]) -> str | None:
    """What a configuration has that this network does not compute; None where it computes all of it."""
    rope = config.get("rope_parameters") or config.get("rope_scaling") or {}
    expected = {
        "model_type": (config.get("model_type"), "llama"),
        "hidden_act": (config.get("hidden_act", "silu"), "silu"),
        "attention_bias": (config.get("attention_bias", False), False),
        "mlp_bias": (config.get("mlp_bias", False), False),
        "rope_type": (rope.get("rope_type", rope.get("type", "default")), "default"),
    }
    return next((f"{name} = {found}" for name, (found, plain) in expected.items() if found != plain), None)


def norm(x: Floats, weight: Floats, epsilon: float) -> Floats:
    mean_square = np.add.reduce(x * x, -1, keepdims=True) * np.float32(1 / x.shape[-1])
    normed: Floats = x / np.sqrt(mean_square + np.float32(epsilon)) * weight
    return normed


def attended(scores: Floats, values: Floats) -> Floats:
    """The mean of `values` under the softmax of `scores`. What is hidden adds zeros, in the numerator and below it."""
    e = np.exp(scores - scores.max(-1, keepdims=True))
    mean: Floats = (e @ values) / (e @ np.ones((e.shape[-1], 1), np.float32))
    return mean


def _whole(n: int, block: int) -> int:
    return -(-n // block) * block


def rotated(x: Floats, cosine: Floats, sine: Floats) -> Floats:
    """Rotary positions (Su et al. 2021), halves paired as in Hugging Face's Llama."""
    half = x.shape[-1] // 2
    a, b = x[..., :half], x[..., half:]
    return np.concatenate([a * cosine - b * sine, b * cosine + a * sine], -1)


def read_safetensors(file: Path) -> dict[str, Floats]:
    """All tensors as fp32. bf16 is the upper half of fp32, which NumPy can widen itself. Raises DamagedFile."""
    data = file.read_bytes()
    try:
        length = int.from_bytes(data[:8], "little")
        header = json.loads(data[8 : 8 + length])
        tensors = {name: _tensor(data, 8 + length, said) for name, said in header.items() if name != "__metadata__"}
    except (ValueError, KeyError, TypeError) as error:
        raise DamagedFile(f"{file} is not a whole safetensors file ({str(error)[:80]}); fetch it again") from None
    return tensors


def _tensor(data: bytes, start: int, said: dict[str, Any]) -> Floats:
    begin, end = (start + int(offset) for offset in said["data_offsets"])
    raw = data[begin:end]
    if len(raw) != end - begin:
        raise ValueError("it ends too early")
    if said["dtype"] == "BF16":
        wide = (np.frombuffer(raw, np.uint16).astype(np.uint32) << 16).view(np.float32)
    else:
        wide = np.frombuffer(raw, {"F32": np.float32, "F16": np.float16}[str(said["dtype"])]).astype(np.float32)
    shaped: Floats = wide.reshape(said["shape"])
    return shaped
