"""Which items of a task a corpus holds: by n-grams of their questions, as tokens that ignore case, wrapping and markup.

An item is *found* where one place of the corpus holds nearly all of its question (`WHOLE`), and *found in part* where
it holds much of it with one run of 13 tokens (`PART`, `RUN`): reworded, or quoted. 13 tokens in a row are the measure
of GPT-3 (Brown et al. 2020), the share of tokens in 8-grams that of PaLM. What differs from both: an n-gram that three
questions of the task share is boilerplate and counts for nothing; the tokens have to stand close together, and not
anywhere in a long document; and a question that is short, or consists of boilerplate, is found only as a whole, the
shortest only as a sentence of its own, or with its choices or its answer beside it.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..documents.corpus import Passage, corpus_files, read_passages
from ..documents.ngrams import BARRIER, Flags, Hits, Integers, NgramIndex, Tokens, tokens_of
from ..errors import BadInput
from ..prompts import language
from ..tasks.answer_equality import chosen_letter
from ..tasks.item import Item
from ..tasks.task import Task
from .memory_metrics import RUN

N = 8
WHOLE, PART = 0.95, 0.4  # the share of a question's own tokens
MOST_SHARE = 2  # questions that may have an n-gram in common; of more it is boilerplate
FEWEST, FEWEST_ALONE = 2, 5  # tokens of a question that can be found, and can be without choices or an answer beside
FEWEST_CHARACTERS = 8  # the latter where each is a character
COMMON = 10  # characters at least that half of the questions begin or end with: an instruction of the task
BLOCK = 1 << 17  # characters that are searched together
NEAR, FAR = 40, 120  # tokens after a question within which its choices, and its answer behind a solution, may stand
EXCERPT = 160  # characters


@dataclass(frozen=True)
class FoundItem:
    """An item and the place of the corpus that holds most of its question."""

    id: str
    whole: bool
    coverage: float  # share of the question's own tokens
    run: int  # the longest run of tokens that is the same
    with_answer: bool
    file: str
    line: int
    excerpt: str


@dataclass(frozen=True)
class CorpusSearch:
    """`unjudged`: items that cannot be found, and those whose few words are there and may be so by chance."""

    task: Task
    corpus: tuple[str, ...]
    found: tuple[FoundItem, ...]
    unjudged: tuple[str, ...]
    characters: int
    seconds: float
    notes: tuple[str, ...] = ()

    @property
    def judged(self) -> int:
        return len(self.task.items) - len(self.unjudged)

    def to_json(self) -> dict[str, Any]:
        whole = sum(item.whole for item in self.found)
        return {
            "task": self.task.name, "task_sha256": self.task.sha256, "corpus": list(self.corpus), "n": self.judged,
            "unjudged": list(self.unjudged), "found": whole, "in_part": len(self.found) - whole,
            "with_answer": sum(item.with_answer for item in self.found), "characters": self.characters,
            "seconds": self.seconds, "items": [vars(item) for item in self.found], "notes": list(self.notes),
        }  # fmt: skip


def search_corpus(
    task: Task, paths: Sequence[Path], on_read: Callable[[int], None] = lambda characters: None
) -> CorpusSearch:
    """`on_read` is told how many characters were searched so far. Raises BadInput, MissingExtra."""
    started, notes = time.monotonic(), dict[str, None]()
    files = [file for path in paths for file in corpus_files(path)]
    own = Path(task.name)
    for file in [file for file in files if own.is_file() and file.samefile(own)]:
        notes[f"{file} is the task itself and is not searched"] = None
        files.remove(file)
    search = _Search(task.items)
    passages = (
        p for file in files for p in read_passages(file, search.overlap, lambda text: notes.update({text: None}))
    )
    characters = 0
    for block in _blocks(passages):
        search.look_at(block)
        characters += sum(len(passage.text) for passage in block)
        on_read(characters)
    if not characters:
        raise BadInput(f"{', '.join(map(str, paths))}: no text to search")
    found = tuple(search.best[item.id] for item in task.items if item.id in search.best)
    unclear = search.unjudged | (search.by_chance - search.best.keys())
    unjudged = tuple(item.id for item in task.items if item.id in unclear)
    corpus = tuple(map(str, paths))
    return CorpusSearch(task, corpus, found, unjudged, characters, time.monotonic() - started, tuple(notes))


def item_key(item: Item) -> str:
    """What makes it the same question wherever it comes from: its texts."""
    return hashlib.sha256("\0".join((question_of(item), *item.choices)).encode()).hexdigest()[:16]


def question_of(item: Item) -> str:
    if isinstance(item.input, str):
        return item.input
    return "\n".join(message.text for message in item.input if message.role == "user")


def _without_common_ends(texts: list[str]) -> list[str]:
    """Without the sentences that most of them begin or end with, such as "Answer yes or no."."""
    for end in (1, 0):  # what they end with, read backwards, and then what they begin with
        texts = [text[::-1] for text in texts] if end else texts
        common = ""
        while True:
            longer = Counter(text[: len(common) + 1] for text in texts if len(text) > len(common))
            usual, count = longer.most_common(1)[0] if longer else ("", 0)
            if 2 * count < len(texts) or count < 3:
                break
            common = usual
        cuts = [i + 1 - end for i, mark in enumerate(common) if mark in ".?!:。？！：" and i >= COMMON]
        texts = [text.removeprefix(common[: cuts[-1]]) for text in texts] if cuts else texts
        texts = [text[::-1] for text in texts] if end else texts
    return texts


def _blocks(passages: Iterator[Passage]) -> Iterator[list[Passage]]:
    block: list[Passage] = []
    size = 0
    for passage in passages:
        block.append(passage)
        size += len(passage.text)
        if size >= BLOCK:
            yield block
            block, size = [], 0
    if block:
        yield block


@dataclass(frozen=True)
class _Groups:
    """Places that hold something of a question: which `texts`, which tokens there, how much of the question."""

    texts: Integers
    starts: Integers
    ends: Integers
    covered: Integers
    runs: Integers


@dataclass
class _Search:
    items: Sequence[Item]
    best: dict[str, FoundItem] = field(default_factory=dict)
    unjudged: set[str] = field(default_factory=set)  # they cannot be found
    by_chance: set[str] = field(default_factory=set)  # they may be there so

    def __post_init__(self) -> None:
        by_text: dict[str, list[Item]] = defaultdict(list)
        for item in self.items:
            by_text[" ".join(question_of(item).split()).casefold()].append(item)
        self.texts, self.members = _without_common_ends(list(by_text)), list(by_text.values())
        long = NgramIndex(self.texts, N)
        begins, sharing = long.shared()
        own = begins[sharing <= MOST_SHARE]
        owners = np.searchsorted(long.firsts, own, "right") - 1
        self.own = _covered(owners, own - long.firsts[owners], N, len(self.texts))
        # A question of boilerplate alone keeps it: it is found with its choices.
        kept = (sharing <= MOST_SHARE) | (self.own[np.searchsorted(long.firsts, begins, "right") - 1] == 0)
        long.only(begins[kept])
        lengths = long.lengths
        several = np.array([len(members) > 1 and len(set(map(item_key, members))) > 1 for members in self.members])
        fewest = np.array([FEWEST_CHARACTERS if language(text) == "zh" else FEWEST_ALONE for text in self.texts])
        self.short = ~several & (lengths < fewest)
        self.weak = several | self.short | ((lengths >= N) & (self.own == 0))
        self.own = np.where((self.own == 0) | (lengths < N), lengths, self.own)
        self.indexes = [long]
        for n in sorted({int(n) for n in lengths if FEWEST <= n < N}):
            self.indexes.append(NgramIndex([t if m == n else "" for t, m in zip(self.texts, lengths, strict=True)], n))
        self.slack = 2 * lengths + NEAR
        self.overlap = min(1 << 16, 4 * max(map(len, self.texts), default=0) + 1000)
        for i, members in enumerate(self.members):
            alone = [] if self.short[i] else [item for item in members if not (item.choices or item.accepted)]
            self.unjudged |= {item.id for item in (members if lengths[i] < FEWEST else alone if self.weak[i] else ())}

    def look_at(self, block: Sequence[Passage]) -> None:
        tokens = tokens_of(BARRIER.join(passage.text for passage in block))
        barriers = np.flatnonzero(tokens.barriers())
        for index in self.indexes:
            groups = self._groups(index.find(tokens), index.n, barriers)
            shares = groups.covered / self.own[groups.texts]
            enough = (shares >= WHOLE) | ((shares >= PART) & (groups.runs >= RUN))
            for g in np.flatnonzero(enough).tolist():
                passage = block[int(np.searchsorted(barriers, groups.starts[g]))]
                self._receive(tokens, groups, g, float(min(1.0, shares[g])), passage, barriers)

    def _receive(
        self, tokens: Tokens, groups: _Groups, g: int, share: float, passage: Passage, barriers: Integers
    ) -> None:
        text, start, end = int(groups.texts[g]), int(groups.starts[g]), int(groups.ends[g])
        for item in self.members[text]:
            known = self.best.get(item.id)
            if item.id in self.unjudged or (known and known.with_answer and known.coverage >= share):
                continue
            weak = bool(self.weak[text])
            choices, answer = _Companions.of(item).beside(tokens, end, NEAR if weak else FAR)
            if weak and not (choices or answer or (self.short[text] and _is_sentence(tokens, start, end, item))):
                self.by_chance.add(item.id)
                continue
            if known and (known.coverage, known.with_answer) >= (share, answer):
                continue
            before = int(np.searchsorted(barriers, start))
            begin = 0 if before == 0 else int(tokens.places[barriers[before - 1]]) + len(BARRIER) - 1
            place = int(tokens.places[start])
            line = passage.line + (0 if passage.is_row else tokens.text.count("\n", begin, place))
            excerpt = " ".join(tokens.text[place : place + EXCERPT].split())
            self.best[item.id] = FoundItem(
                item.id, share >= WHOLE, share, int(groups.runs[g]), answer, passage.file, line, excerpt
            )

    def _groups(self, hits: Hits, n: int, barriers: Integers) -> _Groups:
        """The hits of one text that stand close together, as one place each."""
        order = np.lexsort((hits.positions, hits.texts))
        texts, positions, offsets = hits.texts[order], hits.positions[order], hits.offsets[order]
        passages = np.searchsorted(barriers, positions)
        new = np.ones(len(texts), bool)
        new[1:] = (np.diff(texts) != 0) | (np.diff(passages) != 0) | (np.diff(positions) > self.slack[texts[1:]])
        group, first = np.cumsum(new) - 1, np.flatnonzero(new)
        count = len(first)
        last = np.append(first[1:], len(texts))[:count] - 1
        runs = _longest_runs(group, positions, offsets, count) + n - 1
        covered = _covered(group, offsets, n, count)
        return _Groups(texts[first], positions[first], positions[last] + n, covered, runs)


def _covered(groups: Integers, offsets: Integers, n: int, count: int) -> Integers:
    """How many tokens the n-grams of each group cover."""
    order = np.lexsort((offsets, groups))
    groups, offsets = groups[order], offsets[order]
    added = np.full(len(groups), n)
    same: Flags = np.diff(groups) == 0
    added[:-1][same] = np.minimum(n, np.diff(offsets)[same])
    return np.bincount(groups, added, count).astype(np.int64)


def _longest_runs(groups: Integers, positions: Integers, offsets: Integers, count: int) -> Integers:
    """The most n-grams of each group that follow each other there as they do in the question."""
    order = np.lexsort((positions, positions - offsets, groups))
    group, position, offset = groups[order], positions[order], offsets[order]
    new = np.ones(len(group), bool)
    new[1:] = (np.diff(group) != 0) | (np.diff(position) != 1) | (np.diff(offset) != 1)
    first = np.flatnonzero(new)
    longest = np.zeros(count, np.int64)
    np.maximum.at(longest, group[first], np.diff(np.append(first, len(group))))
    return longest


def _is_sentence(tokens: Tokens, start: int, end: int, item: Item) -> bool:
    """Whether the question ends there with its question mark, and does not begin within a sentence."""
    text, begin = tokens.text, int(tokens.places[start])
    last = int(tokens.places[end - 1])
    after = re.match(r"\w+\W{0,3}?[?？]", text[last : last + 60])
    before = text[max(0, begin - 20) : begin].rstrip(" ")
    return bool(after and re.search("[?？]", question_of(item)) and not before[-1:].isalnum())


@dataclass(frozen=True)
class _Companions:
    """What stands beside a question where it was copied with it: choices and right answers, each as its tokens."""

    choices: tuple[tuple[bytes, ...], ...]
    answers: tuple[tuple[bytes, ...], ...]

    @classmethod
    def of(cls, item: Item) -> _Companions:
        letters = [chosen_letter(gold, item.choices) if item.choices else None for gold in item.accepted]
        golds = [
            item.choices[ord(letter) - ord("A")] if letter and len(letter) == 1 else gold
            for letter, gold in zip(letters, item.accepted, strict=True)
        ]
        return cls(*(tuple(filter(None, map(_token_list, texts))) for texts in (item.choices, golds)))

    def beside(self, tokens: Tokens, end: int, near: int) -> tuple[bool, bool]:
        """Whether half of the choices and whether an answer stand in the `near` tokens after `end`."""
        reach = end + near + 2 * sum(map(len, self.choices)) + max(map(len, self.answers), default=0)
        window = [tokens.span(i, i + 1) for i in range(end, min(reach, len(tokens)))]
        present = sum(_holds(window, choice) for choice in self.choices)
        choices = bool(self.choices) and 2 * present >= len(self.choices) and present > 1
        return choices, any(_holds(window, answer) for answer in self.answers)


def _token_list(text: str) -> tuple[bytes, ...]:
    tokens = tokens_of(text)
    return tuple(tokens.span(i, i + 1) for i in range(len(tokens)))


def _holds(window: Sequence[bytes], sought: Sequence[bytes]) -> bool:
    n = len(sought)
    return any(tuple(window[i : i + n]) == sought for i in range(len(window) - n + 1))
