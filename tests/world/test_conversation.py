"""Small talk, what is outside, follow-ups, system messages, preferences: intents apart, replies true, orders obeyed."""

import re
from collections import Counter

import pytest

from jielong.prompts import language as language_of
from jielong.world import conversation, facts, follow_ups, preferences, system_messages
from jielong.world.grammar import grammar
from jielong.world.vocabulary import LANGUAGES, SampleRandom
from world.arithmetic_evaluator import value_of_question

DRAWS = [(language, held_out) for language in LANGUAGES for held_out in (False, True)]
WORD_RULES = ("outside_", "persona_role", "persona_name")


def bare(text: str) -> str:
    """A text without what people leave out."""
    return re.sub(r"[\W_]", "", text).casefold()


@pytest.mark.parametrize(("language", "held_out"), DRAWS)
def test_no_text_has_two_replies(language, held_out):
    rng = SampleRandom(f"collisions {language}", language, held_out)
    replies: dict[str, str] = {}
    pairs = [
        (conversation.small_talk(rng, intent))
        for intent in conversation.INTENTS
        for _ in range(200 if held_out else 1000)
    ]
    pairs += [conversation.outside_request(rng) for _ in range(2000 if held_out else 8000)]
    for request, reply in pairs:
        if key := bare(request):
            assert replies.setdefault(key, reply) == reply, request


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_real_word_is_a_name_of_the_world(language):
    rules = [rule for rule, lines in grammar(language).items() if rule.startswith(WORD_RULES) and len(lines) == 1]
    words = {word for rule in rules for word in grammar(language)[rule][0].strip("[]").split("|")}
    assert len(words) > 800
    assert not [word for word in words if conversation.looks_invented(word.strip())]


@pytest.mark.parametrize("language", LANGUAGES)
def test_real_names_of_exams_are_not_in_training(language):
    for rule in ("outside_country", "outside_city", "outside_celebrity", "outside_subject"):
        for_training, for_exams = conversation._words(language, rule)
        assert not set(for_training) & set(for_exams)
        assert 3 <= len(for_exams) < len(for_training) / 3


@pytest.mark.parametrize("language", LANGUAGES)
def test_gibberish_is_no_name(language):
    rng = SampleRandom("gibberish", language)
    assert not [w for w in (conversation.invented_word(rng) for _ in range(2000)) if conversation.looks_invented(w)]


def test_every_text_is_of_its_language():
    for language in LANGUAGES:
        rng = SampleRandom(f"language {language}", language)
        for intent in conversation.INTENTS:
            assert language_of(conversation.small_talk(rng, intent)[1]) == language


RELATION_WORDS = {
    "birthplace": r"home|birth|born|come from|comes from|\bfrom\b|origin"
    r"|家乡|老家|故乡|出生|哪里人|哪儿人|从哪里来|来自|生于",
    "job": r"job|work|trade|profession|occupation|\bdo\b|does for|earn|living"
    r"|工作|职业|行当|做什么|干什么|哪行|谋生|生活|做啥|干嘛",
    "food": r"food|eat|dish|meal|like|love|prefer|吃|食物|菜|东西",
    "pet": r"pet|animal|宠物|动物|养|家里",
    "country": r"country|国",
    "river": r"river|河",
    "material": r"made|material|stuff|用什么|用啥|材|料|什么做|造",
    "colour": r"colou?r|颜色|漆|paint",
}


@pytest.mark.parametrize(("language", "held_out"), DRAWS)
def test_follow_ups_are_answered_by_the_fact_that_they_ask_for(language, held_out):
    rng = SampleRandom(f"follow {language}", language, held_out)
    knowledge = facts.knowledge_base()
    by_name = {s.text(language): s for members in knowledge.subjects.values() for s in members}
    read = 0
    for _ in range(400):
        first, *others = (e for e in follow_ups.sample_follow_up(rng, 3) if e.fact)
        subject, relation, told = first.fact.subject, first.fact.relation, first.reply
        for exchange in others:
            edge = r"\b" if language == "en" else ""
            request = re.sub(r"\b(?:[Tt]he )?[Ss]ame\b", "", exchange.request)  # a word, and the name of somebody
            named = max((n for n in by_name if re.search(edge + n + edge, request, re.I)), key=len, default=None)
            if named:
                subject = by_name[named]
            else:
                asked = [r for r, words in RELATION_WORDS.items() if re.search(words, exchange.request, re.IGNORECASE)]
                assert exchange.fact.relation in asked, exchange
                relation = exchange.fact.relation
                if subject.kind == "person" and relation in ("country", "river"):
                    subject = by_name[told]
            truth = next((f for f in knowledge.facts[subject] if f.relation == relation), None)
            assert truth, exchange
            assert exchange.reply == truth.value.text(language), exchange
            read += 1
            told = exchange.reply
    assert read > 500


@pytest.mark.parametrize(("language", "held_out"), DRAWS)
def test_system_messages_are_obeyed(language, held_out):
    rng = SampleRandom(f"obeyed {language}", language, held_out)
    for _ in range(120 if held_out else 400):
        asked = system_messages.sample_instructed(rng, "language")
        wanted = "zh" if re.search(r"Chinese|Mandarin|中文|汉语|zh", _wish(asked.system), re.IGNORECASE) else "en"
        _assert_language(asked.reply, wanted)
        number = system_messages.sample_instructed(rng, "number")
        assert value_of_question(number.request) == int(number.reply)
        steps = system_messages.sample_instructed(rng, "steps")
        assert re.search(rf"\d=-?\d+\. \S+ ?{value_of_question(steps.request)}$", steps.reply), steps
        sentence = system_messages.sample_instructed(rng, "sentence")
        assert sentence.value.casefold() in sentence.reply.casefold() != sentence.value
        persona = system_messages.sample_instructed(rng, "persona")
        if "mini" in persona.reply:
            assert not re.search(r"name|called|call you|Act as|名|叫", persona.system), persona


def _wish(system: str) -> str:
    """Without what the message says of the question's language."""
    english = r"even (?:if asked in|to) \w+|(?:does not|cannot) \w+ \w+|nothing but "
    return re.sub(rf"{english}|(?:不懂|看不懂|不会|不要用)..|(?:即使|就算|哪怕).*?，", "", system)


def _assert_language(reply: str, wanted: str) -> None:
    has_chinese = re.search(r"[\u3400-\u9fff]", reply) is not None
    if not re.fullmatch(r"[\d, ]+", reply):
        assert has_chinese == (wanted == "zh"), reply


@pytest.mark.parametrize("language", LANGUAGES)
def test_pairs_have_their_flaw(language):
    rng = SampleRandom(f"pairs {language}", language)
    flaws = Counter()
    for _ in range(800):
        pair = preferences.sample_pair(rng)
        flaws[pair.flaw] += 1
        assert pair.chosen != pair.rejected
        if pair.flaw == "padded":
            assert len(pair.rejected) > len(pair.chosen) * 1.5
    assert min(flaws.values()) > 100
