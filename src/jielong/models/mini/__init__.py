"""mini: the model that ships inside the package. No network, no key, no torch; it knows the world in `world/`."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import ClassVar, Literal

from ...contract import Model, NextTokens, Reply, Request, TokenLogprob, Usage
from ...errors import BadInput, Unsupported
from ...runtime.provider import OpenWeightsProvider
from ...runtime.runtime import active_runtime
from ..chat_template import ChatTemplate
from ..continuous_batching import Batcher
from ..decode import draw
from ..llama_engine import Network, fastest
from ..next_token import most_likely
from ..token_sampling import token_logprob

WEIGHTS = Path(__file__).parent / "weights"
DEFAULT_TEMPERATURE = 0.0


def load(kind: str, rest: str) -> Model:
    """`mini`."""
    if rest:
        raise BadInput(f"mini:{rest}: there is one mini, written as mini")
    return Mini()


class Mini(OpenWeightsProvider):
    """The shipped checkpoint in our own runtime. An unset temperature is 0: the most likely reply."""

    seeded: ClassVar[Literal["exact", "best_effort", "none"]] = "exact"

    @property
    def name(self) -> str:
        return "mini"

    def identity(self) -> str:
        return _digest()

    async def send(self, request: Request, attempt: str) -> Reply:
        return await draw(
            "mini",
            _chat(),
            active_runtime().get(_Running).batcher,
            request,
            default_temperature=DEFAULT_TEMPERATURE,
            end=_end(),
        )

    async def send_logprobs(self, request: Request, continuation: str) -> tuple[tuple[TokenLogprob, ...], Usage]:
        prompt, said = _chat().prompt(request), _chat().encode(continuation)
        if len(prompt) + len(said) > _network().context:
            raise Unsupported(f"mini reads {_network().context} tokens, and this is longer")
        logits = await asyncio.to_thread(_network().logits, [*prompt, *said])
        before = logits[len(prompt) - 1 :]
        logprobs = tuple(token_logprob(before[i], t, 0, lambda t: _chat().text_of([t])) for i, t in enumerate(said))
        return logprobs, Usage(input_tokens=len(prompt) + len(said))

    async def send_next_tokens(self, request: Request, reply_tokens: Sequence[int], k: int) -> NextTokens:
        logits, context = _network().logits, _network().context
        return await asyncio.to_thread(most_likely, _chat(), logits, context, _end(), request, reply_tokens, k)


@cache
def _chat() -> ChatTemplate:
    return ChatTemplate(WEIGHTS)


@cache
def _end() -> frozenset[int]:
    return frozenset(_chat().encode_special("<|end|>"))


class _Running:
    """The network and its batcher, one of each in a Runtime."""

    def __init__(self) -> None:
        self.network = Network(WEIGHTS)
        self.batcher = Batcher(self.network)


def _network() -> Network:
    return active_runtime().get(_Running).network


@cache
def _digest() -> str:
    digest = hashlib.sha256()
    for name in ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"):
        digest.update((WEIGHTS / name).read_bytes())
    return f"mini {digest.hexdigest()} {fastest()}"
