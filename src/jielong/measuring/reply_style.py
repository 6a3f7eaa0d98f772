"""How a reply looks: its length, headers, list items and bold passages, and how two replies differ in them.

The terms are those of "Does style matter?" (Li, Angelopoulos, Chiang, LMSYS 2024), each as (a - b) / (a + b). Unlike
there, length is in words and Chinese characters, which needs no tokenizer, and nothing is scaled by the data: a scale
changes no rating.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

STYLE_TERMS = ("length", "headers", "lists", "bold")

_WORD = re.compile(
    r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff]|[^\W\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+"
)
_CODE = re.compile(r"^(```|~~~).*?(?:^\1|\Z)", re.M | re.S)  # a comment in code is no header
_HEADER = re.compile(r"^ {0,3}#{1,6}\s", re.M)
_LIST = re.compile(r"^\s*(?:[-*+•]|\d{1,3}[.)、])\s", re.M)
_BOLD = re.compile(r"\*\*[^*\n]+\*\*|__[^_\n]+__")


def style_counts(reply: str) -> tuple[int, int, int, int]:
    """Words and Chinese characters; headers, list items and bold passages outside of code. In STYLE_TERMS' order."""
    prose = _CODE.sub("", reply)
    headers, lists, bold = (len(pattern.findall(prose)) for pattern in (_HEADER, _LIST, _BOLD))
    return len(_WORD.findall(reply)), headers, lists, bold


def style_difference(a: Sequence[float], b: Sequence[float]) -> tuple[float, ...]:
    """For each term from -1 (only b has it) to 1 (only a); 0 where neither has."""
    return tuple((x - y) / (x + y) if x + y else 0.0 for x, y in zip(a, b, strict=True))
