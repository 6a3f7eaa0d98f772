"""Examples put before the question, as turns of the conversation (in-context learning: Brown et al. 2020)."""

import random
import unicodedata
from collections.abc import Awaitable, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, TypeAlias

import anyio
import anyio.to_thread
import numpy as np
from numpy.typing import NDArray

from ..contract import Message, Request
from ..documents.document import Chunk
from ..errors import BadInput
from ..retrieval.embedders import embedder
from ..retrieval.memory_index import MemoryIndex
from ..runtime.runtime import active_lifetime
from ..tasks.load_task import load_task
from ..technique import adds_input
from .prompting import require_at_least

Examples: TypeAlias = Sequence[Sequence[str]]
Select: TypeAlias = Literal["random", "knn", "mmr", "bm25"]
Pair: TypeAlias = tuple[str, str]
NEAREST_OR_DIFFERENT = 0.5  # what nearness counts in mmr; the rest is difference from the examples chosen before
EMBEDDER = "wordllama"


@adds_input
def few_shot(
    request: Request, *, examples: Examples = (), file: Path | None = None, k: int = 4, select: Select = "random"
) -> Awaitable[Request]:
    """Show solved examples first: given as [[question, answer], …], or `k` chosen from a task file.

    A `random` choice is the same for every request. The others are of the examples like the question, the most alike
    one last: by their vectors (`knn`: Liu et al. 2022), by vectors but unlike one another (`mmr`: Ye et al. 2023), by
    their words (`bm25`); the vectors are those of wordllama, which is no model of sentences. They choose among given
    examples, too. The question itself is never among its examples, in whatever case, width and spaces. The examples
    come after the system message and before the conversation.
    """
    require_at_least(1, "few_shot", {"k": k})
    return _with_examples(request, _pairs(examples, file), None if examples and select == "random" else k, select)


async def _with_examples(request: Request, pairs: tuple[Pair, ...], k: int | None, select: Select) -> Request:
    question = request.messages[-1].text
    own = _lines(question)
    others = [i for i, (asked, _) in enumerate(pairs) if not _is_within(_lines(asked), own)]
    if select == "random":
        chosen = others if k is None else random.Random(k).sample(others, min(k, len(others)))
    else:
        library = active_lifetime().get(ExampleLibrary, pairs)
        chosen = await library.nearest(question, others, min(k or len(others), len(others)), select)
    turns = tuple(turn for i in chosen for turn in (Message("user", pairs[i][0]), Message("assistant", pairs[i][1])))
    system = 1 if request.messages[0].role == "system" else 0
    return replace(request, messages=(*request.messages[:system], *turns, *request.messages[system:]))


def _lines(text: str) -> list[str]:
    """Its lines without what makes no other text of it: case, width, spaces."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return [line for each in folded.splitlines() if (line := "".join(each.split()))]


def _is_within(example: list[str], question: list[str]) -> bool:
    """Whether the example is the question, around which other techniques may have put lines of theirs."""
    return any(question[i : i + len(example)] == example for i in range(len(question) - len(example) + 1))


class ExampleLibrary:
    """Examples with their index and their vectors, each made when it is first needed."""

    def __init__(self, pairs: tuple[Pair, ...]) -> None:
        self._questions = [question for question, _ in pairs]
        self._index: MemoryIndex | None = None
        self._vectors: NDArray[np.float32] | None = None
        self._lock = anyio.Lock()

    async def nearest(self, question: str, among: Sequence[int], k: int, select: Select) -> list[int]:
        """The numbers of the chosen examples, the most alike one last; with bm25 fewer where fewer share a word."""
        if select == "bm25":
            async with self._lock:
                if self._index is None:
                    self._index = await anyio.to_thread.run_sync(self._indexed)
            hits = await self._index.search(question, len(self._questions))
            return [i for hit in hits if (i := int(hit.chunk.document)) in set(among)][:k][::-1]
        async with self._lock:
            if self._vectors is None:
                self._vectors = await _unit_vectors(self._questions)
        vectors = self._vectors[list(among)]
        likeness = vectors @ (await _unit_vectors([question]))[0]
        order = _mmr(likeness, vectors, k) if select == "mmr" else np.argsort(-likeness, kind="stable")[:k].tolist()
        return [among[i] for i in order][::-1]

    def _indexed(self) -> MemoryIndex:
        return MemoryIndex(Chunk(str(i), 0, len(text), text) for i, text in enumerate(self._questions))

    def close(self) -> None:
        if self._index:
            self._index.close()


def _mmr(likeness: NDArray[Any], vectors: NDArray[Any], k: int) -> list[int]:
    """Maximal marginal relevance (Carbonell & Goldstein 1998), the first chosen first."""
    chosen: list[int] = []
    repeated = np.zeros(len(likeness), np.float32)
    while len(chosen) < k:
        worth = NEAREST_OR_DIFFERENT * likeness - (1 - NEAREST_OR_DIFFERENT) * repeated
        worth[chosen] = -np.inf
        chosen.append(int(np.argmax(worth)))
        repeated = np.maximum(repeated, vectors @ vectors[chosen[-1]])
    return chosen


async def _unit_vectors(texts: Sequence[str]) -> NDArray[np.float32]:
    embeddings = await embedder(EMBEDDER).embed(texts)
    vectors = np.array(embeddings.vectors, np.float32)
    lengths: NDArray[np.float32] = np.linalg.norm(vectors, axis=1, keepdims=True)
    return (vectors / np.maximum(lengths, 1e-9)).astype(np.float32)


def _pairs(examples: Examples, file: Path | None) -> tuple[Pair, ...]:
    if bool(examples) == (file is not None):
        raise BadInput("few_shot needs either examples=[[question, answer], …] or file=…")
    if file is not None:
        return _from_file(file)
    for example in examples:
        if len(example) != 2:
            raise BadInput(f"few_shot: an example is [question, answer], found {len(example)} texts")
    return tuple((question, answer) for question, answer in examples)


@lru_cache(maxsize=16)
def _from_file(file: Path) -> tuple[Pair, ...]:
    task = load_task(str(file))
    return tuple((item.request().messages[-1].text, item.accepted[0]) for item in task.items if item.accepted)
