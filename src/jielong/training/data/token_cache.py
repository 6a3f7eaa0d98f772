"""The tokens of a data file, kept in a training's folder: a training that goes on has the very same ones, also where
its chat template writes today's date, and does not encode them again.

A file of tokens is named by all that decides them: data, tokenizer, template, length. So it is never that of another.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from ...atomic_write import temporary_beside
from ...errors import BadInput
from ...regular_files import check_regular_file
from .sequence_packing import EncodedDocument


def read_tokens(file: Path) -> tuple[list[EncodedDocument], list[str]] | None:
    """The documents and the notes on them; None where there are none. Raises BadInput for a damaged file."""
    if not file.exists():
        return None
    check_regular_file(file)
    try:
        with np.load(file, allow_pickle=False) as arrays:
            ids, weights, sizes, notes = (arrays[name] for name in ("ids", "weights", "sizes", "notes"))
        ends = np.cumsum(sizes)[:-1]
        parts = zip(np.split(ids, ends), np.split(weights, ends), strict=True)
        if not len(ids) == len(weights) == sizes.sum():
            raise ValueError("its parts do not fit")
        return [EncodedDocument(i.tolist(), w.tolist()) for i, w in parts], [str(note) for note in notes]
    except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
        raise BadInput(f"{file}: not a whole file of tokens ({str(error)[:100]}); delete it") from None


def write_tokens(file: Path, documents: Sequence[EncodedDocument], notes: Sequence[str]) -> None:
    ids = np.concatenate([np.asarray(document.ids, np.int32) for document in documents])
    weights = np.concatenate([np.asarray(document.weights, np.float32) for document in documents])
    sizes = np.asarray([len(document.ids) for document in documents], np.int64)
    with temporary_beside(file) as unfinished, open(unfinished, "wb") as stream:
        np.savez(stream, ids=ids, weights=weights, sizes=sizes, notes=np.asarray(notes, dtype=np.str_))
