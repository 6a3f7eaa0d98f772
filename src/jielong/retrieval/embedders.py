"""What turns chunks and queries into vectors, by name: `wordllama`, `openai:MODEL` and any other endpoint,
`sentence-transformers:NAME`.

Embedders that run in this process spend nothing: they are no Providers, and their work is in no ledger.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

import anyio.to_thread
import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file
from tokenizers import Tokenizer

from ..contract import Embeddings
from ..errors import MissingExtra, RecipeError
from ..models.openai.endpoint_presets import ENDPOINT_PRESETS
from ..registry import unknown_name
from ..runtime.runtime import active_runtime
from .embedding_endpoint import EmbeddingEndpoint

Vectors = NDArray[np.float32]
NO_EMBEDDER = "none"  # full text alone


class IndexEmbedder(Protocol):
    """An Embedder that an index can be built with. `name` is the text that `embedder` makes it from again."""

    @property
    def name(self) -> str: ...

    most_tokens: int  # of a text, by `count_tokens`; of longer ones nobody knows what they become
    texts_at_once: int
    calls_at_once: int

    def count_tokens(self, text: str) -> int: ...

    async def embed(self, texts: Sequence[str]) -> Embeddings: ...


def embedder(spec: str) -> IndexEmbedder:
    """Raises RecipeError for what names none, MissingExtra, MissingKey."""
    kind, colon, rest = spec.partition(":")
    if spec == "wordllama":
        return active_runtime().get(WordLlama)
    if kind == "sentence-transformers" and rest:
        return active_runtime().get(SentenceTransformers, rest)
    if kind in ENDPOINT_PRESETS and colon:
        return EmbeddingEndpoint.of(kind, rest)
    raise unknown_name("embedder", spec, ("wordllama", "sentence-transformers:NAME", "openai:NAME", "ollama:NAME"))


def default_embedder() -> str | None:
    """What an index is built with where nobody says: the embedder without network, if it is installed."""
    return "wordllama" if find_spec("wordllama") else None


class WordLlama:
    """Static vectors of 256 dimensions, one for each token, averaged (Miller, WordLlama, 2024).

    The weights and the tokenizer are in the wheel and are read from there. The package itself is not imported: it would
    set up the logging of the whole process, and pad a batch to its longest text.
    """

    name, most_tokens, texts_at_once, calls_at_once = "wordllama", 1 << 20, 256, 1

    def __init__(self) -> None:
        spec = find_spec("wordllama")
        if spec is None or spec.origin is None:
            raise MissingExtra("the embedder wordllama", "rag")
        folder = Path(spec.origin).parent
        weights = load_file(folder / "weights" / "l2_supercat_256.safetensors")["embedding.weight"]
        self._vectors = weights.astype(np.float32)
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizers" / "l2_supercat_tokenizer_config.json"))
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()

    def count_tokens(self, text: str) -> int:
        return len(self._tokenizer.encode(text, add_special_tokens=False).ids)

    async def embed(self, texts: Sequence[str]) -> Embeddings:
        vectors = await anyio.to_thread.run_sync(self._embed, list(texts))
        return Embeddings(tuple(map(tuple, vectors.tolist())))

    def _embed(self, texts: list[str]) -> Vectors:
        vectors = np.zeros((len(texts), self._vectors.shape[1]), np.float32)
        for row, encoding in zip(vectors, self._tokenizer.encode_batch(texts, add_special_tokens=False), strict=True):
            if encoding.ids:
                row[:] = self._vectors[encoding.ids].mean(axis=0)
        return vectors


class SentenceTransformers:
    """A model of the library of that name, where it is installed."""

    texts_at_once, calls_at_once = 32, 1

    def __init__(self, name: str) -> None:
        try:
            from sentence_transformers import SentenceTransformer
        except ImportError:
            raise RecipeError(
                f"sentence-transformers:{name} needs a library that is not installed: pip install sentence-transformers"
            ) from None
        self.name = f"sentence-transformers:{name}"
        self._model: Any = SentenceTransformer(name)
        self.most_tokens = int(self._model.max_seq_length or 512)

    def count_tokens(self, text: str) -> int:
        return len(self._model.tokenizer(text, truncation=False, verbose=False)["input_ids"])

    async def embed(self, texts: Sequence[str]) -> Embeddings:
        encode = partial(self._model.encode, list(texts), show_progress_bar=False)
        vectors = await anyio.to_thread.run_sync(encode)
        return Embeddings(tuple(map(tuple, vectors.tolist())))
