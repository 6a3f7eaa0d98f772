r"""The number that a reply gives as its answer, or the mathematics (`2\sqrt{3}`, `[2, 5)`) that is not one number."""

import re

from .answer_markers import SEVERAL_ANSWERS, first_sentence, last_box, marked_answers, readable_end, without_decoration
from .number_formats import NumberMatch, find_numbers, read_number


def number(text: str, /) -> str | None:
    r"""The number that the text gives as its answer: exact, canonical, without its unit; a percentage keeps its sign.

    `1,234.50 €` is `1234.5`, 三百二十一 is `321`, `\frac{1}{3}` is `1/3`, `5%` is `5%`. A marked answer that is
    mathematics but not one number (`2\sqrt{3}`, `[2, 5)`) is given as text, without spaces.
    """
    readable = readable_end(text)
    if readable is None:
        return None
    box = last_box(readable)
    if box is not None:
        return (measure(box, boxed=True) or None) if box else None
    places, rejected = marked_answers(readable)
    for place in places:
        answer = measure(place)
        if answer == SEVERAL_ANSWERS or (answer is None and _GIVEN_UP.search(place)):
            return None
        if answer is not None and answer not in rejected:
            return answer
    last_sentence = re.split(r"[.!?。]\s|\n", readable.strip())[-1]
    if _GIVEN_UP.search(last_sentence) and not re.search(r"\d", last_sentence):
        return None
    return _bold(readable) or _last(readable)


_GIVEN_UP = re.compile(
    r"\b(?:can ?not|can't|could not|couldn't|impossible to) (?:be )?"
    r"(?:determined?|answer(?:ed)?|calculated?|solved?|tell|say|help)\b"
    r"|\b(?:not enough|insufficient) (?:information|data)|\b(?:unknown|undetermined|undefined|do(?:n't| not) know)\b"
    r"|无法(?:确定|计算|回答|得出)|不能确定|信息不足|不知道",
    re.I,
)


def measure(place: str, *, boxed: bool = False) -> str | None:
    """The number or expression at a place that is said to hold the answer; SEVERAL_ANSWERS if it is one of several."""
    if boxed and re.fullmatch(r"\d{1,9}!", place):
        return place
    place = re.sub(r"\s+", " ", re.sub(r"^\(?[A-J]\)[ ]{1,3}(?=[\d$\\-])", "", without_decoration(place)))
    if latex := re.match(r"\$\$?(?=[^\s$])([^$]{1,300})(?<=[^\s])\$\$?(?!\d)|\\[(\[](.{1,300}?)\\[)\]]", place):
        place = (latex[1] or latex[2]).strip()
    if (one := read_number(place)) is not None:
        return str(one)
    sentence = first_sentence(place)
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
        if re.search(r"\b(?:between|either)\s*$", opening):
            return SEVERAL_ANSWERS
    an_equation = "=" in sentence and (first.start > 0 or re.match(r"[^,.;]{0,60}=", sentence[first.end :]))
    if an_equation and not (first.start == 0 and _REASON.match(sentence)):
        after = [one for one in numbers if one.start > sentence.rindex("=")]
        return str(after[0]) if after else str(numbers[-1])
    if re.match(r"\s?(?:[-+*×÷^√]|\\times|\\cdot|\\div)\s?[\d($\\√]", sentence[first.end :]):
        return SEVERAL_ANSWERS
    return str(first)


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
    r"\b(?:in|for|per|over|every|after|within|out of)\s(?:the\s|a\s|last\s|next\s|only\s|all\s){0,2}$", re.I
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
            return str(_concluding(plain, numbers))
    first = _LIST_MARK.match(readable.strip())
    return str(find_numbers(first[0])[0]) if first and find_numbers(first[0]) else None


def _concluding(line: str, numbers: list[NumberMatch]) -> NumberMatch:
    """`= 72 for 3 days` and `72 in 3 days` are 72, and so is "72, because 60 + 12 is 72 …"."""
    ends = [end.end() for end in re.finditer(r"[.!?](?=\s)|[。！？]", line[: numbers[-1].start])]
    numbers = [one for one in numbers if one.start >= max(ends, default=0)]
    because = re.search(r"\bbecause\b", line[numbers[0].end :])
    numbers = [one for one in numbers if not because or one.start < numbers[0].end + because.start()]
    equals = line.rfind("=", 0, numbers[-1].start)
    if equals >= numbers[0].start:
        return next(one for one in numbers if one.start > equals)
    index = len(numbers) - 1
    while index and _ASIDE.search(line[numbers[index - 1].end : numbers[index].start]):
        index -= 1
    return numbers[index]


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
