"""A Hugging Face causal language model as an engine for the batcher.

Rows of different lengths share a batch by padding on the left; a row that joins is read with the others that join, its
cache put beside theirs. Models whose caches are not plain (sliding windows, recurrent states) run one row at a time.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...errors import BadInput, DamagedFile, MissingExtra
from ..token_sampling import Logits
from .checkpoint_folder import Checkpoint

MOST_ROWS = 32


def network(checkpoint: Checkpoint) -> Any:
    """The torch module, ready to run. Raises MissingExtra, DamagedFile, BadInput."""
    try:
        import torch
        from transformers import AutoModelForCausalLM
        from transformers.utils import logging
    except ImportError:
        raise MissingExtra(f"local:{checkpoint.spec}", "local") from None
    device = checkpoint.device
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    dtype = checkpoint.dtype
    if dtype == "auto":
        dtype = "float32" if device == "cpu" else "auto"
    try:
        quiet: Any = logging
        quiet.disable_progress_bar()
        loaded: Any = AutoModelForCausalLM.from_pretrained(
            checkpoint.folder, dtype=dtype, use_safetensors=True, trust_remote_code=False, local_files_only=True
        )
        return loaded.to(device).eval()
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        said = str(error).strip().splitlines()[0][:160]
        kind = BadInput if "device" in said.lower() or "cuda" in said.lower() else DamagedFile
        raise kind(f"local:{checkpoint.spec} cannot be loaded ({said})") from None


class TorchEngine:
    """`start`, `step` and `release` for `models.batching`."""

    def __init__(self, module: Any) -> None:
        self.module = module
        plain = all(type(layer).__name__ == "DynamicLayer" for layer in self._new_cache().layers)
        self.rows = MOST_ROWS if plain else 1
        self.context = int(getattr(module.config, "max_position_embeddings", None) or 4096)
        self._cache: Any = None
        self._seen: Any = None  # (rows, length): 1 where a row has a token, 0 where it has padding
        self._slots: list[int] = []
        self._next = 0

    def _new_cache(self) -> Any:
        from transformers import DynamicCache

        made: Any = DynamicCache
        return made(config=self.module.config)

    def logits(self, tokens: Sequence[int]) -> Logits:
        """(len(tokens), vocabulary), float32."""
        import torch

        no_gradients: Any = torch.inference_mode
        with no_gradients():
            out = self.module(torch.tensor([list(tokens)], device=self.module.device), use_cache=False)
        made: Logits = out.logits[0].float().cpu().numpy()
        return made

    def start(self, prompts: Sequence[tuple[int, ...]]) -> tuple[list[int], Sequence[Logits]]:
        import torch

        different = list(dict.fromkeys(prompts))
        longest = max(map(len, different))
        device = self.module.device
        ids = torch.zeros(len(different), longest, dtype=torch.long, device=device)
        seen = torch.zeros_like(ids)
        for row, prompt in enumerate(different):
            ids[row, longest - len(prompt) :] = torch.tensor(prompt, device=device)
            seen[row, longest - len(prompt) :] = 1
        cache = self._new_cache()
        no_gradients: Any = torch.inference_mode
        with no_gradients():
            positions = (seen.cumsum(-1) - 1).clamp(min=0)
            out = self.module(
                ids,
                attention_mask=seen,
                position_ids=positions,
                past_key_values=cache,
                use_cache=True,
                logits_to_keep=1,
            )
        which = [different.index(prompt) for prompt in prompts]
        self._join(cache, seen, torch.tensor(which, device=device))
        slots = list(range(self._next, self._next + len(prompts)))
        self._next += len(prompts)
        self._slots += slots
        logits = out.logits[:, -1].float().cpu().numpy()
        return slots, [logits[i] for i in which]

    def step(self, rows: Sequence[int], tokens: Sequence[int]) -> Sequence[Logits]:
        import torch

        places = [self._slots.index(slot) for slot in rows]
        given = dict(zip(places, tokens, strict=True))
        ids = torch.tensor([[given[place]] for place in range(len(self._slots))], device=self.module.device)
        self._seen = torch.cat([self._seen, torch.ones_like(ids)], -1)
        positions = self._seen.sum(-1, keepdim=True) - 1
        no_gradients: Any = torch.inference_mode
        with no_gradients():
            out = self.module(
                ids, attention_mask=self._seen, position_ids=positions, past_key_values=self._cache, use_cache=True
            )
        logits = out.logits[:, -1].float().cpu().numpy()
        return [logits[place] for place in places]

    def release(self, row: int) -> None:
        place = self._slots.index(row)
        del self._slots[place]
        if not self._slots:
            self._cache = self._seen = None
        elif self.rows > 1:
            kept = [i for i in range(len(self._slots) + 1) if i != place]
            self._seen = self._seen[kept]
            padding = int((self._seen.sum(0) == 0).sum())  # columns that nobody uses any more
            self._seen = self._seen[:, padding:]
            for layer in self._cache.layers:
                layer.keys, layer.values = layer.keys[kept][:, :, padding:], layer.values[kept][:, :, padding:]

    def _join(self, cache: Any, seen: Any, which: Any) -> None:
        """Put new rows below the old ones, the shorter side padded on the left."""
        import torch

        if self.rows > 1:
            seen = seen[which]
            for layer in cache.layers:
                layer.keys, layer.values = layer.keys[which], layer.values[which]
        if self._cache is None:
            self._cache, self._seen = cache, seen
            return
        length = max(self._seen.shape[1], seen.shape[1])
        self._seen = torch.cat([_padded(self._seen, length, -1), _padded(seen, length, -1)])
        for old, new in zip(self._cache.layers, cache.layers, strict=True):
            old.keys = torch.cat([_padded(old.keys, length, -2), _padded(new.keys, length, -2)])
            old.values = torch.cat([_padded(old.values, length, -2), _padded(new.values, length, -2)])


def _padded(tensor: Any, length: int, axis: int) -> Any:
    import torch

    shape = list(tensor.shape)
    shape[axis] = length - shape[axis]
    return torch.cat([tensor.new_zeros(shape), tensor], axis) if shape[axis] else tensor
