"""Log-probabilities of the tokens of replies, in padded rows: what DPO, GRPO, PPO and distillation compare.

A batch of replies is a mapping of tensors of shape (rows, length):

    input_ids       prompt, reply and padding, int64
    attention_mask  1 at tokens, 0 at padding, which may stand on either side
    reply_mask      1 at the tokens of the reply that count

What comes out stands at the token that it is about, not one place before it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from .objective import Batch


@dataclass(frozen=True, slots=True)
class EncodedReply:
    """The tokens of a prompt and of a reply to it. The prompt has one token or more: nothing predicts the first."""

    prompt: Sequence[int]
    reply: Sequence[int]


@dataclass(frozen=True, slots=True)
class ReplyLogprobs:
    """Of shape (rows, length), fp32, 0 outside of the replies. `logprobs`: log p(token | all before it) in nats;
    `entropies`: of the distribution that the token was drawn from, in nats, without a gradient; None if not asked."""

    logprobs: Tensor
    entropies: Tensor | None = None


def pad_replies(replies: Sequence[EncodedReply], filler: int, side: Literal["left", "right"] = "right") -> Batch:
    """The batch of these replies, filled up to the longest with the token `filler`. Raises ValueError for an empty
    prompt or reply."""
    length = max((len(each.prompt) + len(each.reply) for each in replies), default=0)
    shape = len(replies), length
    batch = {
        "input_ids": torch.full(shape, filler, dtype=torch.int64),
        "attention_mask": torch.zeros(shape, dtype=torch.int64),
        "reply_mask": torch.zeros(shape, dtype=torch.int64),
    }
    for row, each in enumerate(replies):
        if not each.prompt or not each.reply:
            raise ValueError(f"reply {row}: its {'reply' if each.prompt else 'prompt'} has no token")
        tokens = [*each.prompt, *each.reply]
        start = length - len(tokens) if side == "left" else 0
        end = start + len(tokens)
        batch["input_ids"][row, start:end] = torch.tensor(tokens)
        batch["attention_mask"][row, start:end] = 1
        batch["reply_mask"][row, start + len(each.prompt) : end] = 1
    return batch


def reply_logprobs(
    network: Callable[..., Any], batch: Batch, *, temperature: float = 1.0, entropies: bool = False
) -> ReplyLogprobs:
    """Of each token of the replies under `network`. `temperature` is that of the sampling: at another one, the ratio of
    two policies would not be 1 where they are the same."""
    logits = reply_logits(network, batch) / temperature
    normalized = torch.log_softmax(logits, -1)
    places = _reply_places(batch)
    logprobs = normalized.gather(-1, batch["input_ids"][places][:, None])[:, 0]
    entropy = -(normalized.exp() * normalized).sum(-1).detach() if entropies else None
    return ReplyLogprobs(_at_places(logprobs, places), None if entropy is None else _at_places(entropy, places))


def reply_logits(network: Callable[..., Any], batch: Batch) -> Tensor:
    """(reply tokens of all rows, vocabulary), fp32: the logits that each reply token was drawn from, row after row.

    Only of those places: logits of all would take most of the memory of a batch with long prompts.
    """
    places = _reply_places(batch)
    columns = places.any(0).nonzero()[:, 0]
    first = int(columns[0]) - 1 if len(columns) else 0
    kept = network(
        input_ids=batch["input_ids"],
        attention_mask=batch["attention_mask"],
        position_ids=position_ids(batch["attention_mask"]),
        use_cache=False,
        logits_to_keep=places.shape[1] - first,
    ).logits
    # Cut here what a network gives that knows no `logits_to_keep`. fp32, as in `NextToken`.
    kept = kept[:, -(places.shape[1] - first) :]
    logits: Tensor = kept[:, :-1][places[:, first + 1 :]].float()
    return logits


def position_ids(attention_mask: Tensor) -> Tensor:
    """Positions count from the first token that is no padding, on whichever side that stands."""
    return (attention_mask.cumsum(-1) - 1).clamp(min=0)


def without_dropout(network: nn.Module) -> nn.Module:
    """The same network, none of whose layers drops anything any more, in training mode or not.

    Policy and reference must be one function where their weights are: with dropout, the first margin of DPO and the
    first ratio of GRPO would be noise.
    """
    for module in network.modules():
        for name, value in vars(module).items():
            if isinstance(value, float) and ("dropout" in name or (name == "p" and isinstance(module, _DROPOUTS))):
                setattr(module, name, 0.0)
    return network


_DROPOUTS = nn.modules.dropout._DropoutNd


def _reply_places(batch: Batch) -> Tensor:
    """(rows, length): whether a token of a reply stands there, padding and the first column never."""
    places = (batch["reply_mask"] * batch["attention_mask"]).bool()
    places[:, 0] = False  # nothing before it predicts it
    return places


def _at_places(values: Tensor, places: Tensor) -> Tensor:
    return torch.zeros(places.shape, dtype=values.dtype, device=values.device).masked_scatter(places, values)
