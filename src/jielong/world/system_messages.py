"""System messages that mini obeys: the language, the length or the form of its replies, or who it is.

Others change nothing. Some users ask for the language themselves, or name in one language what they ask in the other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from ..prompts import Language
from . import facts, plain_arithmetic, word_problems
from .conversation import TALK_WEIGHT, outside_word, sample_intent, small_talk, spoken, with_articles
from .plain_arithmetic import EASY, sample_calculation
from .story_values import word
from .training_examples import Document, Turn, assistant_turn, decisive_turn, user_turn
from .vocabulary import SampleRandom, wordlists

_COMMA = {"en": ",", "zh": "，"}
_AND_LAST = {"en": ", ", "zh": "，"}
OTHER: dict[Language, Language] = {"en": "zh", "zh": "en"}


@dataclass(frozen=True)
class Instructed:
    """A request under a system message ("" for none), and the reply that obeys it.

    `value` is what a reply must name where any whole sentence will do.
    """

    system: str
    request: str
    reply: str
    facts: tuple[str, ...] = ()
    decisive: bool = False
    value: str = ""


@contextmanager
def in_language(rng: SampleRandom, language: Language) -> Iterator[None]:
    """Whatever is sampled meanwhile is in `language`."""
    before, rng.language = rng.language, language
    yield
    rng.language = before


def sample_instructed(rng: SampleRandom, kind: str = "") -> Instructed:
    return KINDS[kind or rng.choices(list(KINDS), SHARES)[0]](rng)


def _exchange(rng: SampleRandom, reply_language: Language) -> Instructed:
    """A request of any kind in the language of `rng`, and its usual reply in `reply_language`."""
    kind = rng.choices(("fact", "unknown", "talk", "outside", "steps"), (5, 1, 2, 1, 1))[0]
    if kind == "fact":
        fact = facts.sample_fact(rng)
        return Instructed("", fact.question(rng), fact.value.text(reply_language), (fact.id,), decisive=True)
    if kind == "steps":
        calculation = sample_calculation(rng)
        question = plain_arithmetic.with_steps_asked(rng, calculation.question)
        with in_language(rng, reply_language):
            return Instructed("", question, plain_arithmetic.worked(rng, calculation))
    if kind == "unknown":
        fact = facts.sample_fact(rng)
        question = rng.sentence(f"{fact.relation}_question", s=rng.name().text(rng.language))
        reply_rule = ""
    elif kind == "talk":
        intent = sample_intent(rng)
        question, reply_rule = small_talk(rng, intent)[0], f"talk_{intent}_reply"
    else:
        rule = rng.choice(("outside_question", "outside_order"))
        question, reply_rule = spoken(rng, rule), f"{rule}_reply"
    with in_language(rng, reply_language):
        reply = rng.sentence(reply_rule) if reply_rule else rng.phrase("unknown")
    return Instructed("", question, reply)


def _in_other_language(rng: SampleRandom) -> Instructed:
    """The system message names a language, mostly the other one; it is itself in either."""
    wanted = OTHER[rng.language] if rng.chance(0.75) else rng.language
    exchange = _exchange(rng, wanted)
    with in_language(rng, rng.choice(("en", "zh"))):
        system = rng.sentence(f"system_reply_{wanted}")
    return Instructed(system, exchange.request, exchange.reply, exchange.facts, exchange.decisive)


def _user_asks_for_language(rng: SampleRandom) -> Instructed:
    wanted = OTHER[rng.language] if rng.chance(0.75) else rng.language
    exchange = _exchange(rng, wanted)
    question = exchange.request if not exchange.request[-1].isalnum() else exchange.request + _COMMA[rng.language]
    request = rng.sentence(f"ask_reply_{wanted}", q=question)
    return Instructed("", request, exchange.reply, exchange.facts, exchange.decisive)


def _name_in_other_script(rng: SampleRandom) -> Instructed:
    """A question in one language about a name as the other writes it: answered in the language of the question."""
    fact = facts.sample_fact(rng)
    question = rng.sentence(f"{fact.relation}_question", s=fact.subject.text(OTHER[rng.language]))
    return Instructed("", question, fact.value.text(rng.language), (fact.id,), decisive=True)


def _brief(rng: SampleRandom) -> Instructed:
    fact = facts.sample_fact(rng)
    value = fact.value.text(rng.language)
    return Instructed(rng.sentence("system_brief"), fact.question(rng), value, (fact.id,), decisive=True)


def _sentence(rng: SampleRandom) -> Instructed:
    system = rng.sentence("system_sentence")
    if rng.chance(0.3):
        calculation = sample_calculation(rng, rng.choice(EASY))
        reply = rng.phrase("tool_result", answer=calculation.answer)
        return Instructed(system, calculation.question, reply, value=str(calculation.answer))
    fact = facts.sample_fact(rng)
    value = fact.value.text(rng.language)
    return Instructed(system, fact.question(rng), fact.statement(rng), (fact.id,), value=value)


def _ending(rng: SampleRandom) -> Instructed:
    """Every reply ends with a word of the system message."""
    name, job = _persona_name(rng), outside_word(rng, "persona_role")
    last = word(rng, "word_ending")
    system = with_articles(rng.sentence("system_ending", n=name, j=job, w=last))
    if name in system and rng.chance(0.3):
        while "mini" in (request := spoken(rng, "persona_question")).lower():
            pass
        reply = rng.sentence("system_named_reply", n=name).rstrip(".。")
        return Instructed(system, request, f"{reply}{_AND_LAST[rng.language]}{last}")
    fact = facts.sample_fact(rng)
    reply = f"{fact.value.text(rng.language)}{_AND_LAST[rng.language]}{last}"
    return Instructed(system, fact.question(rng), reply, (fact.id,), decisive=True)


def _number(rng: SampleRandom) -> Instructed:
    calculation = sample_calculation(rng, rng.choice(EASY))
    return Instructed(rng.sentence("system_number"), calculation.question, str(calculation.answer), decisive=True)


def _number_of_problem(rng: SampleRandom) -> Instructed:
    problem = word_problems.sample_problem(rng, 1)
    return Instructed(rng.sentence("system_number"), problem.question, str(problem.answer), decisive=True)


def _steps(rng: SampleRandom) -> Instructed:
    calculation = sample_calculation(rng)
    return Instructed(rng.sentence("system_steps"), calculation.question, plain_arithmetic.worked(rng, calculation))


def _persona(rng: SampleRandom) -> Instructed:
    """Asked who it is, mini is who the system message says, and itself where it says nothing of that."""
    name = _persona_name(rng)
    jobs = wordlists(rng.language)["words"]["jobs"]
    job = rng.choice(jobs) if rng.chance(0.4) else outside_word(rng, "persona_role")
    kind = rng.choices(("persona", "named", "itself", "other"), (5, 3, 1.5, 2))[0]
    if kind == "itself":
        return Instructed(rng.sentence("system_neutral"), *small_talk(rng, "who"))
    rule = "system_named" if kind == "named" else "system_persona"
    system = with_articles(rng.sentence(rule, n=name, j=job))
    if kind == "other":
        exchange = _exchange(rng, rng.language)
        while exchange.request == "" or exchange.reply in _replies_about_itself(rng):
            exchange = _exchange(rng, rng.language)
        return Instructed(system, exchange.request, exchange.reply, exchange.facts, exchange.decisive)
    ask_job = kind == "persona" and rng.chance(0.3)
    while "mini" in (request := spoken(rng, "persona_job_question" if ask_job else "persona_question")).lower():
        pass
    return Instructed(system, request, with_articles(rng.sentence(f"{rule}_reply", n=name, j=job)))


def _replies_about_itself(rng: SampleRandom) -> set[str]:
    about = ("who", "not_human", "is_ai", "maker", "self", "can", "how_made", "size", "languages", "meet", "world")
    return {rng.sentence(f"talk_{intent}_reply") for intent in about}


def _persona_name(rng: SampleRandom) -> str:
    draw = rng.random()
    if draw < 0.4:
        return rng.name().text(rng.language)
    return outside_word(rng, "persona_name" if draw < 0.8 else "first_name")


def _neutral(rng: SampleRandom) -> Instructed:
    exchange = _exchange(rng, rng.language)
    return Instructed(
        rng.sentence("system_neutral"), exchange.request, exchange.reply, exchange.facts, exchange.decisive
    )


KINDS: dict[str, Callable[[SampleRandom], Instructed]] = {
    "language": _in_other_language,
    "asked_language": _user_asks_for_language,
    "other_script": _name_in_other_script,
    "brief": _brief,
    "sentence": _sentence,
    "number": _number,
    "number_of_problem": _number_of_problem,
    "ending": _ending,
    "steps": _steps,
    "persona": _persona,
    "neutral": _neutral,
}
SHARES = (5, 3, 1.5, 1.8, 2, 1, 0.6, 2, 1.5, 5, 2)


def system_document(rng: SampleRandom) -> Document:
    instructed = sample_instructed(rng)
    reply = decisive_turn(instructed.reply) if instructed.decisive else assistant_turn(instructed.reply)
    system = [Turn("system", instructed.system, TALK_WEIGHT)] if instructed.system else []
    turns = (*system, user_turn(instructed.request, TALK_WEIGHT), reply)
    return Document("system", turns, instructed.facts)
