"""When two answers are equal: cheap exact checks first, math-verify in a killable process when they cannot tell.

Numbers are compared as fractions, exactly: 0.333 is not 1/3, and who wants 3.14 for π must accept "3.14". Units are
not compared ("73 km" is 73), and 5% equals both 0.05 and, where only one side has the sign, 5. Texts are compared
without case, width, spaces and outer punctuation. Words are not: a synonym is for a judge.
"""

import re
import unicodedata
from collections.abc import Sequence

from ..answers import RULES
from ..answers.json_answer import canonical_json
from ..answers.marked_number import expression_in, is_equation
from ..answers.number_formats import normalised, read_number
from ..answers.statements import is_asked, is_denied
from ..contract import Message
from . import math_verify_process


async def matches(
    rule: str, predicted: str | None, accepted: Sequence[str], *, choices: Sequence[str] | None = None
) -> bool:
    """Whether the answer that `rule` found is one of the accepted ones. No answer matches nothing. `choices` are the
    texts of the choices in order: one of them, word for word, is as good as its letter."""
    if predicted is None:
        return False
    if rule == "choice":
        return chosen_letter(predicted, choices or ()) in {
            chosen_letter(answer, choices or ()) for answer in accepted
        } - {None}
    if rule == "contains":
        return any(_occurs(answer, predicted) for answer in accepted)
    equal = any(same(rule, predicted, answer) for answer in accepted)
    if equal or rule in ("json", "yes_no"):
        return equal
    # Last, as it costs milliseconds and a process.
    for answer in accepted:
        if _mathematical(predicted, answer) and await math_verify_process.equal(answer, predicted):
            return True
    return False


def same(rule: str, a: str, b: str) -> bool:
    """Whether two answers are one for this rule, as far as cheap and exact checks can tell."""
    if rule == "json":
        return (value := canonical_json(a)) is not None and canonical_json(b) == value
    if rule == "yes_no":
        return (RULES["yes_no"](a) or plain(a)) == (RULES["yes_no"](b) or plain(b))
    return plain(a) == plain(b) or same_number(a, b)


_QUOTES = " .。,，;；:：!！?？\"'“”‘’`*$"
_PAIRS = {"(": ")", "[": "]", "{": "}", "“": "”", "《": "》", "「": "」"}


def plain(text: str) -> str:
    """Without case, width, runs of spaces, outer punctuation and quotes, and brackets around the whole."""
    text = re.sub(r"\s+", " ", unicodedata.normalize("NFKC", text).casefold()).strip(_QUOTES)
    inner = text[1:-1]
    if text and _PAIRS.get(text[0]) == text[-1] and inner.replace(" ", "").isalnum():
        return inner.strip(_QUOTES)
    return text


def same_number(predicted: str, answer: str) -> bool:
    """Exactly equal, or equal but for a percent sign on one side only."""
    a, b = read_number(predicted), read_number(answer)
    if a is None or b is None:
        return False
    worth_a, worth_b = (number.value / 100 if number.percent else number.value for number in (a, b))
    same = worth_a == worth_b or (a.percent != b.percent and a.value == b.value)
    return same or a.also == b.value or a.value == b.also  # one of them may count in the smaller unit


def _mathematical(predicted: str, answer: str) -> bool:
    """Whether math-verify could tell more: both are numbers or mathematics, and not both are numbers."""
    if is_equation(predicted) != is_equation(answer):
        return False  # of `x^2 + y^2 = 4` math-verify would compare the right side alone
    others = [side for side in (predicted, answer) if read_number(side) is None]
    return bool(others) and len(predicted) <= 500 and len(answer) <= 500 and all(map(looks_mathematical, others))


def looks_mathematical(text: str) -> bool:
    r"""`2\sqrt{3}`, `[2, 5)`, `x^2 + 1`: mathematics that is not one number."""
    return re.fullmatch(r"\d{1,4}!", text) is not None or expression_in(normalised(text)) is not None


def chosen_letter(answer: str, choices: Sequence[str]) -> str | None:
    """The letter that an answer is, or whose choice it is word for word."""
    if lone := re.fullmatch(r"[\W_]*([A-Za-j])[\W_]*", unicodedata.normalize("NFKC", answer)):
        return lone[1].upper()
    same = [i for i, choice in enumerate(choices) if plain(choice) == plain(answer) or same_number(choice, answer)]
    if len(same) == 1:
        return chr(ord("A") + same[0])
    return RULES["choice"](answer) if re.match(r"\W?[A-J][).:]", answer) else None


def _occurs(answer: str, text: str) -> bool:
    """As a whole word or phrase that is not denied; a number not within a longer one; Chinese anywhere."""
    phrase, text = plain(answer), plain(text)
    if not phrase:
        return False
    # -5 and 3.5 hold no 5; in a range such as 3-5 the sign is a dash, and 5 is there.
    before = r"(?<![\d.,]-)(?<!\d[.,])(?<!^-)(?<!\s-)" if phrase[0].isdigit() else ""
    before += r"(?<!\w)" if re.match(r"[^\W一-鿿]", phrase) else ""
    after = r"(?!\w|[.,]\d)" if re.search(r"[^\W一-鿿]$", phrase) else ""
    found = re.finditer(before + re.escape(phrase) + after, text)
    return any(not is_denied(text, *match.span()) and not is_asked(text, match.start()) for match in found)


def without_question(reply_text: str, question: str | Sequence[Message]) -> str:
    """The reply without the question that it repeats word for word: nothing in it is an answer."""
    words = r"\s+".join(map(re.escape, (question if isinstance(question, str) else question[-1].text).split()))
    return re.sub(words, " ", reply_text, flags=re.I) if len(words) > 20 else reply_text


_YES_NO = {"yes", "no", "true", "false", "是", "否", "对", "错", "正确", "错误", "不对"}


def infer_rule(answers: Sequence[str], *, choices: bool, tests: bool) -> tuple[str, str]:
    """The rule that fits a task's accepted answers, and a sentence that says why."""
    n = "the only answer is" if len(answers) == 1 else f"all {len(answers)} answers are"
    if tests:
        return "code", "the items have tests to run"
    if not answers:
        return "judge", "the items have no answers"
    if choices:
        return "choice", "the items have choices"
    letters = sum(re.fullmatch(r"[A-J]|\([A-Z]\)", answer.strip()) is not None for answer in answers)
    if letters == len(answers):
        return "choice", f"{n} letters"
    if letters >= 0.95 * len(answers):  # files of choices in which a few rows hold the text instead
        return "choice", f"{letters} of {len(answers)} answers are letters"
    if all(plain(answer) in _YES_NO for answer in answers):
        return "yes_no", f"{n} yes or no"
    if all(read_number(answer) is not None for answer in answers):
        return "number", f"{n} numbers"
    if all(answer.strip()[:1] in ("{", "[") and canonical_json(answer) is not None for answer in answers):
        return "json", f"{n} JSON"
    if all(read_number(answer) is not None or looks_mathematical(answer) for answer in answers):
        return "number", f"{n} numbers or mathematical expressions"
    distinct = len({plain(answer) for answer in answers})
    again_and_again = 2 * distinct <= len(answers)
    few = distinct <= 30 if again_and_again else distinct <= min(12, len(answers) - 1)
    if few and all(len(answer) <= 60 for answer in answers):
        return "label", f"all {len(answers)} answers are {distinct} labels"
    if again_and_again and all(len(answer) <= 200 for answer in answers):
        return "exact", f"{n} texts that occur again and again"
    if all(len(answer) <= 200 for answer in answers):
        return "contains", f"{n} short texts"
    return "judge", f"{sum(len(answer) > 200 for answer in answers)} of {len(answers)} answers are long texts"
