"""The choices of an item as data files write them: a list, `a|b|c`, JSON, a Python list, lines, or ARC's two lists."""

import ast
import json
import re
from collections.abc import Mapping
from typing import Any

from .answer_equality import chosen_letter

_LETTERED = re.compile(r"\s*\(?([A-Z])[).:、]\s*")


def read_choices(cell: Any) -> tuple[str, ...]:
    """The texts of the choices in order; none for an empty cell. Raises ValueError where it is not understood."""
    if cell is None or cell == "" or cell == [] or cell == {}:
        return ()
    texts = _texts(cell)
    if texts is None or len(texts) < 2 or not all(texts):
        raise ValueError(f"the choices {str(cell)[:60]!r} are not understood; expected a list, a|b|c or JSON")
    letters = [_LETTERED.match(text) for text in texts]
    if [match and match[1] for match in letters] == [chr(ord("A") + i) for i in range(len(texts))]:
        texts = [_LETTERED.sub("", text, count=1) for text in texts]
    return tuple(texts)


def _texts(cell: Any) -> list[str] | None:
    if isinstance(cell, Mapping):
        if isinstance(cell.get("text"), list | tuple):  # ARC: {"text": [...], "label": [...]}
            return _texts(cell["text"])
        return [str(text).strip() for _, text in sorted(cell.items())]
    if isinstance(cell, list | tuple):
        return [str(text).strip() for text in cell]
    if not isinstance(cell, str):
        return None
    text = cell.strip()
    if text[:1] in "[{":
        for read in (json.loads, ast.literal_eval):  # a CSV that was written from Python holds ['a', 'b']
            try:
                value = read(text)
            except (ValueError, SyntaxError, RecursionError, MemoryError):
                continue
            return _texts(value) if isinstance(value, list | tuple | dict) else None
        return None
    separator = "|" if "|" in text else "\n"
    return [part.strip() for part in text.split(separator)]


def check_answer(answer: str, choices: tuple[str, ...]) -> None:
    """Raises ValueError where the answer is neither the letter nor the text of one of the choices."""
    letter = chosen_letter(answer, choices)
    if letter is None or ord(letter) - ord("A") >= len(choices):
        raise ValueError(f"the answer {answer[:40]!r} is none of the {len(choices)} choices, by letter or by text")
