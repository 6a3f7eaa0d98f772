# ruff: noqa: E501
"""Texts that are nearly what a reader expects: real ones, changed in a few places by what breaks readers."""

from __future__ import annotations

import copy
import json
from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

FRAGMENTS = (
    "", "\0", "\ufeff", "\\ud800", "\\udc00\\ud800", "\\u0000", '"', "'", "\\", "\\\\", "[", "]", "{", "}", "[" * 300,
    "{" * 300, '{"a":' * 300, "(" * 300, ")", "]" * 300, "1" * 5000, "-", "1e999", "-1e999", "9" * 400, "NaN",
    "-Infinity", "null", "true", "[]", "{}", "0", "-1", "0.0", "1_000", "٣", "²", "Ⅷ", "①", "½", "１２", "\u202e",
    "\u2028", "\r", "\r\n", "\n", "\t", " " * 3000, "\n" * 3000, "a" * 3000, "<think>", "</think>", "<tool_call>",
    "</tool_call>", "\\boxed{", "$", "%", "|", ",", ";", ":", "=", "#### ", "**", "__", "`", "```", "```json\n", "**" * 1000,
    "The answer is ", "答案：", "一" * 500, "10^10^10", "9**9**9", "1/0", "0/0", "1e", "x" * 70, "é", "😀", "//", "/*", "#",
    "<!--", "&amp;", "&#x110000;", "<table>" * 200, "</", "<script>", "None", "float('inf')", "lambda:0",
)  # fmt: skip
VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2**63, -(2**64), 10**400, 1.5, float("inf"), float("nan"), "", "x", "\0", "é😀", "1",
    "x" * 3000, "9" * 5000, [], {}, [[]], [None], [{}], {"": None}, {"type": "text"}, [1, "a", None, {}], ["a"] * 200,
)  # fmt: skip


def deep(levels: int, innermost: Any = None) -> Any:
    for n in range(levels):
        innermost = [innermost] if n % 2 else {"a": innermost}
    return innermost


@st.composite
def mutated(draw: st.DrawFn, seeds: Sequence[str], fragments: Sequence[str] = ()) -> str:
    """One of the seeds with up to five changes: places cut out, doubled, repeated, moved, filled with what breaks."""
    text = draw(st.sampled_from(seeds))
    pieces = (*FRAGMENTS, *fragments)
    for _ in range(draw(st.integers(0, 5))):
        change = draw(st.sampled_from(("insert", "replace", "delete", "repeat", "join", "swap")))
        start, end = sorted(draw(st.tuples(st.integers(0, len(text)), st.integers(0, len(text)))))
        end = min(end, start + draw(st.sampled_from((1, 3, 30, 10_000))))
        if change == "insert":
            text = text[:start] + draw(st.sampled_from(pieces)) + text[start:]
        elif change == "replace":
            text = text[:start] + draw(st.sampled_from(pieces)) + text[end:]
        elif change == "delete":
            text = text[:start] + text[end:]
        elif change == "repeat":
            part = text[start:end] or "x"
            text = text[:start] + part * min(300, 20_000 // len(part) + 1) + text[end:]
        elif change == "join":
            text = text[:start] + draw(st.sampled_from(seeds))[:20_000] + text[end:]
        else:
            text = text[end:] + text[start:end] + text[:start]
        text = text[:100_000]
    return text


@st.composite
def mutated_json(draw: st.DrawFn, seeds: Sequence[Any]) -> Any:
    """One of the JSON values with up to four of its places replaced, left out, or put elsewhere."""
    value = json.loads(json.dumps(draw(st.sampled_from(seeds))))
    for _ in range(draw(st.integers(0, 4))):
        places = list(_places(value))
        if not places:
            return copy.deepcopy(draw(st.sampled_from(VALUES)))
        holder, key = draw(st.sampled_from(places))
        change = draw(st.sampled_from(("value", "value", "value", "leave", "other", "rename", "deep", "twice")))
        if change == "value":
            holder[key] = copy.deepcopy(draw(st.sampled_from(VALUES)))
        elif change == "leave":
            del holder[key]
        elif change == "other":
            other, name = draw(st.sampled_from(places))
            holder[key] = json.loads(json.dumps(other[name]))
        elif change == "rename" and isinstance(holder, dict):
            holder[draw(st.sampled_from(("", "x", "id", "type", "name", "index", "text")))] = holder.pop(key)
        elif change == "deep":
            holder[key] = deep(draw(st.sampled_from((5, 50, 99, 300))), holder[key])
        elif isinstance(holder, list):
            holder[key:key] = [holder[key]] * draw(st.sampled_from((1, 3, 200)))
    return value


def _places(value: Any) -> Any:
    """Every place of a JSON value, as its container and its key there."""
    waiting = [value]
    while waiting:
        holder = waiting.pop()
        if isinstance(holder, dict | list):
            for key in list(holder) if isinstance(holder, dict) else range(len(holder)):
                yield holder, key
                waiting.append(holder[key])


def as_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
