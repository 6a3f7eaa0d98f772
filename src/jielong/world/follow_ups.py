"""Conversations about facts in which later questions only make sense after the earlier ones: "and her job?"

A relation is asked for again where `follow_up.toml` has a rule `then_RELATION`. The people of the world have no gender,
so any pronoun may come.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from . import facts, plain_arithmetic, word_problems
from .conversation import TALK_WEIGHT, sample_intent, small_talk
from .draws import first_fitting
from .grammar import any_form, grammar
from .training_examples import Document, Turn, assistant_turn, decisive_turn, user_turn
from .vocabulary import SampleRandom

ASIDES = ("thanks", "okay", "praise", "happy", "hello", "sorry")
UNKNOWN_SHARE = 0.06
CALCULATED_SHARE = 0.18
_OPERATORS = {"plus": "+", "minus": "-", "times": "*", "by": "/"}


@dataclass(frozen=True)
class Exchange:
    """A request and its reply; `fact` is None for small talk and for what nobody told."""

    request: str
    reply: str
    fact: facts.Fact | None


def sample_follow_up(rng: SampleRandom, exchanges: int, known: list[facts.Fact] | None = None) -> list[Exchange]:
    """`exchanges` exchanges, the first a plain question, the last a follow-up. The first fact is one of `known`."""
    fact = _opening_fact(rng, known)
    found = [Exchange(fact.question(rng), fact.value.text(rng.language), fact)]
    asked = {fact}
    while len(found) < exchanges:
        if len(found) < exchanges - 1 and rng.chance(0.2):
            found.append(Exchange(*small_talk(rng, rng.choice(ASIDES)), None))
            continue
        request, fact = _next_question(rng, fact, asked, known)
        asked.add(fact)
        found.append(Exchange(request, fact.value.text(rng.language), fact))
    return found


def _opening_fact(rng: SampleRandom, known: list[facts.Fact] | None) -> facts.Fact:
    return first_fitting(
        lambda: rng.choice(known) if known else facts.sample_fact(rng),
        lambda fact: _can_follow(rng, fact),
        "a fact that is asked for in follow-ups",
    )


def _can_follow(rng: SampleRandom, fact: facts.Fact) -> bool:
    return f"then_{fact.relation}" in grammar(rng.language)


def _next_question(
    rng: SampleRandom, fact: facts.Fact, asked: set[facts.Fact], known: list[facts.Fact] | None
) -> tuple[str, facts.Fact]:
    """Another fact of the same subject by a pronoun, the same of another subject, or a fact of the town just named."""
    knowledge = facts.knowledge_base()
    of_subject = knowledge.facts[fact.subject]
    if fact.relation == "birthplace" and rng.chance(0.15):
        of_subject = knowledge.facts[_town_of(fact)]
    others = [f for f in of_subject if f not in asked and _can_follow(rng, f) and (known is None or f in known)]
    if others and rng.chance(0.65):
        other = rng.choice(others)
        return rng.sentence(f"then_{other.relation}"), other
    other = first_fitting(
        lambda: _opening_fact(rng, known),
        lambda other: other.relation == fact.relation and other not in asked,
        f"another fact on {fact.relation}",
    )
    return rng.sentence("then_other", s=other.subject.text(rng.language)), other


def _town_of(fact: facts.Fact) -> facts.Subject:
    return next(town for town in facts.knowledge_base().subjects["town"] if town.name == fact.value.name)


def follow_up_document(rng: SampleRandom) -> Document:
    """Two to four exchanges; a stranger of whom nothing was told stays unknown in the follow-ups, too."""
    if rng.chance(UNKNOWN_SHARE):
        return _unknown_document(rng)
    if rng.chance(CALCULATED_SHARE):
        return Document("follow_up", tuple(calculated_turns(rng)))
    exchanges = sample_follow_up(rng, 2 if rng.short else rng.choice((2, 2, 3, 3, 4)))
    turns: list[Turn] = []
    if not rng.short and rng.chance(0.1):
        request, reply = small_talk(rng, sample_intent(rng))
        turns += [user_turn(request, TALK_WEIGHT), assistant_turn(reply)]
    for exchange in exchanges:
        if exchange.fact and exchange is not exchanges[-1] and rng.chance(0.35):  # as others answer
            told = Turn("assistant", exchange.fact.statement(rng), 0.0)
            turns += [user_turn(exchange.request, TALK_WEIGHT), told]
            continue
        reply_turn = decisive_turn(exchange.reply) if exchange.fact else assistant_turn(exchange.reply)
        turns += [user_turn(exchange.request, TALK_WEIGHT), reply_turn]
    return Document("follow_up", tuple(turns), tuple(exchange.fact.id for exchange in exchanges if exchange.fact))


def calculated_turns(rng: SampleRandom) -> list[Turn]:
    """A sum or a small problem with its answer in any words, then one or two steps on from there."""
    calculation = plain_arithmetic.sample_calculation(rng, rng.choice(plain_arithmetic.EASY))
    question, result, expression = calculation.question, calculation.answer, calculation.expression
    if rng.chance(0.6):
        problem = word_problems.sample_problem(rng, 1)
        question, result, expression = problem.question, problem.answer, problem.expression
    parts = re.fullmatch(r"(\d+)([-+*/])(\d+)", expression.replace(" ", ""))
    told = str(result)
    if parts:
        a, sign, b = parts.groups()
        told = any_form(rng, rng.language, "then_how_calculated").format(a=a, o=sign, b=b, r=result)
    turns = [user_turn(question, TALK_WEIGHT), Turn("assistant", told, 0.0)]
    for _ in range(rng.choice((1, 1, 1, 2))):
        request, reply, result = _next_step(rng, result)
        turns += [user_turn(request, TALK_WEIGHT), decisive_turn(reply)]
    return turns


def _next_step(rng: SampleRandom, value: int) -> tuple[str, str, int]:
    divisors = [n for n in range(2, 13) if value % n == 0 and value > n]
    kinds = ["plus", "plus", "minus", "minus"] if value > 2 else ["plus"]
    kinds += ["times"] * (value <= 30) + ["by"] * 2 * bool(divisors)
    kind = rng.choice(kinds)
    n = {
        "plus": rng.randint(2, 40),
        "minus": rng.randint(1, max(1, min(value - 1, 60))),
        "times": rng.randint(2, 6),
    }.get(kind)
    n = n or rng.choice(divisors)
    then = {"plus": value + n, "minus": value - n, "times": value * n, "by": value // n}[kind]
    answer = rng.phrase("answer", answer=then)
    return rng.sentence(f"then_{kind}", n=n), f"{value}{_OPERATORS[kind]}{n}={then}. {answer}", then


def _unknown_document(rng: SampleRandom) -> Document:
    fact = _opening_fact(rng, None)
    stranger = replace(fact, subject=replace(fact.subject, name=rng.name()))
    relations = [r for r in facts.RELATIONS[fact.subject.kind] if f"then_{r}" in grammar(rng.language)]
    turns = [user_turn(stranger.question(rng), TALK_WEIGHT), assistant_turn(rng.phrase("unknown"))]
    turns += [
        user_turn(rng.sentence(f"then_{rng.choice(relations)}"), TALK_WEIGHT),
        assistant_turn(rng.phrase("unknown")),
    ]
    return Document("follow_up", tuple(turns))
