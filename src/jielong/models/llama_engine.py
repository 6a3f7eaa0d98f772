"""A Llama network as an engine for `models.batching`: rows of a cache, and one reading of a prompt for all its samples.

What is computed is in `llama_numpy`, the clearest form of it, and again in `llama_onnx`, which is two to three times
faster and needs an extra.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from .llama_weights import Floats, Weights, read_weights

ROWS, REMEMBERED_PROMPTS = 64, 32
ROWS_A_CORE = 8  # fewer are not worth a second core
CACHE_BYTES = 1 << 32  # of address space; memory is taken as rows grow

Forward = Callable[[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]], Floats]
"""`forward(tokens, lengths, wanted)`: add `tokens` (rows, new) after the first `lengths` (rows,) positions of a cache.
The logits (wanted, vocabulary) are those of the flat token numbers `wanted`, and good until the next call."""

Read = tuple[Floats, Floats, Floats]
"""Keys and values of a prompt, (layers, groups, tokens, width), and the logits of what follows it."""


class Computes(Protocol):
    at_once: int  # how many forward passes may run beside each other

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
        self._at_once = min(self._network.at_once, ROWS // ROWS_A_CORE)
        self._workers = ThreadPoolExecutor(self._at_once, "jielong network")
        self._desks: SimpleQueue[tuple[Forward, Floats, Floats]] = SimpleQueue()  # where prompts are read
        for keys, values in (self._cache(1, self.context) for _ in range(self._at_once)):
            self._desks.put((self._network.over(keys, values), keys, values))
        self._steps: dict[tuple[int, int], Forward] = {}
        self._prompts: dict[tuple[int, ...], Read] = {}

    def logits(self, tokens: Sequence[int]) -> Floats:
        """(len(tokens), vocabulary): what follows each prefix of `tokens`. May be called beside a running batch."""
        n = len(tokens)
        forward = self._network.over(*self._cache(1, n))
        return forward(np.array([tokens]), np.zeros(1, np.int64), np.arange(n))

    def start(self, prompts: Sequence[tuple[int, ...]]) -> tuple[list[int], list[Floats]]:
        slots, logits = [], []
        read = self._remembered(prompts)
        for prompt in prompts:
            keys, values, after = read[prompt]
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
        """Every slot in use gets a token. Many rows are shared out among the cores."""
        n, places = len(slots), [self._place[slot] for slot in slots]
        ids = np.empty((n, 1), np.int64)
        ids[places, 0] = tokens
        parts = max(1, min(self._at_once, n // ROWS_A_CORE))
        edges = [n * part // parts for part in range(parts + 1)]
        steps = [self._step_of(begin, end) for begin, end in pairwise(edges)]
        asked = ((ids[b:e], self._lengths[b:e], np.arange(e - b)) for b, e in pairwise(edges))
        logits = [row for part in self._each(lambda step, given: step(*given), steps, asked) for row in part]
        self._lengths[:n] += 1
        return [logits[place] for place in places]

    def _step_of(self, begin: int, end: int) -> Forward:
        if (begin, end) not in self._steps:
            self._steps[begin, end] = self._network.over(self._keys[:, begin:end], self._values[:, begin:end])
        return self._steps[begin, end]

    def _each(self, do: Callable[..., Any], first: Sequence[Any], *more: Iterable[Any]) -> Iterable[Any]:
        """`map`, on several cores where there is more than one thing to do."""
        return self._workers.map(do, first, *more) if min(len(first), self._at_once) > 1 else map(do, first, *more)

    def release(self, slot: int) -> None:
        row, last = self._place.pop(slot), len(self._place)
        if row != last:
            length = self._lengths[last]
            self._keys[:, row, :, :length] = self._keys[:, last, :, :length]
            self._values[:, row, :, :length] = self._values[:, last, :, :length]
            self._lengths[row] = length
            moved = next(s for s, place in self._place.items() if place == last)
            self._place[moved] = row

    def _remembered(self, prompts: Sequence[tuple[int, ...]]) -> dict[tuple[int, ...], Read]:
        """The cache of each prompt and what follows it; samples of one prompt share one reading."""
        found = {prompt: self._prompts[prompt] for prompt in prompts if prompt in self._prompts}
        new = [prompt for prompt in dict.fromkeys(prompts) if prompt not in found]
        found |= zip(new, self._each(self._read, new), strict=True)
        older = [(prompt, read) for prompt, read in self._prompts.items() if prompt not in found]
        self._prompts = dict([*older, *found.items()][-REMEMBERED_PROMPTS:])
        return found

    def _read(self, prompt: tuple[int, ...]) -> Read:
        n, desk = len(prompt), self._desks.get()
        forward, keys, values = desk
        try:
            after = forward(np.array([prompt]), np.zeros(1, np.int64), np.array([n - 1]))[0].copy()
            return keys[:, 0, :, :n].copy(), values[:, 0, :, :n].copy(), after
        finally:
            self._desks.put(desk)

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
