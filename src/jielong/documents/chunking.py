"""A document in chunks: cut at its natural borders, none longer than a limit of tokens, and nothing of it lost.

A chunk goes on as far as the limit lets it and ends at the strongest border in reach: of a section, a block (a
paragraph, a row of a table), a line or sentence, a clause, a word, and only then inside a word. It never goes on into
another page, nor out of the section that it began in. What counts against the limit is what is embedded, the text below
its headings, by the tokens of whoever embeds it, so that no embedder cuts a chunk in silence.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable

from ..errors import BadInput
from .document import Block, Chunk, Document
from .language import language_of

_QUOTES = "\"'”’」』）)\\]】》"
_SENTENCE_END = re.compile(
    rf"[。！？｡!?…][。！？｡!?…{_QUOTES}]*(?![。！？｡!?…{_QUOTES}])|(?<![A-Z])(?<!\b[A-Za-z])\.[{_QUOTES}]*(?=\s)"
)
_PARAGRAPH_END = re.compile(r"(?<=[。！？.!?…：:”’」])\n")
_LINE_END = re.compile(r"\n")
_GAP = re.compile(r"\n[ \t\r]*\n")
_CLAUSE_END = re.compile(r"[，、；：,;:|](?![\d])")
_SPACE = re.compile(r"\s")
_SMALL = 0.25  # of the limit: a chunk below that goes on into the next section beneath its own


def chunk(document: Document, most_tokens: int, count_tokens: Callable[[str], int]) -> tuple[Chunk, ...]:
    """`count_tokens(chunk.in_context) <= most_tokens` holds for each. Raises BadInput where a single character is
    longer than that."""
    return tuple(_Chunker(document, most_tokens, count_tokens).chunks())


class _Chunker:
    def __init__(self, document: Document, most_tokens: int, count_tokens: Callable[[str], int]) -> None:
        self._document, self._text, self._blocks = document, document.text, document.blocks
        self._most, self._count = most_tokens, count_tokens
        self._starts = [block.start for block in self._blocks]
        self._pages = [b.start for a, b in zip(self._blocks, self._blocks[1:], strict=False) if a.page != b.page]
        self._width = 2.0 * most_tokens  # characters that a chunk has had so far

    def chunks(self) -> Iterable[Chunk]:
        start = self._next(0)
        while start < len(self._text):
            block = self._block_at(start)
            headings = self._headings(block.headings)
            end, headings = self._end(start, headings)
            yield self._chunk(start, end, block, headings)
            start = self._next(end)

    def _next(self, place: int) -> int:
        """The first character from there on that is no space."""
        match = re.compile(r"\S").search(self._text, place)
        return match.start() if match else len(self._text)

    def _block_at(self, place: int) -> Block:
        index = bisect_right(self._starts, place) - 1
        return self._blocks[index] if index >= 0 else Block(0, len(self._text))

    def _chunk(self, start: int, end: int, block: Block, headings: tuple[str, ...]) -> Chunk:
        text = self._text[start:end]
        line = None if block.line is None else block.line + self._text.count("\n", block.start, start)
        language = language_of(text) or self._document.language
        return Chunk(self._document.name, start, end, text, block.page, line, headings, language)

    def _headings(self, headings: tuple[str, ...]) -> tuple[str, ...]:
        """The innermost of them that leave half of the limit to the text; one that is longer alone is cut."""
        while headings and self._count("\n".join(headings)) > self._most // 2:
            if len(headings) == 1:
                cut = headings[0][: len(headings[0]) // 2].rstrip()
                headings = (cut,) if cut else ()
            else:
                headings = headings[1:]
        return headings

    def _end(self, start: int, headings: tuple[str, ...]) -> tuple[int, tuple[str, ...]]:
        """Where the chunk ends that begins at `start`, and under which headings it still fits."""
        stop = self._stop(start)
        longest = self._longest(start, stop, headings)
        while longest > start:
            end = self._border(start, longest, stop, headings)
            end = start + len(self._text[start:end].rstrip())
            if self._fits(start, end, headings):
                return end, headings
            longest = end - 1  # a cut can make a token into several
        if not headings:
            raise BadInput(
                f"{self._document.name}: {self._text[start]!r} alone has more than {self._most} tokens;"
                " expected a higher limit for chunks"
            )
        return self._end(start, ())

    def _fits(self, start: int, end: int, headings: tuple[str, ...]) -> bool:
        return self._count("\n".join((*headings, self._text[start:end]))) <= self._most

    def _stop(self, start: int) -> int:
        """Where the page ends, or the text."""
        index = bisect_right(self._pages, start)
        return self._pages[index] if index < len(self._pages) else len(self._text)

    def _longest(self, start: int, stop: int, headings: tuple[str, ...]) -> int:
        """About the farthest place that the limit lets it reach; `start` where nothing fits."""
        low, high, step = start, stop + 1, max(1, int(self._width))
        while high - low > max(1, (low - start) // 32):
            middle = min(low + step, stop) if high > stop else (low + high) // 2
            if self._fits(start, middle, headings):
                low = middle
                if high > stop:
                    step = max(1, (low - start) // 4)
            else:
                high = middle
        if low < stop:
            self._width = max(1.0, 0.95 * (low - start))
        return low

    def _border(self, start: int, longest: int, stop: int, headings: tuple[str, ...]) -> int:
        section = self._section_end(start, longest, headings)
        if section is not None:
            return section
        if longest == stop:
            return stop
        width = longest - start
        first, last = bisect_right(self._starts, start + width // 4), bisect_right(self._starts, longest)
        if first < last:
            return self._starts[last - 1]
        kind = self._block_at(longest - 1).kind
        by_lines = (_GAP, _LINE_END) if kind in ("code", "list") else (_PARAGRAPH_END, _SENTENCE_END, _LINE_END)
        for pattern, least in (*((each, width // 2) for each in by_lines), (_CLAUSE_END, width // 2), (_SPACE, 0)):
            ends = [match.end() for match in pattern.finditer(self._text, start + least, longest)]
            if ends:
                return ends[-1]
        return longest

    def _section_end(self, start: int, longest: int, headings: tuple[str, ...]) -> int | None:
        """Where a section ends that the chunk should not go beyond: the one it began in, and, as soon as the chunk is
        of some size, each within it."""
        own = self._block_at(start).headings
        index = bisect_right(self._starts, start)
        for block in self._blocks[index : bisect_left(self._starts, longest, index)]:
            if block.headings[: len(own)] != own:
                return block.start
            if block.kind == "heading" and self._count(self._text[start : block.start]) >= _SMALL * self._most:
                return block.start
        return None
