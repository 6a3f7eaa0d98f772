r"""Answer rules: what counts as the answer in a text. Each gives a canonical text, or None: never a guess.

Thoughts (thoughts.py) are dropped first; one that never ends is a truncated reply and holds no answer.
Of a reply that is a JSON object the field that is its answer is read. Then every rule climbs the same ladder and stops
at the first rung that holds:

1. the last `\boxed{…}` (one that never closes is a truncated reply: no answer);
2. the last place where the text marks its answer: "The answer is …", "Answer: …", "答案：…", "#### …", `<answer>`.
   People correct themselves forwards, so the last mark counts; "not 5 but 7" is 7; "if the answer is 5" is no mark;
3. what is usual for the kind of answer: the last bold number or last number, "choose B" or a lone letter,
   an opening "Yes," or a closing "So no", the last JSON value, the block that defines something.

"5 or 7", "A and C" are no answers, nor is what is denied, doubted or only supposed (statements.py). Only the end of a
long reply (20,000 characters) is read, except for JSON and code.
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
)
from .choice_letters import choice, letter_at
from .json_answer import json
from .marked_number import expression_in, measure
from .number_answer import number
from .number_formats import find_numbers, read_number
from .program import code
from .thoughts import answer_text
from .yes_no import opening_verdict, yes_no

# ---- texts, and the rule for answers of any kind ----


def exact(text: str, /) -> str | None:
    """The boxed or marked answer, else the whole reply: spaces made single, without outer quotes and full stop."""
    readable = readable_end(text) or ""
    places, _ = marked_answers(readable)
    box = last_box(readable)
    if box == "":
        return None
    marked = _CONTRAST.sub("", first_sentence(places[0])) if places and not box else ""
    return _plain_text(marked or box or _IT_IS.sub("", readable))


_IT_IS = re.compile(r"\A\s*(?:it['’]?s|it\sis|that['’]?s|that\sis|this\sis)\s(?!not\b)(?=[^\n]{1,60}\Z)", re.I)


_CONTRAST = re.compile(  # "Ottawa, not Toronto", "Lima, the capital of Peru"
    r",\s(?:the|an?|which|who|because|since|as)\s.{1,120}$|,?\s(?:and\s)?(?:not|rather\sthan|instead\sof|as\sopposed\sto)\s[^,.]{1,80}$|[,，]?(?:而不是|而非|不是)[^,，。]{1,40}$",
    re.I,
)


def _plain_text(text: str) -> str | None:
    text = re.sub(r"\s+", " ", text.strip()).strip("*`\"'“”。 ").removesuffix(".")
    return text.strip("*`\"'“” ") or None


def contains(text: str, /) -> str | None:
    """The whole reply: whether an accepted answer occurs in it is for the metric."""
    return answer_text(text)


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
    if one_line and (verdict := opening_verdict(reply_text)):
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
    if verdict := opening_verdict(place):
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
