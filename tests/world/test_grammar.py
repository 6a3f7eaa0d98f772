"""The grammar: rules have forms on both sides of the split, and what has none is named instead of hung on."""

import re
from fnmatch import fnmatch

import pytest

from jielong import world
from jielong.world import facts, grammar
from jielong.world.draws import MOST_DRAWS, first_fitting
from jielong.world.vocabulary import LANGUAGES, SampleRandom

# Rules that are asked for as a whole, by their names or by those of what they speak of.
WHOLE = (
    *(r + end for of_kind in facts.RELATIONS.values() for r in of_kind for end in ("", "_not", "_question")),
    *("then_*", "talk_*", "map_*", "arithmetic_*", "system_*", "unsafe_*", "reply_*", "ask_reply_*"),
    *("full_*", "compare_*", "situation_*", "note_[!j]*"),
    *("ask_direct", "ask_steps", "ask_expression", "outside_question", "outside_order", "true_false", "yes_no"),
    *("right_wrong", "verdict_alone", "read_and_answer", "answer_instruction", "two_nouns", "two_questions", "filler"),
    *("sum_claim", "sum_not", "tool_request", "noise_around", "place_reverse", "greeting", "opener", "when"),
)  # fmt: skip


@pytest.fixture
def rules(monkeypatch: pytest.MonkeyPatch) -> dict[str, tuple[str, ...]]:
    """Rules of English that are the test's own."""
    own: dict[str, tuple[str, ...]] = {}
    monkeypatch.setattr(grammar, "grammar", lambda language: own)
    for function in (grammar._listed_forms, grammar.count_forms):
        function.cache_clear()
    yield own
    for function in (grammar._listed_forms, grammar.count_forms):
        function.cache_clear()


def test_a_rule_without_a_form_on_one_side_is_named(rules):
    rules["seasons"] = ("spring", "summer", "autumn", "winter", "monsoon")  # no two share a word
    rng = SampleRandom("seasons", "en", held_out=True)
    with pytest.raises(ValueError, match="en: the rule seasons has no held-out form"):
        rng.form("seasons")
    assert grammar.sample_form(rng, "en", "seasons", held_out=False) in rules["seasons"]


def test_a_large_rule_without_a_form_on_one_side_is_named(rules, monkeypatch):
    rules["numbers"] = tuple(f"number {n}" for n in range(grammar.FEW + 1))
    monkeypatch.setattr(grammar, "split_bucket", lambda *parts: 1)
    with pytest.raises(ValueError, match="a held-out form of the rule numbers: none among"):
        SampleRandom("numbers", "en", held_out=True).form("numbers")


def test_sampling_that_cannot_end_ends():
    draws: list[int] = []
    with pytest.raises(ValueError, match=f"a number below 0: none among {MOST_DRAWS:,} draws"):
        first_fitting(lambda: draws.append(1) or 1, lambda number: number < 0, "a number below 0")
    assert len(draws) == MOST_DRAWS


@pytest.mark.parametrize("language", LANGUAGES)
def test_rules_that_are_asked_for_have_forms_on_both_sides(language):
    every = grammar.grammar(language)
    parts = {name for lines in every.values() for line in lines for name in re.findall(r"<([a-z_]+)>", line)}
    asked = [rule for rule in every if rule not in parts and any(fnmatch(rule, name) for name in WHOLE)]
    assert len(asked) > 150
    for rule in asked:
        if (few := grammar._listed_forms(language, rule)) is not None:
            assert all(few), f"{language}: {rule} has no form on one side"


@pytest.mark.parametrize(
    ("language", "held_out"), [(language, side) for language in LANGUAGES for side in (False, True)]
)
def test_every_kind_of_document_can_be_made_on_both_sides(language, held_out):
    for number, generate in enumerate(world.GENERATORS):
        for seed in range(20):
            rng = SampleRandom(f"both sides {number} {seed}", language, held_out, short=seed % 4 == 0)
            assert generate(rng).turns


@pytest.mark.parametrize("language", LANGUAGES)
def test_held_out_forms_are_of_words_that_training_has(language):
    for rule in ("birthplace", "job_question", "then_pet", "talk_hello", "true_false"):
        few = grammar._listed_forms(language, rule)
        if few and few[0] != few[1]:
            taught = set().union(*map(grammar._words_and_slots, few[0]))
            assert all(grammar._words_and_slots(form) <= taught for form in few[1]), rule
