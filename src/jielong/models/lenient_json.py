"""JSON as models write it, read where only one thing can be meant.

Known misses: fences, Python's literals, single or curly quotes, comments, trailing commas, bare keys, JSON within a
text, closing brackets forgotten. What was cut off is not guessed.
"""

import json
import re
from collections.abc import Callable, Iterable
from typing import Any

from ..bounded_json import read_json, read_literal

LONGEST = 100_000  # characters that are looked at


def read_arguments(text: str) -> Any:
    """The JSON value that was meant. Raises ValueError when it cannot be told."""
    if len(text) > LONGEST:
        raise ValueError(f"{len(text)} characters")
    for candidate in _candidates(text):
        try:
            value = read_json(candidate, strict=False)
        except ValueError:
            value = _python(candidate)
        if isinstance(value, str) and value.lstrip()[:1] in ("{", "["):
            return read_arguments(value)
        if value is not _NOT_A_LITERAL:
            return value
    raise ValueError("not JSON")


_NOT_A_LITERAL = object()


def _candidates(text: str) -> Iterable[str]:
    """The text, and ever more mended readings of it."""
    candidate = text.strip() or "{}"
    yield candidate
    fenced = re.fullmatch(r"```\w*\s*(.*?)\s*```", candidate, re.S)
    candidate = fenced[1] if fenced else candidate
    yield candidate
    if candidate[:1] not in ("{", "[", '"') and "{" in candidate and candidate.endswith("}"):
        candidate = candidate[candidate.find("{") :]
        yield candidate
    for straight in dict.fromkeys((candidate, candidate.translate(_CURLY))):
        tidy = _normalised(straight)
        yield tidy
        yield _bare_keys(tidy)
        yield _closed(_bare_keys(tidy))


_CURLY = str.maketrans({"“": '"', "”": '"', "„": '"', "‘": "'", "’": "'", "，": ",", "：": ":"})
_LITERALS = {"True": "true", "False": "false", "None": "null"}
STRING_OR_BRACKET = re.compile(r'"(?:[^"\\]|\\.)*(?P<end>")?|[][(){}]', re.S)
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"' + r"|'(?:[^'\\]|\\.)*'", re.S)


def _normalised(text: str) -> str:
    """Without comments and trailing commas; with JSON's literals. What is within quotes stays as it is."""

    def normalised(part: str) -> str:
        part = re.sub(r"//[^\n]*|/\*.*?\*/|(?<=[\s{,])#[^\n]*", "", part, flags=re.S)
        part = re.sub(r"\b(?:True|False|None)\b", lambda literal: _LITERALS[literal[0]], part)
        return re.sub(r",(\s*[}\]])", r"\1", part)

    return _outside(text, normalised)


def _bare_keys(text: str) -> str:
    keyed = _outside(text, lambda part: re.sub(r"([{,]\s*)([A-Za-z_][\w-]*)(\s*:)", r'\1"\2"\3', part))

    def double_quoted(match: re.Match[str]) -> str:
        text = match[0][1:-1].replace("\\'", "'")
        return match[0] if match[0][0] == '"' else json.dumps(text, ensure_ascii=False)

    return _STRING.sub(double_quoted, keyed)


def _outside(text: str, change: Callable[[str], str]) -> str:
    """`change` applied to what is not within quotes."""
    parts, position = [], 0
    for match in _STRING.finditer(text):
        parts += [change(text[position : match.start()]), match[0]]
        position = match.end()
    return "".join([*parts, change(text[position:])])


def _closed(text: str) -> str:
    """With the brackets that its end leaves open, if it ends with a whole value: what was cut off is not guessed."""
    text = text.rstrip()
    if not re.search(r'(?:["}\]]|\b(?:true|false|null))$', text):
        return text
    stack: list[str] = []
    for token in STRING_OR_BRACKET.finditer(text):
        unmatched = token[0] in ("}", "]") and (not stack or stack.pop() != token[0])
        if unmatched or (token[0][0] == '"' and not token["end"]):
            return text
        if token[0] in ("{", "["):
            stack.append("}" if token[0] == "{" else "]")
    return text + "".join(reversed(stack))


def _python(text: str) -> Any:
    """The value of a Python literal; `_NOT_A_LITERAL` if it is none."""
    try:
        return read_literal(text)
    except ValueError:
        return _NOT_A_LITERAL
