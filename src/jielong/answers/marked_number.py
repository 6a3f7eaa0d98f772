r"""The number, or the mathematics (`2\sqrt{3}`, `[2, 5)`), at a place that is said to hold the answer."""

import re
from fractions import Fraction

from .answer_markers import SEVERAL_ANSWERS, first_sentence, without_decoration
from .number_formats import find_numbers, read_number
from .quantities import NumberMatch, same_quantity


def measure(place: str, *, boxed: bool = False) -> str | None:
    """The number or expression at a place that is said to hold the answer; SEVERAL_ANSWERS if it is one of several."""
    if boxed and re.fullmatch(r"\d{1,9}!", place):
        return place
    place = re.sub(r"\s+", " ", re.sub(r"^\(?[A-J]\)[ ]{1,3}(?=[\d$\\-])", "", without_decoration(place)))
    if latex := re.match(r"\$\$?(?=[^\s$])([^$]{1,300})(?<=[^\s])\$\$?(?!\d)|\\[(\[](.{1,300}?)\\[)\]]", place):
        place = (latex[1] or latex[2]).strip()
    if (one := read_number(place)) is not None:
        return str(one)
    sentence = _exact_side(first_sentence(place))
    if _BOUND.match(sentence):
        return SEVERAL_ANSWERS
    if restated := _restated(sentence):
        return restated
    if not _REASON.match(sentence) and re.search(r"=[^=]*?(?:\bor\b|\band\b|或|和)[^=]*=", sentence):
        return SEVERAL_ANSWERS
    if is_equation(sentence, mathematical=boxed or latex is not None):
        return re.sub(r"(?<![A-Za-z])\s+|\s+(?![A-Za-z])", "", sentence)
    definition = re.match(r"[A-Za-z]\w{0,3}(?:\([^()]{0,20}\))?\s?(?:=|∈|\\in\b)\s?([^=]+)$", sentence)
    if definition:
        sentence = definition[1].strip()
    if (one := read_number(sentence)) is not None:
        return str(one)
    several = re.search(r"=[^=]*,[^=]*=", sentence)  # x = 2, y = 3
    rhs = None if _REASON.match(sentence) or several else re.search(r"(?<![<>!=])=(?!=)([^=<>]*)$", sentence)
    if rhs and (one := read_number(rhs[1])) is not None:
        return str(one)
    if clock := re.match(r"\d{1,9}(?::\d{1,9}){1,3}", sentence):
        return clock[0]
    expression = expression_in(sentence)
    if expression:
        return expression
    numbers = find_numbers(sentence)
    if not numbers:
        return None
    return _conclusion(sentence, numbers)


_BOUND = re.compile(
    r"\W{0,3}(?:(?:definitely|certainly|probably|clearly)\s)?(?:(?:more|less|fewer|greater|higher|lower|larger|smaller)\sthan"
    r"|over|under|below|above|超过|多于|少于|不到|大于|小于|高于|低于)\s?[$€£¥]?\d",
    re.I,
)


def _exact_side(sentence: str) -> str:
    """What stands before "≈ 113.1", where that is an answer by itself."""
    exact, approximately, _ = re.sub(r"\\approx(?![A-Za-z])", "≈", sentence).partition("≈")
    return exact.strip() if approximately and re.search(r"\d|\\pi|π", exact) and "=" not in exact else sentence


_RESTATES = re.compile(
    r"[^\d]{0,16}?(?:,?\s?(?:or|i\.?e\.?,?|that\sis,?|which\sis|in\sother\swords,?|即|也就是|或)|[(=≈]|,)\s?(?:about\s|approximately\s|≈\s?)?[$€£¥]?"
)


def _restated(sentence: str) -> str | None:
    """The answer that is given twice: "5/8, or 62.5%", "66.67% (2/3)", "1.5 hours, or 90 minutes"."""
    numbers = find_numbers(sentence)
    if len(numbers) != 2 or numbers[0].start > 2 or not _RESTATES.fullmatch(sentence, numbers[0].end, numbers[1].start):
        return None
    exact = the_exact_one(sentence, *numbers)
    return None if exact is None else str(exact)


def the_exact_one(text: str, a: NumberMatch, b: NumberMatch) -> NumberMatch | None:
    """Of one amount in two forms the first, or the one that is not rounded; None if they are different amounts."""
    if _worth(a) == _worth(b) or same_quantity(text, a, b) or _rounds_to(text, b, a):
        return a
    return b if _rounds_to(text, a, b) else None


def _worth(one: NumberMatch) -> Fraction:
    return one.value / 100 if one.percent else one.value


def _rounds_to(text: str, rounded: NumberMatch, exact: NumberMatch) -> bool:
    """Whether the decimals of the first one are the second, rounded."""
    decimals = re.match(r"\D*\d+\.(\d+)", text[rounded.start : rounded.end])
    step = Fraction(1, 10 ** (len(decimals[1]) + 2 * rounded.percent)) if decimals else Fraction(0)
    return abs(_worth(rounded) - _worth(exact)) <= step / 2


_ALGEBRA = re.compile(
    r"(?<![A-Za-z])[A-Za-z](?![A-Za-z])\s?[-+*/^]|[-+*/]\s?\d{0,9}[A-Za-z](?![A-Za-z])|\d[a-z](?![A-Za-z])"
)


def is_equation(sentence: str, *, mathematical: bool = True) -> bool:
    """`x^2 + y^2 = 16` is itself the answer; of `x = 16`, `f(2) = 16` and `5 + 3 = 8` it is the right side."""
    left, equals, right = sentence.partition("=")
    left = re.sub(r"\\[A-Za-z]+", " ", left)
    prose = re.search(r"[A-Za-z]{3}|[一-鿿]", left)
    if not equals or "=" in right or prose or not (mathematical or "^" in left):
        return False
    return _ALGEBRA.search(left) is not None


_REASON = re.compile(r"\S{1,60}\s(?:because|since|as|for|so)\b|\S{1,60}\s?[,;(]")  # the answer stands before it
_ALTERNATIVES = re.compile(r"^[\s,]{0,2}(?:\(?or\b|/|或者?|还是)|^\s?(?:-|to|~|至|到)\s?$")


def _conclusion(sentence: str, numbers: list[NumberMatch]) -> str:
    first = numbers[0]
    if len(numbers) > 1:
        between = sentence[first.end : numbers[1].start]
        opening = sentence[: first.start].lower()
        same = first.value == numbers[1].value
        if not same and (len(between) <= 12 and _ALTERNATIVES.match(between)):
            return SEVERAL_ANSWERS
        if re.search(r"\b(?:between|either|both)\s*$", opening) or (not same and _only_listed(sentence, numbers)):
            return SEVERAL_ANSWERS
    an_equation = "=" in sentence and (first.start > 0 or re.match(r"[^,.;]{0,60}=", sentence[first.end :]))
    if an_equation and not (first.start == 0 and _REASON.match(sentence)):
        after = [one for one in numbers if one.start > sentence.rindex("=")]
        return str(after[0]) if after else str(numbers[-1])
    if re.match(r"\s?(?:[-+*×÷^√]|\\times|\\cdot|\\div)\s?[\d($\\√]", sentence[first.end :]):
        return SEVERAL_ANSWERS
    return str(first)


def _only_listed(sentence: str, numbers: list[NumberMatch]) -> bool:
    """Whether the sentence is nothing but numbers: "5 and 12"."""
    ends = [0, *(one.end for one in numbers)]
    rest = [sentence[a:b] for a, b in zip(ends, [*(one.start for one in numbers), len(sentence)], strict=True)]
    return all(re.fullmatch(r"[\s$,;、()]*(?:and|和|与|及)?[\s$,;、()]*", part) for part in rest)


_KNOWN = {"sqrt", "pi", "sin", "cos", "tan", "log", "ln", "exp", "infty", "inf", "cup", "cap", "or", "and"}
_SIGNS = re.compile(
    r"\\(?:begin|sqrt|overline|binom|pi|frac|infty|pm|log|ln|sin|cos|tan|le|ge|cup)|[√π∞≤≥∪^_]"
    r"|[\w)}]\s?[-+*/=<>]\s?[\w({\\]|\d[a-z]\b|[\[({].{0,80},.{1,80}[\])}]|^-?\w{1,9}(?:,\s?-?\w{1,9}){1,9}$"
)
_BRACKETED = re.compile(r"[\[(]\s?[^\s,()\[\]]{1,40}(?:\s?,\s?[^\s,()\[\]]{1,40}){1,5}\s?[\])]")


def expression_in(sentence: str) -> str | None:
    r"""The sentence as mathematics that is not one number, without spaces: `2\sqrt{3}`, `[2,5)`; None if prose."""
    core = re.sub(r"\s+", " ", sentence).strip().removesuffix(".").replace("$", "").strip()
    core = re.sub(r"(?<=[\d)}\]πa-z])\s(?:square |cubic )?[A-Za-z]{2,12}(?:\s?\^\{?\d\}?)?$", "", core)
    if (bracketed := _BRACKETED.match(core)) and re.match(r"\s(?!\\cup|∪|U\b)|,|$", core[bracketed.end() :]):
        core = bracketed[0]
    if not core or len(core) > 200 or not _SIGNS.search(core) or re.search(r"[一-鿿]|\d/\d+/\d|\d:\d|\d-\d+-\d", core):
        return None
    words = re.findall(r"(?<![\\A-Za-z])[A-Za-z]{2,}", re.sub(r"\\(?:begin|end)\{\w+\}|\\[A-Za-z]+", " ", core))
    if any(word.lower() not in _KNOWN for word in words) or not re.search(r"\d|[a-zπ]", core):
        return None
    if re.search(r"\b(?:or|and)\b", core):
        return None
    return re.sub(r"(?<![A-Za-z])\s+|\s+(?![A-Za-z])", "", core)
