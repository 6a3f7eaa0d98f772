"""What the search has seen, the final has not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jielong.errors import BadInput
from jielong.improving.data_splits import ENOUGH, split_items
from jielong.tasks.item import Item


def items(n: int, clusters: list[int | None] | None = None) -> list[Item]:
    groups = clusters or [None] * n
    return [
        Item(str(i), f"question {i}", (str(i),), cluster=None if g is None else str(g)) for i, g in enumerate(groups)
    ]


@given(st.integers(4, 300), st.integers(0, 50))
def test_every_item_has_one_place(n: int, seed: int):
    parts = split_items(items(n), seed)
    ids = [item.id for part in (parts.examples, parts.search, parts.final) for item in part]
    assert sorted(ids) == sorted(str(i) for i in range(n))
    assert parts.search
    assert parts.final
    assert len(parts.final) >= min(ENOUGH, n // 2)
    if n > 30:
        assert abs(len(parts.search) - len(parts.final)) <= 1


@given(st.lists(st.one_of(st.none(), st.integers(0, 9)), min_size=40, max_size=200), st.integers(0, 9))
def test_clusters_are_not_torn_apart(clusters: list[int | None], seed: int):
    parts = split_items(items(len(clusters), clusters), seed)
    before = {item.cluster for item in (*parts.examples, *parts.search)} - {None}
    assert not before & {item.cluster for item in parts.final}


def test_the_same_words_are_not_asked_again_in_the_final():
    doubled = [Item(f"{i}{copy}", f"question {i}", ("1",)) for i in range(40) for copy in "ab"]
    parts = split_items(doubled, 0)
    assert not {i.input for i in (*parts.examples, *parts.search)} & {i.input for i in parts.final}


def test_the_seed_draws():
    assert split_items(items(100), 1) == split_items(items(100), 1)
    assert split_items(items(100), 1) != split_items(items(100), 2)


def test_too_few_items_and_one_cluster_are_told():
    with pytest.raises(BadInput, match="expected at least 4, better 200"):
        split_items(items(3), 0)
    with pytest.raises(BadInput, match="one cluster"):
        split_items(items(40, [1] * 40), 0)
