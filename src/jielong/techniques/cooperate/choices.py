"""Which of a numbered list a model chose: whom it asks, or for whom a judge finds. Never a guess."""

import re

from ...answers.thoughts import answer_text

LONGEST = 200  # characters of a line that are read
_SENTENCE_END = re.compile(
    r"\n|(?<=[^\d\s][.。!?！？])(?<!\bNo\.)\s|(?<=\d[.。])\s(?=\W{0,4}(?:(?:my|final)\s)?(?:verdict|choice))", re.I
)
_NOUN = r"(?:(?:models?|answers?|no\.|number|模型|回答|编号|第)\s{0,2})?"
_LIST = rf"{_NOUN}(?<![-\d])\d{{1,9}}(?:(?:\s|[,，、;；&+]|and\b|和){{1,6}}{_NOUN}\d{{1,9}})*"
_MARK = re.compile(r"\W{0,4}(?:(?:my|final|最终)\s?)?(?:verdict|choice|结论|选择)\W{1,6}(?=\S)", re.I)
_LEADING = re.compile(
    rf"(?:(?!-\d)\W){{0,6}}(?P<list>{_LIST})\s*(?:$|\.(?!\d)|-(?!\s?\d)|[^\w\s.\-/]|[号个份]|(?:because|since|as|is\s(?:right|correct))\b|因为)",
    re.I,
)
_CLOSING = re.compile(rf"(?P<list>{_LIST})\W*$", re.I)
_DENIED = re.compile(r"\b(?:not|neither|none|nor|no|all)\b|n['’]t\b|[不非没都]", re.I)


def chosen_numbers(text: str, count: int) -> tuple[int, ...] | None:
    """The numbers up to `count` that a choice or a verdict names, () for 0 alone; None where it cannot be told.

    What follows the last "Verdict:" counts, else lines that all begin with a number, else the last line or sentence.
    """
    lines = [line for line in _SENTENCE_END.split(answer_text(text) or "") if re.search(r"\w", line)]
    marked = [line[mark.end() :] for line in lines if (mark := _MARK.match(line))]
    places = marked[-1:] or (lines if all(_LEADING.match(line[:LONGEST]) for line in lines) else lines[-1:])
    numbers: list[int] = []
    for place in places:
        match, end = _LEADING.match(place[:LONGEST]), place[-LONGEST:]
        if not match and len(re.findall(_LIST, end, re.I)) == 1 and not _DENIED.search(end):
            match = _CLOSING.search(end)
        if not match:
            return None
        numbers += map(int, re.findall(r"\d+", match["list"]))
    named = tuple(dict.fromkeys(numbers))
    return () if named == (0,) else named if named and all(1 <= number <= count for number in named) else None
