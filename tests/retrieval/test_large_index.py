"""What the search of a large index leaves out, beside the search that leaves out nothing, on a small one."""

import random

import pytest

from jielong.retrieval import full_text_search
from jielong.retrieval.full_text import match_terms
from jielong.retrieval.full_text_search import Filter, FullTextSearch
from jielong.retrieval.memory_index import MemoryIndex
from retrieval.chunks import chunks_of


def texts(language: str) -> list[str]:
    """Words as in Zipf's law, so that some are in every text and most in few."""
    rng = random.Random(0)
    if language == "zh":
        letters = "".join(chr(0x4E00 + n) for n in range(400))
        return ["".join(rng.choices(letters, [1 / (n + 1) for n in range(400)], k=60)) for _ in range(2000)]
    words = [
        f"{rng.choice(('walk', 'talk', 'city', 'nation'))}{n}{rng.choice(('', 's', 'ed', 'ing'))}" for n in range(3000)
    ]
    return [" ".join(rng.choices(words, [1 / (n + 1) for n in range(3000)], k=60)) for _ in range(2000)]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_leaving_common_words_to_the_end_finds_what_an_exhaustive_search_finds(
    language: str, monkeypatch: pytest.MonkeyPatch
):
    written, rng = texts(language), random.Random(1)
    index = MemoryIndex(chunks_of(*written))
    size = 12 if language == "zh" else 8
    queries = [
        rng.choice(written)[:size] if language == "zh" else " ".join(rng.sample(rng.choice(written).split(), size))
        for _ in range(30)
    ]

    def found() -> list[dict[int, float]]:
        search = FullTextSearch(index.store)
        return [search.scores(match_terms(query), 10, Filter()) for query in queries]

    exhaustive = found()
    monkeypatch.setattr(full_text_search, "MOST_MATCHES", (200, 200))
    monkeypatch.setattr(full_text_search, "SMALL", 0)
    monkeypatch.setattr(full_text_search, "RESCORED", 400)
    pruned = found()
    shared = [len(a.keys() & b.keys()) / 10 for a, b in zip(exhaustive, pruned, strict=True)]
    assert sum(shared) / len(shared) >= 0.98
    for a, b in zip(exhaustive, pruned, strict=True):
        for number in a.keys() & b.keys():
            assert b[number] == pytest.approx(a[number], rel=0.1)
