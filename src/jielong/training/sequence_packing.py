"""Documents packed into rows: whole documents side by side, none of which sees another.

A batch is a function of (seed, step) alone: nothing has to be remembered to go on with the same training.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Encoded:
    """A document: its tokens, what predicting each of them counts in the loss, and the facts it states, by id."""

    ids: Sequence[int]
    weights: Sequence[float]
    states: tuple[str, ...] = ()


@dataclass
class PackedRow:
    length: int
    documents: list[Encoded] = field(default_factory=list)
    used: int = 0

    def takes(self, document: Encoded) -> bool:
        fits = self.used + len(document.ids) <= self.length
        if fits:
            self.documents.append(document)
            self.used += len(document.ids)
        return fits


@dataclass(frozen=True)
class Batch:
    """Arrays of (rows, length); `places` number the tokens of each document, `owners` the documents of each row from 1.

    `targets` are the next tokens, `weights` what they count: 0 across the end of a document and in the filling.
    """

    ids: NDArray[np.int64]
    targets: NDArray[np.int64]
    weights: NDArray[np.float32]
    places: NDArray[np.int64]
    owners: NDArray[np.int64]


GIVE_UP = 12


def fill_rows(documents: Iterator[Encoded], rows: int, length: int) -> list[PackedRow]:
    """First fit, until `GIVE_UP` documents in a row found no room. A document longer than a row is left out."""
    filled, refused = [PackedRow(length) for _ in range(rows)], 0
    for document in documents:
        if len(document.ids) > length:
            continue
        if not any(row.takes(document) for row in filled):
            refused += 1
            if refused == GIVE_UP:
                break
    return filled


def pack_all(lengths: Iterable[int], length: int) -> list[list[int]]:
    """Every document in one of the fewest rows that best fit finds: the numbers of the documents of each row."""
    rows: list[list[int]] = []
    open_rows: dict[int, list[int]] = {}
    for number, size in enumerate(lengths):
        room = next((room for room in range(size, length + 1) if open_rows.get(room)), None)
        at = len(rows) if room is None else open_rows[room].pop()
        if room is None:
            rows.append([])
        rows[at].append(number)
        open_rows.setdefault((length if room is None else room) - size, []).append(at)
    return rows


def batch_of(rows: Sequence[PackedRow], filling: int) -> Batch:
    """The arrays of these rows; places that are left get the token `filling`."""
    shape = (len(rows), rows[0].length)
    ids, targets = np.full(shape, filling, np.int64), np.full(shape, filling, np.int64)
    weights, places, owners = np.zeros(shape, np.float32), np.zeros(shape, np.int64), np.zeros(shape, np.int64)
    for into, row in enumerate(rows):
        at = 0
        for owner, document in enumerate(row.documents, 1):
            size = len(document.ids)
            here = slice(at, at + size)
            ids[into, here] = document.ids
            targets[into, at : at + size - 1] = document.ids[1:]
            weights[into, at : at + size - 1] = document.weights[1:]
            places[into, here] = np.arange(size)
            owners[into, here] = owner
            at += size
    return Batch(ids, targets, weights, places, owners)
