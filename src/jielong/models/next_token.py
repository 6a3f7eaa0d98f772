"""What may come next: the most likely tokens after a request and the beginning of a reply, with their probabilities."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np

from ..contract import NextToken, Request
from .chat_template import ChatTemplate
from .token_sampling import Logits, log_softmax


@runtime_checkable
class ShowsNextTokens(Protocol):
    """A model whose probabilities can be seen: mini and local: models."""

    name: str

    async def next_tokens(self, request: Request, reply_tokens: Sequence[int], k: int) -> tuple[NextToken, ...]:
        """The `k` most likely tokens after the beginning `reply_tokens` of a reply, most likely first."""


@runtime_checkable
class ShowsDistributions(Protocol):
    """A model that shows the whole distribution of each next token: mini and local: models."""

    name: str

    async def standardized_logprobs(self, request: Request, continuation: str) -> tuple[float, ...]:
        """Of each token of `continuation` as the reply to `request`: its log-probability less the mean of all tokens'
        log-probabilities there, by their standard deviation."""


def most_likely_tokens(
    chat: ChatTemplate, logits: Logits, reply_tokens: Sequence[int], end: frozenset[int], k: int
) -> tuple[NextToken, ...]:
    """The `k` most likely tokens by `logits` (vocabulary,), as they continue `reply_tokens`."""
    logprobs = log_softmax(logits)
    text = chat.decode(reply_tokens)
    return tuple(
        NextToken(
            token,
            # Decoded behind the others, as a token alone may lose its leading space or be half a character.
            special_name or chat.decode([*reply_tokens, token])[len(text) :] or chat.token_text(token),
            float(np.exp(logprobs[token])),
            token in end,
        )
        for token in map(int, np.argsort(-logprobs, kind="stable")[:k])
        for special_name in [chat.special_name(token)]
    )
