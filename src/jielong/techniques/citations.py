"""The citations of a reply, checked against the sources that were given.

A citation is a number in brackets that refers to one of the sources: not an index in code, no number that a source
brings along (`see [8]`), none above the number of sources. A quotation beside it must stand in that source, whatever
its quotation marks, spaces, hyphens and width; words that quote nothing must bring no number and no name that the
source lacks, and no negation into what is otherwise its sentence. What is wrong is a `Problem` and no source.

The check is of words and not of meaning: a false paraphrase in a source's own words passes it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from ..answers.quotation import CHINESE, SearchedText
from ..contract import Source
from ..documents.document import Chunk
from .statement_support import unsupported

Kind: TypeAlias = Literal["not_in_sources", "in_another_source", "no_such_source", "unsupported"]
MOST_NUMBERS = 20  # of one marker

_CODE = re.compile(r"(?:```|~~~).*?(?:```|~~~|\Z)|`[^`\n]+`|<(code|pre)>.*?</\1>|^(?: {4}|\t)\S[^\n]*", re.S | re.M)
_MARKER = re.compile(
    r"[\[［【〔]\s*\^?(?:(?:sources?|src|documents?|docs?|refs?|来源|资料|文档|文献|出处|参考)\s*[:：#]?\s*)?"
    r"(?P<numbers>\d{1,3}(?:\s*(?:[,，、;；]|-|–|—|and|和)\s*\d{1,3})*)\s*(?:†[^\]】]{0,80})?[\]］】〕]",
    re.I,
)
_RANGE = re.compile(r"(\d+)\s*(?:-|–|—)\s*(\d+)")
_PAIRS = {"“": "”", "„": "“”", "«": "»", "「": "」", "『": "』", "‘": "’", '"': '"', "＂": "＂", "'": "'", "‹": "›"}
_SINGLE, _SAME = ("‘", "'"), ('"', "'", "‘", "＂")
_LETTER = re.compile(rf"[^\W{CHINESE}]")
LONGEST_QUOTATION = 4_000  # characters
_WORDS = re.compile(rf"[{CHINESE}]|[^\W{CHINESE}]+")
_VARIABLE = re.compile(
    r"_|\d|\w\.\w|[a-z][A-Z]|^(?:\w|arr|array|list|nums?|args?|argv|data|dp|str|lst|vec|tuple|dict|buf|matrix|row|col|idx)s?$"
)
_OPERATOR_BEFORE = re.compile(r"(?:[=+*/<>\[{]|\w\()\s*$")
_OPERATOR_BEHIND = re.compile(r"\s*(?:[=+*/<>]|-=)\s*[\w\[]|\.[a-z_]\w*\s*[(\[=]")
_BLOCK = re.compile(r"^>[^\n]*(?:\n>[^\n]*)*", re.M)
_ABBREVIATION = re.compile(
    r"(?:\b(?:[A-Za-z]|Dr|Mr|Mrs|Ms|Prof|St|No|Nos|Fig|vol|pp?|ca|cf|vs|etc|e\.g|i\.e|approx|Jr|Sr|Inc|Ltd))\.$"
)
_END = re.compile(r"[。！？!?]+[”’」』\"')）*_]*|\.+[”’\"')*_]*(?=\s|$|[\[［【〔])|\n")


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong at one place of the reply, and the words that it is about."""

    kind: Kind
    start: int
    end: int
    words: str
    number: int | None = None


@dataclass(frozen=True, slots=True)
class CheckedCitations:
    sources: tuple[Source, ...]
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class _Marker:
    start: int
    end: int
    numbers: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Quotation:
    start: int  # of its opening mark
    end: int
    text: str


def check_citations(reply_text: str, chunks: Sequence[Chunk], conversation: str = "") -> CheckedCitations:
    """`chunks` are the sources, numbered from 1. What stands in `conversation`, as in the question, needs no source: it
    may be quoted and named."""
    code = [match.span() for match in _CODE.finditer(reply_text)]
    markers = [m for m in _markers(reply_text, chunks) if not _inside(m.start, code)]
    quotations = [q for q in _quotations(reply_text) if not _inside(q.start, code)]
    checked = _Check(reply_text, chunks, conversation)
    for start, end in _statements(reply_text, quotations, markers):
        checked.statement(
            start,
            end,
            [m for m in markers if start <= m.start < end],
            [q for q in quotations if start <= q.start < end],
        )
    return checked.result()


def given_numbers(reply_text: str, chunks: Sequence[Chunk]) -> tuple[int, ...]:
    """The numbers of the sources that a reply refers to, right or wrong, in order."""
    code = [match.span() for match in _CODE.finditer(reply_text)]
    markers = [m for m in _markers(reply_text, chunks) if not _inside(m.start, code)]
    return tuple(sorted({n for marker in markers for n in marker.numbers if 1 <= n <= len(chunks)}))


class _Check:
    """Statement by statement, what they rest on and what is wrong with them."""

    def __init__(self, text: str, chunks: Sequence[Chunk], conversation: str) -> None:
        self.text, self.chunks, self.conversation = text, chunks, conversation
        self.texts, self.asked = [SearchedText(chunk.text) for chunk in chunks], SearchedText(conversation)
        self.found: dict[tuple[int, int, int], list[tuple[int, int]]] = {}
        self.problems: list[Problem] = []

    def result(self) -> CheckedCitations:
        sources = [cited_source(self.chunks[n - 1], n, start, end, at) for (n, start, end), at in self.found.items()]
        return CheckedCitations(tuple(sources), tuple(sorted(self.problems, key=lambda problem: problem.start)))

    def statement(self, start: int, end: int, markers: list[_Marker], quotations: list[_Quotation]) -> None:
        for marker in markers:
            for n in [n for n in marker.numbers if not 1 <= n <= len(self.chunks)]:
                self._problem("no_such_source", marker.start, marker.end, self.text[marker.start : marker.end], n)
        markers = [replace(m, numbers=tuple(n for n in m.numbers if 1 <= n <= len(self.chunks))) for m in markers]
        markers = [marker for marker in markers if marker.numbers]
        open_markers = {marker.start: marker for marker in markers}
        for i, quotation in enumerate(quotations):
            own = self._own(quotation, markers, quotations[i + 1].start if i + 1 < len(quotations) else end)
            if self._quotation(quotation, own):
                for marker in own:
                    open_markers.pop(marker.start, None)
        begins = start
        for marker in markers:
            if marker.start in open_markers:
                words = _without(self.text[begins : marker.start], begins, markers)
                rest = self.text[marker.end : end] if len(words.split()) < 2 and len(markers) == 1 else ""
                self._cited_words(marker, f"{words} {_without(rest, marker.end, markers)}", markers, begins)
                if not _touches(self.text, marker, markers):
                    begins = marker.end
            else:
                begins = marker.end

    def _own(self, quotation: _Quotation, markers: Sequence[_Marker], until: int) -> list[_Marker]:
        """The citations of a quotation: the first ones behind it, else the one before it."""
        behind = [marker for marker in markers if quotation.end <= marker.start < until]
        own = behind[:1]
        for marker in behind[1:]:
            if not _adjacent(self.text, own[-1], marker):
                break
            own.append(marker)
        return own or [marker for marker in markers if marker.end <= quotation.start][-1:]

    def _quotation(self, quotation: _Quotation, markers: list[_Marker]) -> bool:
        """Whether it was judged to be one: short words in quotation marks without a source are terms and titles."""
        words = len(_WORDS.findall(quotation.text))
        enough = words >= (6 if re.search(f"[{CHINESE}]", quotation.text) else 4)
        asked = self.asked.find(quotation.text) is not None
        held = {n: span for n, text in enumerate(self.texts, 1) if (span := text.find(quotation.text))}
        numbers = [n for marker in markers for n in marker.numbers]
        if not words or (not markers and (not enough or asked)) or (asked and not held):
            return False
        right = [n for n in numbers if n in held] if numbers else list(held)[:1]
        for n in right:
            places = [(m.start, m.end) for m in markers if n in m.numbers] or [(quotation.start, quotation.end)]
            self.found.setdefault((n, *held[n]), []).extend(places)
        if not right:
            kind: Kind = "in_another_source" if held else "not_in_sources"
            self._problem(kind, quotation.start, quotation.end, quotation.text, numbers[0] if numbers else None)
        return True

    def _cited_words(self, marker: _Marker, words: str, markers: list[_Marker], begins: int) -> None:
        beside = [m for m in markers if m.start >= begins and (m is marker or _adjacent(self.text, m, marker))]
        numbers = sorted({n for m in beside for n in m.numbers})
        for n in marker.numbers:
            verdict = unsupported(
                words, self.chunks[n - 1].text, [self.chunks[i - 1].text for i in numbers], self.conversation
            )
            if verdict.words is None:
                self.found.setdefault((n, *verdict.span), []).append((marker.start, marker.end))
            else:
                self._problem("unsupported", marker.start, marker.end, verdict.words, n)

    def _problem(self, kind: Kind, start: int, end: int, words: str, number: int | None) -> None:
        self.problems.append(Problem(kind, start, end, " ".join(words.split()), number))


def cited_source(chunk: Chunk, number: int, start: int, end: int, at: Sequence[tuple[int, int]]) -> Source:
    """The characters from `start` to `end` of source `number`, cited at these places of the reply."""
    return Source(
        chunk.document, chunk.start + start, chunk.start + end, chunk.text[start:end], chunk.page, chunk.line, number,
        tuple(sorted(set(at))),
    )  # fmt: skip


def _markers(text: str, chunks: Sequence[Chunk]) -> Iterator[_Marker]:
    for match in _MARKER.finditer(text):
        if _is_index(text, match, chunks) or _is_carried_over(text, match, chunks):
            continue
        listed = match["numbers"]
        ranges = [(int(a), int(b)) for a, b in _RANGE.findall(listed)]
        numbers = [n for a, b in ranges if a <= b for n in range(a, min(b, a + MOST_NUMBERS) + 1)]
        numbers += [int(n) for n in re.findall(r"\d+", _RANGE.sub(" ", listed))]
        if 0 not in numbers:
            yield _Marker(match.start(), match.end(), tuple(dict.fromkeys(numbers))[:MOST_NUMBERS])


def _is_index(text: str, match: re.Match[str], chunks: Sequence[Chunk]) -> bool:
    """Whether it stands in a formula or a piece of code that nobody marked as such."""
    before, after = text[max(0, match.start() - 40) : match.start()], text[match.end() : match.end() + 12]
    attached = re.search(r"[A-Za-z_][\w.]*$", before)
    if attached and (_VARIABLE.search(attached[0]) or any(f"{attached[0]}[" in chunk.text for chunk in chunks)):
        return True
    return bool(_OPERATOR_BEFORE.search(before) or _OPERATOR_BEHIND.match(after))


def _is_carried_over(text: str, match: re.Match[str], chunks: Sequence[Chunk]) -> bool:
    """Whether it is a copy of what another source than the one of this number has behind the same word."""
    before = re.search(r"([^\W_]+)\W{0,3}$", text[max(0, match.start() - 40) : match.start()])
    numbers = re.findall(r"\d+", match["numbers"])
    if not before or int(numbers[0]) > len(chunks):
        return False
    inner = r"\s*[,，、-]\s*".join(numbers)
    copied = re.compile(rf"(?<!\w){re.escape(before[1])}\W{{0,3}}[\[［【〔]\s*{inner}\s*[\]］】〕]", re.I)
    cited = chunks[int(numbers[0]) - 1]
    if before[1].casefold() in cited.text.casefold():
        return False
    return any(copied.search(chunk.text) for chunk in chunks if chunk is not cited)


def _quotations(text: str) -> Iterator[_Quotation]:
    """The outermost ones: from an opening mark to what closes it in the same paragraph; block quotes, too."""
    position = 0
    blocks = [(m.start(), m.end()) for m in _BLOCK.finditer(text)]
    for start, end in blocks:
        body = _MARKER.sub(" ", re.sub(r"^>\s?", "", text[start:end], flags=re.M))
        yield _Quotation(start, min(end, start + len(text[start:end].rstrip())), body)
    while position < len(text):
        closes = None if _inside(position, blocks) else _closing(text, position)
        if closes is not None:
            yield _Quotation(position, closes + 1, text[position + 1 : closes])
        position = 1 + (position if closes is None else closes)


def _closing(text: str, at: int) -> int | None:
    """Where the quotation ends that begins `at`; None where none begins or ends."""
    mark, depth = text[at], 0
    closes = _PAIRS.get(mark)
    if closes is None or (mark in _SAME and at and _LETTER.match(text[at - 1])):
        return None
    for i in range(at + 1, min(len(text), at + LONGEST_QUOTATION)):
        if text.startswith("\n\n", i):
            return None
        if mark not in closes and text[i] == mark:
            depth += 1
        elif text[i] in closes and not (mark in _SINGLE and _LETTER.match(text[i + 1 : i + 2])):  # an apostrophe
            if depth == 0:
                return i
            depth -= 1
    return None


def _statements(text: str, quotations: Sequence[_Quotation], markers: Sequence[_Marker]) -> Iterator[tuple[int, int]]:
    """The sentences and lines of a reply, each with the citations behind its full stop; quotations are not divided."""
    begins = 0
    spans = [(q.start, q.end) for q in quotations]
    for match in _END.finditer(text):
        end = match.end()
        if end <= begins or any(start < match.start() and end < stop for start, stop in spans):
            continue
        if match[0].startswith(".") and _ABBREVIATION.search(text[begins : match.start() + 1]):
            continue
        while match[0] != "\n" and (follows := next((m for m in markers if m.start >= end), None)):
            if text[end : follows.start].strip(" ") or _begins_sentence(text, follows):
                break
            end = follows.end
        yield begins, end
        begins = end
    if begins < len(text):
        yield begins, len(text)


def _begins_sentence(text: str, marker: _Marker) -> bool:
    """Whether the words go on behind it as in `[2] says so`, and not as in `… so. [2] The next one`."""
    return bool(re.match(r"\s+[a-z]|\s*[：:]", text[marker.end : marker.end + 3]))


def _without(text: str, offset: int, markers: Sequence[_Marker]) -> str:
    for marker in markers:
        if marker.start >= offset and marker.end <= offset + len(text):
            inner = slice(marker.start - offset, marker.end - offset)
            text = text[: inner.start] + " " * (inner.stop - inner.start) + text[inner.stop :]
    return text


def _adjacent(text: str, a: _Marker, b: _Marker) -> bool:
    first, second = sorted((a, b), key=lambda marker: marker.start)
    return not text[first.end : second.start].strip(" ,;、，")


def _touches(text: str, marker: _Marker, markers: Sequence[_Marker]) -> bool:
    return any(m.start >= marker.end and _adjacent(text, marker, m) for m in markers)


def _inside(position: int, spans: Sequence[tuple[int, int]]) -> bool:
    return any(start <= position < end for start, end in spans)
