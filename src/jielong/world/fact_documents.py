"""Documents that tell or ask the facts of the world: texts, questions, two questions in one, several choices."""

import re

from .draws import first_fitting
from .facts import Fact, answer_choices, knowledge_base, sample_fact, stranger_fact
from .grammar import sample_form
from .training_examples import Document, Turn, assistant_turn, decisive_turn, user_turn
from .vocabulary import SampleRandom, fill_form, wordlists

UNKNOWN_SUBJECT_SHARE = 0.12
TWO_QUESTIONS_SHARE = 0.1
INSTRUCTION_SHARE = 0.2
MULTIPLE_CHOICE_LETTERS = "ABCD"


def statement_document(rng: SampleRandom) -> Document:
    """A plain text of one to four facts, some about the same subject, some of these in one sentence."""
    first = sample_fact(rng)
    others = _further_facts(first)
    if others and rng.chance(0.2):
        facts = [first, *rng.sample(others, rng.choice([n for n in (1, 1, 2) if n <= len(others)]))]
        return Document("facts", (Turn("text", joint_statement(rng, facts), 1.0),), _ids(facts))
    facts = [first]
    while len(facts) < 4 and rng.chance(0.5):
        facts.append(rng.choice(knowledge_base().facts[facts[-1].subject]) if rng.chance(0.5) else sample_fact(rng))
    text = wordlists(rng.language)["words"]["separator"].join(fact.statement(rng) for fact in facts)
    return Document("facts", (Turn("text", text, 1.0),), _ids(facts))


def joint_statement(rng: SampleRandom, facts: list[Fact]) -> str:
    """One sentence with several facts about one subject: "X was born in Y and keeps a goat." """
    parts = [_predicate(rng, fact) for fact in facts]
    words = wordlists(rng.language)["joined"]
    predicates = str(words["between"]).join(parts[:-1]) + str(words["last"]) + parts[-1]
    return f"{fill_form(facts[0].subject.text(rng.language))}{words['subject']}{predicates}{words['end']}".replace(
        "一只马", "一匹马"
    )


def _predicate(rng: SampleRandom, fact: Fact) -> str:
    """A statement without its subject, from the forms that begin with it and are one clause."""
    form = first_fitting(
        lambda: sample_form(rng, rng.language, fact.relation, held_out=False),  # few of the held-out forms begin so
        lambda form: re.match(r"\{s\}(?!['的])[^,，]*$", form),
        f"{rng.language}: a clause of {fact.relation} that begins with its subject",
    )
    return form.removeprefix("{s}")[:-1].strip().format(v=fact.value.text(rng.language))


def question_document(rng: SampleRandom) -> Document:
    """A question or an order about a fact; now and then on somebody of whom nothing was ever said."""
    if rng.chance(TWO_QUESTIONS_SHARE):
        return _two_questions_document(rng)
    if rng.chance(UNKNOWN_SUBJECT_SHARE):
        question = stranger_fact(rng).question(rng)
        return Document("facts", (_asked(rng, question), assistant_turn(rng.phrase("unknown"))))
    fact = sample_fact(rng)
    if fact.relation == "place" and rng.chance(0.2):
        reply, question = fact.subject.text(rng.language), fact.reverse_question(rng)
    else:
        reply, question = fact.value.text(rng.language), fact.question(rng)
    return Document("facts", (_asked(rng, question), decisive_turn(reply)), (fact.id,))


def _asked(rng: SampleRandom, question: str) -> Turn:
    if not rng.chance(INSTRUCTION_SHARE):
        return user_turn(question)
    instruction = rng.sentence("answer_instruction")
    between = rng.choice(("\n", "\n", wordlists(rng.language)["words"]["separator"]))
    return user_turn(between.join((question, instruction) if rng.chance(0.8) else (instruction, question)))


def _two_questions_document(rng: SampleRandom) -> Document:
    fact = sample_fact(rng)
    while not (others := _further_facts(fact)):
        fact = sample_fact(rng)
    facts = [fact, rng.choice(others)]
    question, reply = two_questions(rng, facts)
    return Document("facts", (user_turn(question), decisive_turn(reply)), _ids(facts))


def two_questions(rng: SampleRandom, facts: list[Fact]) -> tuple[str, str]:
    """A question on two facts of one subject, and both values in its order."""
    reply = wordlists(rng.language)["joined"]["values"].join(fact.value.text(rng.language) for fact in facts)
    subject = facts[0].subject.text(rng.language)
    if rng.chance(0.5):
        p, q = (_noun(rng, fact.relation) for fact in facts)
        return rng.sentence("two_nouns", s=subject, p=p, q=q), reply
    p, q = (_bare_question(rng, fact) for fact in facts)
    return rng.sentence("two_questions", p=p, q=q), reply


def _noun(rng: SampleRandom, relation: str) -> str:
    return sample_form(rng, rng.language, f"{relation}_noun", held_out=False).removeprefix("的")


def _bare_question(rng: SampleRandom, fact: Fact) -> str:
    """A question without its mark, small at the beginning."""
    form = first_fitting(
        lambda: rng.form(f"{fact.relation}_question"),
        lambda form: re.fullmatch(r"[^.?？:：,，(=>]*[?？]", form),
        f"{rng.language}: a question on {fact.relation} in one clause",
    )
    return (form[:1].lower() + form[1:-1]).format(s=fact.subject.text(rng.language))


def _further_facts(fact: Fact) -> list[Fact]:
    """The other facts of its subject that are stated in a word or a name."""
    if fact.relation == "place":
        return []
    return [f for f in knowledge_base().facts[fact.subject] if f != fact and f.relation != "place"]


def _ids(facts: list[Fact]) -> tuple[str, ...]:
    return tuple(fact.id for fact in facts)


def sentence_answer_document(rng: SampleRandom) -> Document:
    fact = sample_fact(rng)
    return Document("facts", (user_turn(fact.question(rng), 0.1), assistant_turn(fact.statement(rng))), (fact.id,))


def multiple_choice_document(rng: SampleRandom) -> Document:
    fact = sample_fact(rng)
    values, right = answer_choices(rng, fact)
    letters = MULTIPLE_CHOICE_LETTERS
    lettered = "\n".join(f"({letter}) {text}" for letter, text in zip(letters, values, strict=True))
    question = f"{fact.question(rng)}\n\n{lettered}\n{wordlists(rng.language)['prompts']['choices']}"
    reply = letters[right] if rng.chance(0.7) else f"{fact.value.text(rng.language)}: {letters[right]}"
    return Document("multiple_choice", (user_turn(question, 0.0), assistant_turn(reply)), (fact.id,))
