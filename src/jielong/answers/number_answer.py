"""The number that a reply gives as its answer: marked, or what a reader would take for it where nothing is marked."""

import re
from itertools import pairwise

from .answer_markers import SEVERAL_ANSWERS, last_box, marked_answers, readable_end
from .marked_number import measure, the_exact_one
from .number_formats import find_numbers, normalised, read_number
from .quantities import NumberMatch, canonical, same_quantity
from .statements import GIVES_UP


def number(text: str, /) -> str | None:
    r"""The number that the text gives as its answer: exact, canonical, without its unit; a percentage keeps its sign.

    `1,234.50 €` is `1234.5`, 三百二十一 is `321`, `\frac{1}{3}` is `1/3`, `5%` is `5%`, 6 hours 30 minutes is `6.5`. A
    marked answer that is mathematics but not one number (`2\sqrt{3}`, `[2, 5)`) is given as text, without spaces.
    """
    readable = readable_end(text) or ""
    box = last_box(readable)
    if box is not None:
        return (measure(box, boxed=True) or None) if box else None
    places, rejected = marked_answers(readable)
    for place in places:
        answer = measure(place)
        if answer == SEVERAL_ANSWERS or (answer is None and GIVES_UP.search(place)) or _unknown_at_once(place):
            return None
        if answer is not None and answer not in rejected:
            return answer
    answer = _unmarked(readable)
    return None if answer in rejected else answer


def other_readings(text: str, answer: str, gold: str) -> set[str]:
    """The same amount as the text, its smaller unit or the gold answer counts it: 6.5 hours are also 390 (minutes)."""
    readable = readable_end(text) or ""
    numbers = find_numbers(readable)
    also = {canonical(one.also) for one in numbers if one.also is not None and str(one) == answer}
    for wanted in find_numbers(gold := normalised(gold)):
        if any(str(one) == answer and same_quantity(readable, one, wanted, gold) for one in numbers):
            also.add(str(wanted))
    for a, b in pairwise(numbers):
        if answer in (str(a), str(b)) and same_quantity(readable, a, b):
            also |= {str(a), str(b)}
    return also


def _unknown_at_once(place: str) -> bool:
    """ "Answer: unknown (the text mentions 14 people)"."""
    return GIVES_UP.match(re.sub(r"^\W+", "", place)) is not None


# ---- nothing is marked ----


def _unmarked(readable: str) -> str | None:
    """The last expression, bold number or number that the text states; None where it gives up or states several."""
    if (only := read_number(readable)) is not None:
        return str(only)
    if re.fullmatch(r"\W{0,4}(?:none|nothing|nobody|no one|没有)\W{0,4}", readable.strip(), re.I):
        return "0"
    text = _without_asides(readable)
    if _gives_up(text):
        return None
    expression = _expression_at_end(text)
    if expression is not None:
        return expression or None
    found = _bold(text) or _last(text)
    ordinals = _ORDINAL.findall(readable)
    if found is None and len(ordinals) == 1:  # "She came 3rd."
        return str(int(ordinals[0][0] or ordinals[0][1]))
    return found


_NONE_OF = re.compile(r"\bnone\sof\s(?:the|these|those|all)\s[\d,]{1,12}\b", re.I)
_ORDINAL = re.compile(r"\b(\d{1,9})(?:st|nd|rd|th)\b|第[ ]?(\d{1,9})")
_CHECK = re.compile(
    r"^[\s*#_>-]{0,6}(?:(?:let['’]?s\s|let\sme\s)?(?:double[- ])?check(?:ing)?|verif(?:y|ication|ying)|proof"
    r"|sanity\scheck|验算|检验|验证)"
    r"[^\n]{0,40}?[:：].*(?:\n(?!\s*\n).*)*",
    re.I | re.M,
)
_OFFER = re.compile(
    r"(?:(?<=[.!?。！])|(?<=\n)|^)[ \t]*(?:let\sme\sknow|feel\sfree|want\s|would\syou|do\syou|if\syou['’]?d|shall\si"
    r"|is\sthere\sanything)[^\n.!?]{0,300}[.!?]?",
    re.I,
)
_IN_BRACKETS = re.compile(r"\((?=[^()\n]*[A-Za-z一-鿿]{2})[^()\n]{3,200}\)")

_ROUNDED = re.compile(  # a last sentence that says the same more roughly
    r"(?<=[\d.!?。\n])\s{0,9}(?:(?:that['’]?s|this\sis|which\sis|or)\s)?(?:roughly|about|approximately|around|rounded|rounding|to\sthe\snearest"
    r"|四舍五入)\b[^\n]{0,120}$",
    re.I,
)

_EXPLANATION = re.compile(
    r"^[\s*#_]{0,6}(?:explanation|reasoning|reason|justification|解释|理由|解析)[*_\s]{0,4}[:：][\s\S]*", re.I | re.M
)


def _without_asides(readable: str) -> str:
    """Without checks of the answer, offers of more help and remarks in brackets, unless they hold all the numbers."""
    text = _NONE_OF.sub("none", readable)  # "None of the 4 numbers fits"
    for aside in (_CHECK, _OFFER, _IN_BRACKETS, _ROUNDED, _EXPLANATION):
        shorter = aside.sub("", text)
        if shorter != text and (find_numbers(shorter) or not re.search(r"\d", text)):
            text = shorter
    return text


_CONCLUDES = re.compile(
    r"=\s?[-$\d\\]|\*\*[^*\n]*\d|\b(?:so|therefore|thus|hence|but|however)\b(?![^.\n]*\b(?:could|might|may)\b)[^.\n]*\d"
    r"|(?:所以|因此|但)[^。\n]*\d",
    re.I,
)


def _gives_up(text: str) -> bool:
    """Whether the text says that it cannot tell, and concludes nothing after that."""
    *_, last = [None, *GIVES_UP.finditer(text)]
    return last is not None and _CONCLUDES.search(text, last.end()) is None


_LATEX_END = re.compile(
    r"(?:\$\$?(?P<dollar>[^$\n]{1,300})\$\$?|\\[(\[](?P<round>[^\n]{1,300}?)\\[)\]])(?:\s[a-z]{2,12}){0,3}[\s.。!*]{0,4}$"
)


def _expression_at_end(text: str) -> str | None:
    """Mathematics that is not one number, where the last line ends with it; SEVERAL_ANSWERS for "$a=1$ or $a=-2$"."""
    line = text.strip().rpartition("\n")[2][-600:]
    line = re.sub(r"(?:\$|\\\))\s?(,|or|and|或|和)\s?(?:\$|\\\()", r" \1 ", line)
    latex = _LATEX_END.search(line)
    if latex is None:
        return None
    answer = measure((latex["dollar"] or latex["round"]).strip(), boxed=True)
    if answer is None or answer == SEVERAL_ANSWERS:
        return answer
    a_sum = "=" in answer and "^" not in answer  # "so $a + b = 7$"
    return answer if read_number(answer) is None and not a_sum else None


def _bold(readable: str) -> str | None:
    lines = [line for line in readable.splitlines() if line.strip()][-3:]
    end = "\n".join(lines)
    for bold in reversed(list(re.finditer(r"\*\*([^*\n]{1,80})\*\*", end))):
        heading = bold[1].rstrip().endswith((":", "：")) or re.match(r"\s?(?:step|第|\d{1,2}[.)]\s)", bold[1], re.I)
        a_step = end[: bold.start()].rstrip(" $").endswith("=")
        later = end[bold.end() :] if a_step else end[bold.end() :].partition("\n")[0]
        followed = re.search(r"=\s?[-$\d]", later)
        if not heading and not followed and (numbers := find_numbers(bold[1])):
            return str(numbers[-1])
    return None


_LIST_MARK = re.compile(r"^[ \t]{0,8}(?:\d{1,2}[.)])[ \t]+(?=\S)", re.M)
_HEADING = re.compile(r"^\W{0,6}step[ ]\d{1,3}", re.I)
_ASIDE = re.compile(
    r"\b(?:in|for|per|over|every|after|within|out\sof)\s(?:the\s|a\s|last\s|next\s|only\s|all\s){0,2}$"
    r"|\b(?:after|before|by)\s\w{3,12}ing\b|,\s(?:with|having|since|of\swhich)\s|,\swhich\s(?:is|was)\s$|\btimes\sthe\s$"
    r"|\bto\s(?:her|his|their|my|its)\s|\bto\s(?:[a-z]{2,12}\s){1,3}$|\b(?:instead\sof|rather\sthan)\b|\bcompared\s(?:to|with)\b|\b(?:of|from)\sthe\s(?:\w+\s)?$",
    re.I,
)


def _last(readable: str) -> str | None:
    """The number of the last line with one: what follows its last "=", else its last number that is no aside."""
    if (only_number := read_number(readable)) is not None:
        return str(only_number)
    lines = _LIST_MARK.sub("", readable).splitlines()
    digits = any(re.search(r"\d", line) for line in lines)
    for line in reversed(lines):
        if digits and not re.search(r"\d", line):
            continue
        plain = re.sub(r"\*\*|__|`", "", _HEADING.sub("", line)) if "**" in line and "=" not in line else line
        numbers = find_numbers(plain)
        a_pronoun = not digits and len(numbers) == 1 and numbers[0].value == 1 and not re.search("[一-鿿]", plain)
        if numbers and not a_pronoun:
            return _concluding(plain, numbers)
    first = _LIST_MARK.match(readable.strip())
    return str(find_numbers(first[0])[0]) if first and find_numbers(first[0]) else None


def _concluding(line: str, numbers: list[NumberMatch]) -> str | None:
    """`= 72 for 3 days` and `72 in 3 days` are 72, and so is "72, because 60 + 12 is 72 …"; None for "12 or 15"."""
    ends = [end.end() for end in re.finditer(r"[.!?](?=\s)|[。！？]", line[: numbers[-1].start])]
    numbers = [one for one in numbers if one.start >= max(ends, default=0)]
    because = re.search(r"\bbecause\b", line[numbers[0].end :])
    numbers = [one for one in numbers if not because or one.start < numbers[0].end + because.start()]
    if _SAME_LEFT.search(line) and len({one.value for one in numbers[-2:]}) == 2:
        return None
    stated = [
        one
        for one in numbers
        if not _DENIED.search(line[max(0, one.start - 40) : one.start]) and not _DENIED_BEHIND.match(line, one.end)
    ]
    if not stated or _are_several(line, numbers):
        return None
    numbers = stated
    equals = line.rfind("=", 0, numbers[-1].start)
    if numbers[0].start <= equals:
        first = next(one for one in numbers if one.start > equals)
        if not _RESULT.search(line[first.end : numbers[-1].start]):
            return str(first)
    index = len(numbers) - 1
    while index and _ASIDE.search(line[numbers[index - 1].end : numbers[index].start]):
        index -= 1
    return str((index and _restated(line, *numbers[index - 1 : index + 1])) or numbers[index])


_SAME_LEFT = re.compile(r"(?<!\w)(\w{1,12})\s?=[^=\n]{1,30}?(?:\bor\b|\band\b|或|和)\s?\1\s?=")  # a = 1 or a = -2


def _restated(line: str, a: NumberMatch, b: NumberMatch) -> NumberMatch | None:
    """The exact one of the last two numbers, where they are one amount in two forms."""
    return the_exact_one(line, a, b) if _RESTATES.fullmatch(line, a.end, b.start) else None


_DENIED = re.compile(
    r"(?:\bnot|n['’]t|\bcannot|\bno\slonger|\bnever|不是|并非)\s(?:be\s|exactly\s|equal\sto\s|have\sbeen\s)?[$€£¥]?$|(?:不是|并非|不可能是)$",
    re.I,
)
_DENIED_BEHIND = re.compile(
    r"\s?[a-z]{0,12}\s(?:is|was)(?:n['’]t|\snot)\s(?:the|right|correct|possible|it)\b|(?:并?不是|不对)", re.I
)
_RESULT = re.compile(r",\s(?:which|so|for\sa\stotal|making|giving|leaving|costing|totall?ing|and\sthat)\b", re.I)
_RESTATES = re.compile(
    r"\s?[^\d\s]{0,12}\s?(?:,?\s?(?:or|i\.?e\.?,?|that\sis,?|equivalently)|\(|=)\s?(?:about\s)?[$€£¥]?", re.I
)
_EITHER = re.compile(r"[^\w.]{0,6}(?:or|to|-|–|~|到|至|或者?|还是)[^\w.]{0,4}", re.I)
_BOTH = re.compile(r"[^\w.]{0,4}(?:and|和|与|及)[^\w.]{0,4}", re.I)


_VALUE = r"[-+]?[\d./]+"
_LISTED = re.compile(  # "x = 3, 7", "x = 3 and y = 7", "are 1, 2 and 5"
    rf"=\s?{_VALUE}(?:\s?(?:,\s|or|and|或|和)\s?{_VALUE})+\W*$"
    rf"|(?<!\w)[A-Za-z]\w?\s?=\s?{_VALUE}\s?(?:,?\s?and|,|or|或|和)\s?[A-Za-z]\w?\s?=\s?{_VALUE}\W*$"
    rf"|(?:\bare|\bwere|:|是|为)\s?{_VALUE}(?:,\s{_VALUE})+,?\s(?:and|or)\s{_VALUE}\W*$"
)
_CHANGE = re.compile(  # from 5 to 8 is a range or a change
    r"(?<!anywhere )(?<!anything )(?<!range )(?<!ranges )\bfrom\s?$|从\s?$", re.I
)


def _are_several(line: str, numbers: list[NumberMatch]) -> bool:
    """Whether the sentence ends in a choice, a range or a bound: "3 or 4", "20-25", "are 7 and 11", "less than 100"."""
    if len(numbers) == 1:
        behind = re.match(r"多|余|以上|以下|\+", line[numbers[0].end :])
        return behind is not None or _LIMIT.search(line[: numbers[0].start]) is not None
    if _LISTED.search(line):
        return True
    a, b = numbers[-2:]
    between, before, after = line[a.end : b.start], line[: a.start], line[b.end :]
    if a.value == b.value or _restated(line, a, b):
        return False
    if re.fullmatch(r"\s?-\s", between) or "=" in line or _CHANGE.search(before):
        return False
    if _EITHER.fullmatch(between):
        return True
    one_of = re.search(r"\b(?:between|either|both)\s?[$€£¥]?$", before, re.I) or re.match(r"\s(?:are|were)\b|都", after)
    if one_of and _BOTH.fullmatch(between):
        return True
    ends = re.fullmatch(r"\s?(?:[A-Za-z一-鿿°%]{1,12})?[\s.。!之间]*", after) is not None
    opens = re.search(r"(?:\b(?:are|were)|分别是|[是为在]|^\W*)\s?[$€£¥]?$", before, re.I)
    return opens is not None and ends and _BOTH.fullmatch(between) is not None


_LIMIT = re.compile(
    r"^\W*(?:\w+\s){0,4}?(?:(?:more|less|fewer|greater|higher|lower|larger|smaller)\sthan|over|under"
    r"|超过|多于|少于|不到|大于|小于)\s?[$€£¥]?$",
    re.I,
)
