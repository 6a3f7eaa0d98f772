"""A Llama network in NumPy: the clearest form of what a language model computes, and fast enough for a small one.

Tokens become vectors; each layer adds what attention reads from earlier positions and what a gated MLP makes of it; the
last vector, compared with every token's own, gives the logits of the next token (Touvron et al. 2023).

A row has the same figures, to the bit, in any company and on any processor, because every product that BLAS is asked
for while tokens are added has one shape, whatever other rows there are: see `Matrix` and `attended`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial, reduce
from itertools import pairwise
from threading import RLock
from typing import TYPE_CHECKING

import numpy as np
from threadpoolctl import ThreadpoolController

from .llama_weights import BLOCK, Floats, Integers, Weights, cores

if TYPE_CHECKING:
    from .llama_engine import Forward

WIDE_HIDDEN = 768  # hidden size from which threads share a product; below, they share the rows of a batch
_POOLS, _THREADS_LOCK = ThreadpoolController(), RLock()


class NumPyLlama:
    def __init__(self, weights: Weights) -> None:
        self.parallel_passes = 1 if weights.head().shape[1] >= WIDE_HIDDEN else cores()
        self.groups, self.width, self.epsilon = weights.groups, weights.width, np.float32(weights.epsilon)
        self.embedding = weights.tensors["model.embed_tokens.weight"]
        self.blocks = [_Block(weights, f"model.layers.{i}.") for i in range(weights.layers)]
        self.last_norm = weights.tensors["model.norm.weight"]
        self.head = Matrix(weights.head())
        self.cosine, self.sine = weights.rotations()

    def bind_cache(self, keys: Floats, values: Floats) -> Forward:
        return partial(self._forward, keys, values)

    def _forward(self, keys: Floats, values: Floats, tokens: Integers, lengths: Integers, wanted: Integers) -> Floats:
        rows, new = tokens.shape
        row_index = np.arange(rows)[:, None]
        positions = lengths[:, None] + np.arange(new)
        blocks = int(positions.max()) // BLOCK + 1
        cached_positions = np.arange(blocks * BLOCK).reshape(blocks, 1, 1, BLOCK)
        future = np.where(cached_positions > positions[:, None, None, None, :, None], np.float32(-1e30), np.float32(0))
        cosine, sine = (table[positions.ravel(), None] for table in (self.cosine, self.sine))
        alone = new == 1  # else these are the tokens of one prompt, which nobody shares
        x = self.embedding[tokens.ravel()]
        for layer, block in enumerate(self.blocks):
            qkv = block.qkv.product(norm(x, block.before_attention, self.epsilon), alone)
            heads = qkv.reshape(rows * new, -1, self.width)
            q, k, v = np.split(heads, [-2 * self.groups, -self.groups], 1)
            q, k = rotated(q, cosine, sine), rotated(k, cosine, sine)
            keys[layer][row_index, :, positions] = k.reshape(rows, new, self.groups, self.width)
            values[layer][row_index, :, positions] = v.reshape(rows, new, self.groups, self.width)
            queries = q.reshape(rows, new, self.groups, 1, -1, self.width).transpose(0, 2, 3, 4, 1, 5)
            scores = queries @ in_blocks(keys[layer], blocks).swapaxes(-1, -2) * np.float32(self.width**-0.5)
            mixed = attended(scores + future, in_blocks(values[layer], blocks))
            x = x + block.out.product(mixed.transpose(0, 3, 1, 2, 4).reshape(rows * new, -1), alone)
            gate, up = np.split(block.gate_up.product(norm(x, block.before_mlp, self.epsilon), alone), 2, -1)
            x = x + block.down.product(gate / (1 + np.exp(-gate)) * up, alone)
        return self.head.product(norm(x[wanted], self.last_norm, self.epsilon), alone)

    @contextmanager
    def fixed_threads(self) -> Iterator[None]:
        """A small product is done before a second thread has begun, and on a busy machine waits long for it.

        How many threads BLAS takes is one setting for the process: only one at a time may change it and put it back.
        """
        if self.parallel_passes == 1:
            yield
            return
        with _THREADS_LOCK, _POOLS.limit(limits=1, user_api="blas"):
            yield


class _Block:
    def __init__(self, weights: Weights, name: str) -> None:
        self.qkv = Matrix(weights.matrix(*(f"{name}self_attn.{part}_proj" for part in "qkv")))
        self.out = Matrix(weights.matrix(f"{name}self_attn.o_proj"))
        self.gate_up = Matrix(weights.matrix(f"{name}mlp.gate_proj", f"{name}mlp.up_proj"))
        self.down = Matrix(weights.matrix(f"{name}mlp.down_proj"))
        self.before_attention = weights.tensors[f"{name}input_layernorm.weight"]
        self.before_mlp = weights.tensors[f"{name}post_attention_layernorm.weight"]


class Matrix:
    """A matrix that rows are multiplied by, each with the same bits whatever other rows there are.

    BLAS takes another kernel for another number of rows, and another kernel may add up in another order. No number
    from two on is safe: OpenBLAS's for Haswell differ between any 12 rows and 4, and within 12. So rows of a batch are
    multiplied one at a time, which is always the same product. The loop over them is NumPy's.
    """

    LARGE, PART = 2 << 20, 1 << 19  # bytes: what is not in the cache any more when the next row comes, and what is

    def __init__(self, rows: Floats) -> None:
        outputs, _ = rows.shape
        parts = -(-rows.nbytes // self.PART) if rows.nbytes > self.LARGE else 1
        edges = [outputs * part // parts for part in range(parts + 1)]
        self._parts = [np.ascontiguousarray(rows[begin:end].T) for begin, end in pairwise(edges)]

    def product(self, x: Floats, alone: bool) -> Floats:
        """(n, outputs) for `x` of (n, inputs). `alone`: each row for itself; else as fast as can be."""
        if alone:
            x = x[:, None]
        products = [x @ part for part in self._parts]
        joined = products[0] if len(products) == 1 else np.concatenate(products, -1)
        return joined[:, 0] if alone else joined


def norm(x: Floats, weight: Floats, epsilon: np.float32) -> Floats:
    mean_square = np.add.reduce(x * x, -1, keepdims=True) * np.float32(1 / x.shape[-1])
    normed: Floats = x / np.sqrt(mean_square + epsilon) * weight
    return normed


def in_blocks(cache: Floats, blocks: int) -> Floats:
    """A view (rows, groups, blocks, 1, BLOCK, width) of the first blocks of a cache (rows, groups, room, width)."""
    rows, groups, _, width = cache.shape
    return cache[:, :, : blocks * BLOCK].reshape(rows, groups, blocks, 1, BLOCK, width)


def attended(scores: Floats, values: Floats) -> Floats:
    """The mean of `values` under the softmax of `scores`, (rows, groups, blocks, heads, new, BLOCK).

    Each block is a product of its own, and the blocks are added up from the first on. So it does not matter how many
    there are because of longer rows: they hold zeros, in the numerator and below it.
    """
    e = np.exp(scores - scores.max((2, -1), keepdims=True))
    by_block = e @ values, np.add.reduce(e, -1, keepdims=True)
    weighted, total = (reduce(np.add, np.moveaxis(blocks, 2, 0)) for blocks in by_block)
    mean: Floats = weighted / total
    return mean


def rotated(x: Floats, cosine: Floats, sine: Floats) -> Floats:
    """Rotary positions (Su et al. 2021), halves paired as in Hugging Face's Llama."""
    a, b = np.split(x, 2, -1)
    return np.concatenate([a * cosine - b * sine, b * cosine + a * sine], -1)
