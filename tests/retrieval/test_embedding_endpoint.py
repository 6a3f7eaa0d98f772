"""Embedding endpoints: what they may answer, what is counted, and what is replayed."""

from pathlib import Path
from typing import Any

import pytest

from jielong import budget
from jielong.errors import BudgetExceeded, JielongError, UnknownName
from jielong.retrieval.embedders import embedder
from jielong.runtime.ledger import use_ledger
from jielong.sync import run_sync
from retrieval.embedding_server import embedding_server


def test_vectors_come_in_the_order_of_the_texts_and_are_paid_once(tmp_path: Path):
    with embedding_server() as server, use_ledger(tmp_path / "ledger.db"):
        model = embedder(server.spec)
        first = run_sync(model.embed, ["one two", "three"])  # the server answers in reverse
        assert [max(vector) for vector in first.vectors] == [1.01, 1.01]
        assert sum(first.vectors[0]) > sum(first.vectors[1])
        assert (first.usage.calls, first.usage.input_tokens) == (1, 12)
        again = run_sync(model.embed, ["one two", "three"])
        assert again.vectors == first.vectors
        assert len(server.calls) == 1


def test_a_budget_holds():
    with embedding_server() as server, budget(tokens=40), pytest.raises(BudgetExceeded):
        run_sync(embedder(server.spec).embed, ["many words " * 20])
    assert server.calls == []


@pytest.mark.parametrize(
    "answer",
    [
        {"error": {"message": "something is wrong"}},
        {"data": []},
        {"data": [{"embedding": [1, 2]}, {"embedding": [1]}]},
        {"data": [{"embedding": "AAAA"}, {"embedding": [1]}]},
        {"data": [{"embedding": [float("nan")]}, {"embedding": [1.0]}]},
        {"data": {"embedding": [1]}},
        ["vectors"],
        "vectors",
    ],
)
def test_an_answer_that_holds_no_vectors_is_an_error_of_one_line(answer: Any, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("jielong.runtime.provider.MAX_ATTEMPTS", 1)
    with embedding_server() as server:
        server.answer = answer
        with pytest.raises(JielongError) as raised:
            run_sync(embedder(server.spec).embed, ["a", "b"])
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("spec", ["", "openai", "wordlama", "sentence-transformers:", "cohere:x"])
def test_what_is_no_embedder_is_named(spec: str):
    with pytest.raises(UnknownName, match="unknown embedder"):
        embedder(spec)


def test_wordllama_knows_what_is_alike_and_takes_any_text():
    pytest.importorskip("wordllama")
    texts = ["A cat sat on the mat.", "The kitten is on the rug.", "Interest rates rose.", "", "x" * 100_000]
    vectors = run_sync(embedder("wordllama").embed, texts).vectors
    alike, other = (sum(a * b for a, b in zip(vectors[0], vectors[n], strict=True)) for n in (1, 2))
    assert alike > other
    assert {len(vector) for vector in vectors} == {256}
