"""JSON as models write it, read where only one thing can be meant.

Known misses: fences, Python's literals, single or curly quotes, comments, trailing commas, bare keys, JSON within a
text, closing brackets forgotten. What was cut off is not guessed.
"""

import json
import re
from collections.abc import Callable, Iterable
from typing import Any

from ..bounded_json import read_json, read_literal

LONGEST, LONGEST_MENDED = 100_000, 20_000  # characters that are looked at, and that are mended
MAX_UNCLOSED = 50  # quotes among them that nothing closes


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
    if len(candidate) > LONGEST_MENDED:
        return
    if candidate.startswith("```") and candidate.endswith("```") and len(candidate) > 5:
        candidate = re.sub(r"\A\w*", "", candidate[3:-3]).strip()
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
_QUOTE = re.compile("[\"']")
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"' + r"|'(?:[^'\\]|\\.)*'", re.S)


def _normalised(text: str) -> str:
    """Without comments and trailing commas; with JSON's literals. What is within quotes stays as it is."""

    def normalised(part: str) -> str:
        part = re.sub(r"//[^\n]*|/\*.*?(?:\*/|\Z)|(?<=[\s{,])#[^\n]*", "", part, flags=re.S)
        part = re.sub(r"\b(?:True|False|None)\b", lambda literal: _LITERALS[literal[0]], part)
        return re.sub(r",(\s*[}\]])", r"\1", part)

    return _outside(text, normalised)


def _bare_keys(text: str) -> str:
    def double_quoted(quoted: str) -> str:
        text = quoted[1:-1].replace("\\'", "'")
        return quoted if quoted[0] == '"' else json.dumps(text, ensure_ascii=False)

    keys = re.compile(r"([{,]\s*)([A-Za-z_][\w-]*)(\s*:)")
    return _outside(text, lambda part: keys.sub(r'\1"\2"\3', part), double_quoted)


def _outside(text: str, change: Callable[[str], str], within: Callable[[str], str] = str) -> str:
    """`change` applied to what is not within quotes, `within` to what is."""
    parts, position, unclosed = list[str](), 0, 0
    for quote in _QUOTE.finditer(text):
        if quote.start() < position:
            continue
        string = _STRING.match(text, quote.start())
        if string is None:
            unclosed += 1  # each was looked for up to the end of the text
            if unclosed > MAX_UNCLOSED:
                raise ValueError("quotes that are not closed")
            continue
        parts += [change(text[position : string.start()]), within(string[0])]
        position = string.end()
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
