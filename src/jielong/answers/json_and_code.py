"""Answers that are a block of text: the last JSON value and the last program of a reply."""

import ast
import json as _json
import re
from dataclasses import dataclass
from typing import Any, NoReturn

from .answer_markers import without_thoughts

_WORK = 50_000_000  # characters that failed attempts at JSON may read in all: some tenths of a second


def json(text: str, /) -> str | None:
    """The last complete JSON value, canonical: a reply that is JSON, a fenced block, an object or list in the text.

    Keys sorted, 1.0 as 1; NaN is no JSON. A list with one number after an object is taken for a citation.
    """
    readable = without_thoughts(text) or ""
    if (canonical := canonical_json(readable)) is not None:
        return canonical
    for block in reversed(fenced(readable)):
        if (value := canonical_json(block.text)) is not None:
            return value
    values: list[Any] = []
    end, failures = 0, 0
    for opening in re.finditer(r"[\[{]", readable):
        if opening.start() < end:
            continue
        try:
            value, end = _DECODER.raw_decode(readable, opening.start())
        except (ValueError, RecursionError):
            failures += 1
            if failures * len(readable) > _WORK and failures > 50:
                return None
            continue
        if not (values and isinstance(values[-1], dict) and isinstance(value, list) and len(value) == 1):
            values.append(value)
    return _dumped(values[-1]) if values else None


def canonical_json(text: str) -> str | None:
    """Equal JSON values have equal canonical texts; None if the text is not one JSON value."""
    try:
        return _dumped(_DECODER.decode(text.strip()))
    except (ValueError, RecursionError):
        return None


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _float(literal: str) -> float | int:
    value = float(literal)
    if value in (float("inf"), float("-inf")):
        raise ValueError(f"{literal} is beyond every float")
    return int(value) if value.is_integer() and abs(value) < 1e15 else value


_DECODER = _json.JSONDecoder(parse_constant=_no_number, parse_float=_float)


def _dumped(value: object) -> str | None:
    try:
        text = _json.dumps(value, sort_keys=True, ensure_ascii=False)
        lone_surrogate = not text.isprintable() and re.search("[\ud800-\udfff]", text)
        return _json.dumps(value, sort_keys=True) if lone_surrogate else text
    except (ValueError, RecursionError):
        return None


@dataclass(frozen=True, slots=True)
class Block:
    language: str
    text: str
    closed: bool


_FENCE = re.compile(r"([ \t]*)(?:.{0,200}?[\s:>])??(`{3,}|~{3,})[ \t]*([\w+#.-]{0,20})[^`]*$")


def fenced(text: str) -> list[Block]:
    """The fenced blocks of a markdown text, without the indentation of their fence; the last one may be unclosed."""
    blocks: list[Block] = []
    fence, language, indent = "", "", 0
    lines: list[str] = []
    for line in text.splitlines():
        bare = line.strip()
        if not fence:
            if ("```" in line or "~~~" in line) and (opening := _FENCE.match(line)):
                fence, language, indent, lines = opening[2], opening[3].lower(), len(opening[1]), []
        elif bare[: len(fence)] == fence and not bare.strip(fence[0]):
            blocks.append(Block(language, "\n".join(lines), True))
            fence = ""
        else:
            lines.append(line[min(indent, len(line) - len(line.lstrip())) :])
    return [*blocks, Block(language, "\n".join(lines), False)] if fence else blocks


_OTHER_LANGUAGES = {"bash", "sh", "shell", "console", "text", "txt", "output", "json", "markdown", "md", "yaml", "toml"}
_STATEMENT = re.compile(
    r"[ \t]*(?:(?:async )?def \w+\s?\(|class \w+\s?[:(]|return\b(?! to\b)|@\w+|print\("
    r"|import \w+(?:\.\w+)*(?: as \w+)?(?:,|$)|from [\w.]+ import "
    r"|(?:for|while|if|elif|with|try|else|except)\b[^\n]{0,200}:[ \t]*(?:#.*)?$"
    r"|[A-Za-z_][\w.\[\]]{0,60}\s?[-+*/]?=[^=])"
)


def code(text: str, /) -> str | None:
    """The last fenced program, else the part of the reply that is one; the indentation of its first line is kept.

    A block of another kind (shell, output, JSON; one without a language after one with) is passed over while there is
    a program. A last block that never closes counts if there is no other: what was cut off has `finish` "length".
    """
    readable = without_thoughts(text) or ""
    if inline := re.fullmatch(r"\s{0,9}`{1,3}(?!`)([^`\n]{1,2000})`{1,3}\s{0,9}", readable[:2100]):
        return inline[1].strip() or None
    if blocks := fenced(readable):
        usable = [b for b in blocks if b.closed and b.text.strip()] or [b for b in blocks if b.text.strip()]
        programs = [b for b in usable if b.language and b.language not in _OTHER_LANGUAGES]
        best = (programs or [b for b in usable if not b.language] or usable)[-1:]
        return _trimmed(best[0].text) if best else None
    return _bare_code(readable)


def _trimmed(program: str) -> str:
    return re.sub(r"\A(?:[ \t]*\n)+", "", program).rstrip()


def _bare_code(readable: str) -> str | None:
    """From the first line that is a statement to the last that is one or stands indented."""
    expression = readable.strip()
    if len(expression) <= 1000 and "\n" not in expression and _is_expression(expression):
        return expression
    lines = readable.splitlines()
    code_lines = [i for i, line in enumerate(lines) if _STATEMENT.match(line)]
    if not code_lines:
        return None
    last = max(i for i, line in enumerate(lines) if _STATEMENT.match(line) or (line[:1] in " \t" and line.strip()))
    return _trimmed("\n".join(lines[code_lines[0] : max(last, code_lines[0]) + 1])) or None


_WARNED = re.compile(r"\\|\d(?!\d|[eE][-+]?\d|[xX][\dA-Fa-f]+\b)[A-Za-z]")  # `1or 2`: parsing it would warn


def _is_expression(text: str) -> bool:
    if _WARNED.search(text):
        return False
    try:
        parsed = ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    is_text = isinstance(parsed, ast.Constant) and isinstance(parsed.value, str)
    return not is_text and not isinstance(parsed, ast.Name | ast.Tuple)
