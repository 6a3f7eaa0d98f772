"""A search engine of the operator's as a retriever: each page that it finds is a document, of which the engine's own
description is the text. The pages themselves are not read."""

from __future__ import annotations

from collections.abc import Sequence

from ..bounded_json import read_json
from ..documents.document import Chunk
from ..errors import BadInput
from ..retrieval.retriever import Hit
from .tools.tool import call_tool, request_of
from .tools.tools_config import place, tools_config
from .tools.web_search import search_rows


class WebSearch:
    """A Retriever. A search is a provider call: it is in the ledger, and budgets and bounds count it."""

    def __init__(self, seed: int | None) -> None:
        settings = tools_config().web_search
        if settings is None:
            raise BadInput(f"web_search: no search engine is set; write [web_search] url = … into {place()}")
        self._seed = seed
        self._engine = call_tool(search_rows(**dict(settings)), "en")

    async def search(self, query: str, k: int) -> Sequence[Hit]:
        reply = await self._engine.generate(request_of({"query": query}, self._seed))
        rows = [row for line in reply.text.splitlines() if isinstance(row := _row(line), dict)]
        pages = [(str(row.get("url", "")), f"{row.get('title', '')}\n{row.get('text', '')}".strip()) for row in rows]
        chunks = [Chunk(url, 0, len(text), text) for url, text in pages if text][:k]
        return [Hit(chunk, -float(rank)) for rank, chunk in enumerate(chunks)]


def _row(line: str) -> object:
    try:
        return read_json(line)
    except ValueError:
        return None
