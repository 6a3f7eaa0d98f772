r"""Answer rules: what counts as the answer in a text. Each gives a canonical text, or None: never a guess.

Thoughts (`<think>…</think>`) are dropped first; a thought that never ends is a truncated reply and holds no answer.
Then every rule climbs the same ladder and stops at the first rung that holds:

1. the last `\boxed{…}` (one that never closes is a truncated reply: no answer);
2. the last place where the text marks its answer: "The answer is …", "Answer: …", "答案：…", "#### …", `<answer>`.
   People correct themselves forwards, so the last mark counts; "not 5 but 7" is 7; "if the answer is 5" is no mark;
3. what is usual for the kind of answer: the last bold number or last number, "choose B" or a lone letter,
   an opening "Yes," or a closing "So no", the last JSON value, the last code block.

"5 or 7", "A and C" are no answers. Only the end of a long reply (20,000 characters) is read, except for JSON and code.
"""

import re
from collections.abc import Mapping

from ..contract import AnswerRule
from .answer_markers import (
    boxed,
    first_sentence,
    last_box,
    marked_answers,
    readable_end,
    without_decoration,
    without_thoughts,
)
from .choice_letters import choice, letter_at
from .json_and_code import code, json
from .number_answer import expression_in, measure, number
from .number_formats import find_numbers, read_number

# ---- yes or no ----

_NO = (
    r"\b(?:not|n't|never|cannot be|isn't|wasn't)\s(?:quite\s|at all\s)?(?:correct|true|right)\b"
    r"|\b(?:is|are|was|be|it's|that's|as)\s(?:(?!not\b|never\b|n't)\w{1,12}\s)?(?:false|incorrect|wrong|untrue)\b"
    r"|不正确|不对|不成立|错误的?|错的|不是的"
)
_YES = (
    r"\b(?:not|n't|isn't)\s(?:false|incorrect|wrong|untrue)\b"
    r"|\b(?:is|are|was|be|it's|that's|as)\s(?:(?!not\b|never\b|n't)\w{1,12}\s)?(?:true|correct|right)\b(?!\s(?:of|angle|triangle|side|hand))"
    r"|(?:是|说法|完全)?正确|没错|对的|是对|成立|不是错误"
)
_VERDICT = re.compile(rf"(?P<yes>{_YES})|(?P<no>{_NO})", re.I)
_OPENING = re.compile(
    r"[\s*_\"'“(]{0,6}(?:(?P<yes>yes|yeah|true|correct|right(?!,)|正确|没错|是的|对的|是|对)"
    r"|(?P<no>no|nope|false|incorrect|wrong|not\s(?:true|correct|right)|不正确|不对|不是|错误|错的|否|错))"
    r"(?=[\s*_\"'”)]{0,4}(?:[,.;:!。;…—-]|$|\n)|\s(?:because|since|as)\b)(?!\s?[-/])",
    re.I,
)
_CLOSING = re.compile(
    r"(?:\b(?:so|therefore|thus|hence|answer|say),?|:)\s{1,2}\**(?:the\sanswer\sis\s)?(?P<verdict>yes|no|true|false)\s?[.!*]{0,3}\s*$"
    r"|(?:因此|所以)[,:]?(?P<han>是|否|对|错|不是|不对)[。.!]?\s*$",
    re.I,
)


def yes_no(text: str, /) -> str | None:
    """`yes` or `no` (true, correct, 是, 对 … or their opposites); "yes and no" and "it depends" are no answer."""
    readable = readable_end(text) or ""
    box = last_box(readable)
    if box is not None:
        return _verdict(box)
    for place in marked_answers(readable)[0]:
        if verdict := _verdict(without_decoration(place)):
            return verdict
    if closing := _CLOSING.search(readable[-200:]):
        word = (closing["verdict"] or closing["han"]).lower()
        return "yes" if word in ("yes", "true", "是", "对") else "no"
    if opening := _verdict(readable, opening_only=True):
        return opening
    return _verdict(readable)


def _verdict(place: str, *, opening_only: bool = False) -> str | None:
    if re.match(r"\W*(?:yes\s(?:and|or|/)\s?no|neither)\b", place, re.I):
        return None
    if opening := _OPENING.match(place):
        return "yes" if opening["yes"] else "no"
    if opening_only:
        return None
    last = None
    for match in _VERDICT.finditer(place):
        is_question = re.match(r"[^.!。\n]{0,80}[?？]", place[match.end() :]) or re.search(
            r"\b(?:whether|if|neither)\s[^.\n]{0,60}$", place[max(0, match.start() - 60) : match.start()]
        )
        last = last if is_question else match
    return None if last is None else "yes" if last["yes"] else "no"


# ---- texts, and the rule for answers of any kind ----


def exact(text: str, /) -> str | None:
    """The boxed or marked answer, else the whole reply: spaces made single, without outer quotes and full stop."""
    readable = readable_end(text) or ""
    places, _ = marked_answers(readable)
    box = last_box(readable)
    if box == "":
        return None
    return _plain_text(first_sentence(places[0]) if places and not box else box or readable)


def _plain_text(text: str) -> str | None:
    text = re.sub(r"\s+", " ", text.strip()).strip("*`\"'“”。 ").removesuffix(".")
    return text.strip("*`\"'“” ") or None


def contains(text: str, /) -> str | None:
    """The whole reply: whether an accepted answer occurs in it is for the metric."""
    return (without_thoughts(text) or "").strip() or None


def final_answer(text: str, /) -> str | None:
    """The rule of votes on tasks of unknown kind: box, marked answer, then number, choice, yes or no, a short line."""
    readable = readable_end(text) or ""
    box = last_box(readable)
    if box is not None:
        return _ballot(box, boxed=True) if box else None
    for place in marked_answers(readable)[0]:
        if (vote := _ballot(place)) is not None:
            return vote
    reply_text = readable.strip()
    one_line = len(reply_text) <= 200 and "\n" not in reply_text
    if one_line and re.match(r"\W{0,3}[A-J](?:[).:]|\W{0,3}$)", reply_text) and (letter := choice(reply_text)):
        return letter
    if one_line and (verdict := _verdict(reply_text, opening_only=True)):
        return verdict
    if (figure := number(readable)) is not None:
        return figure
    short = _plain_text(reply_text) if one_line and len(reply_text) <= 60 else None
    return choice(readable) or yes_no(readable) or short


_HAN_WORDS = re.compile("[一-鿿]{4}")


def _ballot(place: str, *, boxed: bool = False) -> str | None:
    place = without_decoration(place)
    sentence = first_sentence(place)
    letter = letter_at(place)
    if letter and re.match(r"\W{0,4}[A-J](?:\W|$)", place):
        return letter
    if verdict := _verdict(place, opening_only=True):
        return verdict
    measured = measure(place, boxed=boxed)
    if measured and ":" not in measured:
        numbers = find_numbers(sentence)
        number_first = not numbers or numbers[0].start == 0
        starts = boxed or number_first or read_number(sentence) is not None or expression_in(sentence)
        if starts or "=" in sentence or len(sentence.split()) > 3 or _HAN_WORDS.search(sentence):
            return measured
    return _plain_text(sentence)


__all__ = ["RULES", "boxed", "choice", "code", "contains", "exact", "final_answer", "json", "number", "yes_no"]

RULES: Mapping[str, AnswerRule] = {
    rule.__name__: rule for rule in (number, choice, exact, contains, json, code, yes_no, final_answer, boxed)
}
