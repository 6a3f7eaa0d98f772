"""A second look at hits: by an endpoint, by a Scorer, and what a bad answer does."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from jielong.contract import Reply, Request, Scores
from jielong.errors import JielongError
from jielong.retrieval.memory_index import MemoryIndex
from jielong.retrieval.rerank import Reranked, RerankEndpoint, Reranker, ScorerReranker
from jielong.runtime.ledger import use_ledger
from jielong.sync import run_sync
from retrieval.chunks import chunks_of
from retrieval.embedding_server import embedding_server

TEXTS = ("needle needle needle", "a needle in a haystack", "a haystack beside a needle and a barn")


def names(reranker: Reranker, query: str, k: int = 3) -> list[str]:
    async def search() -> list[str]:
        retriever = Reranked(MemoryIndex(chunks_of(*TEXTS)), reranker)
        return [hit.chunk.document for hit in await retriever.search(query, k)]

    return run_sync(search)


def test_an_endpoint_orders_hits_and_is_paid_once(tmp_path: Path):
    with embedding_server() as server, use_ledger(tmp_path / "ledger.db"):
        for _ in range(2):
            assert names(RerankEndpoint.of(server.spec), "needle haystack barn", 2) == ["2.txt", "1.txt"]
        assert len(server.calls) == 1
        assert names(RerankEndpoint.of(server.spec), "?") == []


def test_a_scorer_grades_each_text_as_the_reply_to_the_query():
    class Short:
        calls = 0

        async def score(self, request: Request, replies: Sequence[Reply]) -> Scores:
            assert request.messages[0].text == "needle"
            return Scores(tuple(None if "barn" in reply.text else -len(reply.text) for reply in replies))

    assert names(ScorerReranker(Short()), "needle") == ["0.txt", "1.txt", "2.txt"]


@pytest.mark.parametrize(
    "answer", [{}, {"results": []}, {"results": [{"index": 0, "relevance_score": 1}]}, [1], {"results": 3}]
)
def test_an_answer_that_ranks_not_all_is_an_error(answer: object, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("jielong.runtime.provider.MAX_ATTEMPTS", 1)
    with embedding_server() as server:
        server.answer = answer
        with pytest.raises(JielongError):
            names(RerankEndpoint.of(server.spec), "needle")
