"""The last JSON value of a reply."""

import json as _json
import re
from typing import Any, NoReturn

from ..bounded_json import BeyondLimit, read_json_at
from .fenced_blocks import fenced
from .statements import clause_before, is_aside
from .thoughts import without_thoughts

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
            value, end = read_json_at(readable, opening.start(), _DECODER)
        except ValueError as error:
            failures += 50 if isinstance(error, BeyondLimit) else 1  # what is too deep was read for long
            if failures * len(readable) > _WORK and failures > 50:
                return None
            continue
        citation = isinstance(value, list) and len(value) == 1 and values and isinstance(values[-1], dict)
        if not (citation or (values and _is_alternative(readable, opening.start()))):
            values.append(value)
    return _dumped(values[-1]) if values else None


def _is_alternative(text: str, at: int) -> bool:
    """ "or {…} if you prefer", "let me know if you need {…} instead"."""
    return re.search(r"\b(?:or|otherwise|instead)\b|或", clause_before(text, at), re.I) is not None or is_aside(
        text, at
    )


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
