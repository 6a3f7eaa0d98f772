"""Whether the words of a source can be what a statement rests on: its numbers, its names, and its negations.

No model is asked. A statement is not supported when it has a number or a name that neither the source nor the question
has, when too few of its words are the source's, or when it is nearly a sentence of the source, with another number or
another number of negations. All else passes, true or false. A statement in another script than the source's is held to
its numbers alone.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence, Set
from dataclasses import dataclass
from functools import lru_cache

from ..answers.quotation import CHINESE, Unit, units

NEARLY, LEAST = 0.8, 4  # so much of so many words, or all of fewer, is a sentence of the source, maybe altered
SHORT, FEWEST, FEWEST_SHORT = 5, 0.25, 0.5  # the share of its words that must be the source's; in short statements

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
_ATTRIBUTION = re.compile(
    r"\b(?:(?:this|that|it|all of this) (?:is|was|comes|stands)|quoted|taken|see(?: also)?|cf\.?|according to"
    r"|references?|sources?|documents?|from|in)\b|(?:这|以上|如上)?(?:出自|来自|引自|摘自|参见|请见|依据|根据|据|参考)|资料"
    r"|来源|出处|文献|所[述说]",
    re.I,
)
_YES_OR_NO = re.compile(r"^\s*(?:yes|no|是的?|不|不是|否|对|没有)\s*[,.:;,。]\s*", re.I)
_LIST_MARK = re.compile(r"^\s*(?:\d{1,3}[.)、]\s|[-*•#]+\s)")


@dataclass(frozen=True, slots=True)
class Support:
    """`missing` is what the source does not support, None when nothing is; `span` the stretch of the source that is
    nearest to the statement."""

    missing: str | None
    span: tuple[int, int]


@dataclass(frozen=True, slots=True)
class _Term:
    """A word that means something, by its first letters; of Chinese each pair of characters."""

    text: str
    start: int
    end: int


def support(statement: str, source: str, beside: Sequence[str], asked: str) -> Support:
    """`beside` are all sources that the statement is credited to together, this one among them; `asked` is the
    question, whose words need no source."""
    statement = _YES_OR_NO.sub("", unicodedata.normalize("NFKC", _LIST_MARK.sub("", statement)))
    if says_nothing(statement):
        statement = ""
    said = list(units(statement))
    terms = _terms(said)
    span, part = _nearest({term.text for term in _terms(said, numbers=True)}, source)
    if not said:
        return Support(None, span)
    whole = " ".join(statement.split())[:80]
    known = {unit for text in (*beside, asked) for unit in _known(text)[0]}
    near = known if part is None else _known(source[slice(*span)])[0] | _known(asked)[0]
    for unit in said:
        if unit.text[-1].isdigit() and not _has_number(unit.text, near):
            return Support(unit.text, span)
    for name in _names(statement, said, first_too=part is not None):
        if not {name, name.removesuffix("s"), f"{name}s"} & known:
            return Support(name, span)
    held = {term for text in beside for term in _known(text)[1]}
    if terms and held and _same_script(terms, held):
        shared = sum(term.text in held for term in terms) / len(terms)
        if shared < (FEWEST_SHORT if len(terms) <= SHORT else FEWEST) and not _only_asked(terms, asked):
            return Support(whole, span)
    if part is not None and _negations(statement) != _negations(part):
        return Support(whole, span)
    return Support(None, span)


def says_nothing(words: str) -> bool:
    """Whether they only name a source, as in `According to` or `See also`."""
    return not any(unit.text not in _STOP for unit in units(_ATTRIBUTION.sub(" ", _LIST_MARK.sub("", words))))


def _has_number(number: str, known: Set[str]) -> bool:
    spelled = {number, _WORD_NUMBERS.get(number, number), _HAN_NUMBERS.get(number, number)}
    return bool(spelled & known)


def _names(statement: str, said: Sequence[Unit], *, first_too: bool) -> list[str]:
    """Words with a capital; those that a sentence begins with only where it can be told that they are names."""
    names = []
    for unit in said:
        before = statement[: unit.start].rstrip(" \"'“‘(*[_-")
        first = not before or before[-1] in ".!?:。！？：\n"
        if (
            statement[unit.start].isupper()
            and unit.text not in _STOP
            and len(unit.text) > 1
            and (first_too or not first)
        ):
            names.append(unit.text)
    return names


def _terms(sentence: Sequence[Unit], *, numbers: bool = False) -> list[_Term]:
    terms = []
    for i, unit in enumerate(sentence):
        if not _HAN.match(unit.text):
            is_word = unit.text not in _STOP and unit.text not in _NEGATION_WORDS and unit.text[-1].isalpha()
            if is_word or (numbers and unit.text[-1].isdigit()):
                terms.append(_Term(unit.text[:6], unit.start, unit.end))
        elif i + 1 < len(sentence) and _HAN.match(sentence[i + 1].text):
            pair = unit.text + sentence[i + 1].text
            if not _HAN_NEGATION.search(pair):
                terms.append(_Term(pair, unit.start, sentence[i + 1].end))
    return terms


def _same_script(terms: Sequence[_Term], held: set[str]) -> bool:
    han = [sum(bool(_HAN.match(t)) for t in texts) / len(texts) > 0.5 for texts in ([t.text for t in terms], held)]
    return han[0] == han[1]


def _only_asked(terms: Sequence[_Term], asked: str) -> bool:
    """Whether all its words are the question's: then the words that matter are its numbers and names."""
    return all(term.text in _known(asked)[1] for term in terms)


def _nearest(words: set[str], source: str) -> tuple[tuple[int, int], str | None]:
    """The sentence of the source that shares most with the statement; and, when the statement is nearly in it, the
    shortest part of it that holds all that they share."""
    best, span, part = 0.0, (0, len(source)), None
    for place, sentence, held in _sentences(source):
        shared = words & {term.text for term in held}
        if not shared or (score := len(shared) / (len(words) + 0.01 * len(held))) <= best:
            continue
        stripped = sentence.strip()
        start = place + sentence.index(stripped)
        best, span = score, (start, start + len(stripped))
        nearly = len(shared) / len(words) >= NEARLY if len(words) >= LEAST else 1 < len(words) == len(shared)
        part = _shortest_part(sentence, held, shared) if nearly else None
    return span, part


@lru_cache(maxsize=64)  # a source is compared with each statement that cites it
def _sentences(source: str) -> tuple[tuple[int, str, tuple[_Term, ...]], ...]:
    """The sentences of a text: where each begins, its text and its terms."""
    return tuple(
        (match.start(), match[0], tuple(_terms(list(units(match[0])), numbers=True)))
        for match in _SENTENCE.finditer(source)
        if match[0]
    )


@lru_cache(maxsize=64)
def _known(text: str) -> tuple[frozenset[str], frozenset[str]]:
    """The units of a text, and its terms."""
    found = list(units(text))
    return frozenset(unit.text for unit in found), frozenset(term.text for term in _terms(found))


def _shortest_part(sentence: str, held: Sequence[_Term], shared: set[str]) -> str:
    """From the word before the first of `shared` to the last of them."""
    counts: Counter[str] = Counter()
    first, best = 0, (0, len(sentence))
    for term in held:
        counts[term.text] += term.text in shared
        while counts.keys() and len([t for t in shared if counts[t]]) == len(shared):
            if term.end - held[first].start < best[1] - best[0]:
                best = held[first].start, term.end
            counts[held[first].text] -= held[first].text in shared
            first += 1
    before = re.search(rf"(?:[{CHINESE}]|[^\W{CHINESE}]+)\W*$", sentence[: best[0]])  # where a negation would stand
    return sentence[before.start() if before else best[0] : best[1]]


def _negations(sentence: str) -> int:
    words = [unit.text for unit in units(sentence)]
    return (
        sum(word in _NEGATION_WORDS for word in words)
        + len(_CONTRACTED.findall(sentence))
        + len(_HAN_NEGATION.findall(_NO_NEGATION.sub("", sentence)))
    )
