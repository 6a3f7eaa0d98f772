"""JSON of megabytes in pieces is the JSON that one call would give."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jielong.bounded_json import well_formed
from jielong.contract import Embeddings, Image, Message, Reply, Request, Text, TokenLogprob
from jielong.runtime import long_texts
from jielong.runtime.long_texts import encode_text, length, result_length
from jielong.runtime.operations import EMBED, GENERATE

TEXTS = st.text(st.characters(), max_size=12)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=8) | st.dictionaries(TEXTS, inner, max_size=5) | st.tuples(inner, inner),
    max_leaves=30,
)


@given(VALUES, st.booleans())
def test_pieces_are_what_json_dumps_writes(value: Any, sort_keys: bool) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(long_texts, "PIECE", 3)
        patch.setattr(long_texts, "ITEMS_AT_ONCE", 2)
        expected = well_formed(json.dumps(value, ensure_ascii=False, sort_keys=sort_keys))
        assert encode_text(value, 10**9, sort_keys=sort_keys) == expected


@pytest.mark.parametrize("value", [
    ["a", "b" * 200_000], [[1.5] * 1000] * 100, {"a": {1: "x"}}, [], {}, "", "\ud83d\ude00" * 50_000, ["\ud800"] * 200,
])  # fmt: skip
def test_long_values_are_what_json_dumps_writes(value: Any) -> None:
    assert encode_text(value, 10**9) == well_formed(json.dumps(value, ensure_ascii=False))


def test_what_is_long_is_known_before_it_is_encoded() -> None:
    """Within a factor of three, whatever it is that is long."""
    text = "x" * 300_000
    scored = TokenLogprob("word", -1.2345678901234, tuple((f"w{i}", -0.1234567890123 - i) for i in range(20)))
    for reply in (
        Reply(Message("assistant", (Text(text),))),
        Reply(Message("assistant", ""), logprobs=(scored,) * 900),
    ):
        assert 1 / 3 < result_length(reply) / len(json.dumps(GENERATE.encode(reply))) < 3
    vectors = Embeddings(((-0.1234567890123,) * 1000,) * 20)
    assert 1 / 3 < result_length(vectors) / len(json.dumps(EMBED.encode(vectors))) < 3
    assert length(Request((Message("user", (Text(text), Image(b"x" * 1000))),))) == 301_000
