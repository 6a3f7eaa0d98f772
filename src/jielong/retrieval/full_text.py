"""Full text in SQLite's FTS5: how texts are folded for it, and how a query becomes a MATCH expression.

English is stemmed by Porter's rules. Chinese, which writes no spaces between words, is indexed by pairs of neighbouring
characters, so that a word of two characters is found as well as a long one. Chinese chunks have a table of their own:
how rare a word is, is counted among the chunks of its language, so that Chinese files leave the order of English ones
as it is. A query is quoted term by term and never parsed.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from pathlib import Path

from ..bounded_json import well_formed

PARTS = ("spaced", "spaceless")  # the tables: of chunks in scripts that write spaces between words, and of all others
MAX_TERMS = 64  # of a query
_RUN = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]+"
)
_LETTERS = re.compile(r"[^\W_]+")

TOKENIZER = "tokenize='porter unicode61 remove_diacritics 2'"
SCHEMA = "".join(
    f"create virtual table if not exists {table} using fts5(title, body, content='', {TOKENIZER});\n" for table in PARTS
)


def part_of(text: str) -> int:
    """The number of the table where a chunk belongs. A quarter of spaceless characters makes it Chinese, as its names
    and code are Latin."""
    if text.isascii():
        return 0
    spaceless = sum(map(len, _RUN.findall(text)))
    return int(4 * spaceless > sum(map(len, _LETTERS.findall(text))))


def folded(text: str) -> str:
    """The text as it is indexed, Chinese as pairs of characters. The last character of each run stands alone, too, so
    that a single one is the beginning of some term."""
    if text.isascii():
        return _normalised(text)
    return _RUN.sub(lambda run: f" {' '.join([*_pairs(run[0]), run[0][-1]])} ", _normalised(text))


def match_terms(query: str) -> list[str]:
    """The terms of a query, each as FTS5 takes it. A word of several parts (`multi-agent`, `20.04`) is a phrase, and
    each part is a term, too."""
    terms: dict[str, None] = {}
    text = _normalised(query)
    for run in _RUN.findall(text):
        terms |= dict.fromkeys([f'"{pair}"' for pair in _pairs(run)] or [f'"{run}"*'])
    for word in _RUN.sub(" ", text).split():
        parts = _LETTERS.findall(word)
        if len(parts) > 1:
            terms[f'"{" ".join(parts)}"'] = None
        terms |= dict.fromkeys(f'"{part}"' for part in parts)
    return list(terms)[:MAX_TERMS]


def is_spaceless(text: str) -> bool:
    """Whether any of it is in a script without spaces between words."""
    return _RUN.search(text) is not None


def _normalised(text: str) -> str:
    """With usual letters for full-width ones, and simplified characters for traditional ones (the table is OpenCC's,
    Apache-2.0): one word is one word in either script."""
    if text.isascii():
        return text.replace("\0", " ")
    text = unicodedata.normalize("NFKC", well_formed(text)).replace("\0", " ")
    return text.translate(_simplified()) if _RUN.search(text) else text


@cache
def _simplified() -> dict[int, int]:
    traditional, simplified, _ = Path(__file__).with_name("simplified.txt").read_text("utf-8").split("\n")
    return str.maketrans(traditional, simplified)


def _pairs(run: str) -> list[str]:
    return [run[i : i + 2] for i in range(len(run) - 1)]
