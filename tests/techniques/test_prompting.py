"""Words added to the request: where they go, in which language, and what stays as it was."""

from __future__ import annotations

import re
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jielong.contract import Image, Message, Request, Sampling, Text, ToolCall
from jielong.prompts import catalogue, fill, language
from jielong.registry import BUILT_IN
from jielong.techniques.prompting import Spell, Wording, cot, options, persona, premise, spell
from jielong.techniques.tools.toolset import BuiltIn

EN, ZH = catalogue("en"), catalogue("zh")


def changed(technique, request: Request) -> Request:  # type: ignore[no-untyped-def]
    """The request that the technique makes."""
    result: Request = technique.function(request, **technique.options)
    return result


def said(text: str) -> Request:
    return Request((Message("user", text),))


def test_words_go_on_a_new_line_after_the_question_in_its_language() -> None:
    assert changed(cot, said("How many?")).messages[0].text == "How many?\nLet's think step by step."
    assert changed(cot, said("有多少个？")).messages[0].text == "有多少个？\n让我们一步一步地思考。"
    assert changed(cot(spell="Hm."), said("How many?")).messages[0].text == "How many?\nHm."


def test_pictures_stay_where_they_were() -> None:
    seen = Request((Message("user", (Image(b"1"), Text("How many?"))),))
    assert changed(cot, seen).messages[0].content == (Image(b"1"), Text("How many?"), Text("\n" + EN["cot"]["spell"]))
    assert changed(premise(text="Here."), seen).messages[0].content[0] == Text("Here.\n\n")


def test_after_a_tool_has_answered_nothing_is_asked_again() -> None:
    """The question was asked with its words already; the tool's result is not a question."""
    later = Request((
        Message("user", "What is the weather?"),
        Message("assistant", "", (ToolCall("1", "weather"),)),
        Message("tool", "rain", tool_call_id="1"),
    ))  # fmt: skip
    for technique in (cot, spell, premise(text="x")):
        assert changed(technique, later) == later


def test_the_persona_goes_before_the_callers_own_system_message() -> None:
    teacher = persona(role="a careful teacher")
    assert changed(teacher, said("x")).messages == (
        Message("system", "You are a careful teacher."),
        Message("user", "x"),
    )
    own = Request((Message("system", "Be brief."), Message("user", "x")))
    assert changed(teacher, own).messages[0] == Message("system", "You are a careful teacher.\n\nBe brief.")
    assert changed(persona(role="老师"), said("你好")).messages[0].text == "你是老师。"


@pytest.mark.parametrize("kind", get_args(Spell))
def test_every_spell_is_in_both_languages(kind: Spell) -> None:
    assert changed(spell(kind=kind), said("Why?")).messages[0].text == f"Why?\n{EN['spell'][kind]}"
    assert changed(spell(kind=kind), said("为什么？")).messages[0].text == f"为什么？\n{ZH['spell'][kind]}"


@pytest.mark.parametrize("wording", get_args(Wording)[1:])
def test_every_wording_of_cot_is_in_both_languages(wording: Wording) -> None:
    assert changed(cot(wording=wording), said("Why?")).messages[0].text == f"Why?\n{EN['cot'][wording]}"
    assert changed(cot(wording=wording), said("为什么？")).messages[0].text == f"为什么？\n{ZH['cot'][wording]}"


def test_a_spell_does_not_ask_for_steps() -> None:
    """That is for `cot`: a spell that asks for them would show what `cot` does."""
    for kind in get_args(Spell):
        assert "step" not in EN["spell"][kind]
        assert "步" not in ZH["spell"][kind]


def test_options_fill_in_what_the_caller_left_open_and_nothing_else() -> None:
    fill_in = options(temperature=0.1, max_tokens=9, stop=("A",), seed=4)
    assert changed(fill_in, said("x")).sampling == Sampling(temperature=0.1, max_tokens=9, stop=("A",), seed=4)
    own = Sampling(temperature=0.0, top_p=0.5, max_tokens=1, stop=("B",), seed=0)
    assert changed(fill_in, Request((Message("user", "x"),), own)).sampling == own


def test_both_catalogues_have_the_same_prompts_with_the_same_blanks() -> None:
    def blanks(words: str) -> list[str]:
        return sorted(re.findall(r"\{\w+\}", words))

    assert {name: set(section) for name, section in EN.items()} == {name: set(section) for name, section in ZH.items()}
    for name, section in EN.items():
        for kind, words in section.items():
            assert blanks(words) == blanks(ZH[name][kind]), f"{name}.{kind}"
            assert language(words) == "en"
            if ZH[name][kind] != words and re.search(r"[A-Za-z]", re.sub(r"\{\w+\}|</?\w+>", "", words)):
                assert language(ZH[name][kind]) == "zh", f"{name}.{kind} is not Chinese"


def test_every_section_of_the_catalogue_belongs_to_something() -> None:
    others = {
        "judge",
        "sources",
        "cooperate",
        "contamination",
        "task",
        "game24",
        "crosswords",
        "prompt_search",
        "self_instruct",
        "evol_instruct",
        "tool_results",
        "tool_errors",
        *get_args(BuiltIn),
    }
    assert set(EN) - set(BUILT_IN["techniques"]) <= others


@given(st.text(), st.text())
def test_braces_inside_a_value_stay_as_they_are(question: str, answer: str) -> None:
    assert fill("Q {question} A {answer} {other}", {"question": question, "answer": answer}) == (
        "Q " + question + " A " + answer + " {other}"
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("How many?", "en"),
        ("有多少？", "zh"),
        ("用 Python 写一个函数，返回两个数的和", "zh"),
        ("", "en"),
        ("3 + 4 = ?", "en"),
        ("What does 你好 mean in English, and how is it said?", "en"),
        ("¿Cuántos?", "en"),
    ],
)
def test_the_language_is_that_of_most_words(text: str, expected: str) -> None:
    assert language(text) == expected
