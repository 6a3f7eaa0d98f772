"""Reading: the answer is in the documents given, or they do not answer it. People and most places are new each time."""

from dataclasses import dataclass, replace

from .facts import Fact, FactValue, Subject, SubjectKind, knowledge_base, verdict_reply
from .story_layouts import laid_out
from .training_examples import Document, assistant_turn, decisive_turn, user_turn
from .vocabulary import SampleRandom, wordlists

SUBJECT_KIND: dict[str, SubjectKind] = {
    "birthplace": "person", "job": "person", "food": "person", "pet": "person",
    "country": "town", "river": "town",
    "material": "thing", "colour": "thing",
}  # fmt: skip
RELATIONS_READ = tuple(SUBJECT_KIND)
UNANSWERABLE_SHARE = 0.2


@dataclass(frozen=True)
class Reading:
    documents: tuple[str, ...]
    question: str
    answer: str
    answerable: bool


def sample_reading(rng: SampleRandom, answerable: bool) -> Reading:
    """Documents about strangers, and a question on them; `answerable` says whether they answer it."""
    about = invented_fact(rng, rng.choice(RELATIONS_READ))
    count = rng.choice((0, 1) if rng.short else (1, 2, 2, 3, 4))
    facts = [about]
    for _ in range(count if answerable else max(1, count)):
        facts.append(_further_fact(rng, facts))
    if not answerable:
        facts.remove(about)
    rng.shuffle(facts)
    documents = tuple(fact.statement(rng) for fact in facts)
    if len(documents) > 1 and rng.chance(0.5):
        cut = rng.randint(1, len(documents))
        separator = wordlists(rng.language)["words"]["separator"]
        documents = tuple(separator.join(part) for part in (documents[:cut], documents[cut:]) if part)
    answer = about.value.text(rng.language) if answerable else rng.phrase("not_told")
    return Reading(documents, about.question(rng), answer, answerable)


def invented_fact(rng: SampleRandom, relation: str) -> Fact:
    """A fact about a stranger, of no rank in the world."""
    subject = Subject(SUBJECT_KIND[relation], 10**6, rng.name(), rng.randrange(8))
    return Fact(subject, relation, _invented_value(rng, relation))


def _invented_value(rng: SampleRandom, relation: str) -> FactValue:
    if relation in ("birthplace", "country", "river") and rng.chance(0.7):
        return FactValue(relation, name=rng.name())
    return rng.choice(knowledge_base().values[relation])


def _further_fact(rng: SampleRandom, facts: list[Fact]) -> Fact:
    """One more fact, which none of `facts` states: another subject, or another relation of the first one's."""
    stated = {(fact.subject.name, fact.relation) for fact in facts}
    while True:
        other = _similar_fact(rng, facts[0])
        if (other.subject.name, other.relation) not in stated:
            return other


def _similar_fact(rng: SampleRandom, about: Fact) -> Fact:
    if rng.chance(0.5):
        return invented_fact(rng, about.relation)
    relation = rng.choice([r for r in RELATIONS_READ if SUBJECT_KIND[r] == about.subject.kind and r != about.relation])
    if rng.chance(0.6):
        return Fact(about.subject, relation, _invented_value(rng, relation))
    return invented_fact(rng, relation)


def question_with_documents(rng: SampleRandom, documents: tuple[str, ...], question: str) -> str:
    """As a task renders its documents."""
    return f"{wordlists(rng.language)['prompts']['documents']}\n\n" + "\n\n".join(documents) + f"\n\n{question}"


def reading_document(rng: SampleRandom) -> Document:
    reading = sample_reading(rng, not rng.chance(UNANSWERABLE_SHARE))
    question = rng.sentence("read_and_answer", question=reading.question)
    if rng.chance(0.5):
        text = question_with_documents(rng, reading.documents, question)
    else:
        text = laid_out(rng, wordlists(rng.language)["words"]["separator"].join(reading.documents), question)
    return Document("reading", (user_turn(text, 0.05), decisive_turn(reading.answer)))


def verification_document(rng: SampleRandom) -> Document:
    """A claim about strangers, true or false by the documents given: the true value, the claimed one, the verdict."""
    relation, true = rng.choice(RELATIONS_READ), rng.chance(0.5)
    about = invented_fact(rng, relation)
    facts = [about]
    for _ in range(rng.choice((0, 1) if rng.short else (0, 1, 2))):
        facts.append(_further_fact(rng, facts))
    rng.shuffle(facts)
    claimed = about
    while not true and claimed.value.text(rng.language) == about.value.text(rng.language):
        claimed = replace(about, value=rng.choice([*facts, invented_fact(rng, relation)]).value)
        if claimed.value.relation != relation:
            claimed = about
    question = rng.sentence("true_false", claim=claimed.statement(rng))
    text = question_with_documents(rng, tuple(fact.statement(rng) for fact in facts), question)
    return Document("verified", (user_turn(text, 0.0), assistant_turn(verdict_reply(rng, claimed, about))))
