"""What the loss sees, to be looked at before a training: the first documents of each source, token by token."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count, islice

from ...models.local.checkpoint_folder import open_checkpoint
from ...models.mini import Mini
from ..train_config import TrainConfig
from .chat_tokenizer import ChatTokenizer
from .data_sources import FileSource, open_document_source
from .sequence_packing import Arrays


@dataclass(frozen=True)
class ShownToken:
    """`text`: of one token, or of several that are one character together. `weight`: what predicting it counts."""

    text: str
    ids: tuple[int, ...]
    weight: float


@dataclass(frozen=True)
class ShownDocument:
    source: str
    number: int
    tokens: tuple[ShownToken, ...]

    @property
    def size(self) -> int:
        return sum(len(token.ids) for token in self.tokens)

    @property
    def learnt(self) -> int:
        return sum(len(token.ids) for token in self.tokens if token.weight)


def shown_documents(config: TrainConfig, number: int) -> list[ShownDocument]:
    """The first `number` documents of each stage of a finetuning, as its first rows hold them; needs no torch.

    Raises BadInput, DamagedFile.
    """
    start = config.start or "mini"
    checkpoint = Mini().checkpoint if start == "mini" else open_checkpoint(start.removeprefix("local:"))
    chat, shown = ChatTokenizer.from_folder(checkpoint.folder), list[ShownDocument]()
    specs = dict.fromkeys((spec, stage.length) for stage in config.stages for spec in stage.sources)
    for spec, length in specs:
        source = open_document_source(spec, chat, length)
        rows = (source.batch(step, 1, config.loop.seed) for step in count())
        most = min(number, len(source.documents)) if isinstance(source, FileSource) else number
        documents = islice((document for row in rows for document in _documents(row, chat)), most)
        shown += [ShownDocument(spec, i, tokens) for i, tokens in enumerate(documents, 1)]
    return shown


def _documents(row: Arrays, chat: ChatTokenizer) -> Iterator[tuple[ShownToken, ...]]:
    """The documents of a row. A weight stands where its token is predicted: at the one before."""
    ids, weights, documents = (row[name][0].tolist() for name in ("input_ids", "loss_weights", "document_ids"))
    for document in range(1, max(documents) + 1):
        places = [i for i, number in enumerate(documents) if number == document]
        pairs = [(ids[i], weights[i - 1] if i > places[0] else 0.0) for i in places]
        yield tuple(_tokens(pairs, chat))


def _tokens(pairs: list[tuple[int, float]], chat: ChatTokenizer) -> Iterator[ShownToken]:
    waiting: list[int] = []
    last: list[int] = []  # decoded with its neighbour, as a text's first token loses its space
    for i, (token, weight) in enumerate(pairs):
        waiting.append(token)
        before = chat.tokenizer.decode(last, skip_special_tokens=False)
        text = chat.tokenizer.decode(last + waiting, skip_special_tokens=False).removeprefix(before)
        at_end = i + 1 == len(pairs) or pairs[i + 1][1] != weight
        if not text.endswith("\ufffd") or at_end or len(waiting) > 3:  # else the bytes of a character in part
            yield ShownToken(text, tuple(waiting), weight)
            last, waiting = waiting, []
