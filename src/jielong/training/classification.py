"""A classifier from a checkpoint: a new head for the labels of a task, trained with the rest of the network.

An encoder is trained as BERT was (Devlin et al. 2019), a causal network as GPT (Radford et al. 2018), with the head
on the last token. Texts become tokens as they do when the classifier answers (models/local/classifier.py).
"""

import hashlib
import json
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from pydantic import Field
from torch import Tensor, nn

from ..contract import Request
from ..errors import BadInput, Unsupported
from ..models.local.checkpoint_folder import folder_hash, open_checkpoint
from ..models.local.classifier import TextEncoder
from ..models.local.transformers_engine import load_module
from ..models.mini import Mini
from ..scope import note
from .data.chat_tokenizer import ChatTokenizer
from .network_training import StartNetwork, train_network
from .objective import Batch
from .objectives.label import Label
from .train_config import DocumentLoopConfig, TrainingConfig
from .training_output import CurvePoint, TrainResult


@dataclass(frozen=True)
class LabelledText:
    request: Request
    label: str


class LabelConfig(TrainingConfig):
    """`tokens`: how many the training reads, padding apart; a step takes texts until it has `loop.batch_tokens`."""

    tokens: int = Field(gt=0)
    loop: DocumentLoopConfig


def train_classifier(
    texts: Sequence[LabelledText],
    config: LabelConfig,
    on_point: Callable[[CurvePoint], None] = lambda point: None,
) -> TrainResult:
    """All weights of `config.start` under a new head, trained in fp32; exported whole to `OUT/weights`.

    Raises BadInput, DamagedFile, MissingExtra, TrainingFailed.
    """
    start = str(config.start)
    checkpoint = Mini().checkpoint if start == "mini" else open_checkpoint(start.removeprefix("local:"))
    if checkpoint.adapter:
        raise BadInput(f"{start} has an adapter; merge the two first: jielong train merge")
    rows = _encoded(texts, TextEncoder(checkpoint))
    labels = sorted({label for _, label in rows})
    if len(labels) < 2:
        found = f"the label of all {len(rows)} texts is {labels[0]!r}" if labels else "no text can be read"
        raise BadInput(f"{found}; expected two labels or more")
    torch.manual_seed(config.loop.seed)  # the head's first weights
    network = load_module(replace(checkpoint, dtype="float32", engine="torch"), new_labels=labels)
    if network.config.pad_token_id is None:  # a causal network finds the last token of a text by what is padding
        network.config.pad_token_id = network.config.eos_token_id or 0
    numbers = [labels.index(label) for _, label in rows]
    feed = LabelFeed([ids for ids, _ in rows], numbers, config, network.config.pad_token_id)
    chat, digest = ChatTokenizer.from_folder(checkpoint.folder), folder_hash(checkpoint.folder)
    return train_network(StartNetwork(network, chat, start, digest), config, feed, Label(), on_point=on_point)


def _encoded(texts: Sequence[LabelledText], encoder: TextEncoder) -> list[tuple[tuple[int, ...], str]]:
    """Tokens and label of each text that the network has a form for; the others are counted in a note."""
    rows, reasons = list[tuple[tuple[int, ...], str]](), list[str]()
    for text in texts:
        try:
            rows.append((encoder.encode(text.request), text.label))
        except Unsupported as error:
            reasons.append(str(error))
    if reasons:
        note(f"{len(reasons):,} of {len(texts):,} texts are left out: {reasons[0]}")
    return rows


class LabelFeed:
    """Each text once before any again, in an order that the seed and the epoch tell."""

    def __init__(self, rows: Sequence[tuple[int, ...]], labels: Sequence[int], config: LabelConfig, pad: int) -> None:
        self._rows, self._labels, self._pad = rows, labels, pad
        self._batches = list(_batches([len(row) for row in rows], config))
        self.steps = len(self._batches)
        self.digest = hashlib.sha256(json.dumps([[*rows], [*labels], pad]).encode()).hexdigest()

    def batch(self, step: int, network: nn.Module) -> dict[str, Tensor]:
        chosen = self._batches[step]
        rows = [self._rows[i] for i in chosen]
        longest = max(map(len, rows))
        return {
            "input_ids": torch.tensor([[*row, *[self._pad] * (longest - len(row))] for row in rows]),
            "attention_mask": torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in rows]),
            "labels": torch.tensor([self._labels[i] for i in chosen]),
        }

    def tokens(self, batch: Batch) -> int:
        return int(batch["attention_mask"].sum())


def _batches(lengths: Sequence[int], config: LabelConfig) -> Iterator[list[int]]:
    left, epoch, batch, size = config.tokens, 0, list[int](), 0
    while True:
        order = list(range(len(lengths)))
        random.Random(f"{config.loop.seed} {epoch}").shuffle(order)
        for i in order:
            batch.append(i)
            size += lengths[i]
            left -= lengths[i]
            if size >= config.loop.batch_tokens or left <= 0:
                yield batch
                batch, size = [], 0
            if left <= 0:
                return
        epoch += 1
