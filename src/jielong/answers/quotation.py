"""Whether a quotation stands in a text, whatever its quotation marks, spaces, hyphens, case and width.

Both are read as units: words, numbers with their sign, single Chinese characters, and the signs that change what is
said (%, <, =). Everything else is left out, so that line breaks, markup and typographic habits make no difference, and
the units must match one after another. Only whole units match: `5 m` is not in `15 m`, nor `able` in `unable`.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass

CHINESE = "\u3040-\u30ff\u3400-\u9fff\U00020000-\U0003ffff"  # what is written without spaces, Japanese included
_UNIT = re.compile(
    rf"(?:(?<![\w.,)])[-\u2212])?(?:\d{{1,3}}(?: \d{{3}})+(?!\d)|\d+)(?:[.,:/]\d+)*|[{CHINESE}]|[^\W\d_{CHINESE}]+"
    r"|[%\u2030\xb0$€£¥+=<>\xd7\xf7&@#±≤≥≠]"
)
_THOUSANDS = re.compile(r"[, ](?=\d{3}(?!\d))")
_UNSEEN = re.compile("[\u00ad\u200b-\u200f\u2060-\u2064\ufeff\ufe00-\ufe0f]")
_CLUSTER = re.compile("[\\s\\S][\u0300-\u036f\u1ab0-\u1aff\u20d0-\u20ff\u3099\u309a\ufe20-\ufe2f]*")
_FOOTNOTE = re.compile(r"[\[［【]\s*\d{1,3}(?:\s*[,，、-]\s*\d{1,3})*\s*[\]］】]")
_LEFT_OUT = re.compile(r"\.{3,}|…+|[\[［][^\[\]［］]{0,80}[\]］]")  # an ellipsis, or words that the quoter put in
FARTHEST = 1_000  # characters between two parts of one quotation


@dataclass(frozen=True, slots=True)
class Unit:
    text: str  # case and width folded
    start: int
    end: int


def units(text: str) -> Iterator[Unit]:
    """The units of a text, with where each stands in it; numbers of footnotes, as in `[8]`, are none."""
    text = _FOOTNOTE.sub(lambda match: " " * len(match[0]), text)
    folded, places = text.replace("\n", " "), None
    if not unicodedata.is_normalized("NFKC", text) or _UNSEEN.search(text):
        pieces = [
            (unicodedata.normalize("NFKC", _UNSEEN.sub("", m[0])), m.start(), m.end()) for m in _CLUSTER.finditer(text)
        ]
        folded = "".join(piece for piece, _, _ in pieces)
        places = [(start, end) for piece, start, end in pieces for _ in piece]
    for match in _UNIT.finditer(folded):
        word = _THOUSANDS.sub("", match[0]).replace("\u2212", "-").casefold()
        start, end = match.span()
        yield Unit(word, *((start, end) if places is None else (places[start][0], places[end - 1][1])))


class SearchedText:
    """A text in which quotations are looked for."""

    def __init__(self, text: str) -> None:
        self.units = tuple(units(text))
        self.joined = "".join(unit.text for unit in self.units)
        self._begins: list[int] = []
        length = 0
        for unit in self.units:
            self._begins.append(length)
            length += len(unit.text)

    def find(self, quotation: str) -> tuple[int, int] | None:
        """Where it stands, as the start and end in the text; None where it does not. Parts that an ellipsis or square
        brackets separate have to follow one another. A quotation without a unit is nowhere."""
        whole = "".join(unit.text for unit in units(quotation))
        if whole and (span := self._next(whole, 0)) is not None:
            return self.units[span[0]].start, self.units[span[1] - 1].end
        parts = ["".join(unit.text for unit in units(part)) for part in _LEFT_OUT.split(_FOOTNOTE.sub(" ", quotation))]
        parts = [part for part in parts if part]
        position = 0
        while parts and (span := self._next(parts[0], position)) is not None:
            if (end := self._follows(parts[1:], span[1])) is not None:
                return self.units[span[0]].start, self.units[end - 1].end
            position = self._begins[span[0]] + 1
        return None

    def _follows(self, parts: list[str], first: int) -> int | None:
        """The unit behind the last of these parts, all of which are near one another behind the unit `first`."""
        for part in parts:
            before = self.units[first - 1].end
            span = self._next(part, self._begins[first]) if first < len(self.units) else None
            if span is None or self.units[span[0]].start - before > FARTHEST:
                return None
            first = span[1]
        return first

    def _next(self, part: str, position: int) -> tuple[int, int] | None:
        """The first and the last unit + 1 of its next occurrence that begins and ends with whole units."""
        while (position := self.joined.find(part, position)) >= 0:
            first = bisect_left(self._begins, position)
            last = bisect_left(self._begins, position + len(part))
            begins = first < len(self._begins) and self._begins[first] == position
            if begins and (last == len(self._begins) or self._begins[last] == position + len(part)):
                return first, last
            position += 1
        return None
