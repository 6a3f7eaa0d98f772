"""The model writes a program and the sandbox computes the answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from jielong.answers import final_answer
from jielong.contract import Request
from jielong.errors import NoAnswer, Unsupported
from jielong.models.scripted import Scripted
from jielong.techniques.program_of_thought import program_of_thought

pytestmark = pytest.mark.anyio
Asked = Callable[..., Request]


@pytest.mark.parametrize(
    ("written", "answer"),
    [
        ("3 * 4 + 5", "17"),
        ("```python\n(2 + 3) * 4\n```", "20"),
        ("Here it is:\n```python\ntotal = 0\nfor i in range(5):\n    total += i\nprint(total)\n```\nDone.", "10"),
        ("sum(x * x for x in range(4))", "14"),
    ],
)
async def test_what_the_program_gives_is_the_answer(asked: Asked, written: str, answer: str) -> None:
    reply = await (Scripted(written) | program_of_thought).generate(asked())
    assert final_answer(reply.text) == answer
    assert reply.text.splitlines()[-1] == f"Answer: {answer}"


async def test_a_chinese_question_gets_a_chinese_answer(asked: Asked) -> None:
    reply = await (Scripted("3 * 4") | program_of_thought).generate(asked("三盒，每盒四个，一共多少？"))
    assert reply.text == "3 * 4\n答案：12"
    assert final_answer(reply.text) == "12"


@pytest.mark.parametrize("written", ["1 / 0", "print('x'", "pass", "undefined_name", "I cannot do that."])
async def test_a_program_that_fails_gives_no_answer_and_says_why(asked: Asked, written: str) -> None:
    with pytest.raises(NoAnswer, match="the program that the model wrote gave no answer"):
        await (Scripted(written) | program_of_thought).generate(asked())


async def test_what_cannot_hold_for_a_computed_answer_is_refused(asked: Asked) -> None:
    model = Scripted("1")
    with pytest.raises(Unsupported, match="a JSON schema or log-probabilities cannot hold for it"):
        await (model | program_of_thought).generate(replace(asked(), schema={}))
    with pytest.raises(Unsupported):
        await (model | program_of_thought).generate(asked(logprobs=0))
    assert model.requests == []
