"""A second look at what a search found: by a reranker behind /v1/rerank (Jina, Cohere, vLLM, …), or by any Scorer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Protocol

import aiohttp

from ..contract import Embeddings, Message, Reply, Request, Scorer
from ..models.openai import Endpoint
from ..models.openai.endpoint_presets import EndpointAddress, resolve_endpoint
from ..models.openai.reply_assembler import Malformed
from ..runtime.provider import EmbeddingProvider
from .retriever import Hit, Retriever


class Reranker(Protocol):
    async def relevance(self, query: str, texts: Sequence[str]) -> Sequence[float]:
        """Of each text to the query; only their order counts."""


class Reranked:
    """A Retriever: the best `depth` of another one, in the order of a reranker."""

    def __init__(self, retriever: Retriever, reranker: Reranker, depth: int = 50) -> None:
        self._retriever, self._reranker, self._depth = retriever, reranker, depth

    async def search(self, query: str, k: int) -> tuple[Hit, ...]:
        hits = await self._retriever.search(query, max(k, self._depth))
        if not hits:
            return ()
        scores = await self._reranker.relevance(query, [hit.chunk.in_context for hit in hits])
        again = [replace(hit, score=score) for hit, score in zip(hits, scores, strict=True)]
        return tuple(sorted(again, key=lambda hit: -hit.score)[:k])


class ScorerReranker:
    """Any Scorer: the text is graded as the reply to the query. What gets no grade comes last."""

    def __init__(self, scorer: Scorer) -> None:
        self._scorer = scorer

    async def relevance(self, query: str, texts: Sequence[str]) -> Sequence[float]:
        replies = [Reply(Message("assistant", text)) for text in texts]
        scores = await self._scorer.score(Request((Message("user", query),)), replies)
        return [float("-inf") if value is None else value for value in scores.values]


class RerankEndpoint(Endpoint, EmbeddingProvider):
    """In the ledger and under the budget like every call; there, its scores are vectors of one number."""

    @classmethod
    def of(cls, spec: str) -> RerankEndpoint:
        """`spec` as of a model: `openai:NAME@URL`. Raises RecipeError, MissingKey."""
        kind, _, rest = spec.partition(":")
        return cls(resolve_endpoint(kind, rest))

    def identity(self) -> str:
        return f"rerank {super().identity()}"

    async def relevance(self, query: str, texts: Sequence[str]) -> Sequence[float]:
        return [score for (score,) in (await self.embed([query, *texts])).vectors]

    async def send_embed(self, texts: Sequence[str], attempt: str) -> Embeddings:
        query, *documents = texts
        body = {"model": self.target.model, "query": query, "documents": documents, "top_n": len(documents)}

        async def read(response: aiohttp.ClientResponse, address: EndpointAddress) -> Embeddings:
            payload, usage = await self._read_rows(response, body, address, "results")
            return Embeddings(_scores(payload, len(documents)), usage)

        return await self._exchange("rerank", body, sum(map(len, texts)), attempt, read)


def _scores(payload: Any, count: int) -> tuple[tuple[float], ...]:
    """One for each document, in their order. Raises Malformed."""
    rows = payload.get("results") if isinstance(payload, dict) else None
    scores: dict[int, float] = {}
    for row in rows if isinstance(rows, list) else ():
        if isinstance(row, dict) and isinstance(row.get("index"), int):
            score = row.get("relevance_score", row.get("score"))
            if isinstance(score, int | float):
                scores[row["index"]] = float(score)
    if scores.keys() != set(range(count)):
        raise Malformed(f"the answer does not rank {count} documents: {str(payload)[:200]}")
    return tuple((scores[place],) for place in range(count))
