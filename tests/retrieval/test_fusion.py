"""One order out of full text and vectors, in an index of several languages, with and without a filter."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec

import pytest

from jielong.contract import Embedder, Embeddings
from jielong.documents.document import Chunk
from jielong.retrieval.embedders import embedder
from jielong.retrieval.memory_index import MemoryIndex
from jielong.retrieval.retriever import Hit
from jielong.sync import run_sync
from retrieval.chunks import chunks_of
from retrieval.embedding_server import vector


class Words:
    """Vectors of hashed words; `texts` is what it was asked for."""

    name = "words"

    def __init__(self) -> None:
        self.texts: list[str] = []

    async def embed(self, texts: Sequence[str]) -> Embeddings:
        self.texts += texts
        return Embeddings(tuple(tuple(vector(text)) for text in texts))


def search(
    chunks: list[Chunk], query: str, k: int = 5, model: Embedder | None = None, path: str | None = None,
    language: str | None = None,
) -> list[Hit]:  # fmt: skip
    async def found() -> list[Hit]:
        index = MemoryIndex(chunks, model)
        hits = await index.search(query, k, path=path, language=language)
        index.close()
        return list(hits)

    return run_sync(found)


def names(hits: list[Hit]) -> list[str]:
    return [hit.chunk.document for hit in hits]


WORDLLAMA = pytest.param("wordllama", marks=pytest.mark.skipif(find_spec("wordllama") is None, reason="[rag]"))
ENGLISH = [
    "The capital of Peru is Lima, a city on the coast of the Pacific.",
    "The capital of Chile is Santiago.",
    "What a country is, is a matter of law and of what others say.",
    "The largest city of the country is where the king lived.",
    "Bread is made of flour, water and salt.",
]
CHINESE = [f"书名是 The Capital of the Country is what 第{n}版，作者写了很多年才写完。" for n in range(60)]


@pytest.mark.parametrize("model", [None, WORDLLAMA])
def test_chinese_files_leave_the_order_of_english_ones_alone(model: str | None):
    query, made = "What is the capital of the country Peru?", embedder(model) if model else None
    english = [*ENGLISH, *(f"Filler number {n} is about subject {n}." for n in range(100))]
    alone = names(search(chunks_of(*english), query, 4, made))
    mixed = names(search(chunks_of(*english, *CHINESE), query, 4, made))
    assert mixed == alone
    assert mixed[0] == "0.txt"


def test_a_chinese_question_finds_its_file_among_english_ones():
    chunks = chunks_of(*ENGLISH, "秘鲁的首都是利马，位于太平洋沿岸。", "智利的首都是圣地亚哥。")
    assert names(search(chunks, "秘鲁首都在哪里？", 1)) == ["5.txt"]


def test_overlapping_neighbours_do_not_fill_the_result():
    text = (
        " ".join(f"word{n}" for n in range(200)) + " needle in the middle " + " ".join(f"term{n}" for n in range(200))
    )
    windows = [
        Chunk("long.txt", start, start + 600, text[start : start + 600]) for start in range(0, len(text) - 600, 100)
    ]
    hits = search([*windows, *chunks_of("A needle.", "Another needle here.")], "needle", 3)
    assert set(names(hits)) == {"long.txt", "0.txt", "1.txt"}
    joined = next(hit.chunk for hit in hits if hit.chunk.document == "long.txt")
    assert joined.text == text[joined.start : joined.end]
    assert 600 < len(joined.text) <= 1200


def test_equal_texts_are_there_once():
    assert len(search(chunks_of("The same needle.", "The same needle.", "One more needle."), "needle")) == 2


def test_a_code_is_found_among_its_siblings_by_both_together():
    chunks = chunks_of(*(f"PPR-{9000 + n} is a valve of the cooling circuit." for n in range(150)))
    assert names(search(chunks, "What is PPR-9087?", 1, Words())) == ["87.txt"]


@pytest.mark.parametrize("model", [None, Words()])
def test_a_filter_comes_before_the_best_are_chosen(model: Embedder | None):
    loud = [Chunk(f"loud/{n}.txt", 0, 30, f"needle needle needle needle {n}") for n in range(700)]
    quiet = [
        Chunk(f"quiet/{n}.md", 0, 30, f"Somewhere in note {n} there is one needle.", language="en") for n in range(5)
    ]
    for path, language in (("quiet", None), ("quiet/*", None), ("*.md", None), (None, "en"), ("quiet/", "en")):
        assert len(search([*loud, *quiet], "needle", 5, model, path, language)) == 5, (path, language)
    assert names(search([*loud, *quiet], "needle", 5, model, "quiet/3.md")) == ["quiet/3.md"]
    assert search([*loud, *quiet], "needle", 5, model, "nowhere") == []


def test_a_search_embeds_its_query_and_nothing_else():
    model = Words()

    async def twice() -> None:
        index = MemoryIndex(chunks_of(*ENGLISH), model)
        for query in ("capital", "bread\ud800", "?!"):
            await index.search(query, 3)

    run_sync(twice)
    assert len(model.texts) == len(ENGLISH) + 2


def test_a_paraphrase_is_found_by_its_vector_alone():
    chunks = chunks_of(*ENGLISH, *(f"Filler number {n}." for n in range(50)))
    assert "4.txt" in names(search(chunks, "loaf flour", 3, Words()))
