"""`local:PATH` and `local:ORG/NAME`: a causal language model from a checkpoint folder, run here.

transformers runs it; where there is no torch, mini's engine runs plain Llama checkpoints. Safetensors only, never
remote code. Images are refused. Gives the network and the tokenizer to whoever trains or explains the model.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from functools import cached_property
from typing import Any, ClassVar, Literal

from ...contract import Model, NextTokens, Reply, Request, TokenLogprob, Usage
from ...errors import Unsupported
from ...recipe import quote
from ...runtime.provider import OpenWeightsProvider
from ...runtime.runtime import active_runtime
from ..chat_template import ChatTemplate
from ..continuous_batching import Batcher
from ..decode import draw
from ..llama_engine import Network
from ..next_token import most_likely
from ..token_sampling import token_logprob
from .checkpoint_folder import Checkpoint, Generation, checkpoint, generation, identity
from .transformers_engine import TorchEngine, network


def load(kind: str, rest: str) -> Model:
    """The model of a checkpoint; the same one for the same spec, so that its weights are there once."""
    return active_runtime().get(LoadedCheckpoints).of(checkpoint(rest))


class LoadedCheckpoints:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._models: dict[Checkpoint, Local] = {}

    def of(self, checkpoint: Checkpoint) -> Local:
        with self._lock:
            return self._models.setdefault(checkpoint, Local(checkpoint))


class Local(OpenWeightsProvider):
    """Weights are loaded at the first use. An unset temperature is the checkpoint's own: 0 if it does not sample."""

    seeded: ClassVar[Literal["exact", "best_effort", "none"]] = "exact"

    def __init__(self, checkpoint: Checkpoint) -> None:
        self.checkpoint = checkpoint
        self._loading = threading.Lock()
        self._running: tuple[TorchEngine | Network, Batcher] | None = None

    @property
    def name(self) -> str:
        return quote(f"local:{self.checkpoint.spec}")

    def identity(self) -> str:
        how = (self.checkpoint.engine, self.checkpoint.device, self.checkpoint.dtype)
        return " ".join(("local", identity(self.checkpoint.folder), *how))

    @cached_property
    def chat(self) -> ChatTemplate:
        """Tokenizer and chat template."""
        return ChatTemplate(self.checkpoint.folder)

    def network(self) -> Any:
        """The torch module; loaded if it is not yet. Raises Unsupported where mini's engine runs this model."""
        engine, _ = self._started()
        if isinstance(engine, Network):
            raise Unsupported(f"{self.name} is run by {engine.engine}; install jielong[local] and leave engine= out")
        return engine.module

    def _started(self) -> tuple[TorchEngine | Network, Batcher]:
        with self._loading:
            if self._running is None:
                how, folder = self.checkpoint.engine, self.checkpoint.folder
                engine = TorchEngine(network(self.checkpoint)) if how == "torch" else Network(folder, how)
                self._running = engine, Batcher(engine)
            return self._running

    @cached_property
    def _generation(self) -> Generation:
        return generation(self.checkpoint.folder)

    async def send(self, request: Request, attempt: str) -> Reply:
        _, batcher = await asyncio.to_thread(self._started)
        said = self._generation
        return await draw(self.name, self.chat, batcher, request, default_temperature=said.temperature, end=said.end)

    async def send_logprobs(self, request: Request, continuation: str) -> tuple[tuple[TokenLogprob, ...], Usage]:
        """Prompt and continuation are encoded apart and joined, as a reply's tokens follow its prompt's."""
        prompt, said = self.chat.prompt(request), self.chat.encode(continuation)
        engine, _ = await asyncio.to_thread(self._started)
        if not prompt or len(prompt) + len(said) > engine.context:
            raise Unsupported(f"{self.name} scores texts of up to {engine.context} tokens after at least one")
        logits = await asyncio.to_thread(engine.logits, [*prompt, *said])
        before = logits[len(prompt) - 1 :]
        logprobs = tuple(token_logprob(before[i], t, 0, lambda t: self.chat.text_of([t])) for i, t in enumerate(said))
        return logprobs, Usage(input_tokens=len(prompt) + len(said))

    async def send_next_tokens(self, request: Request, reply_tokens: Sequence[int], k: int) -> NextTokens:
        engine, _ = await asyncio.to_thread(self._started)
        end = self._generation.end
        return await asyncio.to_thread(
            most_likely, self.chat, engine.logits, engine.context, end, request, reply_tokens, k
        )
