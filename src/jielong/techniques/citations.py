"""The citations of a reply, checked against the sources that were given.

A quotation beside a citation must stand in that source, whatever its quotation marks, spaces, hyphens and width; a
longer one without a citation in any of them. Words that quote nothing must be supported by the source that they cite
(`statement_support`). What is wrong is a `Problem`, and no source; so is a number that no source has.

The check is of words and not of meaning: a false paraphrase in a source's own words passes it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from ..answers.quotation import CHINESE, SearchedText
from ..contract import Source
from ..documents.document import Chunk
from .cited_statements import Marker, Quotation, Statement, adjacent, read_statements, without_markers
from .statement_support import says_nothing, support

Kind: TypeAlias = Literal["not_in_sources", "in_another_source", "no_such_source", "unsupported"]
LEAST_WORDS, LEAST_HAN = 4, 6  # of a quotation without a citation; shorter ones are terms and titles


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


def check_citations(reply_text: str, chunks: Sequence[Chunk], conversation: str = "") -> CheckedCitations:
    """`chunks` are the sources, numbered from 1. What stands in `conversation`, as in the question, needs no source: it
    may be quoted and named."""
    check = _Check(reply_text, chunks, conversation)
    for statement in read_statements(reply_text, chunks):
        check.statement(statement)
    sources = [cited_source(chunks[n - 1], n, start, end, at) for (n, start, end), at in check.found.items()]
    return CheckedCitations(tuple(sources), tuple(sorted(check.problems, key=lambda problem: problem.start)))


def cited_source(chunk: Chunk, number: int, start: int, end: int, at: Sequence[tuple[int, int]]) -> Source:
    """The characters from `start` to `end` of source `number`, cited at these places of the reply."""
    line = None if chunk.line is None else chunk.line + chunk.text.count("\n", 0, start)
    text, places = chunk.text[start:end], tuple(sorted(set(at)))
    return Source(chunk.document, chunk.start + start, chunk.start + end, text, chunk.page, line, number, places)


class _Check:
    """`found` is where the reply cites what: the source's number and span, and the places of the citations."""

    def __init__(self, text: str, chunks: Sequence[Chunk], conversation: str) -> None:
        self.text, self.chunks, self.conversation = text, chunks, conversation
        self.texts, self.asked = [SearchedText(chunk.text) for chunk in chunks], SearchedText(conversation)
        self.found: dict[tuple[int, int, int], list[tuple[int, int]]] = {}
        self.problems: list[Problem] = []

    def statement(self, statement: Statement) -> None:
        markers = [self._with_known_numbers(marker) for marker in statement.markers]
        used: set[Marker] = set()
        ends = [*(quotation.start for quotation in statement.quotations[1:]), statement.end]
        for quotation, until in zip(statement.quotations, ends, strict=False):
            own = self._own(quotation, markers, until)
            if self._quotation(quotation, own):
                used.update(own)
        begins = statement.start
        for i, marker in enumerate(markers):
            beside = [other for other in markers if other is marker or adjacent(self.text, other, marker)]
            if marker not in used:
                until = markers[i + 1].start if i + 1 < len(markers) else statement.end
                words = without_markers(self.text, begins, marker.start, statement.markers)
                if says_nothing(words):  # as in `According to [2], …`
                    words = without_markers(self.text, marker.end, until, statement.markers)
                self._cited_words(marker, words, beside)
            if beside[-1] is marker or marker in used:
                begins = marker.end

    def _with_known_numbers(self, marker: Marker) -> Marker:
        known = tuple(n for n in marker.numbers if n <= len(self.chunks))
        for n in sorted({*marker.numbers} - {*known}):
            self._problem("no_such_source", marker.start, marker.end, self.text[marker.start : marker.end], n)
        return replace(marker, numbers=known)

    def _own(self, quotation: Quotation, markers: Sequence[Marker], until: int) -> list[Marker]:
        """The citations of a quotation: the first ones behind it or in it, else the one before it."""
        behind = [m for m in markers if quotation.end <= m.start < until or quotation.start < m.start < quotation.end]
        own = behind[:1]
        for marker in behind[1:]:
            if not adjacent(self.text, own[-1], marker):
                break
            own.append(marker)
        return own or [marker for marker in markers if marker.end <= quotation.start][-1:]

    def _quotation(self, quotation: Quotation, markers: Sequence[Marker]) -> bool:
        """Whether it is judged as one. Short words without a citation are terms, those of the question its own."""
        han, words = (len(re.findall(each, quotation.text)) for each in (f"[{CHINESE}]", r"[^\W_]+"))
        enough = han >= LEAST_HAN or (not han and words >= LEAST_WORDS)
        beside = any(not re.search(r"\w", self.text[quotation.end : marker.start]) for marker in markers)
        asked = self.asked.find(quotation.text) is not None
        held = {n: span for n, text in enumerate(self.texts, 1) if (span := text.find(quotation.text))}
        if not words or (not beside and not enough) or (asked and not (markers and held)):
            return False
        numbers = [n for marker in markers for n in marker.numbers]
        right = [n for n in numbers if n in held] if markers else list(held)[:1]
        for n in right:
            places = [(m.start, m.end) for m in markers if n in m.numbers] or [(quotation.start, quotation.end)]
            self.found.setdefault((n, *held[n]), []).extend(places)
        if not right and (numbers or not held):
            kind: Kind = "in_another_source" if held else "not_in_sources"
            self._problem(kind, quotation.start, quotation.end, quotation.text, numbers[0] if numbers else None)
        return True

    def _cited_words(self, marker: Marker, words: str, beside: Sequence[Marker]) -> None:
        together = [self.chunks[n - 1].text for n in sorted({n for each in beside for n in each.numbers})]
        for n in marker.numbers:
            verdict = support(words, self.chunks[n - 1].text, together, self.conversation)
            if verdict.missing is None:
                self.found.setdefault((n, *verdict.span), []).append((marker.start, marker.end))
            else:
                self._problem("unsupported", marker.start, marker.end, verdict.missing, n)

    def _problem(self, kind: Kind, start: int, end: int, words: str, number: int | None) -> None:
        self.problems.append(Problem(kind, start, end, " ".join(words.split()), number))
