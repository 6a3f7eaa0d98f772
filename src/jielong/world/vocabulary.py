"""The words of the world, and which of them are held out: names and sentence forms, by hash, before any training.

Forms come from `en.toml` and `zh.toml`; `[a|b]` in a line stands for either, so that a held-out form is a new
combination of words that other forms teach.
"""

from __future__ import annotations

import hashlib
import itertools
import random
import re
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Literal

Language = Literal["en", "zh"]
LANGUAGES: tuple[Language, ...] = ("en", "zh")
HELD_OUT_PART = 10

SYLLABLES = dict(
    word.split("/")
    for word in (
        "ka/卡 ri/里 mo/莫 na/娜 te/特 lu/露 so/索 vi/维 ba/巴 do/多 fe/菲 ga/加 hu/胡 ja/贾 ke/克 la/拉 me/梅 ni/尼 "
        "pa/帕 ro/罗 sa/萨 ta/塔 va/瓦 wi/威 ya/雅 zo/佐 be/贝 da/达 go/戈 he/赫 ki/基 le/勒 ma/马 no/诺 pi/皮 shi/希 "
        "tu/图 vo/沃 zu/祖 lin/林"
    ).split()
)


@dataclass(frozen=True)
class Name:
    """An invented name; its Chinese form is written syllable by syllable."""

    syllables: tuple[str, ...]

    def text(self, language: Language) -> str:
        if language == "zh":
            return "".join(SYLLABLES[s] for s in self.syllables)
        return "".join(self.syllables).capitalize()

    @property
    def held_out(self) -> bool:
        return bucket("name", *self.syllables) == 0


def bucket(*parts: object) -> int:
    """0 for the held-out tenth, by hash: the same on every machine and in every run."""
    digest = hashlib.sha256("\x00".join(map(str, parts)).encode()).digest()
    return int.from_bytes(digest[:4], "big") % HELD_OUT_PART


@dataclass(frozen=True)
class SampleRandom:
    """What a generator needs: chance, the language, and which side of the split it draws from."""

    rng: random.Random
    language: Language
    held_out: bool = False
    short: bool = False  # texts of a sentence or two: how training begins

    def chance(self, probability: float) -> bool:
        return self.rng.random() < probability

    def name(self) -> Name:
        while True:
            name = Name(tuple(self.rng.choice(_SYLLABLES) for _ in range(self.rng.choice((2, 2, 3)))))
            if name.held_out == self.held_out and name not in _reserved():
                return name

    def names(self, n: int) -> list[Name]:
        found: dict[Name, None] = {}
        while len(found) < n:
            found.setdefault(self.name())
        return list(found)

    def form(self, key: str, **values: object) -> str:
        """A form of the list `key`, from this side of the split, filled in."""
        return sentence(self.rng.choice(forms(self.language, key)[self.held_out]), **values)

    def ask(self, key: str, **values: object) -> str:
        asked = data(self.language)["asks"][key]
        return str(asked if isinstance(asked, str) else self.rng.choice(asked)).format(**values)

    def word(self, key: str) -> str:
        return str(self.rng.choice(data(self.language)["words"][key]))


def sentence(form: str, **values: object) -> str:
    filled = form.format(**values)
    return filled[:1].upper() + filled[1:]


@cache
def data(language: Language) -> dict[str, Any]:
    loaded: dict[str, Any] = tomllib.loads(files(__package__).joinpath(f"{language}.toml").read_text("utf-8"))
    return loaded


@cache
def forms(language: Language, key: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The forms for training and the held-out ones; a list of fewer than five forms is not split: both are the same."""
    every = [form for line in data(language)["forms"][key] for form in readings(line)]
    if len(every) < 5:
        return tuple(every), tuple(every)
    ordered = sorted(every, key=lambda form: hashlib.sha256(f"{key} {form}".encode()).digest())
    held_out: list[str] = []
    for form in ordered:
        others = [other for other in every if other != form and other not in held_out]
        if _pieces(form) <= set().union(*map(_pieces, others)):
            held_out.append(form)
        if len(held_out) * HELD_OUT_PART >= len(every):
            break
    return tuple(form for form in every if form not in held_out), tuple(held_out)


def readings(line: str) -> list[str]:
    """Every way to read a line with `[a|b]` in it."""
    parts = re.split(r"\[([^\]]*)\]", line)
    options = [part.split("|") if i % 2 else [part] for i, part in enumerate(parts)]
    return ["".join(chosen) for chosen in itertools.product(*options)]


def _pieces(form: str) -> set[str]:
    return set(re.findall(r"\{\w+\}|[a-z']+|[\u3400-\u9fff]", form.lower()))


@cache
def _reserved() -> frozenset[Name]:
    from .facts import fact_names

    return fact_names()


_SYLLABLES = tuple(SYLLABLES)
