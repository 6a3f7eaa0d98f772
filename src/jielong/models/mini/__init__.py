"""mini: the model that ships inside the package. No network, no key, no torch; it knows word problems."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import ClassVar, Literal

from ...contract import Delta, Message, Model, Reply, Request, TokenLogprob, Usage, listener
from ...errors import BadInput, EndpointGaveUp, Unsupported
from ...runtime.provider import Provider
from ..batching import Batcher, Drawn, Job
from ..chat import Chat
from ..sampling import Sampler, token_logprob
from .network import Network

WEIGHTS = Path(__file__).parent / "weights"
DEFAULT_TEMPERATURE = 0.0


def load(kind: str, rest: str) -> Model:
    """`mini`."""
    if rest:
        raise BadInput(f"mini:{rest}: there is one mini, written as mini")
    return Mini()


class Mini(Provider):
    """The shipped checkpoint in our NumPy runtime. An unset temperature is 0: the most likely reply."""

    seeded: ClassVar[Literal["exact", "best_effort", "none"]] = "exact"

    @property
    def name(self) -> str:
        return "mini"

    def identity(self) -> str:
        return _digest()

    async def send(self, request: Request, attempt: str) -> Reply:
        if request.schema is not None or (request.tools and request.tool_choice != "none"):
            raise Unsupported("mini knows no tools and no JSON schemas; use another model for this request")
        prompt = _chat().prompt(request)
        room = _network().context - len(prompt)
        if room < 1:
            raise EndpointGaveUp(
                f"mini reads {_network().context} tokens and the request has {len(prompt)}; shorten it"
            )
        job = Job(
            prompt,
            Sampler.of(request.sampling, DEFAULT_TEMPERATURE),
            min(room, request.sampling.max_tokens or room),
            frozenset(_chat().encode_special("<|end|>")),
            _chat().text_of,
            request.sampling.stop,
            request.sampling.logprobs,
        )
        drawn = await _drawn(job)
        usage = Usage(input_tokens=len(prompt), output_tokens=len(drawn.tokens) + (drawn.finish == "stop"))
        return Reply(Message("assistant", drawn.text), drawn.finish, usage, logprobs=drawn.logprobs)

    async def score(self, request: Request, continuation: str) -> tuple[TokenLogprob, ...]:
        prompt, said = _chat().prompt(request), _chat().encode(continuation)
        if len(prompt) + len(said) > _network().context:
            raise Unsupported(f"mini reads {_network().context} tokens, and this is longer")
        logits = await asyncio.to_thread(_network().logits, [*prompt, *said])
        before = logits[len(prompt) - 1 :]
        return tuple(token_logprob(before[i], t, 0, lambda t: _chat().text_of([t])) for i, t in enumerate(said))


async def _drawn(job: Job) -> Drawn:
    """Draw a sample; stream its pieces to the listener as they come."""
    loud = listener.get()
    if not loud:
        return await _batcher().draw(job)
    pieces: asyncio.Queue[str | None] = asyncio.Queue()
    drawing = asyncio.ensure_future(_batcher().draw(replace(job, on_text=pieces.put_nowait)))
    drawing.add_done_callback(lambda done: pieces.put_nowait(None))
    try:
        while (piece := await pieces.get()) is not None:
            await loud(Delta(piece))
        return await drawing
    finally:
        drawing.cancel()


@cache
def _chat() -> Chat:
    return Chat(WEIGHTS)


@cache
def _network() -> Network:
    return Network(WEIGHTS)


@cache
def _batcher() -> Batcher:
    return Batcher(_network())


@cache
def _digest() -> str:
    digest = hashlib.sha256()
    for name in ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"):
        digest.update((WEIGHTS / name).read_bytes())
    return f"mini {digest.hexdigest()}"
