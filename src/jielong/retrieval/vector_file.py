"""Vectors in a memory-mapped array of float32 beside the database: one row after another, found by their row number.

A row that the database does not name is nothing: a builder that was killed between writing a row and naming it leaves
a gap, and nobody reads it.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..atomic_write import PRIVATE_FILE

Vectors = NDArray[np.float32]
Rows = NDArray[np.int64]


class VectorFile:
    """`dimensions` numbers a row, each row of length 1, so that a product is a cosine."""

    def __init__(self, file: Path, dimensions: int, in_memory: Vectors | None = None) -> None:
        self.file, self.dimensions = file, dimensions
        self._lock = threading.Lock()
        self._mapped: Vectors = np.zeros((0, dimensions), np.float32) if in_memory is None else in_memory

    def write(self, row: int, vectors: Vectors) -> None:
        """Rows from `row` on. They are on the disk when this returns."""
        with open(self.file, "r+b", opener=_made_if_missing) as file:
            file.seek(row * self.dimensions * 4)
            file.write(np.ascontiguousarray(vectors, np.float32).tobytes())
            file.flush()
            os.fsync(file.fileno())

    def read(self, count: int) -> Vectors:
        """The first `count` rows. Pages of the file come into memory as they are used."""
        with self._lock:
            if len(self._mapped) < count:
                shape = (self.file.stat().st_size // (4 * self.dimensions), self.dimensions)
                self._mapped = np.memmap(self.file, np.float32, "r", shape=shape)
            return self._mapped[:count]

    def nearest(self, query: Vectors, count: int, most: int) -> tuple[Rows, Vectors]:
        """The `most` of the first `count` rows nearest to `query`, in no order, and their cosines."""
        scores = self.read(count) @ query
        best = np.argpartition(scores, -most)[-most:] if len(scores) > most else np.arange(len(scores))
        return best, scores[best]

    def cosines(self, query: Vectors, rows: Rows) -> Vectors:
        return self.read(int(rows.max()) + 1 if len(rows) else 0)[rows] @ query


def _made_if_missing(name: str, flags: int) -> int:
    return os.open(name, flags | os.O_CREAT, PRIVATE_FILE)


def unit(vectors: Vectors) -> Vectors:
    """Each row divided by its length; a row of zeros stays one."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.where(lengths > 0, lengths, 1), np.float32)
