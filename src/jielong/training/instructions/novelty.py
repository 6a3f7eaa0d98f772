"""Whether an instruction is new: its ROUGE-L with every earlier one is below a threshold (Wang et al. 2022: .7).

ROUGE-L is the F-measure of the longest common subsequence of words; Chinese, Japanese and Korean are compared by
characters (the usual tokenizer drops them, and then every Chinese text is new). As the measure of two texts cannot be
high where they share few words, most pairs are decided by counting those; the rest by a subsequence over bits, exact.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

THRESHOLD = 0.7
_TOKEN = re.compile(
    r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff]|[^\W_\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff]+"
)


def rouge_tokens(text: str) -> list[str]:
    """Words in lower case, without punctuation; each character of Chinese, Japanese and Korean."""
    return _TOKEN.findall(unicodedata.normalize("NFKC", text).lower())


def rouge_l(one: Sequence[str], other: Sequence[str]) -> float:
    """F-measure of the longest common subsequence of two lists of tokens, 0 to 1."""
    return 2 * common_subsequence(one, other) / max(1, len(one) + len(other))


def common_subsequence(one: Sequence[str], other: Sequence[str]) -> int:
    """The length of the longest common subsequence, a row of the table at a time as bits of one number (Hyyrö 2004)."""
    places: dict[str, int] = defaultdict(int)
    for i, token in enumerate(one):
        places[token] |= 1 << i
    everything = (1 << len(one)) - 1
    row = everything
    for token in other:
        matches = row & places.get(token, 0)
        row = ((row + matches) | (row - matches)) & everything
    return len(one) - row.bit_count()


class NoveltyFilter:
    """Knows all instructions that were added, and finds the one that is nearest to a new one."""

    def __init__(self, instructions: Iterable[str] = (), threshold: float = THRESHOLD) -> None:
        self.threshold = threshold
        self._texts: list[str] = []
        self._tokens: list[list[str]] = []
        self._holders: dict[str, list[tuple[int, int]]] = defaultdict(list)  # token → texts that hold it, how often
        for text in instructions:
            self.add(text)

    def add(self, text: str) -> None:
        tokens = rouge_tokens(text)
        for token, times in Counter(tokens).items():
            self._holders[token].append((len(self._texts), times))
        self._texts.append(text)
        self._tokens.append(tokens)

    def near(self, text: str) -> tuple[str, float] | None:
        """The first earlier instruction that this one is too like, with their ROUGE-L; None for a new one."""
        tokens = rouge_tokens(text)
        shared: Counter[int] = Counter()
        for token, times in Counter(tokens).items():
            for number, held in self._holders.get(token, ()):
                shared[number] += min(times, held)
        for number in sorted(shared):
            other = self._tokens[number]
            if 2 * shared[number] >= self.threshold * (len(tokens) + len(other)):
                value = rouge_l(tokens, other)
                if value >= self.threshold:
                    return self._texts[number], value
        return None
