"""A Llama network as an engine for the batcher: rows of a key-value cache, and one prefill for all samples of a prompt.

What is computed is in `llama_numpy`, the clearest form of it, and again in `llama_onnx`, which is two to three times
faster and needs an extra.
"""

from __future__ import annotations

import math
import mmap
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Protocol

import numpy as np

from ..errors import Unsupported
from .continuous_batching import Text
from .llama_weights import BLOCK, Floats, Integers, Weights, read_weights

MAX_ROWS, CACHED_PREFILLS = 64, 32
MIN_ROWS_PER_CORE = 8  # with fewer, a second core costs more than it gains
ONNX_HEAD = 16  # its attention takes no other sizes of heads
CACHE_BYTES = 1 << 32  # of address space: the system gives memory to a page when it is first written

Forward = Callable[[Integers, Integers, Integers], Floats]
"""`forward(tokens, lengths, wanted)`: add `tokens` (rows, new) after the first `lengths` (rows,) positions of a cache.
The logits (wanted, vocabulary), float32, are those of the flat token numbers `wanted`, valid until the next call."""

Prefill = tuple[Floats, Floats, Floats]
"""Keys and values of a prompt, (layers, groups, tokens, width), and the logits (vocabulary,) of what follows it."""


class Backend(Protocol):
    parallel_passes: int  # how many forward passes may run at the same time

    def bind_cache(self, keys: Floats, values: Floats) -> Forward:
        """The network over a cache of (layers, rows, groups, room, width), which it writes into."""

    def fixed_threads(self) -> AbstractContextManager[None]:
        """Around forward passes: nobody else changes the threads that they compute with."""


class LlamaEngine:
    """An `Engine` without torch. A slot is a sequence's number for its whole life; its row of the cache may move."""

    def __init__(self, source: Path | Weights, engine: str | None = None) -> None:
        """`source`: a checkpoint folder, or weights in memory, which stay as they are while the engine computes.
        `engine` is numpy or onnx; None takes the faster one that is installed. Raises Unsupported, DamagedFile."""
        weights = source if isinstance(source, Weights) else read_weights(source)
        self.engine = engine or fastest_engine()
        self._backend = _backend(weights, self.engine)
        self.context = weights.context
        self._shape = (weights.layers, weights.groups, weights.width)
        row_bytes = 8 * weights.layers * weights.groups * weights.context * weights.width
        self.max_rows = max(1, min(MAX_ROWS, CACHE_BYTES // row_bytes))
        self._keys, self._values = self._new_cache(self.max_rows, self.context)
        self._lengths = np.zeros(self.max_rows, np.int64)
        self._row_of_slot: dict[int, int] = {}  # the rows in use are always the first ones
        self._next_slot = 0
        self._parallel_passes = min(self._backend.parallel_passes, MAX_ROWS // MIN_ROWS_PER_CORE)
        self._workers = ThreadPoolExecutor(self._parallel_passes, "jielong network")
        self._prefill_caches: SimpleQueue[tuple[Forward, Floats, Floats]] = SimpleQueue()  # one for each worker
        for keys, values in (self._new_cache(1, self.context) for _ in range(self._parallel_passes)):
            self._prefill_caches.put((self._backend.bind_cache(keys, values), keys, values))
        self._bound_steps: dict[tuple[int, int], Forward] = {}
        self._prefills: dict[tuple[int, ...], Prefill] = {}

    def logits(self, texts: Sequence[Text], adapters: Sequence[str] = ()) -> list[Floats]:
        """See `Engine.logits`. May be called while a batch runs. Each text for itself: the same bits in any company."""
        with self._backend.fixed_threads():
            return list(self._map(self._read, texts))

    def _read(self, text: Text) -> Floats:
        tokens, last = text
        forward = self._backend.bind_cache(*self._new_cache(1, len(tokens)))
        return forward(np.array([tokens]), np.zeros(1, np.int64), np.arange(len(tokens))[-last:])

    def start(self, prompts: Sequence[tuple[int, ...]], adapters: Sequence[str] = ()) -> tuple[list[int], list[Floats]]:
        """See `Engine.start`. It computes no adapters."""
        slots, logits = [], []
        with self._backend.fixed_threads():
            prefills = self._cached_prefills(prompts)
        for prompt in prompts:
            keys, values, next_logits = prefills[prompt]
            row = len(self._row_of_slot)
            self._keys[:, row, :, : len(prompt)] = keys
            self._values[:, row, :, : len(prompt)] = values
            self._lengths[row] = len(prompt)
            self._row_of_slot[self._next_slot] = row
            slots.append(self._next_slot)
            logits.append(next_logits)
            self._next_slot += 1
        return slots, logits

    def step(self, slots: Sequence[int], tokens: Sequence[int]) -> list[Floats]:
        """See `Engine.step`; every slot in use gets a token. Many rows are divided among the cores."""
        n, rows = len(slots), [self._row_of_slot[slot] for slot in slots]
        ids = np.empty((n, 1), np.int64)
        ids[rows, 0] = tokens
        parts = max(1, min(self._parallel_passes, n // MIN_ROWS_PER_CORE))
        edges = [n * part // parts for part in range(parts + 1)]
        steps = [self._bound_step(begin, end) for begin, end in pairwise(edges)]
        arguments = ((ids[b:e], self._lengths[b:e], np.arange(e - b)) for b, e in pairwise(edges))
        with self._backend.fixed_threads():
            logits = [row for part in self._map(lambda step, its: step(*its), steps, arguments) for row in part]
        self._lengths[:n] += 1
        return [logits[row] for row in rows]

    def _bound_step(self, begin: int, end: int) -> Forward:
        if (begin, end) not in self._bound_steps:
            keys, values = self._keys[:, begin:end], self._values[:, begin:end]
            self._bound_steps[begin, end] = self._backend.bind_cache(keys, values)
        return self._bound_steps[begin, end]

    def _map(self, call: Callable[..., Any], first: Sequence[Any], *more: Iterable[Any]) -> Iterable[Any]:
        """`map`, on several cores where there is more than one call to make."""
        parallel = min(len(first), self._parallel_passes) > 1
        return self._workers.map(call, first, *more) if parallel else map(call, first, *more)

    def release(self, slot: int) -> None:
        """Free the slot's row; the last row in use moves into its place, so that those in use stay together."""
        row, last = self._row_of_slot.pop(slot), len(self._row_of_slot)
        if row != last:
            length = self._lengths[last]
            self._keys[:, row, :, :length] = self._keys[:, last, :, :length]
            self._values[:, row, :, :length] = self._values[:, last, :, :length]
            self._lengths[row] = length
            moved = next(s for s, its_row in self._row_of_slot.items() if its_row == last)
            self._row_of_slot[moved] = row

    def _cached_prefills(self, prompts: Sequence[tuple[int, ...]]) -> dict[tuple[int, ...], Prefill]:
        """The prefill of each prompt, computed once for all its samples and kept for later ones."""
        prefills = {prompt: self._prefills[prompt] for prompt in prompts if prompt in self._prefills}
        new = [prompt for prompt in dict.fromkeys(prompts) if prompt not in prefills]
        prefills |= zip(new, self._map(self._prefill, new), strict=True)
        older = [(prompt, prefill) for prompt, prefill in self._prefills.items() if prompt not in prefills]
        self._prefills = dict([*older, *prefills.items()][-CACHED_PREFILLS:])  # the most recently used
        return prefills

    def _prefill(self, prompt: tuple[int, ...]) -> Prefill:
        n, cache = len(prompt), self._prefill_caches.get()
        forward, keys, values = cache
        try:
            logits = forward(np.array([prompt]), np.zeros(1, np.int64), np.array([n - 1]))[0].copy()
            return keys[:, 0, :, :n].copy(), values[:, 0, :, :n].copy(), logits
        finally:
            self._prefill_caches.put(cache)

    def _new_cache(self, rows: int, room: int) -> tuple[Floats, Floats]:
        layers, groups, width = self._shape
        shape = (layers, rows, groups, -(-room // BLOCK) * BLOCK, width)
        return _zeros(shape), _zeros(shape)


def _zeros(shape: tuple[int, ...]) -> Floats:
    """As `np.zeros`, in pages of 4 kB. NumPy asks for pages of 2 MB, each of which the system clears when its first
    number is written: the first batch of 64 rows waited a second for that, and took ten times the memory."""
    private = {"flags": mmap.MAP_PRIVATE} if hasattr(mmap, "MAP_PRIVATE") else {}
    memory = mmap.mmap(-1, max(1, 4 * math.prod(shape)), **private)
    if hasattr(mmap, "MADV_NOHUGEPAGE"):
        memory.madvise(mmap.MADV_NOHUGEPAGE)
    return np.frombuffer(memory, np.float32).reshape(shape)


def fastest_engine() -> str:
    """onnx where ONNX Runtime is installed, else numpy."""
    return "onnx" if find_spec("onnxruntime") else "numpy"


def _backend(weights: Weights, engine: str) -> Backend:
    if engine == "onnx":
        if weights.width % ONNX_HEAD:
            raise Unsupported(
                f"ONNX Runtime computes heads of a multiple of {ONNX_HEAD} numbers, and these have {weights.width}; "
                "use engine=numpy or engine=torch"
            )
        from .llama_onnx import OnnxLlama

        return OnnxLlama(weights)
    from .llama_numpy import NumPyLlama

    return NumPyLlama(weights)
