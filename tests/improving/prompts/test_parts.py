"""The parts of prompt search: phrases, copies, the Pareto front, what a writer said."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jielong.contract import Usage
from jielong.improving.prompt_search.leakage import LeakageCheck
from jielong.improving.prompt_search.llm_proposers import between_fences
from jielong.improving.prompt_search.phrase_grammar import Grammar, cut, joined
from jielong.improving.prompt_search.prompt_draft import PromptDraft, ScoredDraft, words
from jielong.improving.prompt_search.search_state import pareto
from jielong.measuring.results import ItemResult
from jielong.prompts import Language
from jielong.tasks.item import Item


def test_a_prompt_is_cut_into_its_phrases_and_put_together_again():
    text = "You are a teacher. Think step by step! Is it 3.5? Answer."
    assert cut(text) == ["You are a teacher.", "Think step by step!", "Is it 3.5?", "Answer."]
    assert joined(cut(text), "en") == text
    chinese = "你是老师。请一步一步地想！只回答数字。"
    assert cut(chinese) == ["你是老师。", "请一步一步地想！", "只回答数字。"]
    assert joined(cut(chinese), "zh") == chinese


def test_a_long_sentence_is_cut_at_its_commas_and_what_is_left_is_a_sentence():
    text = "Read the question twice before you do anything else at all, note what is given, then answer it."
    pieces = cut(text)
    assert len(pieces) == 3
    assert joined(pieces, "en") == text
    assert joined(pieces[1:2], "en") == "Note what is given."


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("rule", ["number", "choice", "exact", "contains", "json", "code", "yes_no", "judge"])
def test_the_grammar_makes_whole_phrases_and_knows_them_again(language: Language, rule: str):
    grammar = Grammar(language, rule)
    rng = random.Random(1)
    for slot in grammar.slots:
        for _ in range(30):
            phrase = grammar.phrase(rng, slot)
            assert not set("[]|{}") & set(phrase)
            assert grammar.slot_of(phrase) == slot
            assert cut(phrase) == [phrase]
    assert len({grammar.prompt(rng, 3) for _ in range(50)}) > 40


def test_both_languages_have_the_same_slots():
    assert Grammar("en", "number").slots.keys() == Grammar("zh", "number").slots.keys()


QUESTION = "Mia has three bags with four pens in each of them, how many pens?"


def test_eight_words_in_a_row_are_a_copy_and_seven_are_not():
    quotes = LeakageCheck([Item("1", QUESTION, ("12",))], "")
    assert quotes.quotation("Note: THREE bags, with four pens in each of — so multiply.") is not None
    assert quotes.quotation("Note: three bags with four pens in each, so multiply.") is None
    chinese = LeakageCheck([Item("1", "小明有三个袋子，每袋四支笔。", ("12",))], "")
    assert chinese.quotation("例如：明有三个袋子每袋。") is not None
    assert chinese.quotation("例如：有三个袋子每袋。") is None


def test_the_words_of_the_start_and_documents_and_choices_count_as_they_should():
    item = Item("1", QUESTION, ("12",), choices=("a b c d e f g h",), context=("k l m n o p q r s",))
    assert LeakageCheck([item], "").quotation("a b c d e f g h")
    assert LeakageCheck([item], "").quotation("l m n o p q r s")
    assert LeakageCheck([item], QUESTION).quotation(QUESTION) is None


@given(st.lists(st.lists(st.sampled_from([0.0, 0.5, 1.0]), min_size=4, max_size=4), min_size=1, max_size=6))
def test_the_front_wins_every_item_and_none_of_it_can_be_spared(scores: list[list[float]]):
    items = tuple(Item(str(i), f"question {i}") for i in range(4))
    kept = []
    for number, row in enumerate(scores):
        answers = {str(i): ItemResult(str(i), score, None, "", None, Usage(), 0.0) for i, score in enumerate(row)}
        kept.append(ScoredDraft(number, PromptDraft(f"prompt {number}", "system"), 0, answers, complete=True))
    front = pareto(kept, items)
    winners = [{n for n, row in enumerate(scores) if row[i] == max(r[i] for r in scores)} for i in range(4)]
    assert all(won & front.keys() for won in winners)
    assert front == {n: sum(n in won for won in winners) for n in front}
    for spared in front:
        assert not all(won & (front.keys() - {spared}) for won in winners)


@pytest.mark.parametrize(
    ("reply", "text"),
    [
        ("Here it is:\n```\nAdd the numbers.\n```", "Add the numbers."),
        ("```text\nold\n```\nbetter:\n```\nnew\nlines\n```", "new\nlines"),
        ('"Add the numbers."', "Add the numbers."),
        ("“把数加起来。”", "把数加起来。"),
        ("Add the numbers.", "Add the numbers."),
        ("```\n\n```", None),
        ("  ", None),
    ],
)
def test_the_instruction_is_found_in_what_the_writer_said(reply: str, text: str | None):
    assert between_fences(reply) == text


def test_words_are_counted_in_both_languages():
    assert words("Don't guess: 3 apples, 一步一步。") == 8


def test_a_draft_without_words_is_one_prompt_wherever_it_would_stand():
    assert PromptDraft("", "system").key == PromptDraft("", "after", by="edits").key
    assert PromptDraft("Add.", "system").key != PromptDraft("Add.", "after").key
    assert PromptDraft("Add.", "system").key != PromptDraft("Add.", "system", (("1", "2"),)).key
