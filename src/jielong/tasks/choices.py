"""The choices of an item as data files write them: a list, `a|b|c`, JSON, a Python list, lines, ARC's two lists, or a
column for each of them; and which of them is right, by letter, by text or by number."""

import hashlib
import random
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..bounded_json import read_json, read_literal
from .answer_equality import chosen_letter, plain, same_number

_LETTERED = re.compile(r"\s*\(?([A-Z])[).:、]\s*")
_LISTS = ("choices", "options", "answer_choices", "endings", "选项", "备选项", "候选答案")
_PREFIXES = "choice option opt op sol ending answer ans alternative candidate 选项 选择 选择项"
_NUMBERED = re.compile(rf"(?:(?:[a-z]+_)?(?:{'|'.join(_PREFIXES.split())})[ _.-]*([a-j]|\d)|([a-j]))")
_WRONG = re.compile(r"(?:distractor|(?:incorrect|wrong|false)[ _]?(?:answer|choice|option))s?[ _]?\d*", re.I)
_IN_A_ROW = re.compile(r"(?:^|[\s,，;；|])[(（]?([A-Ja-j])\s?[).:、．.）：]\s*")
_LOOKS_LIKE = re.compile(r"choices?|options?|distractors?|选项|备选|candidates|alternatives|endings", re.I)


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
        return [str(one["text"] if isinstance(one, Mapping) and "text" in one else one).strip() for one in cell]
    if not isinstance(cell, str):
        return None
    text = cell.strip()
    if text[:1] in "[{":
        for read in (read_json, read_literal):  # a CSV that was written from Python holds ['a', 'b']
            try:
                value = read(text)
            except ValueError:
                continue
            return _texts(value) if isinstance(value, list | tuple | dict) else None
        return None
    parts = _IN_A_ROW.split(text)
    if not parts[0] and "".join(parts[1::2]).upper() == "ABCDEFGHIJ"[: len(parts) // 2]:
        return [part.strip(" \t,，;；|") for part in parts[2::2]]
    separator = next((sign for sign in ("|", "\n", ";", "；") if sign in text), "\n")
    return [part.strip() for part in text.split(separator)]


def labels_of(cell: Any) -> list[str]:
    """What the file itself calls the choices, in order: ARC's A to D or 1 to 4, or the keys of an object."""
    if isinstance(cell, Mapping):
        return list(map(str, cell["label"])) if isinstance(cell.get("label"), list | tuple) else sorted(map(str, cell))
    if isinstance(cell, list) and all(isinstance(one, Mapping) and "label" in one for one in cell):
        return [str(one["label"]) for one in cell]
    return []


@dataclass(frozen=True)
class ChoiceColumns:
    """Where the choices of a file stand: in `columns` one by one, or all in the one column `listed`."""

    columns: tuple[str, ...] = ()
    listed: str | None = None

    def __bool__(self) -> bool:
        return bool(self.columns or self.listed)

    def read(self, row: Mapping[str, Any]) -> tuple[str, ...]:
        """Raises ValueError where they are not understood, or an empty one stands between others."""
        if self.listed:
            return read_choices(row.get(self.listed))
        texts = ["" if row.get(column) is None else str(row[column]).strip() for column in self.columns]
        while texts and not texts[-1]:
            texts.pop()
        return read_choices(texts)

    def labels(self, row: Mapping[str, Any]) -> list[str]:
        return [*self.columns] if self.columns else labels_of(row.get(self.listed or ""))


def find_choice_columns(columns: Iterable[str], gold: str | None) -> ChoiceColumns:
    """The columns of choices among those of a file. `gold` holds the answers and no choice."""
    lowered = {column.strip().lower(): column for column in columns if column != gold}
    if listed := next((lowered[name] for name in _LISTS if name in lowered), None):
        return ChoiceColumns(listed=listed)
    groups: dict[str, list[tuple[str, str]]] = {}
    for name, column in lowered.items():
        if match := _NUMBERED.fullmatch(name):
            sign = match[1] or match[2]
            groups.setdefault(name[: -len(sign)], []).append((sign, column))
    for group in groups.values():
        signs = "".join(sign for sign, _ in sorted(group))
        if len(group) >= 2 and any(row.startswith(signs) for row in ("abcdefghij", "0123456789", "123456789")):
            return ChoiceColumns(tuple(column for _, column in sorted(group)))
    return ChoiceColumns()


def find_wrong_answers(columns: Iterable[str]) -> tuple[str, ...]:
    """The columns that hold what is not right: together with the answer they are choices."""
    return tuple(column for column in columns if _WRONG.fullmatch(column.strip()))


def shuffled(question: str, right: str, wrong: Iterable[str]) -> tuple[tuple[str, ...], str]:
    """Choices in an order that hangs on the question alone, and the letter of the right one."""
    choices = [right, *dict.fromkeys(text for text in wrong if text != right)][:10]
    random.Random(hashlib.sha256(question.encode()).hexdigest()).shuffle(choices)
    return tuple(choices), chr(ord("A") + choices.index(right))


def look_like_choices(columns: Iterable[str], answers: Iterable[str]) -> list[str]:
    """The names among these that speak of choices, or that the answers count: `output_1` and `output_2`."""
    groups: dict[str, dict[str, str]] = {}
    for column in columns:
        if match := re.fullmatch(r"(.*?)[ _.-]?([a-j]|\d)", column, re.I):
            groups.setdefault(match[1], {})[match[2].lower()] = column
    signs = {answer.strip().lower() for answer in answers}
    counted = [group for group in groups.values() if len(group) > 1 and signs and signs <= group.keys()]
    return [column for column in columns if _LOOKS_LIKE.search(column)] + [
        name for group in counted for name in group.values()
    ]


def right_letter(answer: Any, choices: Sequence[str], labels: Sequence[str], base: int | None) -> str:
    """The letter of the choice that `answer` is: by its label, letter or text, else by its number from `base` on.

    Raises ValueError where it is none of them.
    """
    text = str(answer).strip()
    by_label = [i for i, label in enumerate(labels) if plain(label) == plain(text)]
    if len(by_label) == 1:
        return chr(ord("A") + by_label[0])
    if base is not None and text.lstrip("-").isdecimal() and 0 <= int(text) - base < len(choices):
        return chr(ord("A") + int(text) - base)
    letter = chosen_letter(text, choices)
    if letter is None or ord(letter) - ord("A") >= len(choices):
        raise ValueError(f"the answer {text[:40]!r} is none of the {len(choices)} choices, by letter or by text")
    return letter


def number_base(answers: Sequence[tuple[Any, Sequence[str]]], columns: Sequence[str] = ()) -> int | None:
    """From which number on a file counts its choices: 0 or 1; None where its answers are no numbers of choices. Each
    answer comes with its choices. Raises ValueError where both would do and the names of `columns` do not tell."""
    if not answers or not all(re.fullmatch(r"\d+", str(answer).strip()) for answer, _ in answers):
        return None
    if all(any(same_number(choice, str(answer)) for choice in choices) for answer, choices in answers):
        return None  # the numbers are the texts of choices
    if any(int(answer) == 0 for answer, _ in answers):
        return 0
    if any(int(answer) == len(choices) for answer, choices in answers):
        return 1
    if columns and columns[0][-1] in "01":
        return int(columns[0][-1])
    if all(isinstance(answer, int) for answer, _ in answers):
        return 0  # as data sets on the hub count
    raise ValueError(
        "the answers are numbers of choices, and neither the first nor the last occurs, so it is not clear whether "
        "they count from 0 or from 1; write letters"
    )
