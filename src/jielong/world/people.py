"""The people of word problems: real and invented names, roles, and those who speak, each with the words that agree."""

from dataclasses import dataclass
from functools import cache

from ..prompts import Language
from .names import split_bucket
from .vocabulary import SampleRandom, wordlists

_THIRD = {"s": "s", "es": "es", "ies": "ies", "has": "has", "is": "is", "was": "was", "does": "does"}
_PLURAL = {"s": "", "es": "", "ies": "y", "has": "have", "is": "are", "was": "were", "does": "do"}
_I = _PLURAL | {"is": "am", "was": "was"}
_PRONOUNS = {
    "he": ("him", "his"),
    "she": ("her", "her"),
    "they": ("them", "their"),
    "I": ("me", "my"),
    "we": ("us", "our"),
}
_CHINESE_PRONOUN = {"he": "他", "she": "她"}


@dataclass(frozen=True)
class Person:
    """`pronoun` is the one for later mentions; `name` that for the first, which is the pronoun for who speaks."""

    name: str
    pronoun: str
    language: Language

    @property
    def slots(self) -> dict[str, str]:
        """What sentences about this person are filled with, the name spelled out."""
        if self.language == "zh":
            return {"n": self.name, "ta": self.pronoun}
        him, his = _PRONOUNS[self.pronoun]
        speaks = self.pronoun in ("I", "we")
        agreeing = _I if self.pronoun == "I" else _THIRD if self.pronoun in ("he", "she") else _PLURAL
        possessive = his if speaks else f"{self.name}'" if self.name.endswith("s") else f"{self.name}'s"
        names = {"n": self.name, "n_o": him if speaks else self.name, "his_n": possessive}
        capital = {"he_c": self.pronoun.capitalize()}
        return names | capital | {"he": self.pronoun, "him": him, "his": his} | agreeing

    @property
    def later_slots(self) -> dict[str, str]:
        """The same for a later sentence, with a pronoun instead of the name."""
        if self.language == "zh":
            return {"n": self.pronoun}
        him, his = _PRONOUNS[self.pronoun]
        return {"n": self.pronoun, "n_o": him, "his_n": his}


def sample_people(rng: SampleRandom) -> tuple[Person, Person, Person]:
    """Who a problem is about, who may be anybody, and two others, each one person with a name or a role."""
    chance = rng.random()
    if chance < 0.14:
        first = _person(rng, "I" if rng.language == "en" else "我")
    elif chance < 0.18:
        first = _person(rng, "we" if rng.language == "en" else "我们")
    elif chance < 0.25:
        group = str(rng.choice(wordlists(rng.language)["people"]["groups"]))
        first = Person(group, "they" if rng.language == "en" else "他们", rng.language)
    else:
        first = _named(rng)
    people = [first]
    while len(people) < 3:
        if (other := _named(rng)).name not in [person.name for person in people]:
            people.append(other)
    return people[0], people[1], people[2]


def _person(rng: SampleRandom, pronoun: str) -> Person:
    return Person(pronoun, pronoun, rng.language)


def _named(rng: SampleRandom) -> Person:
    chance = rng.random()
    if chance < 0.15:
        name, _, pronoun = str(rng.choice(wordlists(rng.language)["people"]["roles"])).partition("/")
        return Person(name, pronoun, rng.language)
    gender = rng.choice(("he", "she"))
    if chance < 0.6:
        name = rng.choice(first_names(rng.language, gender, rng.held_out))
    else:
        name = rng.name().text(rng.language)
    return Person(name, _CHINESE_PRONOUN[gender] if rng.language == "zh" else gender, rng.language)


@cache
def first_names(language: Language, gender: str, held_out: bool) -> tuple[str, ...]:
    """Real first names of one side of the split."""
    names = str(wordlists(language)["people"][gender]).split()
    return tuple(name for name in names if (split_bucket("word", name) == 0) == held_out)
