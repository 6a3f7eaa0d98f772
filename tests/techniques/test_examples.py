"""Examples before the question."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from jielong.contract import Message, Request
from jielong.errors import BadInput
from jielong.models.scripted import Scripted
from jielong.techniques.few_shot import few_shot

pytestmark = pytest.mark.anyio
Asked = Callable[..., Request]


async def shown(technique, request: Request) -> tuple[Message, ...]:  # type: ignore[no-untyped-def]
    model = Scripted("x")
    await (model | technique).generate(request)
    return model.requests[0].messages


async def test_examples_are_turns_between_the_system_message_and_the_conversation() -> None:
    request = Request((Message("system", "s"), Message("user", "q"), Message("assistant", "a"), Message("user", "now")))
    messages = await shown(few_shot(examples=(("1+1", "2"), ("1+2", "3"))), request)
    assert [(m.role, m.text) for m in messages] == [
        ("system", "s"), ("user", "1+1"), ("assistant", "2"), ("user", "1+2"), ("assistant", "3"),
        ("user", "q"), ("assistant", "a"), ("user", "now"),
    ]  # fmt: skip


async def test_the_question_itself_is_never_among_its_examples(asked: Asked) -> None:
    messages = await shown(few_shot(examples=(("How many?", "4"), ("1+2", "3"))), asked("How many?"))
    assert [m.text for m in messages] == ["1+2", "3", "How many?"]


async def test_drawn_examples_are_the_same_for_every_question(asked: Asked, tmp_path: Path) -> None:
    file = tmp_path / "shots.jsonl"
    file.write_text("".join(f'{{"input": "{i} + 1 = ?", "answer": "{i + 1}"}}\n' for i in range(50)))
    model = Scripted("x")
    stack = model | few_shot(file=file, k=3)
    for text in ("a?", "b?"):
        await stack.generate(asked(text))
    first, second = (request.messages[:-1] for request in model.requests)
    assert first == second
    assert len(first) == 6
    assert len({m.text for m in first if m.role == "user"}) == 3


async def test_either_examples_or_a_file(asked: Asked, tmp_path: Path) -> None:
    for technique in (few_shot, few_shot(examples=(("a", "b"),), file=tmp_path / "x.jsonl")):
        with pytest.raises(BadInput, match=r"few_shot needs either examples=\[\[question, answer\], …\] or file="):
            await shown(technique, asked())
    with pytest.raises(BadInput, match=r"an example is \[question, answer\], found 3 texts"):
        await shown(few_shot(examples=(("a", "b", "c"),)), asked())


ANIMALS = (
    ("What does a cat eat?", "fish"), ("What does a small cat eat?", "mice"), ("What does a dog chase?", "cats"),
    ("How far is the moon?", "384,400 km"), ("What is the capital of France?", "Paris"), ("猫吃什么？", "鱼"),
)  # fmt: skip


@pytest.mark.parametrize("select", ["knn", "mmr", "bm25"])
async def test_examples_like_the_question_are_chosen_and_the_most_alike_is_last(asked: Asked, select: str) -> None:
    messages = await shown(few_shot(examples=ANIMALS, select=select, k=2), asked("What does my cat eat?"))
    questions = [m.text for m in messages if m.role == "user"][:-1]
    assert questions[-1] in ("What does a cat eat?", "What does a small cat eat?")
    assert len(questions) == 2


async def test_mmr_does_not_choose_the_same_twice(asked: Asked) -> None:
    examples = (*((f"What does a cat eat{mark}", "fish") for mark in "?!."), *ANIMALS[2:5])
    for select, alike in (("knn", 2), ("mmr", 1)):
        messages = await shown(few_shot(examples=examples, select=select, k=2), asked("What does my cat eat, then?"))
        assert sum("cat eat" in m.text for m in messages[:-1]) == alike


@pytest.mark.parametrize("select", ["random", "knn", "mmr", "bm25"])
@pytest.mark.parametrize(
    "question",
    [
        "What does a cat eat?", "  what does a CAT eat?\n", "What  does a\u00a0cat eat?",
        "Ｗｈａｔ ｄｏｅｓ ａ ｃａｔ ｅａｔ？",
        "What does a cat eat?\nLet's think step by step.", "Premise.\n\nWhat does a cat eat?",
    ],
)  # fmt: skip
async def test_the_item_itself_is_no_example_in_whatever_spelling(asked: Asked, question: str, select: str) -> None:
    messages = await shown(few_shot(examples=ANIMALS, select=select, k=6), asked(question))
    assert "What does a cat eat?" not in [m.text for m in messages[:-1]]
    assert select == "bm25" or len(messages) == 11


async def test_other_questions_are_told_apart_by_their_signs(asked: Asked) -> None:
    messages = await shown(few_shot(examples=(("5 - 2", "3"), ("5 + 2", "7")), select="knn"), asked("5-2"))
    assert [m.text for m in messages] == ["5 + 2", "7", "5-2"]
