"""What a reply says, statement by statement: its quotations, and the numbers in brackets by which it cites.

A number in brackets is a citation unless it is an index (`arr[0]`), stands in code, or is copied from a source that has
it behind the same word (`see [8]`). A statement is a sentence or a line, with the citations behind its full stop; a
quotation takes in the attribution that follows it, or the words before its colon.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from ..answers.quotation import CHINESE
from ..documents.document import Chunk

MOST_NUMBERS = 20  # of one citation
MOST_CHECKED = 300  # citations of a reply, and quotations: what comes after them is neither right nor wrong
LONGEST_QUOTATION = 4_000  # characters
DEEPEST = 5  # quotations within quotations
ATTRIBUTION = 6, 10  # the most words, and Chinese characters, of one

_CODE = re.compile(
    r"(?:```|~~~).*?(?:```|~~~|\Z)|`[^`\n]+`|<(code|pre)>.*?(?:</\1>|\Z)|^(?: {4}|\t)\S[^\n]*", re.S | re.M
)
_MARKER = re.compile(
    r"[\[［【〔]\s*\^?(?:(?:sources?|src|documents?|docs?|refs?|来源|资料|文档|文献|出处|参考)\s*[:：#]?\s*)?"
    r"(?P<numbers>\d{1,3}(?:\s*(?:[,，、;；]|-|–|—|and|和)\s*\d{1,3})*)\s*(?:†[^\]】]{0,80})?[\]］】〕]",
    re.I,
)
_RANGE = re.compile(r"(\d+)\s*(?:-|–|—)\s*(\d+)")
_PAIRS = {"“": "”", "„": "“”", "«": "»", "「": "」", "『": "』", "‘": "’", '"': '"', "＂": "＂", "'": "'", "‹": "›"}
_SINGLE, _SAME = ("‘", "'"), ('"', "'", "‘", "＂")
_LETTER = re.compile(rf"[^\W{CHINESE}]")
_VARIABLE = re.compile(
    r"_|\d|\w\.\w|[a-z][A-Z]|^(?:\w|arr|array|list|nums?|args?|argv|data|dp|str|lst|vec|tuple|dict|buf|matrix|row|col|idx)s?$"
)
_OPERATOR_BEFORE = re.compile(r"(?:[=+/<\[{]|(?<=\s)[*>]|\w\()\s*$")
_OPERATOR_BEHIND = re.compile(r"\s*(?:[=+*/<>]|-=)\s*[\w\[]|\.[a-z_]\w*")
_BLOCK = re.compile(r"^>[^\n]*(?:\n>[^\n]*)*", re.M)
_ABBREVIATION = re.compile(
    r"(?:\b(?:[A-Za-z]|Dr|Mr|Mrs|Ms|Prof|St|No|Nos|Fig|vol|pp?|ca|cf|vs|etc|e\.g|i\.e|approx|Jr|Sr|Inc|Ltd))\.$"
)
_END = re.compile(r"[。！？!?]+[”’」』\"')）*_]*|(?<!\.)\.++[”’\"')*_]*+(?=\s|$|[\[［【〔])|\n")
_BEGINS = re.compile(r"\s+[a-z]|\s*[：:]")  # as in `[2] says so`, not in `… so. [2] The next one`


@dataclass(frozen=True, slots=True)
class Marker:
    """A citation, and the sources that it refers to; there may be none of such a number."""

    start: int
    end: int
    numbers: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Quotation:
    """`start` and `end` are those of its marks, `text` is what stands between them."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Statement:
    start: int
    end: int
    markers: tuple[Marker, ...] = ()
    quotations: tuple[Quotation, ...] = ()


def read_statements(text: str, chunks: Sequence[Chunk]) -> list[Statement]:
    code = [match.span() for match in _CODE.finditer(text)]
    markers = list(islice((m for m in _markers(text, chunks) if not _inside(m.start, code)), MOST_CHECKED))
    quotations = list(islice((q for q in _quotations(text) if not _inside(q.start, code)), MOST_CHECKED))
    joined: list[Statement] = []
    for start, end in _sentences(text, quotations, markers):
        statement = Statement(
            start,
            end,
            tuple(marker for marker in markers if start <= marker.start < end),
            tuple(quotation for quotation in quotations if start <= quotation.start < end),
        )
        if joined and _belong_together(text, joined[-1], statement):
            last = joined.pop()
            statement = Statement(
                last.start, end, last.markers + statement.markers, last.quotations + statement.quotations
            )
        if text[statement.start : statement.end].strip():
            joined.append(statement)
    return joined


def without_markers(text: str, start: int, end: int, markers: Sequence[Marker]) -> str:
    """This stretch of the text, its citations left out."""
    pieces = []
    for marker in markers:
        if start <= marker.start < end:
            pieces.append(text[start : marker.start])
            start = marker.end
    return " ".join([*pieces, text[start:end]])


def adjacent(text: str, a: Marker, b: Marker) -> bool:
    """Whether nothing stands between them, as in `[1], [2]`."""
    first, second = sorted((a, b), key=lambda marker: marker.start)
    return not text[first.end : second.start].strip(" ,;、，")


def _belong_together(text: str, one: Statement, other: Statement) -> bool:
    """Whether the citation of a quotation stands in the sentence behind it, or in the one that announces it."""
    if one.quotations and not one.markers and other.markers and not other.quotations:
        words = without_markers(text, other.start, other.end, other.markers)
        most_words, most_han = ATTRIBUTION
        return len(re.findall(r"[^\W\d_]+", words)) <= most_words and len(re.findall(f"[{CHINESE}]", words)) <= most_han
    announces = text[one.start : one.end].rstrip().endswith((":", "：")) and not one.quotations
    return announces and bool(one.markers and other.quotations and not other.markers)


def _markers(text: str, chunks: Sequence[Chunk]) -> Iterator[Marker]:
    index_end = -1
    for match in _MARKER.finditer(text):
        if match.start() == index_end or _is_index(text, match, chunks):
            index_end = match.end()
            continue
        if _is_carried_over(text, match, chunks):
            continue
        listed = match["numbers"]
        ranges = [(int(a), int(b)) for a, b in _RANGE.findall(listed)]
        numbers = [n for a, b in ranges if a <= b for n in range(a, min(b, a + MOST_NUMBERS) + 1)]
        numbers += [int(n) for n in re.findall(r"\d+", _RANGE.sub(" ", listed))]
        if 0 not in numbers:
            yield Marker(match.start(), match.end(), tuple(dict.fromkeys(numbers))[:MOST_NUMBERS])


def _is_index(text: str, match: re.Match[str], chunks: Sequence[Chunk]) -> bool:
    """Whether it stands in a formula or a piece of code that nobody marked as such."""
    before, after = text[max(0, match.start() - 40) : match.start()], text[match.end() : match.end() + 12]
    attached = re.search(r"[A-Za-z_](?:[\w.]*\w)?$", before)
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
    if re.search(rf"(?<!\w){re.escape(before[1])}(?!\w)", cited.text, re.I):
        return False
    return any(copied.search(chunk.text) for chunk in chunks if chunk is not cited)


def _quotations(text: str) -> Iterator[Quotation]:
    """The outermost ones: from an opening mark to what closes it in the same paragraph; block quotes, too."""
    position = 0
    blocks = [(m.start(), m.end()) for m in _BLOCK.finditer(text)]
    for start, end in blocks:
        body = _MARKER.sub(" ", re.sub(r"^>\s?", "", text[start:end], flags=re.M))
        yield Quotation(start, min(end, start + len(text[start:end].rstrip())), body)
    while position < len(text):
        closes = None if _inside(position, blocks) else _closing(text, position)
        if closes is not None:
            yield Quotation(position, closes + 1, text[position + 1 : closes])
        position = 1 + (position if closes is None else closes)


def _closing(text: str, at: int) -> int | None:
    """Where the quotation ends that begins `at`; None where none begins or ends."""
    mark, depth = text[at], 0
    closes = _PAIRS.get(mark)
    if closes is None or (mark in _SAME and at and _LETTER.match(text[at - 1])):
        return None
    if not any(text.find(end, at + 1, at + LONGEST_QUOTATION) > 0 for end in closes):
        return None
    for i in range(at + 1, min(len(text), at + LONGEST_QUOTATION)):
        if text.startswith("\n\n", i):
            return None
        if mark not in closes and text[i] == mark:
            depth += 1
            if depth > DEEPEST:
                return None
        elif text[i] in closes and not (mark in _SINGLE and _LETTER.match(text[i + 1 : i + 2])):  # an apostrophe
            if depth == 0:
                return i
            depth -= 1
    return None


def _sentences(text: str, quotations: Sequence[Quotation], markers: Sequence[Marker]) -> Iterator[tuple[int, int]]:
    begins = 0
    for match in _END.finditer(text):
        end = match.end()
        if end <= begins or any(q.start < match.start() and end < q.end for q in quotations):
            continue
        if match[0].startswith(".") and _ABBREVIATION.search(text[begins : match.start() + 1]):
            continue
        while match[0] != "\n" and (follows := next((m for m in markers if m.start >= end), None)):
            if text[end : follows.start].strip(" ") or _BEGINS.match(text[follows.end : follows.end + 3]):
                break
            end = follows.end
        yield begins, end
        begins = end
    if begins < len(text):
        yield begins, len(text)


def _inside(position: int, spans: Sequence[tuple[int, int]]) -> bool:
    return any(start <= position < end for start, end in spans)
