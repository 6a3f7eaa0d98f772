"""What may come next: the most likely tokens after a request and the beginning of a reply, with their probabilities."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np

from ..contract import Request
from ..errors import Unsupported
from .chat_template import ChatTemplate
from .token_sampling import Logits, log_softmax


@dataclass(frozen=True)
class NextToken:
    """`text` is what the token adds to the reply, or the name of a special token; after one that `ends` comes none."""

    token: int
    text: str
    probability: float
    ends: bool


@runtime_checkable
class ShowsNextTokens(Protocol):
    """A model whose probabilities can be seen: mini and local: models."""

    name: str

    async def next_tokens(self, request: Request, said: Sequence[int], k: int) -> tuple[NextToken, ...]:
        """The `k` most likely tokens after the reply's tokens `said`, most likely first."""


def most_likely(
    chat: ChatTemplate,
    logits_of: Callable[[Sequence[int]], Logits],
    context: int,
    end: frozenset[int],
    request: Request,
    said: Sequence[int],
    k: int,
) -> tuple[NextToken, ...]:
    """`logits_of(tokens)` gives (len(tokens), vocabulary). Raises Unsupported when no room is left for a token."""
    prompt = chat.prompt(request)
    if len(prompt) + len(said) > context:
        raise Unsupported(f"this model reads {context} tokens, and the chain is {len(prompt) + len(said)} long")
    logprobs = log_softmax(logits_of([*prompt, *said])[-1])
    before = chat.text_of(said)
    return tuple(
        NextToken(
            token,
            name or chat.text_of([*said, token])[len(before) :] or chat.piece(token),
            float(np.exp(logprobs[token])),
            token in end,
        )
        for token in map(int, np.argsort(-logprobs, kind="stable")[:k])
        for name in [chat.special_name(token)]
    )
