"""Other ways to find the answer in a reply, as harnesses have them: how much a score hangs on the answer rule.

They are simple on purpose, and no task is graded by one of them. `last_number` is lm-evaluation-harness's
`flexible-extract`, `behind_hashes` its `strict-match`; the letters are those of its `multi_choice_regex` filters.
"""

import re
from collections.abc import Mapping, Sequence

from ..contract import AnswerRule
from .answer_markers import boxed
from .named_answer import named_answer
from .number_formats import find_numbers, normalised, read_number
from .thoughts import without_thoughts

_LETTER = re.compile(r"(?<![A-Za-z'’])\(?([A-J])\)?(?![A-Za-z'’])")
_HASHES = re.compile(r"####\s*(\S[^\n]*)")
_VERDICT = re.compile(
    r"(?<![A-Za-z不])(?:(yes|true|correct|是|对|正确)|(no|false|incorrect|否|错误|不是|不对))(?![A-Za-z])", re.I
)


def _one_of(matches: Sequence[str], place: int) -> str | None:
    return matches[place] if matches else None


def _answer(text: str) -> str:
    return without_thoughts(text) or ""


def last_number(text: str, /) -> str | None:
    return _one_of([str(number) for number in find_numbers(normalised(_answer(text)))], -1)


def first_number(text: str, /) -> str | None:
    return _one_of([str(number) for number in find_numbers(normalised(_answer(text)))], 0)


def behind_hashes(text: str, /) -> str | None:
    return _one_of([number for number in _HASHES.findall(_answer(text)) if read_number(number)], -1)


def boxed_number(text: str, /) -> str | None:
    box = boxed(text)
    return box if box and read_number(box) else None


def first_letter(text: str, /) -> str | None:
    return _one_of(_LETTER.findall(_answer(text)), 0)


def last_letter(text: str, /) -> str | None:
    return _one_of(_LETTER.findall(_answer(text)), -1)


def letter_in_brackets(text: str, /) -> str | None:
    return _one_of(re.findall(r"\(([A-J])\)", _answer(text)), -1)


def first_verdict(text: str, /) -> str | None:
    return _one_of(["yes" if yes else "no" for yes, _ in _VERDICT.findall(_answer(text))], 0)


def last_verdict(text: str, /) -> str | None:
    return _one_of(["yes" if yes else "no" for yes, _ in _VERDICT.findall(_answer(text))], -1)


def first_line(text: str, /) -> str | None:
    return _one_of([line.strip() for line in _answer(text).splitlines() if line.strip()], 0)


def last_line(text: str, /) -> str | None:
    return _one_of([line.strip() for line in _answer(text).splitlines() if line.strip()], -1)


_OF_RULE: Mapping[str, tuple[AnswerRule, ...]] = {
    "number": (last_number, first_number, behind_hashes, boxed_number),
    "choice": (first_letter, last_letter, letter_in_brackets, boxed),
    "yes_no": (first_verdict, last_verdict),
    "exact": (first_line, last_line, boxed),
    "contains": (first_line, last_line, boxed),
}


def other_extractors(rule: str) -> Mapping[str, AnswerRule]:
    """By name, those that look for the same kind of answer as `rule`; none for rules without such ones."""
    return {extractor.__name__: extractor for extractor in _OF_RULE.get(rule, ())}


def mentioned_label(text: str, labels: Sequence[str]) -> str | None:
    """The label that the text mentions last, whatever it says of it."""
    answer = _answer(text).casefold()
    places = {label: answer.rfind(label.casefold()) for label in labels if named_answer(label, labels)}
    return max(places, key=lambda label: (places[label], len(label))) if max(places.values(), default=-1) >= 0 else None
