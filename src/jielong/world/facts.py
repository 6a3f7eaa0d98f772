"""Facts about invented people, towns and things: how often each is stated is known, and some are never stated.

Every fact is (subject, relation, value). The subjects of a kind are ranked; subject r is drawn with a frequency
proportional to 1 / (r + 2) (Zipf 1949). One claim (subject, relation, value) in ten is never judged in training; of a
fact whose true claim is among them, no claim is.
"""

from __future__ import annotations

import random
from bisect import bisect
from dataclasses import dataclass, replace
from functools import cache
from itertools import accumulate
from typing import Literal

from ..prompts import catalogue
from .training_examples import Document, Turn, assistant, decisive, plain, user
from .vocabulary import SYLLABLES, Language, Name, SampleRandom, bucket, data, forms, sentence

Kind = Literal["person", "town", "thing"]
RELATIONS: dict[Kind, tuple[str, ...]] = {
    "person": ("birthplace", "job", "food", "pet"),
    "town": ("country", "river", "place"),
    "thing": ("material", "colour"),
}
SEEN = {"person": 160, "town": 36, "thing": 40}
NEVER_SEEN = {"person": 90, "town": 20, "thing": 30}
COUNTRIES, RIVERS = 8, 12
WORDS = {"job": "jobs", "food": "foods", "pet": "pets", "material": "materials", "colour": "colours"}


@dataclass(frozen=True)
class Subject:
    kind: Kind
    rank: int
    name: Name
    noun: int = 0  # which sort of thing it is

    @property
    def seen(self) -> bool:
        return self.rank < SEEN[self.kind]

    def text(self, language: Language) -> str:
        name = self.name.text(language)
        if self.kind != "thing":
            return name
        words = data(language)["words"]
        return str(words["thing"].format(name=name, thing=words["things"][self.noun]))


@dataclass(frozen=True)
class FactValue:
    """The right-hand side of a fact: a word of a list, a name, or a point of the map."""

    relation: str
    index: int = 0
    name: Name | None = None
    point: tuple[int, int] | None = None

    def text(self, language: Language) -> str:
        if self.point:
            return f"{self.point[0]}, {self.point[1]}"
        words = data(language)["words"]
        if self.name is None:
            return str(words[WORDS[self.relation]][self.index])
        name = self.name.text(language)
        return str(words[self.relation].format(name=name)) if self.relation in ("country", "river") else name


@dataclass(frozen=True)
class Fact:
    subject: Subject
    relation: str
    value: FactValue

    @property
    def id(self) -> str:
        return f"{self.subject.name.text('en')} {self.relation}"

    def statement(self, draw: SampleRandom) -> str:
        language = draw.language
        return draw.form(self.relation, s=self.subject.text(language), v=self.value.text(language))

    def question(self, draw: SampleRandom) -> str:
        return draw.form(f"{self.relation}_question", s=self.subject.text(draw.language))

    @property
    def claim_held_out(self) -> bool:
        return bucket("claim", self.id, self.value.text("en")) == 0


@dataclass(frozen=True)
class World:
    subjects: dict[Kind, tuple[Subject, ...]]
    values: dict[str, tuple[FactValue, ...]]
    facts: dict[Subject, tuple[Fact, ...]]

    def all_facts(self) -> list[Fact]:
        return [fact for facts in self.facts.values() for fact in facts]


@cache
def world() -> World:
    """The one world: the same on every machine."""
    rng = random.Random("the world of mini")
    names = iter(_names(rng))
    subjects: dict[Kind, tuple[Subject, ...]] = {}
    for kind in RELATIONS:
        count = SEEN[kind] + NEVER_SEEN[kind]
        subjects[kind] = tuple(Subject(kind, rank, next(names), rng.randrange(8)) for rank in range(count))
    values = {
        relation: tuple(FactValue(relation, i) for i in range(len(data("en")["words"][key])))
        for relation, key in WORDS.items()
    }
    values["birthplace"] = tuple(FactValue("birthplace", name=s.name) for s in subjects["town"] if s.seen)
    values["country"] = tuple(FactValue("country", name=next(names)) for _ in range(COUNTRIES))
    values["river"] = tuple(FactValue("river", name=next(names)) for _ in range(RIVERS))
    points = rng.sample([(x, y) for x in range(10, 100) for y in range(10, 100)], len(subjects["town"]))
    values["place"] = tuple(FactValue("place", point=point) for point in points)
    facts = {
        subject: tuple(
            Fact(
                subject,
                relation,
                values[relation][subject.rank] if relation == "place" else rng.choice(values[relation]),
            )
            for relation in RELATIONS[kind]
        )
        for kind, of_kind in subjects.items()
        for subject in of_kind
    }
    return World(subjects, values, facts)


def _names(rng: random.Random) -> list[Name]:
    syllables, found = list(SYLLABLES), dict[Name, None]()
    while len(found) < sum(SEEN.values()) + sum(NEVER_SEEN.values()) + COUNTRIES + RIVERS:
        name = Name(tuple(rng.choice(syllables) for _ in range(rng.choice((2, 3)))))
        if not name.held_out:
            found.setdefault(name)
    return list(found)


@cache
def fact_names() -> frozenset[Name]:
    """The names that mean somebody or something in particular."""
    known = world()
    named = [s.name for of_kind in known.subjects.values() for s in of_kind]
    return frozenset(named + [v.name for values in known.values.values() for v in values if v.name is not None])


@cache
def _reached() -> tuple[list[Fact], list[float]]:
    weighted = [
        (fact, share / (fact.subject.rank + 2) / len(RELATIONS[fact.subject.kind]) / _zipf(fact.subject.kind))
        for fact in world().all_facts()
        if fact.subject.seen
        for share in ({"person": 0.66, "town": 0.2, "thing": 0.14}[fact.subject.kind],)
    ]
    return [fact for fact, _ in weighted], list(accumulate(weight for _, weight in weighted))


@cache
def _zipf(kind: Kind) -> float:
    return sum(1 / (rank + 2) for rank in range(SEEN[kind]))


def drawn_fact(draw: SampleRandom) -> Fact:
    """A fact that may be stated, as often as its subject's rank makes it."""
    facts, reached = _reached()
    return facts[min(bisect(reached, draw.rng.random() * reached[-1]), len(facts) - 1)]


def judged_fact(draw: SampleRandom) -> Fact:
    """A fact about which claims are judged on the draw's side of the split."""
    while True:
        fact = drawn_fact(draw)
        if fact.claim_held_out == draw.held_out and false_claims(fact, draw.held_out):
            return fact


def claim(draw: SampleRandom, fact: Fact, true: bool) -> Fact:
    """`fact` itself, or a false one like it from the draw's side of the split."""
    return fact if true else draw.rng.choice(false_claims(fact, draw.held_out))


@cache
def false_claims(fact: Fact, held_out: bool) -> tuple[Fact, ...]:
    others = (replace(fact, value=value) for value in world().values[fact.relation] if value != fact.value)
    return tuple(other for other in others if other.claim_held_out == held_out)


def judgement(draw: SampleRandom, frame: str, claimed: str, brief: bool) -> str:
    """The question whether `claimed` is so; `brief` asks for the verdict alone."""
    question = sentence(frame, claim=claimed)
    return f"{question}\n{data(draw.language)['asks']['one_word']}" if brief else question


# ---- documents ----


def stated(draw: SampleRandom) -> Document:
    """A plain text of one to four facts, some about the same subject."""
    facts = [drawn_fact(draw)]
    while len(facts) < 4 and draw.chance(0.5):
        facts.append(draw.rng.choice(world().facts[facts[-1].subject]) if draw.chance(0.5) else drawn_fact(draw))
    separator = data(draw.language)["words"]["separator"]
    text = separator.join(fact.statement(draw) for fact in facts)
    return Document("facts", (plain(text),), tuple(fact.id for fact in facts))


STRANGERS = 0.12


def asked(draw: SampleRandom) -> Document:
    """A question on a fact; now and then on somebody of whom nothing was ever said."""
    fact = drawn_fact(draw)
    stranger = draw.chance(STRANGERS)
    if stranger:
        subject = replace(fact.subject, name=draw.name())
        fact = replace(fact, subject=subject)
    told = draw.ask("brief_answer")
    question = fact.question(draw) + (f"\n{told}" if told else "")
    if stranger:
        return Document("facts", (user(question), assistant(draw.ask("unknown"))))
    return Document("facts", (user(question), decisive(fact.value.text(draw.language))), (fact.id,))


def told_at_length(draw: SampleRandom) -> Document:
    fact = drawn_fact(draw)
    return Document("facts", (user(fact.question(draw), 0.1), assistant(fact.statement(draw))), (fact.id,))


def true_or_false(draw: SampleRandom) -> Document:
    """The fact is recalled and compared before the verdict, unless one word is asked for."""
    fact, true, brief = judged_fact(draw), draw.chance(0.5), draw.chance(0.3)
    claimed = claim(draw, fact, true)
    frame = draw.rng.choice(forms(draw.language, "true_false")[draw.held_out])
    question = judgement(draw, frame, claimed.statement(draw), brief)
    if brief:
        verdict = decisive(draw.ask("true" if true else "false"))
        return Document("true_false", (user(question, 0.0), verdict), (fact.id,) if true else ())
    if draw.chance(0.3):
        question += "\n" + catalogue(draw.language)["cot"]["spell"]
    return Document("true_false", (user(question, 0.0), assistant(verdict_on(draw, claimed, fact))), (fact.id,))


def verdict_on(draw: SampleRandom, claimed: Fact, fact: Fact) -> str:
    """What is so, then the two values side by side, then the verdict."""
    found, proposed = fact.value.text(draw.language), claimed.value.text(draw.language)
    key = "claim_true" if found == proposed else "claim_false"
    return draw.ask(key, fact=fact.statement(draw), found=found, proposed=proposed)


def choices(draw: SampleRandom, fact: Fact) -> tuple[list[str], int]:
    """Four values, one of them true, and its place."""
    wrong = draw.rng.sample([v for v in world().values[fact.relation] if v != fact.value], 3)
    offered = [fact.value, *wrong]
    draw.rng.shuffle(offered)
    return [value.text(draw.language) for value in offered], offered.index(fact.value)


def multiple_choice(draw: SampleRandom) -> Document:
    fact = drawn_fact(draw)
    offered, right = choices(draw, fact)
    lettered = "\n".join(f"({letter}) {text}" for letter, text in zip("ABCD", offered, strict=True))
    question = f"{fact.question(draw)}\n\n{lettered}\n{catalogue(draw.language)['task']['choices']}"
    letter = "ABCD"[right]
    reply = letter if draw.chance(0.7) else f"{fact.value.text(draw.language)}: {letter}"
    return Document("multiple_choice", (user(question, 0.0), assistant(reply)), (fact.id,))


def turns_of(fact: Fact, draw: SampleRandom) -> list[Turn]:
    return [user(fact.question(draw)), assistant(fact.value.text(draw.language))]
