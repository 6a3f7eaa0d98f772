"""The words of the world, in `en.toml` and `zh.toml`, and the generator that samples from one side of the split."""

from __future__ import annotations

import random
import tomllib
from functools import cache
from importlib.resources import files
from typing import Any

from ..prompts import Language
from .draws import first_fitting
from .grammar import sample_form
from .names import SYLLABLES, Name, reserved_names

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
        return first_fitting(
            lambda: Name(tuple(self.choice(_SYLLABLES) for _ in range(self.choice((2, 2, 3))))),
            lambda name: name.held_out == self.held_out and name not in reserved_names(),
            "a name on this side of the split",
        )

    def names(self, n: int) -> list[Name]:
        """`n` different names."""
        names: dict[Name, None] = {}
        while len(names) < n:
            names.setdefault(self.name())
        return list(names)

    def form(self, rule: str) -> str:
        """A form of a rule, from this side of the split, its slots not filled."""
        return sample_form(self, self.language, rule, self.held_out)

    def sentence(self, key: str, **values: object) -> str:
        """A form of the rule `key`, from this side of the split, filled in."""
        return fill_form(self.form(key), **values)

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


_SYLLABLES = tuple(SYLLABLES)
