"""The tokens of a given continuation of a prompt, of which the log-probabilities are asked.

Behind a chat template the prompt ends where a reply begins, so both are encoded apart. A base model continues a text,
and a tokenizer may write the end of the prompt and the beginning of the continuation as one token: prompt and
continuation are encoded together. As in lm-evaluation-harness, the spaces at the end of a prompt belong to the
continuation (" yes" is one token). It cuts the tokens at the length of the prompt's own, which loses what a token
across the join holds of the continuation, and may leave none of it. Here such a token is the first of the
continuation, and what it takes over from the prompt is divided out.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import takewhile

from ..contract import Request
from .chat_template import ChatTemplate


@dataclass(frozen=True)
class ContinuationTokens:
    """`tokens[start:]` are the continuation's. `replaced`: the last tokens of the prompt alone, where the first of the
    continuation reaches across the join and stands in their place."""

    tokens: tuple[int, ...]
    start: int
    replaced: tuple[int, ...] = ()


def encode_continuation(chat: ChatTemplate, request: Request, continuation: str) -> ContinuationTokens:
    """Raises Unsupported for what the model has no form for."""
    if not chat.is_base:
        prompt = chat.encode_request(request)
        return ContinuationTokens((*prompt, *chat.encode_text(continuation)), len(prompt))
    text = chat.plain_text(request)
    prompt, whole = chat.encode_plain(text.rstrip()), chat.encode_plain(text + continuation)
    if not prompt and chat.separator is not None:  # something has to stand before the first token
        prompt, whole = (chat.separator,), (chat.separator, *whole)
    start = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(prompt, whole, strict=False)))
    return ContinuationTokens(whole, start, prompt[start:])
