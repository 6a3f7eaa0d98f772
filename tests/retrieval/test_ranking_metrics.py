"""Metrics of a ranking, beside numbers worked out by hand and the definition written another way."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jielong.retrieval.ranking_metrics import ndcg_at, recall_at, reciprocal_rank


def test_by_hand():
    ranking = ["a", "b", "c", "d"]
    assert recall_at(2, ranking, {"b", "d"}) == 0.5
    assert reciprocal_rank(ranking, {"c", "d"}) == 1 / 3
    assert reciprocal_rank(ranking, {"x"}) == 0
    assert ndcg_at(10, ranking, {"a"}) == 1
    assert ndcg_at(10, ranking, {"b"}) == pytest.approx(1 / math.log2(3))
    graded = (3 / math.log2(3) + 1 / math.log2(4)) / (3 + 1 / math.log2(3))
    assert ndcg_at(10, ranking, {"b": 3, "c": 1}) == pytest.approx(graded)
    assert ndcg_at(2, ranking, {"c": 1}) == 0
    assert ndcg_at(10, ["b", "b", "b"], {"b"}) == 1  # counted once


@given(st.permutations(range(8)), st.sets(st.integers(0, 7), min_size=1), st.integers(1, 10))
def test_between_none_and_all(ranking: list[int], relevant: set[int], k: int):
    assert 0 <= ndcg_at(k, ranking, relevant) <= 1 + 1e-9
    best = sorted(ranking, key=lambda document: document not in relevant)
    assert ndcg_at(k, best, relevant) == pytest.approx(1)
    assert recall_at(8, ranking, relevant) == 1


def test_a_query_without_anything_relevant_is_no_zero():
    with pytest.raises(ValueError, match="nothing is relevant"):
        recall_at(5, ["a"], set())
