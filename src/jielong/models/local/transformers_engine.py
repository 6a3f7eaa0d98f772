"""A Hugging Face causal language model as an engine for the batcher.

Rows of different lengths share a batch by padding on the left; rows that join are prefilled together, and their caches
appended. Models whose caches are not plain (sliding windows, recurrent states) run one row at a time.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import BadInput, DamagedFile, MissingExtra
from ..continuous_batching import Text
from ..token_sampling import Logits
from .checkpoint_folder import Checkpoint, is_classifier
from .local_adapters import SharedAdapters, load_adapter

MAX_ROWS = 32
READ_TOKENS, READ_LOGITS = 1 << 12, 1 << 26  # that are read together; the logits are held at once
LEAST_FILLED = 0.8  # of a row, the rest being padding


def load_module(checkpoint: Checkpoint, trainable: bool = False, new_labels: Sequence[str] = ()) -> Any:
    """The torch module in evaluation mode, whatever engine it names: a causal language model, or the classifier that a
    checkpoint is; within a PEFT model where it has an adapter, which is then `trainable` or not. `new_labels`: with a
    new head for these labels, its weights random by torch's seed.

    Raises MissingExtra, DamagedFile, BadInput.
    """
    try:
        import torch
        from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification
        from transformers.utils import logging
    except ImportError:
        raise MissingExtra(f"local:{checkpoint.spec}", "local") from None
    device = checkpoint.device
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    dtype = checkpoint.dtype
    if dtype == "auto":
        dtype = "float32" if device == "cpu" else "auto"
    classifies = bool(new_labels) or is_classifier(checkpoint.folder)
    auto_class: Any = AutoModelForSequenceClassification if classifies else AutoModelForCausalLM
    try:
        quiet: Any = logging
        quiet.disable_progress_bar()
        quiet.set_verbosity_error()  # what is wrong with the weights is said below, in one line
        module, loading = auto_class.from_pretrained(
            checkpoint.folder, dtype=dtype, use_safetensors=True, trust_remote_code=False, local_files_only=True,
            output_loading_info=True, ignore_mismatched_sizes=True, **_head(new_labels),
        )  # fmt: skip
        # transformers goes on with random numbers where a tensor is missing or of another shape
        wrong = sorted([*loading["missing_keys"], *(name for name, *_ in loading["mismatched_keys"])])
        if new_labels:
            body = f"{module.base_model_prefix}."
            wrong = [name for name in wrong if name.startswith(body) and ".pooler." not in name]
        if wrong:
            names = ", ".join(wrong[:3])
            raise DamagedFile(
                f"local:{checkpoint.spec}: the weights lack {names}, or hold it in another shape; fetch them again"
            )
        module = module.to(device).eval()
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        reason = str(error).strip().splitlines()[0][:160]
        kind = BadInput if "device" in reason.lower() or "cuda" in reason.lower() else DamagedFile
        raise kind(f"local:{checkpoint.spec} cannot be loaded ({reason})") from None
    return module if checkpoint.adapter is None else load_adapter(module, checkpoint.adapter, "default", trainable)


def _head(labels: Sequence[str]) -> dict[str, Any]:
    """What a configuration says of a head for these labels."""
    if not labels:
        return {}
    names = dict(enumerate(labels))
    return {"num_labels": len(names), "id2label": names, "label2id": {name: i for i, name in names.items()}}


class TorchEngine:
    """An `Engine` for the batcher."""

    def __init__(self, module: Any) -> None:
        self.module = module
        self._adapters = SharedAdapters(module)
        plain = all(type(layer).__name__ == "DynamicLayer" for layer in self._new_cache().layers)
        self.max_rows = MAX_ROWS if plain else 1
        self.context = int(getattr(module.config, "max_position_embeddings", None) or 4096)
        self._cache: Any = None
        self._mask: Any = None  # (rows, length): the attention mask, 0 where a row has padding
        self._slots: list[int] = []
        self._adapter_of_row: list[str] = []
        self._next = 0

    def _new_cache(self) -> Any:
        from transformers import DynamicCache

        cache_class: Any = DynamicCache
        return cache_class(config=self.module.config)

    def add_adapter(self, folder: Path, name: str) -> None:
        """Rows may name it from now on. Nothing may compute meanwhile. Raises DamagedFile."""
        self._adapters.add(folder, name)

    def logits(self, texts: Sequence[Text], adapters: Sequence[str] = ()) -> list[Logits]:
        """See `Engine.logits`. What goes on from one prompt in several ways shares it; of the others, those of similar
        length are read together, padded on the right, which no token before the padding can see."""
        adapters = adapters or [""] * len(texts)
        by_prompt: dict[tuple[tuple[int, ...], str], list[int]] = {}
        for i, ((tokens, last), adapter) in enumerate(zip(texts, adapters, strict=True)):
            by_prompt.setdefault((tokens[: len(tokens) - last + 1], adapter), []).append(i)
        alone = [numbers[0] for numbers in by_prompt.values() if len(numbers) == 1 or self.max_rows == 1]
        found: dict[int, Logits] = {}
        for (prompt, adapter), numbers in by_prompt.items():
            if numbers[0] not in alone:
                rests = [texts[i][0][len(prompt) :] for i in numbers]
                found |= zip(numbers, self._read_on(prompt, rests, adapter), strict=True)
        for numbers in self._together(texts, alone):
            read = self._read([texts[i] for i in numbers], [adapters[i] for i in numbers])
            found |= zip(numbers, read, strict=True)
        return [found[i] for i in range(len(texts))]

    def _together(self, texts: Sequence[Text], numbers: Sequence[int]) -> Iterator[list[int]]:
        by_length = sorted(numbers, key=lambda i: len(texts[i][0]))
        while by_length:
            longest = len(texts[by_length[-1]][0])
            kept = longest - min(len(tokens) - last for tokens, last in (texts[i] for i in by_length))
            size = max(longest / READ_TOKENS, kept * self.module.config.vocab_size / READ_LOGITS)
            rows = by_length[-max(1, min(self.max_rows, int(1 / size))) :]
            rows = [i for i in rows if len(texts[i][0]) >= LEAST_FILLED * longest]
            yield rows
            del by_length[-len(rows) :]

    def _read(self, texts: Sequence[Text], adapters: Sequence[str]) -> Iterator[Logits]:
        longest = max(len(tokens) for tokens, _ in texts)
        first = min(len(tokens) - last for tokens, last in texts)  # the first place that anybody asks about
        ids = self._padded_right([tokens for tokens, _ in texts])
        logits = self._forward(ids, adapters, use_cache=False, logits_to_keep=longest - first)
        for row, (tokens, last) in zip(logits, texts, strict=True):
            end = len(tokens) - first
            yield row[end - last : end]

    def _read_on(self, prompt: tuple[int, ...], rests: Sequence[tuple[int, ...]], adapter: str) -> Iterator[Logits]:
        """The prompt once, then the texts that go on from it, as many as their logits have room for."""
        cache = self._new_cache()
        ids = self._padded_right([prompt])
        before = self._forward(ids, [adapter], past_key_values=cache, use_cache=True, logits_to_keep=1)[0]
        size = max(1, max(map(len, rests))) * self.module.config.vocab_size / READ_LOGITS
        rows = max(1, min(self.max_rows, int(1 / size)))
        for part in (rests[i : i + rows] for i in range(0, len(rests), rows)):
            shared = copy.deepcopy(cache)
            shared.batch_repeat_interleave(len(part))
            ids = self._padded_right(part)
            logits = self._forward(ids, [adapter] * len(part), past_key_values=shared, use_cache=True)
            for row, rest in zip(logits, part, strict=True):
                yield np.concatenate([before, row[: len(rest)]])

    def _padded_right(self, texts: Sequence[tuple[int, ...]]) -> Any:
        import torch

        longest = max(1, max(map(len, texts)))
        rows = [[*tokens, *[0] * (longest - len(tokens))] for tokens in texts]
        return torch.tensor(rows, device=self.module.device)

    def _forward(self, ids: Any, adapters: Sequence[str], **arguments: Any) -> Logits:
        import torch

        no_gradients: Any = torch.inference_mode
        with no_gradients():
            logits: Logits = self._adapters.forward(adapters, ids, arguments).logits.float().cpu().numpy()
        return logits

    def start(
        self, prompts: Sequence[tuple[int, ...]], adapters: Sequence[str] = ()
    ) -> tuple[list[int], Sequence[Logits]]:
        import torch

        adapters = adapters or [""] * len(prompts)
        samples = list(zip(prompts, adapters, strict=True))
        distinct = list(dict.fromkeys(samples))  # the samples of one prompt share its prefill
        longest = max(map(len, prompts))
        device = self.module.device
        ids = torch.zeros(len(distinct), longest, dtype=torch.long, device=device)
        mask = torch.zeros_like(ids)
        for row, (prompt, _) in enumerate(distinct):
            ids[row, longest - len(prompt) :] = torch.tensor(prompt, device=device)
            mask[row, longest - len(prompt) :] = 1
        cache, positions = self._new_cache(), (mask.cumsum(-1) - 1).clamp(min=0)
        rows = {"attention_mask": mask, "position_ids": positions, "past_key_values": cache}
        its_adapters = [adapter for _, adapter in distinct]
        logits = self._forward(ids, its_adapters, **rows, use_cache=True, logits_to_keep=1)[:, -1]
        sources = [distinct.index(sample) for sample in samples]
        self._join(cache, mask, torch.tensor(sources, device=device))
        slots = list(range(self._next, self._next + len(prompts)))
        self._next += len(prompts)
        self._slots += slots
        self._adapter_of_row += adapters
        return slots, [logits[i] for i in sources]

    def step(self, slots: Sequence[int], tokens: Sequence[int]) -> Sequence[Logits]:
        import torch

        rows = [self._slots.index(slot) for slot in slots]
        token_of_row = dict(zip(rows, tokens, strict=True))
        ids = torch.tensor([[token_of_row[row]] for row in range(len(self._slots))], device=self.module.device)
        self._mask = torch.cat([self._mask, torch.ones_like(ids)], -1)
        positions = self._mask.sum(-1, keepdim=True) - 1
        state = {"attention_mask": self._mask, "position_ids": positions, "past_key_values": self._cache}
        logits = self._forward(ids, self._adapter_of_row, **state, use_cache=True)[:, -1]
        return [logits[row] for row in rows]

    def release(self, slot: int) -> None:
        row = self._slots.index(slot)
        del self._slots[row], self._adapter_of_row[row]
        if not self._slots:
            self._cache = self._mask = None
        elif self.max_rows > 1:
            others = [i for i in range(len(self._slots) + 1) if i != row]
            self._mask = self._mask[others]
            padding = int((self._mask.sum(0) == 0).sum())  # columns that only the released row needed
            self._mask = self._mask[:, padding:]
            for layer in self._cache.layers:
                layer.keys, layer.values = layer.keys[others][:, :, padding:], layer.values[others][:, :, padding:]

    def _join(self, cache: Any, mask: Any, sources: Any) -> None:
        """Append new rows, each a copy of row `sources[i]` of the cache; the shorter side is padded on the left."""
        import torch

        if self.max_rows > 1:
            mask = mask[sources]
            for layer in cache.layers:
                layer.keys, layer.values = layer.keys[sources], layer.values[sources]
        if self._cache is None:
            self._cache, self._mask = cache, mask
            return
        length = max(self._mask.shape[1], mask.shape[1])
        self._mask = torch.cat([_padded(self._mask, length, -1), _padded(mask, length, -1)])
        for old, new in zip(self._cache.layers, cache.layers, strict=True):
            old.keys = torch.cat([_padded(old.keys, length, -2), _padded(new.keys, length, -2)])
            old.values = torch.cat([_padded(old.values, length, -2), _padded(new.values, length, -2)])


def _padded(tensor: Any, length: int, axis: int) -> Any:
    import torch

    shape = list(tensor.shape)
    shape[axis] = length - shape[axis]
    return torch.cat([tensor.new_zeros(shape), tensor], axis) if shape[axis] else tensor
