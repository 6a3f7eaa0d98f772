"""Whether the words of a source can be what a statement rests on: its numbers, its names, and its negations.

No model is asked. A statement is not supported when it has a number or a name that neither the source nor the question
has, when it has no word of the source at all, or when it is nearly a sentence of the source and one of the two is
negated. All else passes, true or false.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ..answers.quotation import CHINESE, Unit, units

_SENTENCE = re.compile(r"[^.!?。！？\n]*(?:[.!?](?!\s|$)[^.!?。！？\n]*)*[.!?。！？\n]?")
_HAN = re.compile(f"[{CHINESE}]")
_NEGATION_WORDS = frozenset("not no never none nobody nothing neither nor without cannot hardly".split())
_CONTRACTED = re.compile(r"n['’]t\b", re.I)
_HAN_NEGATION = re.compile(r"[不没未无非否勿莫别]")
_NO_NEGATION = re.compile(
    r"不仅|不但|不过|不同|不断|不久|不少|不管|不只|不锈|不得不|非常|非洲|无论|无数|未来|否则|是否|除非|别的|特别|区别"
    r"|分别|级别|性别|个别"
)
_STOP = frozenset(
    "the a an of in on at to for from by with as is are was were be been being it its this that these those and or but "
    "he she they his her their him them we our you your i which who whom whose what when where how has have had do "
    "does did will would can could may might shall should than then there here also into about over under after before "
    "between during source sources according says states said text document".split()
)
_SPELLED = "zero one two three four five six seven eight nine ten eleven twelve".split()
_WORD_NUMBERS = {str(i): word for i, word in enumerate(_SPELLED)}
_HAN_NUMBERS = {str(i): word for i, word in enumerate("零一二三四五六七八九十")}
NEARLY = 0.7  # of its words: then it is a sentence of the source, maybe altered


@dataclass(frozen=True, slots=True)
class Support:
    """`words` is what the source does not support, None when nothing is; `span` the stretch of the source nearest to
    the statement."""

    words: str | None
    span: tuple[int, int]


def unsupported(statement: str, source: str, beside: Sequence[str], asked: str) -> Support:
    """`beside` are all sources that the statement is credited to together, this one among them; `asked` is the
    question, whose words need no source."""
    said = list(units(re.sub(r"^\s*(?:\d{1,3}[.)、]\s|[-*•#]+\s)", "", statement)))
    span, nearest = _nearest(said, source)
    if not said:
        return Support(None, span)
    known = {unit.text for text in (*beside, asked) for unit in units(text)}
    for unit in said:
        if _is_number(unit) and not _has_number(unit.text, known):
            return Support(unit.text, span)
    for name in _names(statement):
        if not {name, name.removesuffix("s"), f"{name}s"} & known:
            return Support(name, span)
    content, held = _content(said), _content(units(source))
    if content and held and _same_script(content, held) and not content & held:
        return Support(" ".join(statement.split())[:80], span)
    if nearest is not None and _is_negated(statement) != _is_negated(nearest):
        return Support(" ".join(statement.split())[:80], span)
    return Support(None, span)


def _is_number(unit: Unit) -> bool:
    return unit.text[-1].isdigit()


def _has_number(number: str, known: set[str]) -> bool:
    spelled = {number, _WORD_NUMBERS.get(number, number), _HAN_NUMBERS.get(number, number)}
    return bool(spelled & known) or any(number == each.rpartition("-")[2] for each in known if "-" in each[1:])


def _names(statement: str) -> list[str]:
    """Words with a capital, the first word of each sentence left out."""
    found = re.findall(
        r"(?<![.!?:\n])(?<![.!?:\n][ \"“'(*])(?<=[\s(\"“'*-])([A-Z][^\W\d_]+)", f" {statement.strip()}"[1:]
    )
    return [name.casefold() for name in found if name.casefold() not in _STOP and name != "I"]


def _content(sentence: Iterable[Unit]) -> set[str]:
    return {_stem(unit.text) for unit in sentence if unit.text not in _STOP}


def _stem(word: str) -> str:
    return word[:6]


def _same_script(a: set[str], b: set[str]) -> bool:
    han = [sum(1 for word in words if _HAN.match(word)) / len(words) > 0.5 for words in (a, b)]
    return han[0] == han[1]


def _nearest(said: Sequence[Unit], source: str) -> tuple[tuple[int, int], str | None]:
    """The sentence of the source that shares most with the statement; and, when the statement is nearly in it, the part
    of it from the first to the last word that they share."""
    words = _content(said) - _NEGATION_WORDS
    best, span, part = 0.0, (0, len(source)), None
    for match in _SENTENCE.finditer(source):
        sentence = list(units(match[0]))
        held = _content(sentence)
        shared = len(words & held)
        if not shared or (score := shared / len(words | held)) <= best:
            continue
        stripped = match[0].strip()
        start = match.start() + match[0].index(stripped)
        best, span = score, (start, start + len(stripped))
        places = [i for i, unit in enumerate(sentence) if _stem(unit.text) in words]
        first = max(0, places[0] - 1)
        part = match[0][sentence[first].start : sentence[places[-1]].end] if shared / len(words) >= NEARLY else None
    return span, part


def _is_negated(sentence: str) -> bool:
    words = {unit.text for unit in units(sentence)}
    return bool(
        words & _NEGATION_WORDS or _CONTRACTED.search(sentence) or _HAN_NEGATION.search(_NO_NEGATION.sub("", sentence))
    )
