"""A Llama network as an engine for `models.batching`: rows of a cache, and one reading of a prompt for all its samples.

What is computed is in `llama_numpy`, the clearest form of it, and again in `llama_onnx`, which is two to three times
faster and needs an extra.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from .weights import Floats, Weights, read_weights

ROWS, REMEMBERED_PROMPTS = 64, 32
CACHE_BYTES = 1 << 32  # of address space; memory is taken as rows grow

Forward = Callable[[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]], Floats]
"""`forward(tokens, lengths, wanted)`: add `tokens` (rows, new) after the first `lengths` (rows,) positions of a cache.
The logits (wanted, vocabulary) are those of the flat token numbers `wanted`, and good until the next call."""


class Computes(Protocol):
    def over(self, keys: Floats, values: Floats) -> Forward:
        """The network over a cache of (layers, rows, groups, room, width), which it writes into."""


class Network:
    """`start`, `step` and `release` are what the batcher drives; it numbers its rows by slot."""

    def __init__(self, folder: Path, engine: str | None = None) -> None:
        """`engine` is numpy or onnx; None takes the faster one that is installed. Raises Unsupported, DamagedFile."""
        weights = read_weights(folder)
        self.engine = engine or fastest()
        self._network = _network(weights, self.engine)
        self.context = weights.context
        self._shape = (weights.layers, weights.groups, weights.width)
        row_bytes = 8 * weights.layers * weights.groups * weights.context * weights.width
        self.rows = max(1, min(ROWS, CACHE_BYTES // row_bytes))
        self._keys, self._values = self._cache(self.rows, self.context)
        self._lengths = np.zeros(self.rows, np.int64)
        self._place: dict[int, int] = {}  # slot -> row of the cache; the rows in use are always the first ones
        self._next_slot = 0
        self._prompt_cache = self._cache(1, self.context)
        self._read = self._network.over(*self._prompt_cache)
        self._steps: dict[int, Forward] = {}
        self._prompts: OrderedDict[tuple[int, ...], tuple[Floats, Floats, Floats]] = OrderedDict()

    def logits(self, tokens: Sequence[int]) -> Floats:
        """(len(tokens), vocabulary): what follows each prefix of `tokens`. May be called beside a running batch."""
        n = len(tokens)
        forward = self._network.over(*self._cache(1, n))
        return forward(np.array([tokens]), np.zeros(1, np.int64), np.arange(n))

    def start(self, prompts: Sequence[tuple[int, ...]]) -> tuple[list[int], list[Floats]]:
        slots, logits = [], []
        for prompt in prompts:
            keys, values, after = self._remembered(prompt)
            row = len(self._place)
            self._keys[:, row, :, : len(prompt)] = keys
            self._values[:, row, :, : len(prompt)] = values
            self._lengths[row] = len(prompt)
            self._place[self._next_slot] = row
            slots.append(self._next_slot)
            logits.append(after)
            self._next_slot += 1
        return slots, logits

    def step(self, slots: Sequence[int], tokens: Sequence[int]) -> list[Floats]:
        """Every slot in use gets a token."""
        n, places = len(slots), [self._place[slot] for slot in slots]
        if n not in self._steps:
            self._steps[n] = self._network.over(self._keys[:, :n], self._values[:, :n])
        ids = np.empty((n, 1), np.int64)
        ids[places, 0] = tokens
        logits = self._steps[n](ids, self._lengths[:n], np.arange(n))
        self._lengths[:n] += 1
        return [logits[place] for place in places]

    def release(self, slot: int) -> None:
        row, last = self._place.pop(slot), len(self._place)
        if row != last:
            length = self._lengths[last]
            self._keys[:, row, :, :length] = self._keys[:, last, :, :length]
            self._values[:, row, :, :length] = self._values[:, last, :, :length]
            self._lengths[row] = length
            moved = next(s for s, place in self._place.items() if place == last)
            self._place[moved] = row

    def _remembered(self, prompt: tuple[int, ...]) -> tuple[Floats, Floats, Floats]:
        """The cache of a prompt and what follows it; samples of one prompt share one reading."""
        if prompt in self._prompts:
            self._prompts.move_to_end(prompt)
            return self._prompts[prompt]
        n = len(prompt)
        after = self._read(np.array([prompt]), np.zeros(1, np.int64), np.array([n - 1]))[0].copy()
        keys, values = (cache[:, 0, :, :n].copy() for cache in self._prompt_cache)
        self._prompts[prompt] = keys, values, after
        if len(self._prompts) > REMEMBERED_PROMPTS:
            self._prompts.popitem(last=False)
        return self._prompts[prompt]

    def _cache(self, rows: int, room: int) -> tuple[Floats, Floats]:
        layers, groups, width = self._shape
        shape = (layers, rows, groups, room, width)
        return np.zeros(shape, np.float32), np.zeros(shape, np.float32)


def fastest() -> str:
    return "onnx" if find_spec("onnxruntime") else "numpy"


def _network(weights: Weights, engine: str) -> Computes:
    made: Any
    if engine == "onnx":
        from .llama_onnx import OnnxLlama as made
    else:
        from .llama_numpy import NumPyLlama as made
    network: Computes = made(weights)
    return network
