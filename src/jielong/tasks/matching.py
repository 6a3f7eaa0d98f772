"""When two answers are equal: cheap exact checks first, math-verify in a killable process when they cannot tell."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Sequence
from fractions import Fraction

from ..answers import RULES
from ..numerals import normalised, value
from . import math_process

_MATHEMATICAL = re.compile(r"[\\^_{}√π]|\d\s*[-+*/]\s*[\d(a-z]|[a-z]\s*[-+*/=]|[(\[].*,.*[)\]]|\bsqrt\b")


async def matches(
    rule: str, predicted: str | None, accepted: Sequence[str], *, choices: Sequence[str] | None = None
) -> bool:
    """Whether the answer that `rule` found is one of the accepted ones. No answer matches nothing."""
    if predicted is None:
        return False
    if rule == "choice":
        return _choice(predicted, accepted, choices or ())
    if rule == "contains":
        return any(_occurs(answer, predicted) for answer in accepted)
    if rule == "json":
        return any(_same_json(predicted, answer) for answer in accepted)
    if rule == "yes_no":
        return any((RULES["yes_no"](answer) or plain(answer)) == predicted for answer in accepted)
    for answer in accepted:
        if plain(predicted) == plain(answer) or same_number(predicted, answer):
            return True
    if any(value(predicted) is not None and value(answer) is not None for answer in accepted):
        return False
    for answer in accepted:
        mathematical = _MATHEMATICAL.search(answer) and _MATHEMATICAL.search(predicted)
        if mathematical and await math_process.equal(answer, predicted):
            return True
    return False


def plain(text: str) -> str:
    """Compared without case, width, outer punctuation and runs of spaces."""
    text = unicodedata.normalize("NFKC", text).casefold()
    return re.sub(r"\s+", " ", text).strip(" .。,，;；:：!！?？\"'“”‘’`*$()")


def same_number(predicted: str, answer: str) -> bool:
    """Exactly equal, or equal but for a percent sign or a unit on one side only; 0.333 is not 1/3."""
    a, b = _number(predicted), _number(answer)
    if a is None or b is None:
        return False
    percent = ("%" in predicted or "百分" in predicted) != ("%" in answer or "百分" in answer)
    return a == b or (percent and (a * 100 == b or a == b * 100))


def _number(text: str) -> Fraction | None:
    found = value(text)
    if found is not None:
        return found
    with_unit = re.fullmatch(
        r"\s*([$€£¥]?\s?[-+]?[\d.,/ ]*\d)\s*(?:%|°|\\?[A-Za-z]{1,12}\.?|[个元人天米只本岁小时分钟公里千克]{1,3})\s*",
        normalised(text),
    )
    return value(with_unit[1]) if with_unit else None


def _choice(predicted: str, accepted: Sequence[str], choices: Sequence[str]) -> bool:
    letters = {RULES["choice"](answer) or answer.strip() for answer in accepted}
    for answer in accepted:
        same = [i for i, choice in enumerate(choices) if plain(choice) == plain(answer)]
        if len(same) == 1:
            letters.add(chr(ord("A") + same[0]))
    return predicted in letters


def _occurs(answer: str, text: str) -> bool:
    wanted, said = plain(answer), plain(text)
    if not wanted:
        return False
    if re.search(r"[\u3400-\u9fff]", wanted):
        return wanted in said
    return re.search(rf"(?<!\w){re.escape(wanted)}(?!\w)", said) is not None


def _same_json(predicted: str, answer: str) -> bool:
    try:
        return bool(json.loads(predicted) == json.loads(answer))
    except ValueError:
        return False


def infer_rule(answers: Sequence[str], *, choices: bool, tests: bool) -> tuple[str, str]:
    """The rule that fits a task's accepted answers, and a sentence that says why."""
    n = f"all {len(answers)} answers"
    if tests:
        return "code", "the items have tests to run"
    if not answers:
        return "judge", "the items have no answers"
    if choices:
        return "choice", "the items have choices"
    if all(re.fullmatch(r"\(?[A-J]\)?", answer.strip()) for answer in answers):
        return "choice", f"{n} are letters"
    if all(plain(answer) in ("yes", "no", "true", "false", "是", "否", "对", "错") for answer in answers):
        return "yes_no", f"{n} are yes or no"
    if all(_number(answer) is not None for answer in answers):
        return "number", f"{n} are numbers"
    if all(answer.strip()[:1] in "{[" and _same_json(answer, answer) for answer in answers):
        return "json", f"{n} are JSON"
    if all(len(answer) <= 80 for answer in answers):
        return "contains", f"{n} are short texts"
    return "judge", "the answers are long texts"
