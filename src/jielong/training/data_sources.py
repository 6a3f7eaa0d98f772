"""Where documents come from: the world of mini, or a file of JSON lines. Any batch can be had by its number."""

from __future__ import annotations

import hashlib
import itertools
import json
import random
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from tokenizers import Tokenizer

from .. import world
from ..errors import BadInput
from ..models.mini.tokenizer import END, special_token
from ..world.training_examples import Document
from .conversation_tokens import Conversations
from .mini_documents import encode_document
from .sequence_packing import Batch, Encoded, PackedRow, batch_of, fill_rows, pack_all

WORLDS: dict[str, world.Stage] = {"mini:world": "main", "mini:world/short": "early", "mini:world/late": "late"}
NUMBERS_A_STEP = 1 << 16


class DocumentSource(Protocol):
    @property
    def digest(self) -> str:
        """Tells one source's documents from another's."""

    def batch(self, step: int, rows: int, seed: int) -> Batch:
        """Batch `step` of the training with this seed."""


def open_document_source(spec: str, tokenizer: Tokenizer, chat: Conversations | None, length: int) -> DocumentSource:
    """The source that `spec` names, packed into rows of `length` tokens. Raises BadInput."""
    if spec in WORLDS:
        return World(tokenizer, WORLDS[spec], length)
    file = Path(spec)
    if not file.is_file():
        raise BadInput(f"{spec}: no such source; expected a file of JSON lines, or one of {', '.join(WORLDS)}")
    return Lines(file, tokenizer, chat, length)


class World:
    """Documents of the generated world; there is no end of them, and none is seen twice."""

    def __init__(self, tokenizer: Tokenizer, stage: world.Stage, length: int) -> None:
        self._tokenizer, self._stage, self._length = tokenizer, stage, length
        self.digest = f"world {stage}"
        self._end = special_token(tokenizer, END)

    def batch(self, step: int, rows: int, seed: int) -> Batch:
        return batch_of(self.rows(step, rows, seed), self._end)

    def rows(self, step: int, rows: int, seed: int) -> list[PackedRow]:
        offered = self.documents(step, seed)
        return fill_rows((Encoded(*encode_document(self._tokenizer, d), d.facts) for d in offered), rows, self._length)

    def documents(self, step: int, seed: int) -> Iterator[Document]:
        """The documents that are offered to batch `step`, in order."""
        for number in itertools.count(step * NUMBERS_A_STEP):
            yield world.document(seed, number, self._stage)


class Lines:
    """Rows of a file: `text`, or `messages`, or `prompt` and `completion`; each is seen once before any again."""

    def __init__(self, file: Path, tokenizer: Tokenizer, chat: Conversations | None, length: int) -> None:
        self._file, self._tokenizer, self._chat, self._length = file, tokenizer, chat, length
        self._end = next(
            (i for token in ("<|end|>", "<|endoftext|>", "</s>", "<|im_end|>", "<eos>")
             if (i := tokenizer.token_to_id(token)) is not None), 0,
        )  # fmt: skip

    @cached_property
    def _documents(self) -> list[Encoded]:
        found: list[Encoded] = []
        for number, line in enumerate(self._file.read_text("utf-8").splitlines(), 1):
            if line.strip():
                found += self._read(number, line)
        if not found:
            raise BadInput(
                f"{self._file}: no document in it; expected JSON lines with text, messages, or prompt and completion"
            )
        return found

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the file."""
        return hashlib.sha256(self._file.read_bytes()).hexdigest()

    @cached_property
    def _packed(self) -> list[list[int]]:
        return pack_all((len(document.ids) for document in self._documents), self._length)

    def batch(self, step: int, rows: int, seed: int) -> Batch:
        return batch_of([self._row(step * rows + i, seed) for i in range(rows)], self._end)

    def _row(self, number: int, seed: int) -> PackedRow:
        epoch, within = divmod(number, len(self._packed))
        row = PackedRow(self._length)
        for document in self._packed[self._order(epoch, seed)[within]]:
            row.takes(self._documents[document])
        return row

    def _order(self, epoch: int, seed: int) -> list[int]:
        if self._ordered[0] != (epoch, seed):
            order = list(range(len(self._packed)))
            random.Random(f"{seed} {epoch}").shuffle(order)
            self._ordered = ((epoch, seed), order)
        return self._ordered[1]

    _ordered: tuple[tuple[int, int], list[int]] = ((-1, 0), [])

    def _read(self, number: int, line: str) -> list[Encoded]:
        where = f"{self._file}:{number}"
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            raise BadInput(f"{where}: not JSON ({error.msg})") from None
        read = next((_KINDS[kind] for kind in _KINDS if isinstance(row, dict) and kind in row), None)
        if read is None:
            found = ", ".join(row) if isinstance(row, dict) else type(row).__name__
            raise BadInput(f"{where}: found {found}; expected text, messages, or prompt and completion")
        try:
            return read(self, row)
        except KeyError as error:
            raise BadInput(f"{where}: no {error}") from None
        except (TypeError, ValueError) as error:
            raise BadInput(f"{where}: {error}") from None

    def _text(self, row: Mapping[str, Any]) -> list[Encoded]:
        """A long text becomes several documents, none longer than a row."""
        ids = [*self._tokenizer.encode(str(row["text"])).ids, self._end]
        parts = [ids[at : at + self._length] for at in range(0, len(ids), self._length)]
        return [Encoded(part, [1.0] * len(part)) for part in parts]

    def _messages(self, row: Mapping[str, Any]) -> list[Encoded]:
        if self._chat is None:
            raise ValueError("messages need a tokenizer with a chat template, and this one has none")
        messages = row["messages"]
        if not (isinstance(messages, list) and all(isinstance(message, dict) for message in messages)):
            raise ValueError("messages: expected a list of objects with role and content")
        encoded = self._chat.encoded(messages, row.get("tools"))
        if len(encoded.ids) > self._length:
            raise ValueError(f"{len(encoded.ids)} tokens, and a row holds {self._length}; set a greater length")
        return [encoded]

    def _completion(self, row: Mapping[str, Any]) -> list[Encoded]:
        said = [{"role": "user", "content": row["prompt"]}, {"role": "assistant", "content": row["completion"]}]
        return self._messages({"messages": said})


_KINDS: dict[str, Callable[[Lines, Mapping[str, Any]], list[Encoded]]] = {
    "messages": Lines._messages,
    "prompt": Lines._completion,
    "text": Lines._text,
}
