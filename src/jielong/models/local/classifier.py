"""`local:PATH` of a `…ForSequenceClassification` checkpoint: a model whose whole reply is one of its labels.

An encoder (the BERT way: Devlin et al. 2019) reads a single message between its own special tokens; a causal network
with a head reads the conversation in its chat format. A text that is longer than the network reads loses its middle,
as beginning and end tell most (Sun et al. 2019), and a note says so.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence
from functools import cached_property
from typing import Any, ClassVar, Literal

from anyio import to_thread

from ...call_context import current
from ...contract import Message, NextToken, NextTokens, Reply, Request, TokenLogprob, Usage
from ...errors import BadInput, MissingExtra, Unsupported
from ...events import Delta
from ...recipe import quote
from ...runtime.provider import OpenWeightsProvider
from ...runtime.runtime import active_runtime
from ...scope import note
from ..chat_template import ChatTemplate
from ..llama_weights import read_settings
from ..token_sampling import Logits, Sampler, log_softmax, token_logprob
from .checkpoint_folder import Checkpoint
from .transformers_engine import load_module

HEAD_SHARE = 4  # of a text that is too long, one part in so many is kept of its beginning, the rest of its end


class TextEncoder:
    """Requests as tokens of a classifier: the same in training as when it answers."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        self.chat = ChatTemplate(checkpoint.folder)
        config = read_settings(checkpoint.folder / "config.json")
        tokenizer = read_settings(checkpoint.folder / "tokenizer_config.json")
        # Positions of RoBERTa begin at 2, so only the tokenizer's own limit is right for it.
        limits = (config.get("max_position_embeddings"), tokenizer.get("model_max_length"))
        self.context = min([limit for limit in limits if isinstance(limit, int) and limit > 0], default=512)

    def encode(self, request: Request) -> tuple[int, ...]:
        """Raises Unsupported for what the network has no form for, such as a conversation for an encoder."""
        ids = self.chat.encode_request(request)
        if not ids:
            raise Unsupported("a classifier reads at least one token, and the request has none")
        if len(ids) <= self.context:
            return ids
        note(f"texts of more than {self.context} tokens are read without their middle")
        head = self.context // HEAD_SHARE
        return (*ids[:head], *ids[head - self.context :])


class LoadedClassifier:
    """A classifier in memory; its parts are loaded at their first use, once."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        self._checkpoint = checkpoint
        self.lock = threading.RLock()

    @cached_property
    def texts(self) -> TextEncoder:
        return TextEncoder(self._checkpoint)

    @cached_property
    def module(self) -> Any:
        with self.lock:
            return load_module(self._checkpoint)

    def logits(self, ids: Sequence[int]) -> Logits:
        """(labels,). Each text is read alone: what is padded to its neighbours' length is rounded in another way."""
        import torch

        with self.lock, torch.inference_mode():
            rows = torch.tensor([ids], device=self.module.device)
            logits: Logits = self.module(rows, attention_mask=torch.ones_like(rows)).logits[0].float().cpu().numpy()
        return logits


class Classifier(OpenWeightsProvider):
    """Its tokens are labels: `logprobs` is of a label, `next_tokens` are the likeliest of them. At a temperature above
    0 the label is drawn. Tools and schemas are refused."""

    seeded: ClassVar[Literal["exact", "best_effort", "none"]] = "exact"

    def __init__(self, checkpoint: Checkpoint) -> None:
        if checkpoint.engine != "torch":
            raise MissingExtra(f"local:{checkpoint.spec}, a classifier,", "local")
        self.checkpoint = checkpoint
        self.labels = _labels(checkpoint)

    @property
    def name(self) -> str:
        return quote(f"local:{self.checkpoint.spec}")

    def identity(self) -> str:
        return " ".join(("local", self.checkpoint.files_hash, self.checkpoint.device, self.checkpoint.dtype))

    @property
    def _loaded(self) -> LoadedClassifier:
        return active_runtime().get(LoadedClassifier, self.checkpoint)

    @property
    def tokenizer(self) -> Any:
        """The `tokenizers.Tokenizer` of the checkpoint."""
        return self._loaded.texts.chat.tokenizer

    def encode(self, request: Request) -> tuple[int, ...]:
        """The tokens that the network reads."""
        return self._loaded.texts.encode(request)

    def module(self) -> Any:
        """The torch module in evaluation mode. Raises MissingExtra, DamagedFile."""
        return self._loaded.module

    def exclusive(self) -> threading.RLock:
        """Inside the block nobody else classifies with these weights."""
        return self._loaded.lock

    async def send(self, request: Request, attempt: str) -> Reply:
        logits, usage = await self._read(request)
        sampling = request.sampling
        label = Sampler.of(sampling, 0.0).pick(logits, 0)
        text = self.labels[label]
        for stop in sampling.stop:
            text = text.partition(stop)[0]
        if listener := current().listener:
            await listener(Delta(text))
        top = sampling.logprobs
        logprobs = None if top is None else (token_logprob(logits, label, top, self.labels.__getitem__),)
        return Reply(Message("assistant", text), usage=usage, logprobs=logprobs)

    async def send_logprobs(self, request: Request, continuation: str) -> tuple[tuple[TokenLogprob, ...], Usage]:
        if (label := continuation.strip()) not in self.labels:
            raise Unsupported(
                f"{self.name} knows no label {label[:40]!r}; its labels are {', '.join(self.labels[:10])}"
            )
        logits, usage = await self._read(request)
        return (token_logprob(logits, self.labels.index(label), 0, self.labels.__getitem__),), usage

    async def send_next_tokens(self, request: Request, reply_tokens: Sequence[int], k: int) -> NextTokens:
        if reply_tokens:
            return NextTokens(())
        logits, usage = await self._read(request)
        logprobs = [*log_softmax(logits)]
        best = sorted(range(len(logprobs)), key=lambda i: -logprobs[i])[:k]
        return NextTokens(tuple(NextToken(i, self.labels[i], math.exp(logprobs[i]), True) for i in best), usage)

    async def _read(self, request: Request) -> tuple[Logits, Usage]:
        if request.schema is not None or (request.tools and request.tool_choice != "none"):
            raise Unsupported(f"{self.name} answers with one of its labels: it has no schemas and no tools")
        ids = self.encode(request)
        return await to_thread.run_sync(self._loaded.logits, ids), Usage(input_tokens=len(ids))


def _labels(checkpoint: Checkpoint) -> tuple[str, ...]:
    """In the order of the logits. Raises BadInput for a head that gives no single label."""
    config = read_settings(checkpoint.folder / "config.json")
    names = config.get("id2label")
    if not isinstance(names, dict):  # transformers writes none for the two labels that it takes by default
        names = {"0": "LABEL_0", "1": "LABEL_1"}
    if len(names) < 2:
        raise BadInput(f"local:{checkpoint.spec} gives one number for a text and no label, as a reward model does")
    if config.get("problem_type") == "multi_label_classification":
        raise BadInput(f"local:{checkpoint.spec} gives several labels at once; expected a classifier that gives one")
    try:
        labels = tuple(str(name) for _, name in sorted(names.items(), key=lambda pair: int(pair[0])))
    except ValueError:
        raise BadInput(f"local:{checkpoint.spec}: id2label in config.json: expected numbers of labels") from None
    if twice := [label for label in labels if labels.count(label) > 1]:
        raise BadInput(f"local:{checkpoint.spec}: two labels are called {twice[0]!r} in config.json")
    return labels
