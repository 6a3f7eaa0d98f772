"""What a judge's reply says: which of two replies is better, or a grade, or one for each criterion; else None.

Never a guess: a verdict that cannot be read is lost, which is not the worst score. Marks count only as whole words
("downgrade: insufficient" is no grade), the last one counts, and thoughts do not. A criterion is found by its id, as
judges reword and translate the rest.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from ..answers.thoughts import without_thoughts

_MARKED_SIDE = re.compile(r"(?<![A-Za-z])(?:verdict|winner|结论|胜者)[\"'\s]{0,3}(?::|=|是)\s{0,3}([^\n]{1,120})", re.I)
_DOUBLE_BRACKETS = re.compile(r"\[\[\s?(A|B|C|tie)\s?\]\]", re.I)
_NOUN = r"(?:the\s)?(?:reply|response|answer|assistant|output|option|回复|回答)?\s?"
_SIDE = re.compile(rf"[\"'(\[{{]{{0,3}}{_NOUN}[\"'(\[]{{0,3}}([AB])(?![A-Za-z0-9])[\"')\]}}]{{0,3}}(.*)", re.S)
_NOUN_CASE = re.compile(rf"\A{_NOUN}", re.I)
_DENIED = re.compile(r"\s?(?:is|was|does|did|would|can)?(?:\s?not|n['’]t)\b|\s?(?:不|没)", re.I)
_TIE = re.compile(
    r"[\"'(\[]{0,2}(?:it['’]s\s|it\sis\s)?(?:an?\s)?(?:tie|draw|equal|equally\sgood|neither)(?![A-Za-z])|平局?|一样好|不分上下|都一样",
    re.I,
)
_BEATS = re.compile(
    r"[\s,]{0,2}(?:(?:is|was)\s(?:\w+\s){0,2}?(?:better|stronger|superior|preferred|preferable)|wins|beats|比|优于|好于|>)",
    re.I,
)
_NUMBER = r"(-?\d{1,4}(?:\.\d{1,4})?)"
_OF_TEN = r"(?:[\s*]{0,3}(?:/[\s*]{0,3}10|out\sof\s(?:10|ten)|分))?"
_ENDS = r"(?![\d.]*\d|\s?[/%–~-]\s?\d|\s?(?:to|or)\s\d|\w|\s?%|\s?/)"
_MARKED_GRADE = re.compile(
    r"(?<![A-Za-z])(?:grade|score|rating|分数|评分|得分)[\"'\s*]{0,3}(?::|=|is\b|是|为)[\s\"'*]{0,4}([^\n]{1,40})",
    re.I,
)
_GRADE = re.compile(rf"[\s\"'*]{{0,3}}{_NUMBER}{_OF_TEN}{_ENDS}", re.I)


def read_verdict(text: str) -> float | None:
    """1 where the reply shown first is better, 0 where the second is, .5 for a tie; None where it cannot be told."""
    if (plain := _plain(text)) is None:
        return None
    if brackets := _DOUBLE_BRACKETS.findall(plain):
        return {"A": 1.0, "B": 0.0}.get(brackets[-1].upper(), 0.5)
    marked = _MARKED_SIDE.findall(plain)
    if marked:
        return _side(marked[-1])
    return _side(plain) if len(plain) <= 40 and "\n" not in plain else None


def _side(place: str) -> float | None:
    place = place.strip()
    if _TIE.match(place):
        return 0.5
    if place.rstrip(".\"')]}").lower() in ("a", "b"):
        place = place.upper()
    match = _SIDE.match(_NOUN_CASE.sub("", place))
    if not match or _DENIED.match(match[2]):
        return None
    if re.search(r"(?<![A-Za-z])[AB](?![A-Za-z])", match[2]) and not _BEATS.match(match[2]):
        return None  # "A or B", "A, B"
    return 1.0 if match[1] == "A" else 0.0


def read_grade(text: str) -> float | None:
    """The grade from 0 to 10 as a fraction of 10. Without "Grade:" before it, it has to be all that the reply holds."""
    if (plain := _plain(text)) is None:
        return None
    places = _MARKED_GRADE.findall(plain) or [plain]
    match = _GRADE.match(places[-1])
    if not match or (places[-1] is plain and plain[match.end() :].strip(" .*\"'")):
        return None
    return _fraction(match[1])


def read_grades(text: str, criteria: Sequence[str]) -> dict[str, float]:
    """The grade of each criterion, by its id; without those that cannot be read."""
    if (plain := _plain(text)) is None:
        return {}
    ids = "|".join(map(re.escape, sorted((_plain(each) or "" for each in criteria), key=len, reverse=True)))
    place = re.compile(rf"(?<![\w-])({ids})(?![\w-])((?:(?!(?<![\w-])(?:{ids})(?![\w-]))[^\n]){{0,400}})", re.I)
    grades: dict[str, float] = {}
    for name, rest in place.findall(plain):
        values = [_GRADE.match(after) for after in re.split(r"[:=]", rest)[1:]]
        known = next((each for each in criteria if (_plain(each) or "").lower() == name.lower()), None)
        if known and (found := [match for match in values if match]) and (value := _fraction(found[-1][1])) is not None:
            grades[known] = value
    return grades


def _fraction(number: str) -> float | None:
    value = float(number) / 10
    return value if 0 <= value <= 1 else None  # a grade outside 0 to 10 was not meant as one


def _plain(text: str) -> str | None:
    """Without thoughts (None where one never ends), marks of emphasis and the boxes of mathematics."""
    readable = without_thoughts(text)
    if readable is None:
        return None
    readable = unicodedata.normalize("NFKC", readable[-20_000:])
    return re.sub(r"\\boxed\{([^{}]{0,80})\}", r"\1", re.sub(r"\*\*|__|`", "", readable)).strip()
