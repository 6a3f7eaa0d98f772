"""The generated world of mini as training data: documents as tokens with loss weights, and the tokenizer's corpus."""

from __future__ import annotations

import random
from collections.abc import Iterator

from tokenizers import Tokenizer

from ..models.mini.tokenizer import BEGIN, CALL, END, special_token
from ..world import document
from ..world.names import SYLLABLES
from ..world.training_examples import Document

CORPUS_NAMES = 100_000
ROLE_WEIGHT = 0.1


def tokenizer_corpus(documents: int) -> Iterator[str]:
    """Texts to train the tokenizer on: invented names, so that they are split into syllables, and documents."""
    rng, syllables = random.Random("names for the tokenizer"), list(SYLLABLES)
    for _ in range(CORPUS_NAMES):
        name = "".join(rng.choice(syllables) for _ in range(rng.choice((2, 2, 3))))
        yield f"{name.capitalize()} {name}"
        yield name
    for number in range(documents):
        for turn in document(0, number).turns:
            yield turn.text


def encode_document(tokenizer: Tokenizer, document: Document) -> tuple[list[int], list[float]]:
    """The tokens of a document and the weight of each in the loss, in mini's chat format.

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
    return ids, weights
