"""The nearest of very many vectors, by LanceDB: an index in lists (IVF) of 8-bit numbers beside the array of vectors.

The array stays what counts. LanceDB proposes rows, their cosines are computed from the array, and rows that it does not
have yet are compared one and all. So a table that was lost, or whose making was cut off, costs time and nothing else.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock, Timeout

from ..errors import MissingExtra
from .vector_file import Rows, VectorFile, Vectors

MANY = 1_000_000  # vectors: up to there, comparing one and all is faster than a search of equal recall in lists
AT_ONCE = 20_000  # rows, written together
LISTS_READ = 64  # of one for each 8,192 vectors
PROPOSED = 4  # times as many as are wanted


class LanceVectors(VectorFile):
    """`file` is the array; the table lies in a folder beside it."""

    def __init__(self, file: Path, dimensions: int) -> None:
        super().__init__(file, dimensions)
        self._table = _connect(file).open_table("vectors")
        self._known = int(self._table.count_rows())

    def nearest(self, query: Vectors, count: int, most: int) -> tuple[Rows, Vectors]:
        proposed = self._table.search(query).distance_type("dot").nprobes(LISTS_READ).limit(PROPOSED * most)
        rows = proposed.select(["row", "_distance"]).to_arrow()["row"].to_numpy()
        rows = np.concatenate((rows[rows < count], np.arange(self._known, count)))
        cosines = self.cosines(query, rows)
        best = np.argsort(-cosines)[:most]
        return rows[best], cosines[best]


def table_folder(file: Path) -> Path:
    return file.with_suffix(".lance")


def update_table(array: VectorFile, count: int) -> None:
    """The table then has the first `count` rows of the array, if there are enough to need one, and if nobody else is
    making it just now. Raises MissingExtra."""
    if count < MANY:
        return
    folder = table_folder(array.file)
    with suppress(Timeout), FileLock(folder.with_suffix(".lock"), timeout=0):
        database = _connect(array.file)
        import pyarrow
        from lancedb.index import IvfSq

        kinds = [("row", pyarrow.int64()), ("vector", pyarrow.list_(pyarrow.float32(), array.dimensions))]
        schema = pyarrow.schema(kinds)
        table = database.create_table("vectors", schema=schema, exist_ok=True)
        for start in range(int(table.count_rows()), count, AT_ONCE):
            end = min(start + AT_ONCE, count)
            numbers = pyarrow.array(array.read(end)[start:end].ravel())
            columns = [np.arange(start, end), pyarrow.FixedSizeListArray.from_arrays(numbers, array.dimensions)]
            table.add(pyarrow.table(columns, schema=schema))
        if table.list_indices():
            table.optimize()
        else:
            table.create_index("vector", config=IvfSq(distance_type="dot"))


def _connect(file: Path) -> Any:
    os.environ.setdefault("LANCE_LOG", "error")  # it warns of what is as it should be
    try:
        import lancedb
    except ImportError:
        raise MissingExtra("an index of very many vectors", "rag") from None
    return lancedb.connect(table_folder(file))
