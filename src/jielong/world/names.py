"""Invented names and the held-out split: a tenth of everything is kept from training, by hash."""

import hashlib
import random
from dataclasses import dataclass
from functools import cache

from ..prompts import Language

HELD_OUT_PART = 10
WORLD_SEED = "the world of mini"
SEEN_SUBJECTS = {"person": 160, "town": 36, "thing": 40}
UNSEEN_SUBJECTS = {"person": 90, "town": 20, "thing": 30}
COUNTRIES, RIVERS = 8, 12
MAP_TOWNS = 120  # towns that are on the map beside those of the facts

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
        return split_bucket("name", *self.syllables) == 0


def split_bucket(*parts: object) -> int:
    """0 for the held-out tenth, by hash: the same on every machine and in every run."""
    digest = hashlib.sha256("\x00".join(map(str, parts)).encode()).digest()
    return int.from_bytes(digest[:4], "big") % HELD_OUT_PART


def names_of_world(rng: random.Random) -> list[Name]:
    """The names of all subjects, countries and rivers, none of them held out."""
    syllables, names = list(SYLLABLES), dict[Name, None]()
    while len(names) < sum(SEEN_SUBJECTS.values()) + sum(UNSEEN_SUBJECTS.values()) + COUNTRIES + RIVERS:
        name = Name(tuple(rng.choice(syllables) for _ in range(rng.choice((2, 3)))))
        if not name.held_out:
            names.setdefault(name)
    return list(names)


@cache
def map_town_names() -> tuple[Name, ...]:
    """The names of the further towns of the map, none of them held out or another's."""
    rng, syllables = random.Random(f"{WORLD_SEED}: towns of the map"), list(SYLLABLES)
    taken = frozenset(names_of_world(random.Random(WORLD_SEED)))
    names = dict[Name, None]()
    while len(names) < MAP_TOWNS:
        name = Name(tuple(rng.choice(syllables) for _ in range(rng.choice((2, 3)))))
        if not name.held_out and name not in taken:
            names.setdefault(name)
    return tuple(names)


@cache
def reserved_names() -> frozenset[Name]:
    """The names that mean somebody or something in particular: no stranger may have one of them."""
    return frozenset(names_of_world(random.Random(WORLD_SEED))) | frozenset(map_town_names())
