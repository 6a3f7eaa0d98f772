"""Documents packed into rows of one length: whole documents side by side, each blind to the others."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Arrays: TypeAlias = dict[str, NDArray[Any]]
MAX_MISFITS = 12


@dataclass(frozen=True)
class EncodedDocument:
    """Tokens, the weight of predicting each of them in the loss, and the ids of the facts that the document states."""

    ids: Sequence[int]
    weights: Sequence[float]
    facts: tuple[str, ...] = ()


@dataclass
class PackedRow:
    length: int
    documents: list[EncodedDocument] = field(default_factory=list)
    used: int = 0

    def add(self, document: EncodedDocument) -> bool:
        """Append the document where it fits; whether it did."""
        fits = self.used + len(document.ids) <= self.length
        if fits:
            self.documents.append(document)
            self.used += len(document.ids)
        return fits


def fill_rows(documents: Iterator[EncodedDocument], rows: int, length: int) -> list[PackedRow]:
    """First fit of a stream, until `MAX_MISFITS` documents found no room. Documents longer than a row are skipped."""
    packed, misfits = [PackedRow(length) for _ in range(rows)], 0
    for document in documents:
        if len(document.ids) > length:
            continue
        if not any(row.add(document) for row in packed):
            misfits += 1
            if misfits == MAX_MISFITS:
                break
    return packed


def pack_all(lengths: Iterable[int], length: int) -> list[list[int]]:
    """Every document in one of the fewest rows that best fit finds: the indices of the documents of each row."""
    rows: list[list[int]] = []
    rows_by_room: dict[int, list[int]] = {}
    for index, size in enumerate(lengths):
        room = next((room for room in range(size, length + 1) if rows_by_room.get(room)), None)
        row = len(rows) if room is None else rows_by_room[room].pop()
        if room is None:
            rows.append([])
        rows[row].append(index)
        rows_by_room.setdefault((length if room is None else room) - size, []).append(row)
    return rows


def pack_batch(rows: Sequence[PackedRow], filler: int) -> Arrays:
    """`input_ids`, `targets`, `position_ids`, `document_ids` (int64) and `loss_weights` (float32), (rows, length) each.

    Positions restart with every document; document ids count from 1 in each row, 0 is the filling, of tokens `filler`.
    A target is the next token; the weight is 0 at a document's last token, whose next one belongs to another document.
    """
    shape = (len(rows), rows[0].length)
    batch: Arrays = {
        "input_ids": np.full(shape, filler, np.int64),
        "targets": np.full(shape, filler, np.int64),
        "loss_weights": np.zeros(shape, np.float32),
        "position_ids": np.zeros(shape, np.int64),
        "document_ids": np.zeros(shape, np.int64),
    }
    for i, row in enumerate(rows):
        start = 0
        for number, document in enumerate(row.documents, 1):
            end = start + len(document.ids)
            batch["input_ids"][i, start:end] = document.ids
            batch["targets"][i, start : end - 1] = document.ids[1:]
            batch["loss_weights"][i, start : end - 1] = document.weights[1:]
            batch["position_ids"][i, start:end] = np.arange(end - start)
            batch["document_ids"][i, start:end] = number
            start = end
    return batch
