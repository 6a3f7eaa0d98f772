"""JSON, Python literals and texts that somebody else wrote: the one place where they are read, with limits.

Everything that enters as JSON is read here: answers of endpoints and tools, rows of tasks, settings of checkpoints,
ledgers, what models write. Against `json.loads` it bounds bytes, depth, values and the digits of an integer, and every
fault is a JSONDecodeError, a ValueError: never a RecursionError. Lone surrogates, which no file and no database takes,
become U+FFFD here, and a mark of the byte order is no fault. NaN, Infinity and 1e999 are floats, as in Python; of two
equal keys the last counts.
"""

import ast
import json
import re
from collections.abc import Callable
from typing import Any

MAX_BYTES = 64_000_000
MAX_DEPTH = 100  # 1,000 would exhaust Python's own stack wherever a value is walked through
MAX_VALUES = 4_000_000  # each takes some 60 bytes: `[],[],[],…` is twenty times its text

_STRICT, _LENIENT = json.JSONDecoder(), json.JSONDecoder(strict=False)
_ESCAPED_SURROGATE = re.compile(
    r"(\\\\|\\u[dD][89aAbB][\da-fA-F]{2}\\u[dD][c-fC-F][\da-fA-F]{2})|\\u[dD][89a-fA-F][\da-fA-F]{2}"
)


def read_json(text: str | bytes, *, strict: bool = True, longest: int = MAX_BYTES) -> Any:
    """The value. `strict=False` allows control characters in strings; `longest` is in bytes of a `bytes`, characters of
    a `str`. Raises json.JSONDecodeError, a ValueError, for everything that is wrong."""
    if len(text) > longest:
        raise _error(f"over {longest:,} {'characters' if isinstance(text, str) else 'bytes'}")
    if isinstance(text, bytes):
        text = text.decode(json.detect_encoding(text), "replace")
    if not text.isascii() or "\\u" in text:
        text = _prepared(text)
    if len(text) > MAX_VALUES and text.count("[") + text.count("{") + text.count(",") > MAX_VALUES:
        raise _error(f"more than {MAX_VALUES:,} values")
    return _shallow(_decoded((_STRICT if strict else _LENIENT).decode, text), text)


def read_json_at(text: str, start: int = 0, decoder: json.JSONDecoder = _LENIENT) -> tuple[Any, int]:
    """The value that begins at `start`, and where it ends; what follows is left alone. Raises json.JSONDecodeError."""
    value, end = _decoded(decoder.raw_decode, text, start)
    part = text[start:end]
    if "\\u" in part and _ESCAPED_SURROGATE.search(part):
        return read_json(part, strict=False), end
    return _shallow(value, part), end


def read_literal(text: str) -> Any:
    """The value of a Python literal, which holds what JSON can hold. Raises ValueError."""
    try:
        value = ast.literal_eval(text)
        return _shallow(json.loads(_prepared(json.dumps(value))), text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        raise ValueError("not a literal") from None


def well_formed(text: str) -> str:
    """The text with U+FFFD for each lone surrogate; two that make a character and came apart are put together."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def _decoded(decode: Callable[..., Any], *arguments: Any) -> Any:
    try:
        return decode(*arguments)
    except RecursionError:
        raise _error(f"nested more than {MAX_DEPTH} deep") from None
    except json.JSONDecodeError:
        raise
    except ValueError:  # of `int`: `1` and 5,000 zeros
        raise _error("an integer of too many digits") from None


def _prepared(text: str) -> str:
    text = text.removeprefix("\ufeff")
    if "\\u" in text:
        text = _ESCAPED_SURROGATE.sub(lambda match: match[1] or "\\ufffd", text)
    return well_formed(text)


def _shallow(value: Any, text: str) -> Any:
    """The value, unless it is too deep, which is found out only where the text has so many brackets."""
    if len(text) > MAX_DEPTH and text.count("[") + text.count("{") > MAX_DEPTH:
        level = [value]
        for _ in range(MAX_DEPTH):
            level = [
                inner
                for outer in level
                for inner in (outer.values() if isinstance(outer, dict) else outer)
                if isinstance(inner, dict | list)
            ]
            if not level:
                return value
        raise _error(f"nested more than {MAX_DEPTH} deep")
    return value


class BeyondLimit(json.JSONDecodeError):
    """Beyond a limit: no place in the text is wrong."""

    def __str__(self) -> str:
        return self.msg


def _error(words: str) -> json.JSONDecodeError:
    return BeyondLimit(words, "", 0)
