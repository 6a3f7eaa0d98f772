"""Vectors from any endpoint that speaks the /v1/embeddings protocol."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import aiohttp

from ..contract import Embeddings
from ..errors import RequestRefused, TooLong
from ..models.openai import Endpoint
from ..models.openai.endpoint_presets import EndpointAddress, resolve_endpoint
from ..models.openai.reply_assembler import Malformed
from ..runtime.provider import EmbeddingProvider

Vector = tuple[float, ...]


class EmbeddingEndpoint(Endpoint, EmbeddingProvider):
    """A refused batch is tried again in halves, as endpoints differ in how many texts they take. A text that is longer
    than the model reads gets the mean of its halves' vectors: nothing of it is cut off."""

    most_tokens, texts_at_once, calls_at_once = 512, 32, 8

    @classmethod
    def of(cls, kind: str, rest: str) -> EmbeddingEndpoint:
        return cls(resolve_endpoint(kind, rest))

    def count_tokens(self, text: str) -> int:
        return approximate_tokens(text)

    async def embed(self, texts: Sequence[str]) -> Embeddings:
        try:
            return await super().embed(texts)
        except (TooLong, RequestRefused) as error:
            if len(texts) > 1:
                first, second = await self.embed(texts[: len(texts) // 2]), await self.embed(texts[len(texts) // 2 :])
                return Embeddings(first.vectors + second.vectors, first.usage + second.usage)
            if not isinstance(error, TooLong) or len(texts[0]) < 2:
                raise
        middle = len(texts[0]) // 2
        halves = await self.embed([texts[0][:middle], texts[0][middle:]])
        return Embeddings((tuple(sum(pair) / 2 for pair in zip(*halves.vectors, strict=True)),), halves.usage)

    async def send_embed(self, texts: Sequence[str], attempt: str) -> Embeddings:
        body = {"model": self.target.model, "input": list(texts)}

        async def read(response: aiohttp.ClientResponse, address: EndpointAddress) -> Embeddings:
            payload, usage = await self._read_rows(response, body, address, "data")
            return Embeddings(_vectors(payload, len(texts)), usage)

        return await self._exchange("embeddings", body, sum(map(len, texts)), attempt, read)


def approximate_tokens(text: str) -> int:
    """About as many as most tokenizers make of it, rather more than fewer: a third of its bytes."""
    return len(text.encode("utf-8", "replace")) // 3 + 1


def _vectors(payload: Any, count: int) -> tuple[Vector, ...]:
    """In the order of the texts, whatever the order of the answer. Raises Malformed."""
    rows = payload.get("data") if isinstance(payload, dict) else None
    if not isinstance(rows, list) or len(rows) != count or not all(isinstance(row, dict) for row in rows):
        raise Malformed(f"the answer holds no {count} vectors: {str(payload)[:200]}")
    places = [row.get("index") for row in rows]
    if sorted(place for place in places if isinstance(place, int)) == list(range(count)):
        rows = sorted(rows, key=lambda row: int(row["index"]))
    vectors = tuple(_vector(row.get("embedding")) for row in rows)
    if len({len(vector) for vector in vectors}) != 1:
        raise Malformed("the answer holds vectors of different lengths")
    return vectors


def _vector(numbers: Any) -> Vector:
    usable = isinstance(numbers, list) and numbers and all(
        isinstance(number, int | float) and math.isfinite(number) for number in numbers
    )  # fmt: skip
    if not usable:
        raise Malformed(f"the answer holds something that is no vector: {str(numbers)[:80]}")
    return tuple(map(float, numbers))
