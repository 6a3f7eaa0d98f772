"""Short texts about strangers, towns, things and shops: what is told of whom, and the sentences that tell it.

Unlike the facts of the world, all of this is new in every text. Which words say what is in `stories_*.toml`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .draws import first_fitting
from .grammar import any_form, sample_composed
from .story_values import (
    Individual,
    clock_time,
    date,
    individual,
    invented_word,
    number,
    person,
    phone,
    place,
    population,
    price,
    small_count,
    weight,
    word,
)
from .vocabulary import SampleRandom, fill_form

Value = Callable[[SampleRandom], str]


def _word(rule: str, invented: float = 0.07) -> Value:
    return lambda rng: invented_word(rng) if rng.chance(invented) else word(rng, rule)


def _person(rng: SampleRandom) -> str:
    return person(rng).text


@dataclass(frozen=True)
class Relation:
    """`both`: two of them can share the value in one sentence. Of relations of one `group` a text tells only one of
    somebody, for an answer to one could pass for an answer to the other."""

    kind: str
    value: Value
    both: bool = False
    group: str = ""


RELATIONS: dict[str, Relation] = {
    "job": Relation("person", _word("word_job"), group="work"),
    "workplace": Relation("person", _word("word_workplace", 0), True, "work"),
    "boss": Relation("person", _person, group="work"),
    "birthplace": Relation("person", place, True),
    "home": Relation("person", place, True),
    "food": Relation("person", _word("word_food"), True),
    "drink": Relation("person", _word("word_drink"), True),
    "pet": Relation("person", _word("word_pet", 0)),
    "age": Relation("person", lambda rng: number(rng, 5, 99)),
    "favourite_colour": Relation("person", _word("word_colour", 0), True),
    "hobby": Relation("person", _word("word_hobby", 0), group="play"),
    "sport": Relation("person", _word("word_sport", 0), group="play"),
    "instrument": Relation("person", _word("word_instrument"), group="play"),
    "language": Relation("person", _word("word_language"), True, "study"),
    "studies": Relation("person", _word("word_subject"), True, "study"),
    "teacher": Relation("person", _person, group="study"),
    "transport": Relation("person", _word("word_transport", 0)),
    "children": Relation("person", small_count),
    "wakes": Relation("person", lambda rng: clock_time(rng, 5, 9)),
    "room": Relation("person", lambda rng: number(rng, 2, 999), group="place"),
    "birthday": Relation("person", date),
    "fear": Relation("person", _word("word_fear", 0)),
    "dream": Relation("person", _word("word_job")),
    "spouse": Relation("person", _person),
    "sister": Relation("person", lambda rng: person(rng, True).text),
    "brother": Relation("person", lambda rng: person(rng, False).text),
    "friend": Relation("person", _person),
    "country": Relation("town", lambda rng: place(rng, "word_country")),
    "river": Relation("town", lambda rng: place(rng) + ("河" if rng.language == "zh" else "")),
    "population": Relation("town", population),
    "founded": Relation("town", lambda rng: number(rng, 900, 1999)),
    "famous": Relation("town", _word("word_famous", 0)),
    "mayor": Relation("town", _person),
    "weather": Relation("town", _word("word_weather", 0)),
    "price": Relation("thing", price),
    "colour": Relation("thing", _word("word_colour", 0)),
    "material": Relation("thing", _word("word_material")),
    "owner": Relation("thing", _person),
    "maker": Relation("thing", _person),
    "weight": Relation("thing", weight),
    "kept": Relation("thing", _word("word_kept", 0)),
    "opens": Relation("shop", lambda rng: clock_time(rng, 6, 11)),
    "closes": Relation("shop", lambda rng: clock_time(rng, 13, 22)),
    "street": Relation("shop", _word("word_street", 0)),
    "sells": Relation("shop", _word("word_sells", 0)),
    "day_off": Relation("shop", _word("word_day", 0)),
    "phone": Relation("shop", phone),
}
KINDS = ("person", "town", "thing", "shop")
OF_KIND = {kind: tuple(r for r in RELATIONS if RELATIONS[r].kind == kind) for kind in KINDS}


@dataclass(frozen=True)
class Told:
    """What a text tells: of whom, what, and the value as it stands in the text."""

    about: Individual
    relation: str
    value: str


def told(rng: SampleRandom, about: Individual, relation: str, value: str = "") -> Told:
    value = value or RELATIONS[relation].value(rng)
    if rng.language == "zh" and relation == "pet":
        value = f"一{value}"  # with its measure word, which an answer leaves out
    return Told(about, relation, value)


def answer_text(fact: Told, language: str) -> str:
    return fact.value[2:] if language == "zh" and fact.relation == "pet" else fact.value


def other_individual(rng: SampleRandom, kind: str, known: list[Individual]) -> Individual:
    """One more of a kind, whose name is none of those known, nor a part of one."""
    while True:
        new = individual(rng, kind)
        if not any(new.text in old.text or old.text in new.text for old in known):
            return new


# ---- sentences ----

_AGREEMENT = {
    "third": {"z": "s", "es": "es", "ies": "ies", "is": "is", "has": "has", "was": "was"},
    "other": {"z": "", "es": "", "ies": "y", "is": "are", "has": "have", "was": "were"},
}
_FIRST = {
    "en": {"s": "I", "p": "my", "s_": "I", "p_": "my", "o": "me", "is": "am", "was": "was"},
    "zh": {"s": "我", "p": "我", "s_": "我", "p_": "我", "o": "我"},
}
_PRONOUNS = {
    ("en", "she"): {"s_": "she", "p_": "her", "o": "her", "wife": "husband", "who": "who"},
    ("en", "he"): {"s_": "he", "p_": "his", "o": "him", "wife": "wife", "who": "who"},
    ("en", "it"): {"s_": "it", "p_": "its", "o": "it", "wife": "", "who": "which"},
    ("en", "they"): {"s_": "they", "p_": "their", "o": "them", "wife": "", "who": "who"},
    ("zh", "she"): {"s_": "她", "p_": "她", "o": "她"},
    ("zh", "he"): {"s_": "他", "p_": "他", "o": "他"},
    ("zh", "it"): {"s_": "它", "p_": "它", "o": "它"},
    ("zh", "they"): {"s_": "他们", "p_": "他们", "o": "他们"},
}


def pronouns(rng: SampleRandom, about: Individual) -> dict[str, str]:
    key = ("she" if about.she else "he") if about.kind == "person" else "it"
    return _PRONOUNS[rng.language, key]


def subject_slots(rng: SampleRandom, about: Individual, voice: str = "name") -> dict[str, str]:
    """The words for somebody. `voice`: by name, by a pronoun, as I, or as one of `both`."""
    if voice == "I":
        return {**_AGREEMENT["other"], "wife": "wife" if not about.she else "husband", **_FIRST[rng.language]}
    if voice == "both":
        return {**_AGREEMENT["other"], **_PRONOUNS[rng.language, "they"], "s": about.text, "p": about.text}
    slots = {**_AGREEMENT["third"], **pronouns(rng, about)}
    if voice == "pronoun":
        return {**slots, "s": slots["s_"], "p": slots["p_"]}
    return {**slots, "s": about.text, "p": possessive(about.text) if rng.language == "en" else about.text}


def possessive(text: str) -> str:
    return f"{text}'" if text.endswith("s") else f"{text}'s"


def value_slots(fact: Told) -> dict[str, str]:
    value = fact.value
    ordinal = f"{value}{_ORDINAL_ENDINGS.get(value[-1:], 'th') if value[-2:-1] != '1' else 'th'}"
    article = "an" if value[:1].lower() in "aeiou" and not value.startswith(("uni", "eu", "uk")) else "a"
    return {"v": value, "av": f"{article} {value}", "mv": value, "ordinal": ordinal}


_ORDINAL_ENDINGS = {"1": "st", "2": "nd", "3": "rd"}


def sentence(rng: SampleRandom, frames: tuple[str, ...], facts: tuple[Told, ...], voices: tuple[str, ...]) -> str:
    """A sentence by one of the rules `frames` that tells `facts`; `voices`: how each calls whom it is about."""

    def compose() -> str:
        frame = rng.choice(frames)
        rule = "own" if frame.endswith("own") else "say"
        form = first_fitting(
            lambda: any_form(rng, rng.language, frame),
            lambda form: voices[0] == "name" or ("{who}" not in form and "{v1}的{s}" not in form),
            f"{rng.language}: a form of {frame} for a pronoun",
        )
        for i, fact in enumerate(facts):
            part = _part(rng, f"{rule}_{fact.relation}", named=rule == "own" and voices[0] == "name")
            part = part.replace("{", f"{{{'abc'[i]}")
            form = form.replace("{c}" if rule == "own" else f"{{v{i + 1}}}", part)
        return form

    form = sample_composed(compose, rng.held_out)
    slots = subject_slots(rng, facts[0].about, voices[0])
    for i, (fact, voice) in enumerate(zip(facts, voices, strict=True)):
        own = {**subject_slots(rng, fact.about, voice), **value_slots(fact)}
        slots.update({f"{'abc'[i]}{key}": text for key, text in own.items()})
    return capitalised(fill_form(form, t=facts[-1].about.text, **slots))


def _part(rng: SampleRandom, rule: str, named: bool) -> str:
    """A form of a part; where it must be `named`, one that says whose it is."""
    return first_fitting(
        lambda: any_form(rng, rng.language, rule),
        lambda part: not named or "{s}" in part or "{p}" in part,
        f"{rng.language}: a form of {rule} with its subject",
    )


def capitalised(text: str) -> str:
    """The first letter after each full stop a capital: names of things begin with "the"."""
    parts = text.split(". ")
    return ". ".join(part[:1].upper() + part[1:] for part in parts)


def single_sentence(rng: SampleRandom, fact: Told, voice: str = "name") -> str:
    say, own = ("frame_first", "frame_first_own") if voice == "I" else ("frame_say", "frame_own")
    return sentence(rng, (say, say, say, own), (fact,), (voice,))


def sentences_about(rng: SampleRandom, facts: list[Told], voice: str = "name") -> list[str]:
    """Sentences that tell facts about one and the same, by name at first and then mostly by a pronoun."""
    left, lines = list(facts), list[str]()
    while left:
        count = min(len(left), rng.choice((1, 1, 2, 2, 3)))
        group, left = tuple(left[:count]), left[count:]
        called = voice if voice == "I" or not lines else rng.choice(("pronoun", "pronoun", "name"))
        if count == 1:
            lines.append(single_sentence(rng, group[0], called))
        elif voice == "I":
            lines.append(sentence(rng, ("frame_first_two",), group[:2], ("I",) * 2))
            left = [*group[2:], *left]
        else:
            frame = "frame_two" if count == 2 else "frame_three"
            lines.append(sentence(rng, (frame,), group, (called, *["pronoun"] * (count - 1))))
    return lines
