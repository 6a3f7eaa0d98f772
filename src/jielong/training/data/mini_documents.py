"""The generated world of mini as training data: documents as tokens with loss weights, and mini's tokenizer."""

import itertools
import random
from collections.abc import Iterator
from pathlib import Path

from tokenizers import Tokenizer

from ... import world
from ...atomic_write import temporary_beside
from ...models.mini.tokenizer import BEGIN, CALL, END, TEMPLATE, special_token, train_tokenizer
from ...world.names import SYLLABLES
from ...world.training_examples import Document
from ..train_config import TokenizerConfig
from .chat_tokenizer import ChatTokenizer
from .sequence_packing import Arrays, EncodedDocument, PackedRow, fill_rows, pack_batch

WORLD_STAGES: dict[str, world.Stage] = {"mini:world": "main", "mini:world/short": "early", "mini:world/late": "late"}
DOCUMENTS_PER_STEP = 1 << 16  # numbers set aside for each step, so that no document is seen twice
CORPUS_NAMES = 100_000
ROLE_WEIGHT = 0.1


class WorldSource:
    """Documents of the generated world; there is no end of them, and none is seen twice."""

    def __init__(self, tokenizer: Tokenizer, stage: world.Stage, length: int) -> None:
        self._tokenizer, self._stage, self._length = tokenizer, stage, length
        self.digest = f"world {stage}"

    def batch(self, step: int, rows: int, seed: int) -> Arrays:
        return pack_batch(self.rows(step, rows, seed), special_token(self._tokenizer, END))

    def rows(self, step: int, rows: int, seed: int) -> list[PackedRow]:
        """The rows of batch `step`, filled with as many of its documents as fit."""
        numbers = itertools.count(step * DOCUMENTS_PER_STEP)
        documents = (world.document(seed, number, self._stage) for number in numbers)
        return fill_rows((encode_document(self._tokenizer, document) for document in documents), rows, self._length)


def encode_document(tokenizer: Tokenizer, document: Document) -> EncodedDocument:
    """A document in mini's chat format. Raises BadInput for a tokenizer without mini's special tokens.

    A role token is chosen by the template and not by the model, so it counts little.
    """
    ids, weights = [special_token(tokenizer, BEGIN)], [0.0]
    for turn in document.turns:
        role = "" if turn.role == "text" else f"<|{turn.role}|>"
        turn_ids = tokenizer.encode(f"{role}{CALL if turn.call else ''}{turn.text}{END}").ids
        ids += turn_ids
        weights += [turn.weight] * len(turn_ids)
        if role:
            weights[-len(turn_ids)] = min(turn.weight, ROLE_WEIGHT)
    return EncodedDocument(ids, weights, document.facts)


def trained_tokenizer(file: Path, config: TokenizerConfig, positions: int) -> ChatTokenizer:
    """mini's tokenizer, trained on the world and kept in `file`; read from there where it exists."""
    if not file.exists():
        with temporary_beside(file) as unfinished:
            train_tokenizer(_corpus(config.documents), config.vocabulary).save(str(unfinished))
    tokenizer_config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": BEGIN,
        "eos_token": END,
        "pad_token": END,
        "model_max_length": positions,
        "clean_up_tokenization_spaces": False,
        "chat_template": TEMPLATE,
    }
    return ChatTokenizer(Tokenizer.from_file(str(file)), tokenizer_config, trusted=True)


def _corpus(documents: int) -> Iterator[str]:
    """Texts to train the tokenizer on: invented names, so that they are split into syllables, and documents."""
    rng, syllables = random.Random("names for the tokenizer"), list(SYLLABLES)
    for _ in range(CORPUS_NAMES):
        name = "".join(rng.choice(syllables) for _ in range(rng.choice((2, 2, 3))))
        yield f"{name.capitalize()} {name}"
        yield name
    for number in range(documents):
        for turn in world.document(0, number).turns:
            yield turn.text
