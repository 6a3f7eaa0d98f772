"""What may come next: the most likely tokens after a request and the beginning of a reply, with their probabilities."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, runtime_checkable

import numpy as np

from ..contract import NextToken, NextTokens, Request, Usage
from ..errors import Unsupported
from .chat_template import ChatTemplate
from .token_sampling import Logits, log_softmax


@runtime_checkable
class ShowsNextTokens(Protocol):
    """A model whose probabilities can be seen: mini and local: models."""

    name: str

    async def next_tokens(self, request: Request, reply_tokens: Sequence[int], k: int) -> tuple[NextToken, ...]:
        """The `k` most likely tokens after a reply that begins with `reply_tokens`, the most likely first."""


def most_likely(
    chat: ChatTemplate,
    logits_of: Callable[[Sequence[int]], Logits],
    context: int,
    end: frozenset[int],
    request: Request,
    reply_tokens: Sequence[int],
    k: int,
) -> NextTokens:
    """`logits_of(tokens)` gives (len(tokens), vocabulary). Raises Unsupported when no room is left for a token."""
    prompt = chat.prompt(request)
    chain = [*prompt, *reply_tokens]
    if len(chain) > context:
        raise Unsupported(f"this model reads {context} tokens, and the chain is {len(chain)} long")
    logprobs = log_softmax(logits_of(chain)[-1])
    text = chat.text_of(reply_tokens)
    tokens = tuple(
        NextToken(
            token,
            name or chat.text_of([*reply_tokens, token])[len(text) :] or chat.piece(token),
            float(np.exp(logprobs[token])),
            token in end,
        )
        for token in map(int, np.argsort(-logprobs, kind="stable")[:k])
        for name in [chat.special_name(token)]
    )
    return NextTokens(tokens, Usage(input_tokens=len(chain)))
