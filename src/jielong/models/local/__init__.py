"""`local:PATH`, `local:ORG/NAME`, `local:BASE+ADAPTER`: a causal language model or a classifier, run here.

transformers runs it; where there is no torch, mini's engine runs plain Llama checkpoints. Safetensors only, never
remote code. Images are refused. Gives the torch module and the tokenizer to whoever trains or explains the model.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any, ClassVar, Literal

from anyio import to_thread

from ...contract import Model, NextTokens, Reply, Request, TokenLogprob, Usage
from ...errors import TooLong, Unsupported
from ...recipe import quote
from ...runtime.provider import OpenWeightsProvider
from ...runtime.runtime import active_runtime
from ...scope import note
from ..continuation_tokens import encode_continuation
from ..decode import generate_reply
from ..next_token import most_likely_tokens
from ..token_sampling import Logits, standardized_logprob, token_logprob
from .checkpoint_folder import Checkpoint, is_classifier, open_checkpoint
from .classifier import Classifier
from .loaded_checkpoint import LoadedCheckpoint


def load(kind: str, rest: str) -> Model:
    """`local:REST`: a language model, or a classifier. Models of one checkpoint share its weights in memory."""
    checkpoint = open_checkpoint(rest)
    return Classifier(checkpoint) if is_classifier(checkpoint.folder) else Local(checkpoint)


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
        return " ".join(("local", self.checkpoint.files_hash, *settings))

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
        batcher, adapter = await asyncio.to_thread(lambda: (loaded.batcher(), loaded.adapter))
        temperature, end = loaded.defaults.temperature, loaded.defaults.end
        return await generate_reply(self.name, loaded.chat, batcher, request, temperature, end, adapter)

    async def logprobs(self, request: Request, continuation: str) -> tuple[TokenLogprob, ...]:
        note(await asyncio.to_thread(lambda: self._loaded.chat.beginning_note))
        return await super().logprobs(request, continuation)

    async def send_logprobs(self, request: Request, continuation: str) -> tuple[tuple[TokenLogprob, ...], Usage]:
        """See continuation_tokens.py. Raises TooLong: what is cut off might be the question."""
        return await to_thread.run_sync(self._logprobs, request, continuation)

    def _logprobs(self, request: Request, continuation: str) -> tuple[tuple[TokenLogprob, ...], Usage]:
        encoded = encode_continuation(self._loaded.chat, request, continuation)
        prompt, reply = encoded.tokens[: encoded.start], encoded.tokens[encoded.start :]
        logprobs, usage = self._logprobs_of(prompt, reply)
        if encoded.replaced and logprobs:
            # log p(prompt and continuation) - log p(prompt): the same offset for every continuation of this prompt.
            replaced, more = self._logprobs_of(prompt, encoded.replaced)
            first, usage = logprobs[0], usage + more
            logprobs[0] = replace(first, logprob=first.logprob - sum(each.logprob for each in replaced))
        return tuple(logprobs), usage

    def _logprobs_of(self, prompt: Sequence[int], reply: Sequence[int]) -> tuple[list[TokenLogprob], Usage]:
        logits, usage = self._reply_logits(prompt, reply)
        text_of = self._loaded.chat.decode_token
        pairs = zip(logits, reply, strict=False)  # the last row is of what follows the reply
        return [token_logprob(row, token, 0, text_of) for row, token in pairs], usage

    async def send_standardized(self, request: Request, continuation: str) -> tuple[tuple[TokenLogprob, ...], Usage]:
        return await to_thread.run_sync(self._standardized, request, continuation)

    def _standardized(self, request: Request, continuation: str) -> tuple[tuple[TokenLogprob, ...], Usage]:
        encoded = encode_continuation(self._loaded.chat, request, continuation)
        prompt, reply = encoded.tokens[: encoded.start], encoded.tokens[encoded.start :]
        logits, usage = self._reply_logits(prompt, reply)
        pairs = zip(logits, reply, strict=False)  # the last row is of what follows the reply
        text_of = self._loaded.chat.decode_token
        return tuple(TokenLogprob(text_of(token), standardized_logprob(row, token)) for row, token in pairs), usage

    async def send_next_tokens(self, request: Request, reply_tokens: Sequence[int], k: int) -> NextTokens:
        prompt = self.encode(request)
        logits, usage = await asyncio.to_thread(self._reply_logits, prompt, reply_tokens)
        end = self._loaded.defaults.end
        return NextTokens(most_likely_tokens(self._loaded.chat, logits[-1], reply_tokens, end, k), usage)

    def _reply_logits(self, prompt: Sequence[int], reply: Sequence[int]) -> tuple[Logits, Usage]:
        """(len(reply) + 1, vocabulary): before each token of the reply, and after the last; the tokens read."""
        batcher, length = self._loaded.batcher(), len(prompt) + len(reply)
        if not prompt:
            raise Unsupported(f"{self.name} reads texts after at least one token, and the request has none")
        if length > batcher.context:
            raise TooLong(f"{self.name} reads {batcher.context} tokens and the text has {length}; shorten it")
        return batcher.logits([*prompt, *reply], len(reply) + 1, self._loaded.adapter), Usage(input_tokens=length)
