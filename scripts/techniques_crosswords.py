"""Crosswords for a scripted model: forty squares of five common words by five, and a friend who half knows them.

A clue tells letters of its word ("With the letters A, K, T"), as many as leave CHOICES words of the forty squares. The
friend knows all of these and cannot tell which is meant: only the crossing does. It proposes words as they come to it,
says how sure it is by how many there are, and overlooks what crosses in OVERLOOKS of its words; whether a place can
still be filled it tells rightly in RIGHT of the places. A whole answer is a word that answers its clue for each row.
"""

from __future__ import annotations

import hashlib
import random
import re
from functools import cache
from itertools import combinations
from pathlib import Path

from jielong.contract import Request
from jielong.models.scripted import Scripted
from jielong.tasks.item import Item
from jielong.tasks.metric import find_metric
from jielong.tasks.task import Task

CHOICES, OVERLOOKS, RIGHT = 4, 0.3, 0.95
_FILE = Path(__file__).with_name("techniques_crosswords.txt")
SQUARES = tuple(tuple(line.upper().split()) for line in _FILE.read_text("utf-8").splitlines())
LABELS = tuple(f"{way}{n}" for way in "hv" for n in range(1, 6))


def places(rows: tuple[str, ...]) -> tuple[str, ...]:
    """The ten words of a square: its rows, then its columns."""
    return (*rows, *map("".join, zip(*rows, strict=True)))


LEXICON = tuple(sorted({word for rows in SQUARES for word in places(rows)}))


@cache
def told(word: str) -> str:
    """The letters that the clue of a word tells: the most that leave CHOICES words."""
    letters = sorted(set(word))
    for n in range(len(letters) - 1, 0, -1):
        for some in combinations(letters, n):
            if len(answering("".join(some))) >= CHOICES:
                return "".join(some)
    return ""


@cache
def answering(letters: str) -> tuple[str, ...]:
    return tuple(word for word in LEXICON if set(letters) <= set(word))


def puzzle(rows: tuple[str, ...]) -> str:
    clues = (
        f"{label}. With the letters {', '.join(told(word))}" for label, word in zip(LABELS, places(rows), strict=True)
    )
    return "\n".join(["Solve this crossword of 5 by 5 letters. Write its rows, with spaces between letters.", *clues])


def grid(rows: tuple[str, ...]) -> str:
    return "\n".join(" ".join(row) for row in rows)


def crosswords() -> Task:
    items = tuple(Item(str(i), puzzle(rows), (grid(rows),)) for i, rows in enumerate(SQUARES, 1))
    return Task("crosswords", items, find_metric("exact"), "as it is made", "crosswords of 5 by 5 letters")


_CLUE = re.compile(r"^([hv]\d)\. With the letters? (.+)$", re.M)
_OPEN = re.compile(r"^([hv]\d)\.((?: [A-Z_]){5})$", re.M)


def friend(request: Request) -> str:
    text = request.messages[-1].text
    rng = random.Random(hashlib.sha256(f"{request.sampling.seed} {text}".encode()).digest())
    words = {label: answering(letters.replace(", ", "")) for label, letters in _CLUE.findall(text)}
    if not words:
        return "I do not know."
    known = {label: letters.replace(" ", "") for label, letters in _OPEN.findall(text)}
    if "still be filled" in text:
        return "\n".join(f"{label}. {_verdict(words[label], known[label], rng)}" for label in known)
    if asked := re.search(r"up to (\d+) words", text):
        return "\n".join(_proposals(words, known, rng)[: int(asked[1])])
    return grid(tuple(rng.choice(words[f"h{n}"]) for n in range(1, 6)))


def _proposals(words: dict[str, tuple[str, ...]], known: dict[str, str], rng: random.Random) -> list[str]:
    """The places with the fewest words first, all words that come to mind for each."""
    in_mind = {label: _fitting(words[label], "_" * 5 if rng.random() < OVERLOOKS else known[label]) for label in known}
    ordered = sorted(rng.sample(list(in_mind), len(in_mind)), key=lambda label: len(in_mind[label]))
    lines = []
    for label in ordered:
        n = len(in_mind[label])
        surety = "certain" if n == 1 else "high" if n == 2 else "medium" if n <= CHOICES else "low"
        lines += [f"{label}. {word} ({surety})" for word in rng.sample(in_mind[label], n)]
    return lines


def _verdict(words: tuple[str, ...], known: str, rng: random.Random) -> str:
    fits = bool(_fitting(words, known))
    return ("sure" if fits else "impossible") if rng.random() < RIGHT else ("impossible" if fits else "sure")


def _fitting(words: tuple[str, ...], known: str) -> list[str]:
    return [word for word in words if re.fullmatch(known.replace("_", "."), word)]


MODELS = {"friend": lambda: Scripted(friend, name="scripted:friend")}
TASKS = {"crosswords": crosswords}
IDENTITY = Path(__file__).read_text("utf-8") + _FILE.read_text("utf-8")
