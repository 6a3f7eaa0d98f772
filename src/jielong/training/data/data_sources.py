"""Where documents come from: the world of mini, or a data file. Any batch can be had by its number."""

import hashlib
import random
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Protocol

from ...errors import BadInput
from ...regular_files import MAX_DATA_BYTES, read_regular_file
from ...scope import note, scope
from ...tasks.data_files import read
from ...tasks.data_row import BadRow, WatchedRow
from .argilla_rows import plain_row
from .chat_tokenizer import ChatTokenizer
from .document_rows import EXPECTED, row_documents
from .mini_documents import WORLD_STAGES, WorldSource
from .sequence_packing import Arrays, EncodedDocument, PackedRow, pack_all, pack_batch
from .token_cache import read_tokens, write_tokens

NAMED = 3  # rows that are set aside, each by its line
KNOWN_COLUMNS = ("id", "way", "kind", "language", "origin")  # of instruction data that this program made


class DocumentSource(Protocol):
    @property
    def digest(self) -> str:
        """Differs where the documents differ."""

    def batch(self, step: int, rows: int, seed: int) -> Arrays:
        """Batch `step` of the training with this seed, as `pack_batch` makes it."""


def open_document_source(spec: str, chat: ChatTokenizer, length: int, tokens: Path | None = None) -> DocumentSource:
    """The source that `spec` names, packed into rows of `length` tokens; `tokens` is a folder where those of files are
    kept. Raises BadInput."""
    check_source(spec)
    if spec in WORLD_STAGES:
        return WorldSource(chat.tokenizer, WORLD_STAGES[spec], length)
    return FileSource(Path(spec), chat, length, tokens)


def check_source(spec: str) -> None:
    """Raises BadInput where there is no such source."""
    if spec not in WORLD_STAGES and not Path(spec).is_file():
        raise BadInput(f"{spec}: no such source; expected a data file, or one of {', '.join(WORLD_STAGES)}")


class FileSource:
    """The documents of a data file (document_rows.py); each is seen once before any again."""

    def __init__(self, file: Path, chat: ChatTokenizer, length: int, tokens: Path | None = None) -> None:
        self._file, self._chat, self._length, self._tokens = file, chat, length, tokens
        self._order = lru_cache(maxsize=2)(self._shuffled)

    @cached_property
    def documents(self) -> list[EncodedDocument]:
        """As they stand in the file, or as they were read before."""
        kept = self._tokens / f"{self.digest[:32]}.npz" if self._tokens else None
        if kept and (known := read_tokens(kept)):
            documents, notes = known
        else:
            with scope("reading data") as reading:
                documents = self._read()
            notes = [*reading.notes]
            if kept:
                write_tokens(kept, documents, notes)
        for text in notes:
            note(text)
        return documents

    def _read(self) -> list[EncodedDocument]:
        """Rows that cannot be learnt from are named, counted and set aside."""
        documents: list[EncodedDocument] = []
        columns, used, bad, rows = dict[str, None](), set(KNOWN_COLUMNS), list[BadRow](), 0
        for row in read(self._file, note):
            rows += 1
            try:
                if isinstance(row, BadRow):
                    raise ValueError(row.why)
                fields = plain_row(row.fields)
                columns |= dict.fromkeys(fields)
                documents += row_documents(WatchedRow(fields, used), self._chat, self._length)
            except (KeyError, TypeError, ValueError) as error:
                bad.append(BadRow(row.line, str(error), ""))
        if bad and not documents:
            more = f" (and {len(bad) - 1} more rows; none can be learnt from)" if bad[1:] else ""
            raise BadInput(f"{self._file}:{bad[0].line}: {bad[0].why}{more}")
        if not documents:
            raise BadInput(f"{self._file}: no document in it; expected rows with {EXPECTED}")
        if bad:
            named = "; ".join(f"line {row.line}: {row.why}" for row in bad[:NAMED])
            more = f"; and {len(bad) - NAMED:,} more" if bad[NAMED:] else ""
            is_or_are = "is" if len(bad) == 1 else "are"
            note(f"{self._file}: {len(bad):,} of {rows:,} rows {is_or_are} set aside: {named}{more}")
        if unused := [column for column in columns if column not in used]:
            note(f"{self._file}: columns that are not used: {', '.join(unused)}")
        return documents

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the file, and of what makes tokens of it."""
        content = hashlib.sha256(read_regular_file(self._file, MAX_DATA_BYTES)).hexdigest()
        return hashlib.sha256(f"{content} {self._chat.digest} {self._length}".encode()).hexdigest()

    @cached_property
    def packed(self) -> list[list[int]]:
        """The indices of the documents of each row."""
        return pack_all((len(document.ids) for document in self.documents), self._length)

    def batch(self, step: int, rows: int, seed: int) -> Arrays:
        filler = self._chat.special_id("pad_token") or self._chat.special_id("eos_token") or 0
        return pack_batch([self._row(step * rows + i, seed) for i in range(rows)], filler)

    def _row(self, number: int, seed: int) -> PackedRow:
        epoch, index = divmod(number, len(self.packed))
        row = PackedRow(self._length)
        for document in self.packed[self._order(epoch, seed)[index]]:
            row.add(self.documents[document])
        return row

    def _shuffled(self, epoch: int, seed: int) -> list[int]:
        order = list(range(len(self.packed)))
        random.Random(f"{seed} {epoch}").shuffle(order)
        return order
