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
from .grammar import sample_form
from .names import COUNTRIES, RIVERS, SEEN_SUBJECTS, UNSEEN_SUBJECTS, WORLD_SEED, Name, names_of_world, split_bucket
from .training_examples import Document, Turn, assistant_turn, decisive_turn, user_turn
from .vocabulary import SampleRandom, fill_form, wordlists

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
        return rng.sentence(self.relation, s=self.subject.text(rng.language), v=self.value.text(rng.language))

    def question(self, rng: SampleRandom) -> str:
        return rng.sentence(f"{self.relation}_question", s=self.subject.text(rng.language))

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
    while True:
        fact = sample_fact(rng)
        if fact.claim_held_out == rng.held_out and false_claims(fact, rng.held_out):
            return fact


def sample_claim(rng: SampleRandom, fact: Fact, true: bool) -> Fact:
    """`fact` itself, or a false one like it from this side of the split."""
    return fact if true else rng.choice(false_claims(fact, rng.held_out))


@cache
def false_claims(fact: Fact, held_out: bool) -> tuple[Fact, ...]:
    """All claims on one side of the split that give the subject another value than the true one."""
    others = (replace(fact, value=value) for value in knowledge_base().values[fact.relation] if value != fact.value)
    return tuple(other for other in others if other.claim_held_out == held_out)


def true_false_question(rng: SampleRandom, frame: str, claimed: str, brief: bool) -> str:
    """The question whether `claimed` is so; `brief` asks for the verdict alone."""
    question = fill_form(frame, claim=claimed)
    return f"{question}\n{wordlists(rng.language)['phrases']['one_word']}" if brief else question


# ---- documents ----


def statement_document(rng: SampleRandom) -> Document:
    """A plain text of one to four facts, some about the same subject."""
    facts = [sample_fact(rng)]
    while len(facts) < 4 and rng.chance(0.5):
        facts.append(rng.choice(knowledge_base().facts[facts[-1].subject]) if rng.chance(0.5) else sample_fact(rng))
    text = wordlists(rng.language)["words"]["separator"].join(fact.statement(rng) for fact in facts)
    return Document("facts", (Turn("text", text, 1.0),), tuple(fact.id for fact in facts))


UNKNOWN_SUBJECT_SHARE = 0.12


def question_document(rng: SampleRandom) -> Document:
    """A question on a fact; now and then on somebody of whom nothing was ever said."""
    fact = sample_fact(rng)
    stranger = rng.chance(UNKNOWN_SUBJECT_SHARE)
    if stranger:
        fact = replace(fact, subject=replace(fact.subject, name=rng.name()))
    instruction = rng.phrase("brief_answer")
    question = fact.question(rng) + (f"\n{instruction}" if instruction else "")
    if stranger:
        return Document("facts", (user_turn(question), assistant_turn(rng.phrase("unknown"))))
    return Document("facts", (user_turn(question), decisive_turn(fact.value.text(rng.language))), (fact.id,))


def sentence_answer_document(rng: SampleRandom) -> Document:
    fact = sample_fact(rng)
    return Document("facts", (user_turn(fact.question(rng), 0.1), assistant_turn(fact.statement(rng))), (fact.id,))


def true_false_document(rng: SampleRandom) -> Document:
    """The fact is recalled and compared before the verdict, unless one word is asked for."""
    fact, true, brief = sample_judged_fact(rng), rng.chance(0.5), rng.chance(0.3)
    claimed = sample_claim(rng, fact, true)
    frame = sample_form(rng, rng.language, "true_false", rng.held_out)
    question = true_false_question(rng, frame, claimed.statement(rng), brief)
    if brief:
        verdict = decisive_turn(rng.phrase("true" if true else "false"))
        return Document("true_false", (user_turn(question, 0.0), verdict), (fact.id,) if true else ())
    if rng.chance(0.3):
        question += "\n" + wordlists(rng.language)["prompts"]["step_by_step"]
    reply = assistant_turn(verdict_reply(rng, claimed, fact))
    return Document("true_false", (user_turn(question, 0.0), reply), (fact.id,))


def verdict_reply(rng: SampleRandom, claimed: Fact, fact: Fact) -> str:
    """What is so, then the two values side by side, then the verdict."""
    actual, proposed = fact.value.text(rng.language), claimed.value.text(rng.language)
    key = "claim_true" if actual == proposed else "claim_false"
    return rng.phrase(key, fact=fact.statement(rng), found=actual, proposed=proposed)


def answer_choices(rng: SampleRandom, fact: Fact) -> tuple[list[str], int]:
    """Four values, one of them true, and its index."""
    wrong = rng.sample([v for v in knowledge_base().values[fact.relation] if v != fact.value], 3)
    values = [fact.value, *wrong]
    rng.shuffle(values)
    return [value.text(rng.language) for value in values], values.index(fact.value)


def multiple_choice_document(rng: SampleRandom) -> Document:
    fact = sample_fact(rng)
    values, right = answer_choices(rng, fact)
    lettered = "\n".join(f"({letter}) {text}" for letter, text in zip("ABCD", values, strict=True))
    question = f"{fact.question(rng)}\n\n{lettered}\n{wordlists(rng.language)['prompts']['choices']}"
    reply = "ABCD"[right] if rng.chance(0.7) else f"{fact.value.text(rng.language)}: {'ABCD'[right]}"
    return Document("multiple_choice", (user_turn(question, 0.0), assistant_turn(reply)), (fact.id,))
