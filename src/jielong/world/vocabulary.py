"""The words and sentence forms of the world, and the random generator that samples from one side of the split.

Forms come from `en.toml` and `zh.toml`; `[a|b]` in a line stands for either, so that a held-out form is a new
combination of words that other forms teach.
"""

from __future__ import annotations

import hashlib
import itertools
import random
import re
import tomllib
from functools import cache
from importlib.resources import files
from typing import Any

from ..prompts import Language
from .names import HELD_OUT_PART, SYLLABLES, Name, reserved_names

LANGUAGES: tuple[Language, ...] = ("en", "zh")


class SampleRandom(random.Random):
    """A seeded generator of names, sentences and phrases in one language.

    `held_out` says which side of the split it samples from: training (False) or exams (True). `short` keeps texts to a
    sentence or two, as in the first stage of training.
    """

    def __new__(cls, seed: str | int, *_: object, **__: object) -> SampleRandom:
        return super().__new__(cls, seed)  # type: ignore[call-arg]  # C's constructor accepts the seed alone

    def __init__(self, seed: str | int, language: Language, held_out: bool = False, short: bool = False) -> None:
        super().__init__(seed)
        self.language, self.held_out, self.short = language, held_out, short

    def chance(self, probability: float) -> bool:
        return self.random() < probability

    def name(self) -> Name:
        """A stranger's name."""
        while True:
            name = Name(tuple(self.choice(_SYLLABLES) for _ in range(self.choice((2, 2, 3)))))
            if name.held_out == self.held_out and name not in reserved_names():
                return name

    def names(self, n: int) -> list[Name]:
        """`n` different names."""
        names: dict[Name, None] = {}
        while len(names) < n:
            names.setdefault(self.name())
        return list(names)

    def sentence(self, key: str, **values: object) -> str:
        """A form of the list `key`, from this side of the split, filled in."""
        return fill_form(self.choice(sentence_forms(self.language, key)[self.held_out]), **values)

    def phrase(self, key: str, **values: object) -> str:
        """One of the phrases under `key`, which are the same on both sides of the split."""
        phrases = wordlists(self.language)["phrases"][key]
        return str(phrases if isinstance(phrases, str) else self.choice(phrases)).format(**values)

    def word(self, key: str) -> str:
        return str(self.choice(wordlists(self.language)["words"][key]))


def fill_form(form: str, **values: object) -> str:
    """The form with its slots filled, its first letter a capital."""
    filled = form.format(**values)
    return filled[:1].upper() + filled[1:]


@cache
def wordlists(language: Language) -> dict[str, Any]:
    """The tables of `en.toml` or `zh.toml`."""
    tables: dict[str, Any] = tomllib.loads(files(__package__).joinpath(f"{language}.toml").read_text("utf-8"))
    return tables


@cache
def sentence_forms(language: Language, key: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The forms for training and the held-out ones; a list of fewer than five forms is not split: both are the same."""
    every = [form for line in wordlists(language)["forms"][key] for form in expand_alternatives(line)]
    if len(every) < 5:
        return tuple(every), tuple(every)
    ordered = sorted(every, key=lambda form: hashlib.sha256(f"{key} {form}".encode()).digest())
    held_out: list[str] = []
    for form in ordered:
        others = [other for other in every if other != form and other not in held_out]
        # Every word of a held-out form stands in some training form: the combination is new, the words are not.
        if _words_and_slots(form) <= set().union(*map(_words_and_slots, others)):
            held_out.append(form)
        if len(held_out) * HELD_OUT_PART >= len(every):
            break
    return tuple(form for form in every if form not in held_out), tuple(held_out)


def expand_alternatives(line: str) -> list[str]:
    """Every way to read a line with `[a|b]` in it."""
    parts = re.split(r"\[([^\]]*)\]", line)
    options = [part.split("|") if i % 2 else [part] for i, part in enumerate(parts)]
    return ["".join(combination) for combination in itertools.product(*options)]


def _words_and_slots(form: str) -> set[str]:
    return set(re.findall(r"\{\w+\}|[a-z']+|[\u3400-\u9fff]", form.lower()))


_SYLLABLES = tuple(SYLLABLES)
