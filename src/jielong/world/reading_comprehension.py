"""Reading: the answer is in the documents given, or they do not tell. The people and most places are new each time."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ..prompts import catalogue
from .facts import Fact, FactValue, Subject, verdict_on, world
from .training_examples import Document, assistant, decisive, user
from .vocabulary import SampleRandom, data

READ = ("birthplace", "job", "food", "pet", "country", "river", "material", "colour")
_KIND = {"birthplace": "person", "job": "person", "food": "person", "pet": "person", "country": "town", "river": "town",
         "material": "thing", "colour": "thing"}  # fmt: skip
UNANSWERABLE = 0.2


@dataclass(frozen=True)
class Reading:
    documents: tuple[str, ...]
    question: str
    answer: str
    told: bool


def reading(draw: SampleRandom, told: bool) -> Reading:
    """Documents about strangers, and a question on them; `told` says whether they answer it."""
    about = strange_fact(draw, draw.rng.choice(READ))
    count = draw.rng.choice((0, 1) if draw.short else (1, 2, 2, 3, 4))
    facts = [about]
    for _ in range(count if told else max(1, count)):
        facts.append(_other(draw, facts))
    if not told:
        facts.remove(about)
    draw.rng.shuffle(facts)
    documents = tuple(fact.statement(draw) for fact in facts)
    if len(documents) > 1 and draw.chance(0.5):
        documents = _joined(draw, documents)
    answer = about.value.text(draw.language) if told else draw.ask("not_told")
    return Reading(documents, about.question(draw), answer, told)


def strange_fact(draw: SampleRandom, relation: str) -> Fact:
    subject = Subject(_KIND[relation], 10**6, draw.name(), draw.rng.randrange(8))  # type: ignore[arg-type]
    return Fact(subject, relation, _strange_value(draw, relation))


def _strange_value(draw: SampleRandom, relation: str) -> FactValue:
    if relation in ("birthplace", "country", "river") and draw.chance(0.7):
        return FactValue(relation, name=draw.name())
    return draw.rng.choice(world().values[relation])


def _other(draw: SampleRandom, facts: list[Fact]) -> Fact:
    """One more fact, of which none of `facts` tells: another subject, or another relation of the first one's."""
    told = {(fact.subject.name, fact.relation) for fact in facts}
    while True:
        other = _near(draw, facts[0])
        if (other.subject.name, other.relation) not in told:
            return other


def _near(draw: SampleRandom, about: Fact) -> Fact:
    if draw.chance(0.5):
        return strange_fact(draw, about.relation)
    relation = draw.rng.choice([r for r in READ if _KIND[r] == about.subject.kind and r != about.relation])
    if draw.chance(0.6):
        return Fact(about.subject, relation, _strange_value(draw, relation))
    return strange_fact(draw, relation)


def _joined(draw: SampleRandom, statements: tuple[str, ...]) -> tuple[str, ...]:
    separator = data(draw.language)["words"]["separator"]
    cut = draw.rng.randint(1, len(statements))
    pieces = (statements[:cut], statements[cut:])
    return tuple(separator.join(piece) for piece in pieces if piece)


def with_documents(draw: SampleRandom, documents: tuple[str, ...], question: str) -> str:
    """As a task renders its documents."""
    return f"{catalogue(draw.language)['task']['context']}\n\n" + "\n\n".join(documents) + f"\n\n{question}"


def read(draw: SampleRandom) -> Document:
    told = not draw.chance(UNANSWERABLE)
    text = reading(draw, told)
    question = draw.form("read_and_answer", question=text.question)
    if draw.chance(0.6):
        asked = with_documents(draw, text.documents, question)
    else:
        separator = data(draw.language)["words"]["separator"]
        asked = separator.join([*text.documents, question])
    return Document("reading", (user(asked, 0.05), decisive(text.answer)))


def verified(draw: SampleRandom) -> Document:
    """A claim about strangers, true or false by the documents given: what is so is found, compared, and judged."""
    relation, true = draw.rng.choice(READ), draw.chance(0.5)
    about = strange_fact(draw, relation)
    facts = [about]
    for _ in range(draw.rng.choice((0, 1) if draw.short else (0, 1, 2))):
        facts.append(_other(draw, facts))
    draw.rng.shuffle(facts)
    claimed = about
    while not true and claimed.value.text(draw.language) == about.value.text(draw.language):
        claimed = replace(about, value=draw.rng.choice([*facts, strange_fact(draw, relation)]).value)
        if claimed.value.relation != relation:
            claimed = about
    question = draw.form("true_false", claim=claimed.statement(draw))
    asked = with_documents(draw, tuple(fact.statement(draw) for fact in facts), question)
    return Document("verified", (user(asked, 0.0), assistant(verdict_on(draw, claimed, about))))
