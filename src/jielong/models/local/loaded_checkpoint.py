"""A checkpoint in memory: tokenizer and chat template, the engine under its batcher, the torch module."""

from __future__ import annotations

import threading
from contextlib import AbstractContextManager
from functools import cached_property
from typing import Any

from ...runtime.runtime import active_runtime
from ..chat_template import ChatTemplate
from ..continuous_batching import Batcher
from ..llama_engine import LlamaEngine
from .checkpoint_folder import Checkpoint, GenerationDefaults, generation_defaults
from .local_adapters import shares_base
from .transformers_engine import TorchEngine, load_module


class LoadedCheckpoint:
    """Each part is loaded at its first use, once; loading blocks for seconds, so call it in a thread.

    Where it can, an adapter shares base and batch with the base itself and with other adapters; `module` is then a
    second one, in which the adapter alone computes.
    """

    def __init__(self, checkpoint: Checkpoint) -> None:
        self._checkpoint = checkpoint
        self._lock = threading.RLock()
        self._engine: TorchEngine | LlamaEngine | None = None
        self._batcher: Batcher | None = None
        self._module: Any = None
        self._adapters: dict[Checkpoint, str] = {}

    @cached_property
    def chat(self) -> ChatTemplate:
        return ChatTemplate(self._checkpoint.tokenizer_folder)

    @cached_property
    def defaults(self) -> GenerationDefaults:
        return generation_defaults(self._checkpoint.folder)

    @cached_property
    def _shared(self) -> LoadedCheckpoint | None:
        """The base, where its batch is computed with this adapter, too."""
        checkpoint = self._checkpoint
        if checkpoint.adapter is None or not shares_base(checkpoint.adapter, checkpoint.folder):
            return None
        return active_runtime().get(LoadedCheckpoint, checkpoint.base)

    @cached_property
    def adapter(self) -> str:
        """What jobs for the batcher name."""
        return self._shared._added(self._checkpoint) if self._shared else ""

    def _added(self, checkpoint: Checkpoint) -> str:
        batcher = self.batcher()
        with batcher.exclusive(), self._lock:
            if checkpoint not in self._adapters:
                assert isinstance(self._engine, TorchEngine)
                assert checkpoint.adapter
                name = f"adapter{len(self._adapters)}"
                self._engine.add_adapter(checkpoint.adapter, name)
                self._adapters[checkpoint] = name
            return self._adapters[checkpoint]

    def batcher(self) -> Batcher:
        if self._shared:
            return self._shared.batcher()
        with self._lock:
            if self._batcher is None:
                name, folder = self._checkpoint.engine, self._checkpoint.folder
                self._engine = TorchEngine(self.module()) if name == "torch" else LlamaEngine(folder, name)
                self._batcher = Batcher(self._engine)
            return self._batcher

    def context(self) -> int | None:
        """How many tokens the network reads; None while it is not loaded."""
        shared = self._shared
        batcher = shared._batcher if shared else self._batcher
        return batcher.context if batcher else None

    def module(self) -> Any:
        """The torch module, the one that generates where the engine is torch. Raises MissingExtra, DamagedFile."""
        with self._lock:
            if self._module is None:
                self._module = load_module(self._checkpoint)
            return self._module

    def exclusive(self) -> AbstractContextManager[None]:
        return self.batcher().exclusive()
