"""What people type into a search box."""

import pytest

from jielong.retrieval.memory_index import MemoryIndex
from jielong.sync import run_sync
from retrieval.chunks import chunks_of

TEXTS = (
    "Follow @nasa for pictures of Jupiter.",
    "Why? Nobody knows why the sky is blue.",
    "Ubuntu 20.04 and 22.04 are supported until 2030.",
    "A multi-agent system divides the work.",
    "PPR-9086 is a pump.",
    "PPR-9087 is a valve.",
    "PPR-9088 is a gauge.",
    "我们讨论机器学习和人工智能的发展。",
    "苹果发布了新的手机，价格为１２３４元。",
    "臺灣的圖書館收藏了許多漢字書籍。",
    "The agents of the company sell multi-storey houses.",
)


def found(query: str, k: int = 3) -> list[int]:
    index = MemoryIndex(chunks_of(*TEXTS))
    hits = run_sync(index.search, query, k)
    index.close()
    return [int(hit.chunk.document.split(".")[0]) for hit in hits]


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("@nasa", 0),
        ("why?", 1),
        ("20.04", 2),
        ("multi-agent", 3),
        ("PPR-9087", 5),
        ("what is PPR-9088?", 6),
        ("手机", 8),
        ("智能", 7),
        ("1234元", 8),
        ('"valve', 5),
        ("col:valve", 5),
        ("valve) OR (", 5),
        ("NEAR(valve)", 5),
        ("果", 8),
        ("元", 8),
        ("图书馆", 9),
        ("台湾", 9),
        ("機器學習", 7),
        ("ＰＰＲ－９０８７", 5),
        ("ppr9087 or PPR-9087?", 5),
    ],
)
def test_a_query_is_words_and_never_syntax(query: str, first: int):
    assert found(query)[0] == first


def test_a_word_of_two_characters_is_not_lost_beside_longer_ones():
    assert set(found("机器学习 手机")) == {7, 8}


@pytest.mark.parametrize("query", ["", " ", "?!…", "***", '"', "()", "。！？", "\0", "\ud800", "-", "🙂"])
def test_a_query_without_words_finds_nothing(query: str):
    assert found(query) == []
