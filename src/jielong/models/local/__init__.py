"""`local:PATH` and `local:ORG/NAME`: a causal language model from a checkpoint folder, run here.

transformers runs it; where there is no torch, mini's engine runs plain Llama checkpoints. Safetensors only, never
remote code. Images are refused. Gives the torch module and the tokenizer to whoever trains or explains the model.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any, ClassVar, Literal

from ...contract import Model, NextTokens, Reply, Request, TokenLogprob, Usage
from ...errors import Unsupported
from ...recipe import quote
from ...runtime.provider import OpenWeightsProvider
from ...runtime.runtime import active_runtime
from ..decode import generate_reply
from ..next_token import most_likely_tokens
from ..token_sampling import Logits, token_logprob
from .checkpoint_folder import Checkpoint, folder_hash, open_checkpoint
from .loaded_checkpoint import LoadedCheckpoint


def load(kind: str, rest: str) -> Model:
    """`local:REST`. Models of one checkpoint share its weights in memory."""
    return Local(open_checkpoint(rest))


class Local(OpenWeightsProvider):
    """Weights are loaded at the first use. An unset temperature is the checkpoint's own: 0 if it does not sample."""

    seeded: ClassVar[Literal["exact", "best_effort", "none"]] = "exact"

    def __init__(self, checkpoint: Checkpoint) -> None:
        self.checkpoint = checkpoint

    @property
    def name(self) -> str:
        return quote(f"local:{self.checkpoint.spec}")

    def identity(self) -> str:
        settings = (self.checkpoint.engine, self.checkpoint.device, self.checkpoint.dtype)
        return " ".join(("local", folder_hash(self.checkpoint.folder), *settings))

    @property
    def _loaded(self) -> LoadedCheckpoint:
        """One for each checkpoint, however many models refer to it."""
        return active_runtime().get(LoadedCheckpoint, self.checkpoint)

    @property
    def tokenizer(self) -> Any:
        """The `tokenizers.Tokenizer` of the checkpoint."""
        return self._loaded.chat.tokenizer

    def encode(self, request: Request) -> tuple[int, ...]:
        """The tokens of the request in the checkpoint's chat format, up to where the reply begins."""
        return self._loaded.chat.encode_request(request)

    def module(self) -> Any:
        """The torch module in evaluation mode; loaded if it is not yet. Raises MissingExtra where torch is missing."""
        return self._loaded.module()

    def exclusive(self) -> AbstractContextManager[None]:
        """Waits until nobody generates with these weights; inside the block, `generate` waits, also one's own."""
        return self._loaded.exclusive()

    def check_length(self, request: Request) -> None:
        if (context := self._loaded.context()) is not None:
            self._loaded.chat.check_length(self.name, request, context)

    async def send(self, request: Request, attempt: str) -> Reply:
        loaded = self._loaded
        batcher, defaults = await asyncio.to_thread(loaded.batcher), loaded.defaults
        return await generate_reply(self.name, loaded.chat, batcher, request, defaults.temperature, defaults.end)

    async def send_logprobs(self, request: Request, continuation: str) -> tuple[tuple[TokenLogprob, ...], Usage]:
        """Prompt and continuation are encoded apart and joined, as a reply's tokens follow its prompt's."""
        chat = self._loaded.chat
        reply_tokens = chat.encode_text(continuation)
        logits, usage = await self._reply_logits(request, reply_tokens)
        pairs = zip(logits, reply_tokens, strict=False)  # the last row is of what follows the reply
        return tuple(token_logprob(row, token, 0, lambda t: chat.decode([t])) for row, token in pairs), usage

    async def send_next_tokens(self, request: Request, reply_tokens: Sequence[int], k: int) -> NextTokens:
        logits, usage = await self._reply_logits(request, reply_tokens)
        end = self._loaded.defaults.end
        return NextTokens(most_likely_tokens(self._loaded.chat, logits[-1], reply_tokens, end, k), usage)

    async def _reply_logits(self, request: Request, reply_tokens: Sequence[int]) -> tuple[Logits, Usage]:
        """(len(reply_tokens) + 1, vocabulary): before each token of the reply, and after the last; the tokens read."""
        prompt = self.encode(request)
        batcher = await asyncio.to_thread(self._loaded.batcher)
        if not prompt or len(prompt) + len(reply_tokens) > batcher.context:
            raise Unsupported(f"{self.name} reads texts of up to {batcher.context} tokens, after at least one")
        logits = await asyncio.to_thread(batcher.logits, [*prompt, *reply_tokens])
        return logits[len(prompt) - 1 :], Usage(input_tokens=len(prompt) + len(reply_tokens))
