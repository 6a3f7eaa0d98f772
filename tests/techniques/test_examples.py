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
