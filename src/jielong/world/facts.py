"""Facts about invented people, towns and things: how often each is stated is known, and some are never stated.

Every fact is (subject, relation, value). The subjects of a kind are ranked; subject r is sampled with a frequency
proportional to 1 / (r + 2) (Zipf 1949). One claim (subject, relation, value) in ten is never judged in training; of a
fact whose true claim is among them, no claim is.
"""

import random
from bisect import bisect
from dataclasses import dataclass, replace
from functools import cache
from itertools import accumulate
from typing import Literal

from ..prompts import Language
from .draws import first_fitting
from .names import COUNTRIES, RIVERS, SEEN_SUBJECTS, UNSEEN_SUBJECTS, WORLD_SEED, Name, names_of_world, split_bucket
from .vocabulary import SampleRandom, wordlists

SubjectKind = Literal["person", "town", "thing"]
RELATIONS: dict[SubjectKind, tuple[str, ...]] = {
    "person": ("birthplace", "job", "food", "pet"),
    "town": ("country", "river", "place"),
    "thing": ("material", "colour"),
}
VALUE_WORDLISTS = {"job": "jobs", "food": "foods", "pet": "pets", "material": "materials", "colour": "colours"}


@dataclass(frozen=True)
class Subject:
    kind: SubjectKind
    rank: int
    name: Name
    noun: int = 0  # index into the words for things

    @property
    def seen(self) -> bool:
        return self.rank < SEEN_SUBJECTS[self.kind]

    def text(self, language: Language) -> str:
        name = self.name.text(language)
        if self.kind != "thing":
            return name
        words = wordlists(language)["words"]
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
        words = wordlists(language)["words"]
        if self.name is None:
            return str(words[VALUE_WORDLISTS[self.relation]][self.index])
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

    def statement(self, rng: SampleRandom) -> str:
        return self._filled(rng, self.relation)

    def negation(self, rng: SampleRandom) -> str:
        """A statement that denies this."""
        return self._filled(rng, f"{self.relation}_not")

    def question(self, rng: SampleRandom) -> str:
        return rng.sentence(f"{self.relation}_question", s=self.subject.text(rng.language))

    def reverse_question(self, rng: SampleRandom) -> str:
        """What has this value? Only the place of a town is no other's."""
        return rng.sentence("place_reverse", v=self.value.text(rng.language))

    def _filled(self, rng: SampleRandom, rule: str) -> str:
        text = rng.sentence(rule, s=self.subject.text(rng.language), v=self.value.text(rng.language))
        return text.replace("一只马", "一匹马")

    @property
    def claim_held_out(self) -> bool:
        return split_bucket("claim", self.id, self.value.text("en")) == 0


@dataclass(frozen=True)
class KnowledgeBase:
    """All that is so in the world; whether a fact is ever stated is a matter of its subject's rank."""

    subjects: dict[SubjectKind, tuple[Subject, ...]]
    values: dict[str, tuple[FactValue, ...]]
    facts: dict[Subject, tuple[Fact, ...]]

    def all_facts(self) -> list[Fact]:
        return [fact for facts in self.facts.values() for fact in facts]


@cache
def knowledge_base() -> KnowledgeBase:
    """The one world of facts: the same on every machine."""
    rng = random.Random(WORLD_SEED)
    names = iter(names_of_world(rng))
    subjects: dict[SubjectKind, tuple[Subject, ...]] = {}
    for kind in RELATIONS:
        count = SEEN_SUBJECTS[kind] + UNSEEN_SUBJECTS[kind]
        subjects[kind] = tuple(Subject(kind, rank, next(names), rng.randrange(8)) for rank in range(count))
    counts = {relation: len(wordlists("en")["words"][key]) for relation, key in VALUE_WORDLISTS.items()}
    values = {relation: tuple(FactValue(relation, i) for i in range(n)) for relation, n in counts.items()}
    values["birthplace"] = tuple(FactValue("birthplace", name=s.name) for s in subjects["town"] if s.seen)
    values["country"] = tuple(FactValue("country", name=next(names)) for _ in range(COUNTRIES))
    values["river"] = tuple(FactValue("river", name=next(names)) for _ in range(RIVERS))
    points = rng.sample([(x, y) for x in range(10, 100) for y in range(10, 100)], len(subjects["town"]))
    values["place"] = tuple(FactValue("place", point=point) for point in points)

    def fact(subject: Subject, relation: str) -> Fact:
        of_relation = values[relation]
        return Fact(subject, relation, of_relation[subject.rank] if relation == "place" else rng.choice(of_relation))

    everyone = (subject for members in subjects.values() for subject in members)
    facts = {subject: tuple(fact(subject, relation) for relation in RELATIONS[subject.kind]) for subject in everyone}
    return KnowledgeBase(subjects, values, facts)


@cache
def _cumulative_frequencies() -> tuple[list[Fact], list[float]]:
    shares = {"person": 0.66, "town": 0.2, "thing": 0.14}
    totals = {kind: sum(1 / (rank + 2) for rank in range(count)) for kind, count in SEEN_SUBJECTS.items()}
    facts = [fact for fact in knowledge_base().all_facts() if fact.subject.seen]
    kinds = ((fact.subject.kind, fact.subject.rank) for fact in facts)
    weights = (shares[kind] / (rank + 2) / len(RELATIONS[kind]) / totals[kind] for kind, rank in kinds)
    return facts, list(accumulate(weights))


def sample_fact(rng: SampleRandom) -> Fact:
    """A fact that may be stated, as often as its subject's rank makes it."""
    facts, cumulative = _cumulative_frequencies()
    return facts[min(bisect(cumulative, rng.random() * cumulative[-1]), len(facts) - 1)]


def sample_judged_fact(rng: SampleRandom) -> Fact:
    """A fact about which claims are judged on this side of the split."""
    return first_fitting(
        lambda: sample_fact(rng),
        lambda fact: fact.claim_held_out == rng.held_out and false_claims(fact, rng.held_out),
        "a fact that is judged on this side of the split",
    )


def sample_claim(rng: SampleRandom, fact: Fact, true: bool) -> Fact:
    """`fact` itself, or a false one like it from this side of the split."""
    return fact if true else rng.choice(false_claims(fact, rng.held_out))


@cache
def false_claims(fact: Fact, held_out: bool) -> tuple[Fact, ...]:
    """All claims on one side of the split that give the subject another value than the true one."""
    others = (replace(fact, value=value) for value in knowledge_base().values[fact.relation] if value != fact.value)
    return tuple(other for other in others if other.claim_held_out == held_out)


def answer_choices(rng: SampleRandom, fact: Fact) -> tuple[list[str], int]:
    """Four values, one of them true, and its index."""
    wrong = rng.sample([v for v in knowledge_base().values[fact.relation] if v != fact.value], 3)
    values = [fact.value, *wrong]
    rng.shuffle(values)
    return [value.text(rng.language) for value in values], values.index(fact.value)


def verdict_reply(rng: SampleRandom, claimed: Fact, fact: Fact) -> str:
    """What is so, then the two values side by side, then the verdict on a plain claim."""
    actual, proposed = fact.value.text(rng.language), claimed.value.text(rng.language)
    same = actual == proposed
    verdict = wordlists(rng.language)["verdicts"]["true_false"][not same]
    key = "claim_same" if same else "claim_other"
    return rng.phrase(key, fact=fact.statement(rng), found=actual, proposed=proposed, verdict=verdict)


def stranger_fact(rng: SampleRandom) -> Fact:
    """A fact about somebody of whom nothing was ever said."""
    fact = sample_fact(rng)
    return replace(fact, subject=replace(fact.subject, name=rng.name()))
