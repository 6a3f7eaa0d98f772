"""What a provider is called for: a reply, the log-probabilities of a text, the next tokens, embeddings."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Generic, TypeVar

from ..contract import Embeddings, NextTokens, Reply, Request, Usage
from .ledger_json import (
    Json,
    decode_embeddings,
    decode_next_tokens,
    decode_reply,
    encode_embeddings,
    encode_next_tokens,
    encode_reply,
)

R = TypeVar("R", bound="Reply | NextTokens | Embeddings")


@dataclass(frozen=True, slots=True)
class Operation(Generic[R]):
    """`encode` and `decode` are its result as the ledger keeps it. `sampled`: another seed gives another result."""

    name: str
    encode: Callable[[R], Json]
    decode: Callable[[Json], R]
    sampled: bool = False


GENERATE = Operation("generate", encode_reply, decode_reply, sampled=True)
LOGPROBS = Operation("logprobs", encode_reply, decode_reply)
NEXT_TOKENS = Operation("next_tokens", encode_next_tokens, decode_next_tokens)
EMBED = Operation("embed", encode_embeddings, decode_embeddings)


@dataclass(slots=True)
class ProviderCall(Generic[R]):
    """One call under way: what it is for, what identifies it, and what it has spent so far.

    `send(request, attempt)` makes one attempt. `arguments` are what the operation has besides a request.
    """

    operation: Operation[R]
    request: Request
    send: Callable[[Request, str], Awaitable[R]]
    arguments: Mapping[str, Any] = field(default_factory=dict)
    key: str = ""
    request_json: str = ""
    attempts: int = 0
    usage: Usage = field(default_factory=Usage)

    def add_attempt(self, used: Usage, seconds: float) -> None:
        """Count what the latest attempt spent; nothing, if none was made."""
        if self.attempts == 1:
            self.usage = replace(used, calls=1, retries=0, seconds=seconds)
        elif self.attempts:
            self.usage += replace(used, calls=0, retries=1, seconds=seconds)
