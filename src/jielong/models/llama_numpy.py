"""A Llama network in NumPy: the clearest form of what a language model computes, and fast enough for a small one.

Tokens become vectors; each layer adds what attention reads from earlier positions and what a gated MLP makes of it; the
last vector, compared with every token's own, gives the logits of the next token (Touvron et al. 2023).

A row has the same figures, to the bit, in any company: see `Matrix`, and that lengths are filled up to whole blocks.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import ThreadpoolController

from .llama_weights import Floats, Weights

if TYPE_CHECKING:
    from .llama_engine import Forward

LENGTH_BLOCK = 64
WIDE_HIDDEN = 768  # hidden size from which more threads are faster
_POOLS = ThreadpoolController()


class NumPyLlama:
    parallel_passes = 1

    def __init__(self, weights: Weights) -> None:
        self.groups, self.width, self.epsilon = weights.groups, weights.width, np.float32(weights.epsilon)
        self.embedding = weights.tensors["model.embed_tokens.weight"]
        self.blocks = [_Block(weights, f"model.layers.{i}.") for i in range(weights.layers)]
        self.last_norm = weights.tensors["model.norm.weight"]
        self.head = Matrix(weights.head())
        self.cosine, self.sine = weights.rotations()

    def bind_cache(self, keys: Floats, values: Floats) -> Forward:
        return partial(self._forward, keys, values)

    def _forward(
        self,
        keys: Floats,
        values: Floats,
        tokens: NDArray[np.int64],
        lengths: NDArray[np.int64],
        wanted: NDArray[np.int64],
    ) -> Floats:
        rows, new = tokens.shape
        row_index = np.arange(rows)[:, None]
        positions = lengths[:, None] + np.arange(new)
        visible = min(keys.shape[3], _round_up(int(positions.max()) + 1, LENGTH_BLOCK))
        future = np.where(np.arange(visible) > positions[..., None], np.float32(-1e30), np.float32(0))
        cosine, sine = (table[positions.ravel(), None] for table in (self.cosine, self.sine))
        with self._threads():
            x = self.embedding[tokens.ravel()]
            for layer, block in enumerate(self.blocks):
                qkv = block.qkv.product(norm(x, block.before_attention, self.epsilon))
                heads = qkv.reshape(rows * new, -1, self.width)
                q, k, v = (
                    heads[:, : -2 * self.groups],
                    heads[:, -2 * self.groups : -self.groups],
                    heads[:, -self.groups :],
                )
                q, k = rotated(q, cosine, sine), rotated(k, cosine, sine)
                keys[layer][row_index, :, positions] = k.reshape(rows, new, self.groups, self.width)
                values[layer][row_index, :, positions] = v.reshape(rows, new, self.groups, self.width)
                queries = q.reshape(rows, new, self.groups, -1, self.width).transpose(0, 2, 3, 1, 4)
                scores = queries @ keys[layer, :, :, None, :visible].swapaxes(-1, -2) * np.float32(self.width**-0.5)
                mixed = attended(scores + future[:, None, None], values[layer, :, :, None, :visible])
                x = x + block.out.product(mixed.transpose(0, 3, 1, 2, 4).reshape(rows * new, -1))
                gate, up = np.split(block.gate_up.product(norm(x, block.before_mlp, self.epsilon)), 2, -1)
                x = x + block.down.product(gate / (1 + np.exp(-gate)) * up)
            return self.head.product(norm(x[wanted], self.last_norm, self.epsilon))

    def _threads(self) -> AbstractContextManager[object]:
        """A small product is done before a second thread has begun, and on a busy machine waits long for it."""
        return _POOLS.limit(limits=1, user_api="blas") if self.embedding.shape[1] < WIDE_HIDDEN else nullcontext()


class _Block:
    def __init__(self, weights: Weights, name: str) -> None:
        self.qkv = Matrix(weights.matrix(*(f"{name}self_attn.{part}_proj" for part in "qkv")))
        self.out = Matrix(weights.matrix(f"{name}self_attn.o_proj"))
        self.gate_up = Matrix(weights.matrix(f"{name}mlp.gate_proj", f"{name}mlp.up_proj"))
        self.down = Matrix(weights.matrix(f"{name}mlp.down_proj"))
        self.before_attention = weights.tensors[f"{name}input_layernorm.weight"]
        self.before_mlp = weights.tensors[f"{name}post_attention_layernorm.weight"]


class Matrix:
    """A matrix whose product with a row has the same bits whatever other rows there are.

    OpenBLAS multiplies one row in another way than two; so one row is computed as two. And it has a faster way for
    products below a million multiplications, which adds up long columns in another order. So long columns are cut, and
    a product of few rows is cut into ones that take the faster way.
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

    def product(self, x: Floats) -> Floats:
        """(n, outputs) for `x` of (n, inputs)."""
        rows = np.repeat(x, 2, 0) if len(x) == 1 else x
        products = [self._part_product(rows[:, cut], part) for cut, part in self._parts]
        return (products[0] if len(products) == 1 else np.add.reduce(products))[: len(x)]

    def _part_product(self, x: Floats, part: Floats) -> Floats:
        n, inputs = x.shape
        width = self.SMALL // (n * inputs) // 64 * 64
        if n > self.FEW or inputs > self.LONGEST or not 0 < width < self._outputs:
            whole: Floats = x @ part
            return whole
        return np.concatenate([x @ part[:, at : at + width] for at in range(0, self._outputs, width)], 1)


def norm(x: Floats, weight: Floats, epsilon: np.float32) -> Floats:
    mean_square = np.add.reduce(x * x, -1, keepdims=True) * np.float32(1 / x.shape[-1])
    normed: Floats = x / np.sqrt(mean_square + epsilon) * weight
    return normed


def attended(scores: Floats, values: Floats) -> Floats:
    """The mean of `values` under the softmax of `scores`. Masked positions add exact zeros to both sums."""
    e = np.exp(scores - scores.max(-1, keepdims=True))
    mean: Floats = (e @ values) / (e @ np.ones((e.shape[-1], 1), np.float32))
    return mean


def rotated(x: Floats, cosine: Floats, sine: Floats) -> Floats:
    """Rotary positions (Su et al. 2021), halves paired as in Hugging Face's Llama."""
    a, b = np.split(x, 2, -1)
    return np.concatenate([a * cosine - b * sine, b * cosine + a * sine], -1)


def _round_up(n: int, block: int) -> int:
    return -(-n // block) * block
