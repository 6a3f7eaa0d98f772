"""A checkpoint in memory: tokenizer and chat template, the engine under its batcher, the torch module."""

from __future__ import annotations

import threading
from contextlib import AbstractContextManager
from functools import cached_property
from typing import Any

from ..chat_template import ChatTemplate
from ..continuous_batching import Batcher
from ..llama_engine import LlamaEngine
from .checkpoint_folder import Checkpoint, GenerationDefaults, generation_defaults
from .transformers_engine import TorchEngine, load_module


class LoadedCheckpoint:
    """Each part is loaded at its first use, once; loading blocks for seconds, so call it in a thread."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        self._checkpoint = checkpoint
        self._lock = threading.RLock()
        self._batcher: Batcher | None = None
        self._module: Any = None

    @cached_property
    def chat(self) -> ChatTemplate:
        return ChatTemplate(self._checkpoint.folder)

    @cached_property
    def defaults(self) -> GenerationDefaults:
        return generation_defaults(self._checkpoint.folder)

    def batcher(self) -> Batcher:
        with self._lock:
            if self._batcher is None:
                engine_name, folder = self._checkpoint.engine, self._checkpoint.folder
                engine = TorchEngine(self.module()) if engine_name == "torch" else LlamaEngine(folder, engine_name)
                self._batcher = Batcher(engine)
            return self._batcher

    def context(self) -> int | None:
        """How many tokens the network reads; None while it is not loaded."""
        return self._batcher.context if self._batcher else None

    def module(self) -> Any:
        """The torch module, the one that generates where the engine is torch. Raises MissingExtra, DamagedFile."""
        with self._lock:
            if self._module is None:
                self._module = load_module(self._checkpoint)
            return self._module

    def exclusive(self) -> AbstractContextManager[None]:
        return self.batcher().exclusive()
