"""The task `format` and its instructions: whole words, languages without chance, strict and loose, en and zh."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import anyio
import pytest

from grading import reply
from jielong import Request, Scripted, evaluate
from jielong.errors import BadInput
from jielong.tasks.format_task import built_in
from jielong.tasks.instructions import count_sentences, count_words, follows, format
from jielong.tasks.item import Item
from jielong.tasks.load_task import load_task
from jielong.tasks.metric import Score
from jielong.tasks.written_language import written_language

SENTENCES = {
    "en": "The cat sat on the mat and it was happy to see that we are not far from the house.",
    "de": "Die Katze sitzt auf dem Tisch und sie ist nicht mit den anderen in das Haus gegangen.",
    "fr": "Le chat est dans la maison et il ne veut pas sortir avec les autres pour le moment.",
    "es": "El gato está en la casa y no quiere salir con los otros porque es muy tarde para él.",
    "it": "Il gatto è nella casa e non vuole uscire con gli altri perché è una notte molto fredda.",
    "zh": "猫坐在垫子上，它很高兴。",
    "ja": "猫はマットの上に座っています。とても嬉しそうです。",
    "ko": "고양이가 매트 위에 앉아 있습니다.",
    "ru": "Кошка сидит на коврике и не хочет уходить.",
}
FOLLOWED = [
    ("avoid", {"words": ["art"]}, "Let us start the party.", True),
    ("avoid", {"words": ["art"]}, "State-of-the-art work.", False),
    ("avoid", {"words": ["art"]}, "ART, they said.", False),
    ("include", {"words": ["art"]}, "Let us start.", False),
    ("include", {"words": ["ice", "old"]}, "An old block of ice.", True),
    ("include", {"words": ["ice", "old"]}, "An older, nicer block.", False),
    ("include", {"words": ["早晨"]}, "在一个安静的早晨，我出门了。", True),
    ("avoid", {"words": ["因为"]}, "因为下雨，我没去。", False),
    ("repeat", {"word": "sun", "n": 2}, "Sun, sunny, sunset.", False),
    ("repeat", {"word": "sun", "n": 2}, "Sun and sun.", True),
    ("words", {"least": 3}, "don't stop-start now", True),
    ("words", {"most": 3}, "don't — stop-start now", True),
    ("words", {"least": 5}, "今天天气好。", True),
    ("words", {"most": 4}, "今天天气好。", False),
    ("sentences", {"least": 2, "most": 2}, "Dr. Li paid 3.5 dollars, e.g. in coins... and left. Was it much?", True),
    ("sentences", {"most": 2}, "他说：“好。”然后走了。后来呢？", False),
    ("bullets", {"n": 2}, "Here:\n- one\n* two\n-- no\n---", True),
    ("bullets", {"n": 2}, "- one\n- two\n- three", False),
    ("paragraphs", {"n": 2}, "One.\n\n\nTwo.\nStill two.", True),
    ("json", {}, '```json\n{"a": 1}\n```', True),
    ("json", {}, 'Here it is: {"a": 1}', False),
    ("json", {}, "12", False),
    ("capitals", {}, "ÉTÉ 2024!", True),
    ("capitals", {}, "2024", False),
    ("lowercase", {}, "all i know", True),
    ("lowercase", {}, "All", False),
    ("no_commas", {}, "甲、乙。", True),
    ("no_commas", {}, "甲，乙。", False),
    ("starts", {"text": "In short"}, "in short: yes", True),
    ("ends", {"text": "That is all."}, "Well. That is all.\n", True),
    ("ends", {"text": "That is all."}, "That is all. Bye.", False),
    ("title", {}, "<<On Bees>>\nBees hum.", True),
    ("title", {}, "<<>> Bees", False),
    ("quoted", {}, "“好。”", True),
    ("quoted", {}, 'He said "no".', False),
    ("placeholders", {"n": 2}, "Dear [name], see [place].", True),
    ("placeholders", {"n": 2}, "Dear [name].", False),
    ("language", {"language": "de"}, SENTENCES["de"], True),
    ("language", {"language": "de"}, SENTENCES["en"], False),
    ("no_commas", {}, "  ", False),
]


@pytest.mark.parametrize(("kind", "options", "text", "expected"), FOLLOWED)
def test_an_instruction_is_followed_as_a_careful_reader_sees_it(
    kind: str, options: dict[str, Any], text: str, expected: bool
):
    assert follows([kind, options], text) is expected


def test_a_language_is_told_by_script_and_function_words_and_never_by_chance():
    assert {code: written_language(text) for code, text in SENTENCES.items()} == {code: code for code in SENTENCES}
    assert written_language("我用 `print` 和 Python 写程序。") == "zh"
    assert (
        written_language("42") is written_language("Zxqv brmpf klt") is written_language("你好 hello world yes") is None
    )


def test_words_and_sentences_are_counted():
    assert count_words("It's a well-known fact: 3.5 is 2 numbers") == 9
    assert count_sentences("1. One thing.\n2. Another!") == 2
    assert count_sentences("") == count_words("—") == 0


def graded(instructions: list[Any], text: str) -> Score:
    item = Item("", "?", (json.dumps(instructions),))
    return anyio.run(format.score, item, reply(text))


def test_loose_looks_past_the_first_and_last_line_and_the_asterisks_as_ifeval_does():
    score = graded([["starts", {"text": "In short"}], ["no_commas", {}]], "Sure, here it is:\n**In short** it works.")
    assert (score.value, score.parts["loose"], score.parts["instructions"], score.parts["starts"]) == (0, 1, 0, 0)
    half = graded([["starts", {"text": "In short"}], ["bullets", {"n": 2}]], "In short\n- one")
    assert (half.value, half.parts["instructions"], half.parts["loose"]) == (0, 0.5, 0)


@pytest.mark.parametrize("text", ["<think>In short, no", "", "<think>done</think>"])
def test_a_thought_is_no_reply(text: str):
    score = graded([["no_commas", {}]], text)
    assert (score.value, score.extracted, score.parts["loose"]) == (0, None, 0)
    assert graded([["no_commas", {}]], "<think>a, b</think>Fine.").value == 1


@pytest.mark.parametrize("accepted", ["", "[]", "words", '[["words"]]', '[["wrods", {}]]', '[["bullets", {"m": 1}]]'])
def test_instructions_that_are_none_are_said(accepted: str):
    with pytest.raises(BadInput, match="instruction"):
        anyio.run(format.score, Item("", "?", (accepted,)), reply("Yes."))


@pytest.mark.parametrize("spec", ["format", "format/zh", "format/5", "format/zh/1"])
def test_prompts_come_from_the_seed_and_no_two_instructions_decide_the_same(spec: str):
    task = built_in(spec, 60, 7)
    assert task.sha256 == built_in(spec, 60, 7).sha256 != built_in(spec, 60, 8).sha256
    n = {"format/5": 5, "format/zh/1": 1}.get(spec, 3)
    for item in task.items:
        kinds = [kind for kind, _ in json.loads(item.accepted[0])]
        assert len(set(kinds)) == len(kinds) == n
        assert len({"bullets", "paragraphs", "json", "title"} & {*kinds}) <= 1


def test_eval_knows_it_by_name_and_a_file_can_hold_instructions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("JIELONG_HOME", str(tmp_path))
    assert len(load_task("format/zh", limit=3).items) == 3
    with pytest.raises(BadInput, match="format/xx: after format"):
        load_task("format/xx")
    file = tmp_path / "own.jsonl"
    instructions = json.dumps([["words", {"most": 2}], ["capitals", {}]])
    file.write_text("".join(json.dumps({"input": f"Say {w}.", "answer": instructions}) + "\n" for w in ("yes", "no")))

    def answer(request: Request) -> str:
        return "YES INDEED" if "yes" in request.messages[-1].text else "No"

    (result,) = evaluate(load_task(str(file), rule="format"), Scripted(answer)).results
    assert (result.accuracy.mean, result.parts()["instructions"].mean, result.parts()["words"].mean) == (0.5, 0.75, 1)
