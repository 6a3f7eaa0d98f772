"""Small talk in which mini tells who it is, and questions from outside its world, which it says that it cannot answer.

What people say is in `en/talk.toml`, `en/outside.toml` and their Chinese counterparts, with the reply to each intent.
Of the real names there a tenth is held out, too: mini cannot know a list of all that it does not know.
"""

from __future__ import annotations

import re
from functools import cache

from ..prompts import Language
from . import facts
from .grammar import grammar, sample_form
from .names import SYLLABLES, split_bucket
from .noise import starts_with_common_word
from .training_examples import Document, Turn, assistant_turn, decisive_turn, user_turn
from .vocabulary import SampleRandom, fill_form

TALK_WEIGHT = 0.02  # of what the user says: mini need not learn to make up real names
INTENTS = {
    "hello": 4, "how_are_you": 2, "who": 4, "can": 4, "help": 3, "how_made": 2, "maker": 2, "not_human": 2, "is_ai": 1,
    "size": 1, "languages": 1, "world": 1.5, "here": 2, "thanks": 3, "bye": 2, "night": 0.7, "praise": 1,
    "complaint": 1, "okay": 1, "sorry": 0.7, "sad": 0.7, "happy": 0.7, "meet": 1, "self": 2, "maths": 1.5,
    "nonsense": 3,
}  # fmt: skip
_TOPICS = ("country", "city", "celebrity", "work", "subject", "creature", "matter", "event", "brand")
_NAMED_RELATIONS = {
    "birthplace": ("celebrity", "first_name", "stranger"), "job": ("celebrity", "first_name", "stranger"),
    "food": ("celebrity", "first_name", "stranger"), "pet": ("celebrity", "first_name", "stranger"),
    "country": ("city",), "river": ("city",), "place": ("city",),
    "material": ("product",), "colour": ("product",),
}  # fmt: skip
_CHINESE_SYLLABLES = {chinese: syllable for syllable, chinese in SYLLABLES.items()}
_ARTICLE = re.compile(r"\b([Aa]) (?=[aeioAEIO])")
_NAME = re.compile(rf"(?:{'|'.join(SYLLABLES)}){{2,3}}", re.IGNORECASE)


def sample_intent(rng: SampleRandom) -> str:
    return rng.choices(list(INTENTS), list(INTENTS.values()))[0]


def small_talk(rng: SampleRandom, intent: str) -> tuple[str, str]:
    """What somebody says with this intent, and mini's reply."""
    return spoken(rng, f"talk_{intent}"), rng.sentence(f"talk_{intent}_reply")


def outside_request(rng: SampleRandom) -> tuple[str, str]:
    """A question or an order from outside the world of mini, and mini's reply."""
    if rng.chance(0.15):
        relation = rng.choice(list(_NAMED_RELATIONS))
        subject = outside_word(rng, rng.choice(_NAMED_RELATIONS[relation]))
        if relation in ("material", "colour") and rng.language == "en":
            subject = rng.choice(("my ", "the ", "your ", "a ")) + subject
        question = rng.sentence(f"{relation}_question", s=subject)
        return question, rng.sentence("outside_question_reply")
    rule = rng.choices(("outside_question", "outside_order"), (3, 2))[0]
    return spoken(rng, rule), rng.sentence(f"{rule}_reply")


def spoken(rng: SampleRandom, rule: str) -> str:
    """A form of `rule` with real names and odd words in its slots."""
    text = fill_form(sample_form(rng, rng.language, rule, rng.held_out).format_map(_Slots(rng)))
    if rng.language == "zh":
        return text
    text = with_articles(text)
    return re.sub(r"\bi\b", "I", text) if rng.chance(0.8) else text


def with_articles(text: str) -> str:
    """`an` for `a` before a vowel."""
    return _ARTICLE.sub(r"\1n ", text)


class _Slots(dict[str, str]):
    """The value of each slot is sampled when it is asked for: few forms have more than two."""

    def __init__(self, rng: SampleRandom) -> None:
        self._rng = rng

    def __missing__(self, slot: str) -> str:
        self[slot] = value = outside_word(self._rng, slot.rstrip("2"))
        return value


def outside_word(rng: SampleRandom, slot: str) -> str:
    """A word for a slot of `outside.toml` and `talk.toml`, from this side of the split."""
    if slot == "topic":
        draw = rng.random()
        if draw < 0.85:
            slot = rng.choice(_TOPICS)
        else:
            return invented_word(rng) if draw < 0.93 else outside_word(rng, "stranger")
    if slot == "gibberish":
        return invented_word(rng)
    if slot == "stranger":
        return _full_name(rng)
    if slot == "person":
        return rng.name().text(rng.language) if rng.chance(0.3) else outside_word(rng, "first_name")
    if slot in ("known", "known_town"):
        kind: facts.SubjectKind = "person" if slot == "known" else "town"
        return rng.choice(facts.knowledge_base().subjects[kind]).text(rng.language)
    if slot == "known_country":
        return rng.choice(facts.knowledge_base().values["country"]).text(rng.language)
    rule = slot if slot.startswith(("persona_", "secret_")) else f"outside_{slot}"
    return rng.choice(_words(rng.language, rule)[rng.held_out])


def _full_name(rng: SampleRandom) -> str:
    surname = outside_word(rng, "surname")
    if rng.language == "zh":
        return surname + outside_word(rng, "given")
    first = outside_word(rng, "first_name").split()[-1]
    return f"{first} {surname if rng.chance(0.6) else invented_word(rng).capitalize()}"


def invented_word(rng: SampleRandom) -> str:
    """Letters, or Chinese characters, that mean nothing and are no name of the world."""
    if rng.language == "zh" and rng.chance(0.5):
        return "".join(rng.choice(_odd_characters()) for _ in range(rng.randint(2, 5)))
    while True:
        if rng.chance(0.5):
            word = "".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=rng.randint(3, 9)))
        else:
            word = "".join(rng.choice("bcdfgklmnprstvz") + rng.choice(_ENDINGS) for _ in range(rng.randint(1, 3)))
        if not _NAME.fullmatch(word):
            return word


_ENDINGS = ("o", "ix", "ee", "ar", "umb", "est", "inge", "elf", "oop", "ak", "ump", "orf", "isk", "ong", "abble", "uzz")


def looks_invented(word: str) -> bool:
    """Whether a word could be a name of the world or of a stranger in it."""
    chinese = all(character in _CHINESE_SYLLABLES for character in word) and len(word) in (2, 3)
    return chinese or _NAME.fullmatch(word) is not None


@cache
def _words(language: Language, rule: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The words of a rule that lists single words, for training and for exams."""
    every = list(dict.fromkeys(word for line in grammar(language)[rule] for word in line.strip("[]").split("|")))
    for_exams = [word for word in every if split_bucket("word", word) == 0] or every[:1]
    return tuple(word for word in every if word not in for_exams), tuple(for_exams)


@cache
def _odd_characters() -> str:
    """Common characters that no name, value or rule of small talk needs together, nor any greeting or laugh."""
    return "鑫淼焱垚犇骉囍囧槑氵丶丿乁乂亍彳孑孓叽咕噜噼啪哐嘚嘭嗖嗡唰哒嘀吧哟咚锵啷当呼哧吭嗤嘶喔唔"


# ---- documents ----


def small_talk_document(rng: SampleRandom) -> Document:
    """One to four exchanges of small talk; now and then a greeting with a real question, which is answered."""
    draw = rng.random()
    if draw < 0.12:
        fact = facts.sample_fact(rng)
        request = greeted(rng, fact.question(rng))
        reply = decisive_turn(fact.value.text(rng.language))
        return Document("talk", (user_turn(request, TALK_WEIGHT), reply), (fact.id,))
    count = 1 if draw < 0.75 or rng.short else rng.choice((2, 2, 3, 4))
    intents = [sample_intent(rng) for _ in range(count)]
    turns: list[Turn] = []
    for intent in intents:
        turns += talk_turns(*small_talk(rng, intent))
    return Document("talk", tuple(turns))


def outside_document(rng: SampleRandom) -> Document:
    """A question or order from outside; now and then before or after a fact or small talk."""
    turns = talk_turns(*outside_request(rng))
    if rng.short or rng.chance(0.75):
        return Document("outside", tuple(turns))
    stated: tuple[str, ...] = ()
    if rng.chance(0.6):
        fact = facts.sample_fact(rng)
        other = [user_turn(fact.question(rng), TALK_WEIGHT), decisive_turn(fact.value.text(rng.language))]
        stated = (fact.id,)
    else:
        other = talk_turns(*small_talk(rng, sample_intent(rng)))
    return Document("outside", tuple(turns + other if rng.chance(0.5) else other + turns), stated)


def greeted(rng: SampleRandom, question: str) -> str:
    """A greeting and a question in one."""
    greeting = spoken(rng, "greeting")
    sign = rng.choice(("！", "，", "。") if rng.language == "zh" else ("! ", ", ", ". "))
    if sign == ", " and starts_with_common_word("en", question):
        question = question[0].lower() + question[1:]
    return f"{greeting}{sign}{question}"


def talk_turns(request: str, reply: str) -> list[Turn]:
    return [user_turn(request, TALK_WEIGHT), assistant_turn(reply)]


def talk_replies(language: Language, intent: str) -> tuple[str, ...]:
    """All right replies to small talk of this intent."""
    return grammar(language)[f"talk_{intent}_reply"]
