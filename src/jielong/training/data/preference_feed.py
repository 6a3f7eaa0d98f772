"""The feed of preferences: pairs of replies, each pair in one place of a batch, so that no division parts them.

Tensors of a batch, the reply that is preferred first:

    input_ids, attention_mask, reply_mask    (pairs, 2, length), padded on the right
    preference, margin                       (pairs,), fp32
    head                                     (pairs,), by which standard: the number of the head
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ...contract import Request
from ...errors import BadInput, Unsupported
from ...models.local.reward_model import RewardTexts
from ...tasks.conversations import to_messages
from ..objective import Batch
from .chat_tokenizer import ChatTokenizer
from .preference_data import Preference, told_problems
from .sequence_packing import EncodedDocument


@dataclass(frozen=True)
class EncodedPair:
    """A preference as tokens; `source` is where it comes from."""

    source: Preference
    chosen: EncodedDocument
    rejected: EncodedDocument
    head: int = 0


class PreferenceFeed:
    """A `Feed` for `PreferenceOptimisation` and `PairReward`: each pair once in every epoch, in an order by the seed.
    The last batch of an epoch may be smaller."""

    def __init__(self, pairs: Sequence[EncodedPair], batch_pairs: int, epochs: int, seed: int, filler: int) -> None:
        self._pairs, self._batch_pairs, self._seed, self._filler = pairs, batch_pairs, seed, filler
        self._steps_an_epoch = -(-len(pairs) // batch_pairs)
        self.steps = epochs * self._steps_an_epoch
        content = [(p.chosen, p.rejected, p.source.preference, p.source.margin, p.head) for p in pairs]
        self.digest = hashlib.sha256(repr(content).encode()).hexdigest()

    def batch(self, step: int, network: nn.Module) -> Batch:
        epoch, place = divmod(step, self._steps_an_epoch)
        order = list(range(len(self._pairs)))
        random.Random(f"{self._seed} {epoch}").shuffle(order)
        chosen = order[place * self._batch_pairs : (place + 1) * self._batch_pairs]
        return pair_batch([self._pairs[i] for i in chosen], self._filler)

    def tokens(self, batch: Batch) -> int:
        return int(batch["attention_mask"].sum())


def pair_batch(pairs: Sequence[EncodedPair], filler: int) -> dict[str, Tensor]:
    """The batch of these pairs, padded with the token `filler`."""
    documents = [document for pair in pairs for document in (pair.chosen, pair.rejected)]
    shape = len(documents), max(len(document.ids) for document in documents)
    ids = torch.full(shape, filler, dtype=torch.int64)
    mask, replies = torch.zeros(shape, dtype=torch.int64), torch.zeros(shape, dtype=torch.int64)
    for row, document in enumerate(documents):
        length = len(document.ids)
        ids[row, :length] = torch.tensor(document.ids)
        mask[row, :length] = 1
        replies[row, :length] = torch.tensor(document.weights) > 0
    rows = {"input_ids": ids, "attention_mask": mask, "reply_mask": replies}
    return {
        **{name: tensor.reshape(-1, 2, shape[1]) for name, tensor in rows.items()},
        "preference": torch.tensor([pair.source.preference for pair in pairs]),
        "margin": torch.tensor([pair.source.margin for pair in pairs]),
        "head": torch.tensor([pair.head for pair in pairs]),
    }


def policy_pairs(
    preferences: Sequence[Preference], chat: ChatTokenizer, length: int, note: Callable[[str], None]
) -> list[EncodedPair]:
    """The pairs as the policy reads and writes them. A pair of which either text is longer than `length` tokens is set
    aside as a whole: cut, it would compare other replies. Raises BadInput where none is left."""

    def encode(preference: Preference) -> EncodedPair:
        chosen, rejected = (
            _policy_document(preference, each, chat) for each in (preference.chosen, preference.rejected)
        )
        if _prompt(chosen) != _prompt(rejected):
            raise ValueError("the prompt has other tokens before one reply than before the other")
        if (longest := max(len(chosen.ids), len(rejected.ids))) > length:
            raise ValueError(f"{longest} tokens, and a row holds {length}")
        return EncodedPair(preference, chosen, rejected)

    return _encoded(preferences, encode, note)


def _policy_document(preference: Preference, reply: Sequence[Any], chat: ChatTokenizer) -> EncodedDocument:
    if not chat.has_template:
        texts = ["\n\n".join(str(turn["content"]) for turn in turns) for turns in (preference.prompt, reply)]
        return chat.encode_pair(*texts)
    turns = [{**turn, "weight": 0} for turn in preference.prompt]
    return chat.encode_conversation([*turns, *reply], preference.tools)[-1]


def _prompt(document: EncodedDocument) -> list[int]:
    return list(document.ids[: next(i for i, weight in enumerate(document.weights) if weight)])


def reward_pairs(
    preferences: Sequence[Preference], texts: RewardTexts, heads: Sequence[str], note: Callable[[str], None]
) -> list[EncodedPair]:
    """The pairs as a reward model reads them. Raises BadInput where none is left."""

    def encode(preference: Preference) -> EncodedPair:
        chosen, rejected = (
            _graded_document(preference, each, texts) for each in (preference.chosen, preference.rejected)
        )
        if chosen.ids == rejected.ids:
            raise ValueError("both replies are the same tokens, as far as the model reads them")
        head = heads.index(preference.standard) if preference.standard in heads else 0
        return EncodedPair(preference, chosen, rejected, head)

    return _encoded(preferences, encode, note)


def _graded_document(preference: Preference, reply: Sequence[Any], texts: RewardTexts) -> EncodedDocument:
    request = Request(to_messages([*preference.prompt, *reply[:-1]]))
    ids = texts.encode(request, str(reply[-1]["content"]))
    return EncodedDocument(ids, [1.0] * len(ids))


def _encoded(
    preferences: Sequence[Preference], encode: Callable[[Preference], EncodedPair], note: Callable[[str], None]
) -> list[EncodedPair]:
    pairs, problems = list[EncodedPair](), list[str]()
    for preference in preferences:
        try:
            pairs.append(encode(preference))
        except (ValueError, Unsupported) as error:
            problems.append(f"{preference.place}: {error}")
    if not pairs:
        raise BadInput(f"no pair can be learnt: {problems[0]}")
    for text in told_problems(problems, len(preferences)):
        note(text)
    return pairs
