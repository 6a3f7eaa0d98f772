"""Where documents come from: the world of mini, or a file of JSON lines. Any batch can be had by its number."""

import hashlib
import json
import random
from collections.abc import Callable, Mapping
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, Protocol

from ..errors import BadInput
from .chat_tokenizer import ChatTokenizer
from .mini_documents import WORLD_STAGES, WorldSource
from .sequence_packing import Arrays, EncodedDocument, PackedRow, pack_all, pack_batch


class DocumentSource(Protocol):
    @property
    def digest(self) -> str:
        """Differs where the documents differ."""

    def batch(self, step: int, rows: int, seed: int) -> Arrays:
        """Batch `step` of the training with this seed, as `pack_batch` makes it."""


def open_document_source(spec: str, chat: ChatTokenizer, length: int) -> DocumentSource:
    """The source that `spec` names, packed into rows of `length` tokens. Raises BadInput."""
    check_source(spec)
    if spec in WORLD_STAGES:
        return WorldSource(chat.tokenizer, WORLD_STAGES[spec], length)
    return JsonLinesSource(Path(spec), chat, length)


def check_source(spec: str) -> None:
    """Raises BadInput where there is no such source."""
    if spec not in WORLD_STAGES and not Path(spec).is_file():
        raise BadInput(f"{spec}: no such source; expected a file of JSON lines, or one of {', '.join(WORLD_STAGES)}")


class JsonLinesSource:
    """Rows with `text`, or `messages`, or `prompt` and `completion`; each is seen once before any again."""

    def __init__(self, file: Path, chat: ChatTokenizer, length: int) -> None:
        self._file, self._chat, self._length = file, chat, length
        self._order = lru_cache(maxsize=2)(self._shuffled)

    @cached_property
    def _documents(self) -> list[EncodedDocument]:
        documents: list[EncodedDocument] = []
        for number, line in enumerate(self._file.read_text("utf-8").splitlines(), 1):
            if line.strip():
                documents += self._encode_line(number, line)
        if not documents:
            raise BadInput(
                f"{self._file}: no document in it; expected JSON lines with text, messages, or prompt and completion"
            )
        return documents

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the file."""
        return hashlib.sha256(self._file.read_bytes()).hexdigest()

    @cached_property
    def packed(self) -> list[list[int]]:
        """The indices of the documents of each row."""
        return pack_all((len(document.ids) for document in self._documents), self._length)

    def batch(self, step: int, rows: int, seed: int) -> Arrays:
        filler = self._chat.special_id("pad_token") or self._chat.special_id("eos_token") or 0
        return pack_batch([self._row(step * rows + i, seed) for i in range(rows)], filler)

    def _row(self, number: int, seed: int) -> PackedRow:
        epoch, index = divmod(number, len(self.packed))
        row = PackedRow(self._length)
        for document in self.packed[self._order(epoch, seed)[index]]:
            row.add(self._documents[document])
        return row

    def _shuffled(self, epoch: int, seed: int) -> list[int]:
        order = list(range(len(self.packed)))
        random.Random(f"{seed} {epoch}").shuffle(order)
        return order

    def _encode_line(self, number: int, line: str) -> list[EncodedDocument]:
        where = f"{self._file}:{number}"
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            raise BadInput(f"{where}: not JSON ({error.msg})") from None
        encode = next((_ENCODERS[kind] for kind in _ENCODERS if isinstance(row, dict) and kind in row), None)
        if encode is None:
            content = ", ".join(row) if isinstance(row, dict) else type(row).__name__
            raise BadInput(f"{where}: found {content}; expected text, messages, or prompt and completion")
        try:
            return encode(self, row)
        except KeyError as error:
            raise BadInput(f"{where}: no {error}") from None
        except (TypeError, ValueError) as error:
            raise BadInput(f"{where}: {error}") from None

    def _text(self, row: Mapping[str, Any]) -> list[EncodedDocument]:
        """A long text becomes several documents, none longer than a row."""
        ids = self._chat.encode_text(str(row["text"]))
        parts = [ids[start : start + self._length] for start in range(0, len(ids), self._length)]
        return [EncodedDocument(part, [1.0] * len(part)) for part in parts]

    def _messages(self, row: Mapping[str, Any]) -> list[EncodedDocument]:
        messages = row["messages"]
        if not (isinstance(messages, list) and all(isinstance(message, dict) for message in messages)):
            raise ValueError("messages: expected a list of objects with role and content")
        document = self._chat.encode_conversation(messages, row.get("tools"))
        if len(document.ids) > self._length:
            raise ValueError(f"{len(document.ids)} tokens, and a row holds {self._length}; set a greater length")
        return [document]

    def _completion(self, row: Mapping[str, Any]) -> list[EncodedDocument]:
        messages = [{"role": "user", "content": row["prompt"]}, {"role": "assistant", "content": row["completion"]}]
        return self._messages({"messages": messages})


_ENCODERS: dict[str, Callable[[JsonLinesSource, Mapping[str, Any]], list[EncodedDocument]]] = {
    "messages": JsonLinesSource._messages,
    "prompt": JsonLinesSource._completion,
    "text": JsonLinesSource._text,
}
