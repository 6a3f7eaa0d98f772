"""`local:PATH` and `local:ORG/NAME`: a causal language model from a checkpoint folder, run here by transformers.

Safetensors only, never remote code. Tools, schemas and images are refused for now. Gives the network and the tokenizer
to whoever trains or explains the model.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from functools import cached_property
from typing import Any, ClassVar, Literal

from ...contract import Model, Reply, Request, TokenLogprob
from ...errors import Unsupported
from ...recipe import quote
from ...runtime.provider import Provider
from ..batching import Batcher
from ..chat import Chat
from ..drawing import draw
from ..next_token import NextToken, most_likely
from ..sampling import token_logprob
from . import engine
from .folder import Checkpoint, checkpoint, identity

_loaded: dict[Checkpoint, Local] = {}
_lock = threading.Lock()


def load(kind: str, rest: str) -> Model:
    """The model of a checkpoint; the same one for the same spec, so that its weights are there once."""
    found = checkpoint(rest)
    with _lock:
        return _loaded.setdefault(found, Local(found))


class Local(Provider):
    """Weights are loaded at the first use. An unset temperature is the checkpoint's own: 0 if it does not sample."""

    seeded: ClassVar[Literal["exact", "best_effort", "none"]] = "exact"

    def __init__(self, checkpoint: Checkpoint) -> None:
        self.checkpoint = checkpoint
        self._loading = threading.Lock()
        self._engine: engine.TorchEngine | None = None
        self._network: Any = None
        self._batcher: Batcher | None = None

    @property
    def name(self) -> str:
        return quote(f"local:{self.checkpoint.spec}")

    def identity(self) -> str:
        return f"local {identity(self.checkpoint.folder)} {self.checkpoint.device} {self.checkpoint.dtype}"

    @cached_property
    def chat(self) -> Chat:
        """Tokenizer and chat template."""
        return Chat(self.checkpoint.folder)

    def network(self) -> Any:
        """The torch module; loaded if it is not yet."""
        with self._loading:
            if self._network is None:
                self._network = engine.network(self.checkpoint)
                self._engine = engine.TorchEngine(self._network)
                self._batcher = Batcher(self._engine)
            return self._network

    async def send(self, request: Request, attempt: str) -> Reply:
        module = await asyncio.to_thread(self.network)
        assert self._batcher
        return await draw(
            self.name,
            self.chat,
            self._batcher,
            request,
            default_temperature=engine.default_temperature(module),
            end=engine.end_tokens(module),
        )

    async def score(self, request: Request, continuation: str) -> tuple[TokenLogprob, ...]:
        """Prompt and continuation are encoded apart and joined, as a reply's tokens follow its prompt's."""
        prompt, said = self.chat.prompt(request), self.chat.encode(continuation)
        await asyncio.to_thread(self.network)
        assert self._engine
        if not prompt or len(prompt) + len(said) > self._engine.context:
            raise Unsupported(f"{self.name} scores texts of up to {self._engine.context} tokens after at least one")
        logits = await asyncio.to_thread(self._engine.logits, [*prompt, *said])
        before = logits[len(prompt) - 1 :]
        return tuple(token_logprob(before[i], t, 0, lambda t: self.chat.text_of([t])) for i, t in enumerate(said))

    async def next_tokens(self, request: Request, said: Sequence[int], k: int) -> tuple[NextToken, ...]:
        """The `k` most likely tokens after the reply's tokens `said`."""
        await asyncio.to_thread(self.network)
        engine = self._engine
        assert engine
        return await asyncio.to_thread(most_likely, self.chat, engine.logits, engine.context, request, said, k)
