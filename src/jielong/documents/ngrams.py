"""Normalised tokens of a text, and where the n-grams of some texts occur in others.

A token is a run of letters and digits, case and width folded; in scripts that write no spaces between words (Chinese,
Japanese, Thai, …) each character is one. Everything else only separates: line ends, punctuation, markup. N-grams are
found by a rolling hash over whole blocks of text in NumPy, first in a table of bits, then among the hashes, and at last
every hit is compared character by character, so that no hash decides.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]
Hashes = NDArray[np.uint64]
Flags = NDArray[np.bool_]

BARRIER = "\n\0\n"  # between two texts: a token that no text has
_ALONE = np.uint32(1 << 31)  # marks a character that is a token
_UNUSUAL = np.uint32(1 << 30)  # its text has to be normalised as a whole first
_SPACELESS = ((0x0E00, 0x0EFF), (0x1000, 0x109F), (0x1780, 0x17FF), (0x3040, 0x30FF), (0x3400, 0x9FFF))
_UNSEEN = re.compile(
    "[\u00ad\u200b-\u200f\u2060-\u2064\ufeff\ufe00-\ufe0f]"
)  # such as soft hyphens: they may stand in words
_IGNORED = np.uint32(2)
_BASE, _FIRST = 0x9E3779B97F4A7C15, 0x5851F42D4C957F2D  # odd, so that the first has an inverse
_BARRIER = np.uint64(_FIRST)  # its token
_EXACT_AT_ONCE = 20_000  # hits compared together
BITS_A_GRAM = 32


@dataclass(frozen=True)
class Tokens:
    """The tokens of `text`, which begin there at `places`. `characters` are those of all tokens in a row, the first of
    each one marked; tokens begin among them at `starts`, whose last is the end."""

    text: str
    characters: Hashes
    places: Integers
    starts: Integers

    def __len__(self) -> int:
        return len(self.starts) - 1

    def span(self, start: int, end: int) -> bytes:
        """The tokens from `start` to `end` as bytes, for comparing and finding."""
        start, end = max(0, start), min(end, len(self))
        return self.characters[self.starts[start] : self.starts[end]].tobytes()

    def barriers(self) -> Flags:
        """Which tokens are one."""
        flags: Flags = self.characters[self.starts[:-1]] == _BARRIER
        return flags

    def hashes(self, n: int) -> Hashes:
        """Of each run of `n` tokens, by where it begins: a polynomial modulo 2^64."""
        if len(self) < n:
            return np.zeros(0, np.uint64)
        powers, inverses = _powers(1 << (len(self.characters) + 1).bit_length())
        sums = np.zeros(len(self.characters) + 1, np.uint64)
        np.cumsum(self.characters * powers[: len(self.characters)], out=sums[1:])
        at_starts = sums[self.starts]
        hashes: Hashes = (at_starts[n:] - at_starts[:-n]) * inverses[self.starts[: len(self) + 1 - n]]
        return hashes


def tokens_of(text: str) -> Tokens:
    """The text of the result is another form of it where it has combining marks, ligatures or the like."""
    if text.isascii():
        fold, separators, words = _ascii_tables()
        data = text.encode()
        characters = np.frombuffer(data.translate(fold, separators), np.uint8).astype(np.uint64)
        return _tokens(text, characters, np.frombuffer(data.translate(words), np.bool_), None, None)
    folded = _folded(_codes(text))
    if len(unusual := np.flatnonzero(folded & _UNUSUAL)):
        text = _normalised(text, unusual)
        folded = _folded(_codes(text)) & ~_UNUSUAL
    seen = None
    if np.any(folded == _IGNORED):
        seen = np.flatnonzero(folded != _IGNORED)
        folded = folded[seen]
    word = folded != 0
    characters = folded.take(np.flatnonzero(word)).astype(np.uint64)  # twice as fast as by the flags themselves
    return _tokens(text, characters, word, folded >= _ALONE, seen)


def _tokens(text: str, characters: Hashes, word: Flags, alone: Flags | None, seen: Integers | None) -> Tokens:
    """`word` and `alone` say of each character whether it belongs to a token, and is one; `seen`: where it stands in
    the text, if not all do."""
    begins, ends = word.copy(), word.copy()
    begins[1:] &= ~word[:-1]
    if alone is not None:
        begins |= alone
        begins[1:] |= word[1:] & alone[:-1]
    ends[:-1] &= ~word[1:] | begins[1:]
    places = np.flatnonzero(begins)
    starts = np.append(0, np.cumsum(np.flatnonzero(ends) + 1 - places))
    characters[starts[:-1]] *= np.uint64(_FIRST)
    return Tokens(text, characters, places if seen is None else seen[places], starts)


def _codes(text: str) -> NDArray[np.uint32]:
    return np.frombuffer(text.encode("utf-32-le", "replace"), np.uint32)


def _folded(codes: NDArray[np.uint32]) -> NDArray[np.uint32]:
    folded = _folding()[np.minimum(codes, 0xFFFF)]
    if len(high := np.flatnonzero(codes > 0xFFFF)):
        beyond = codes[high]
        rare = np.where(beyond >= 0x20000, beyond | _ALONE, np.uint32(0))  # Chinese; below are pictures, and
        folded[high] = np.where((beyond >= 0x1D400) & (beyond < 0x1D800), beyond | _UNUSUAL, rare)  # bold letters
    return folded


def _normalised(text: str, unusual: Integers) -> str:
    """With each run of unusual characters, and the one before that it may belong to, in its usual form."""
    ends = np.append(np.flatnonzero(np.diff(unusual) != 1), len(unusual) - 1)
    starts = np.append(0, ends[:-1] + 1)
    parts, done = [], 0
    for first, last in zip(unusual[starts].tolist(), unusual[ends].tolist(), strict=True):
        begin = max(done, first - 1)
        parts += [text[done:begin], unicodedata.normalize("NFKC", text[begin : last + 1]).casefold()]
        done = last + 1
    return "".join([*parts, text[done:]])


@cache
def _folding() -> NDArray[np.uint32]:
    """Of each code below 65536: the folded character, marked where it is a token or unusual; 0: it separates."""
    table = np.zeros(1 << 16, np.uint32)
    for code in range(1, 1 << 16):
        character = chr(code)
        category = unicodedata.category(character)
        if category[0] in "LMN":
            folded = unicodedata.normalize("NFKC", character).casefold()
            usual = len(folded) == 1 and category[0] != "M"
            table[code] = ord(folded) if usual else code | int(_UNUSUAL)
        if _UNSEEN.match(character):
            table[code] = _IGNORED
    for first, last in _SPACELESS:
        letters = table[first : last + 1]
        letters[letters != 0] |= _ALONE
    table[0] = 1  # the barrier
    return table


@cache
def _ascii_tables() -> tuple[bytes, bytes, bytes]:
    """For `bytes.translate`, which is several times faster: how to fold, what to leave out, and which are kept."""
    codes = _folding()[:128].tolist() + [0] * 128
    return bytes(codes), bytes(i for i, code in enumerate(codes) if not code), bytes(map(bool, codes))


@cache
def _powers(length: int) -> tuple[Hashes, Hashes]:
    """Of the base and of its inverse modulo 2^64."""
    inverse = pow(_BASE, -1, 1 << 64)
    rows = []
    for base in (_BASE, inverse):
        factors = np.full(length, base, np.uint64)
        factors[0] = 1
        rows.append(np.cumprod(factors))
    return rows[0], rows[1]


@dataclass(frozen=True)
class Hits:
    """Where n-grams of the indexed texts occur: the token `positions` in the text searched, and of each one the number
    of the indexed text and the token there with which the n-gram begins."""

    positions: Integers
    texts: Integers
    offsets: Integers


class NgramIndex:
    """All n-grams of some texts. `chosen(texts, offsets)` may leave some out: it gets the arrays of `Hits`, and says of
    each whether it counts."""

    def __init__(self, texts: Sequence[str], n: int) -> None:
        self.n = n
        self.tokens = tokens_of(BARRIER.join(texts))
        barriers = np.flatnonzero(self.tokens.barriers())
        self.firsts = np.append(0, barriers + 1)  # the first token of each text
        self.lengths: Integers = np.diff(np.append(self.firsts, len(self.tokens) + 1)) - 1
        owner = np.repeat(np.arange(len(texts)), self.lengths + 1)[: len(self.tokens)]
        begins = np.arange(len(self.tokens) - n + 1) if len(self.tokens) >= n else np.zeros(0, np.int64)
        begins = begins[begins + n <= self.firsts[owner[begins]] + self.lengths[owner[begins]]]
        self._keep(begins, owner)

    def _keep(self, begins: Integers, owner: Integers) -> None:
        hashes = self.tokens.hashes(self.n)[begins] if len(begins) else np.zeros(0, np.uint64)
        order = np.argsort(hashes, kind="stable")
        self._begins, self._owner = begins[order], owner
        self._hashes, self._first, self._counts = np.unique(hashes[order], return_index=True, return_counts=True)
        bits = min(27, max(10, (BITS_A_GRAM * max(1, len(self._hashes))).bit_length()))
        self._shift = np.uint64(64 - bits)
        self._filter = np.zeros(1 << bits, bool)
        self._filter[self._hashes >> self._shift] = True

    def shared(self) -> tuple[Integers, Integers]:
        """Of each n-gram of the texts: the token with which it begins in `tokens`, and how many texts have it."""
        group = np.repeat(np.arange(len(self._hashes)), self._counts)
        texts = len(self.firsts)
        pairs = np.unique(group * texts + self._owner[self._begins])
        return self._begins, np.bincount(pairs // texts, minlength=len(self._hashes))[group]

    def only(self, begins: Integers) -> None:
        """Forget all n-grams but those that begin with these tokens."""
        self._keep(np.sort(begins), self._owner)

    def find(self, tokens: Tokens, hashes: Hashes | None = None) -> Hits:
        if not len(self._hashes):
            return Hits(*(np.zeros(0, np.int64),) * 3)
        found = tokens.hashes(self.n) if hashes is None else hashes
        positions = np.flatnonzero(self._filter[found >> self._shift])
        ranks = np.minimum(np.searchsorted(self._hashes, found[positions]), len(self._hashes) - 1)
        equal = self._hashes[ranks] == found[positions]
        positions, ranks = positions[equal], ranks[equal]
        same = self._equal(tokens, positions, self._begins[self._first[ranks]])
        positions, ranks = positions[same], ranks[same]
        counts = self._counts[ranks]
        begins = self._begins[
            np.repeat(self._first[ranks] - np.cumsum(counts) + counts, counts) + np.arange(counts.sum())
        ]
        owners = self._owner[begins]
        return Hits(np.repeat(positions, counts), owners, begins - self.firsts[owners])

    def _equal(self, tokens: Tokens, positions: Integers, begins: Integers) -> NDArray[np.bool_]:
        """Whether the n-grams there are the same character by character."""
        parts: list[Any] = []
        for i in range(0, len(positions), _EXACT_AT_ONCE):
            theirs, ours = positions[i : i + _EXACT_AT_ONCE], begins[i : i + _EXACT_AT_ONCE]
            start, own = tokens.starts[theirs], self.tokens.starts[ours]
            lengths = tokens.starts[theirs + self.n] - start
            same = lengths == self.tokens.starts[ours + self.n] - own
            start, own, lengths = start[same], own[same], lengths[same]
            rows = np.cumsum(lengths) - lengths
            within = np.arange(lengths.sum()) - np.repeat(rows, lengths)
            matching = (
                tokens.characters[np.repeat(start, lengths) + within]
                == (self.tokens.characters[np.repeat(own, lengths) + within])
            )
            same[same] = np.logical_and.reduceat(matching, rows) if len(rows) else True
            parts.append(same)
        return np.concatenate(parts) if parts else np.zeros(0, bool)
