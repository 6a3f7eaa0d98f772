"""What a request leaves open is filled in, assumed, or asked back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from jielong.contract import Message, Request, ToolCall, ToolSpec
from jielong.errors import Unsupported
from jielong.models.scripted import Scripted
from jielong.techniques.brief import brief

pytestmark = pytest.mark.anyio
Asked = Callable[..., Request]

KNOWN = "**Goal:** sell the house\n- Audience: families\nLimits: 50 words\n4. Format: one paragraph"
HALF = "Goal: sell the house\nAudience: ? Who will read it?\nLimits: ？\nFormat: one paragraph"


def listing(listed: str) -> Scripted:
    """Lists `listed` when it is asked what is open, else writes."""
    return Scripted(lambda request: listed if "what this request leaves open" in request.messages[-1].text else "text")


async def test_what_is_known_goes_below_the_question_whatever_the_lines_look_like(asked: Asked) -> None:
    model = listing(KNOWN)
    reply = await (model | brief).generate(asked("Describe my house."))
    assert reply.text == "text"
    lines = model.requests[1].messages[0].text.splitlines()
    assert lines[0] == "Describe my house."
    assert lines[-4:] == ["Goal: sell the house", "Audience: families", "Limits: 50 words", "Format: one paragraph"]


async def test_what_the_conversation_does_not_tell_is_left_to_the_model_and_its_questions_are_not_sent(
    asked: Asked,
) -> None:
    model = listing(HALF)
    await (model | brief).generate(asked("Describe my house."))
    lines = model.requests[1].messages[0].text.splitlines()
    assert lines[-4:] == ["Goal: sell the house", "Audience: open", "Limits: open", "Format: one paragraph"]


async def test_or_it_is_asked_back_and_nothing_is_written_yet(asked: Asked) -> None:
    model = listing(HALF)
    reply = await (model | brief(missing="ask")).generate(asked("Describe my house."))
    assert reply.text == "Audience: Who will read it?\nLimits: ?"
    assert len(model.requests) == 1
    assert reply.usage.calls == 1


async def test_the_answers_of_the_user_fill_the_list_on_the_next_turn(asked: Asked) -> None:
    def reply(request: Request) -> str:
        told = any("Families, 50 words" in message.text for message in request.messages)
        if "what this request leaves open" in request.messages[-1].text:
            return KNOWN if told else HALF
        return "A house for families." if "Audience: families" in request.messages[-1].text else "A house."

    model = Scripted(reply) | brief(missing="ask")
    first = asked("Describe my house.")
    questions = await model.generate(first)
    answered = first.follow_up(questions.message, Message("user", "Families, 50 words."))
    assert (await model.generate(answered)).text == "A house for families."


async def test_a_chinese_request_is_listed_in_chinese_and_full_width_marks_are_read(asked: Asked) -> None:
    said = iter(["目的：卖房子\n读者：？这是给谁看的？", "正文"])
    model = Scripted(lambda _: next(said))
    await (model | brief).generate(asked("介绍一下我的房子。"))
    assert "还有什么没有说清楚" in model.requests[0].messages[0].text
    assert model.requests[1].messages[0].text.splitlines()[-2:] == ["目的：卖房子", "读者：未定"]


async def test_a_list_in_a_form_of_its_own_is_used_as_it_is(asked: Asked) -> None:
    model = listing("for families, at most 50 words")
    await (model | brief(answer="So: {brief}")).generate(asked("Describe my house."))
    assert model.requests[1].messages[0].text == "Describe my house.\nSo: for families, at most 50 words"


async def test_asking_back_is_refused_where_a_question_cannot_be_the_reply(asked: Asked) -> None:
    model = listing(HALF)
    for request in (replace(asked(), schema={}), asked(logprobs=0),
                    replace(asked(), tools=(ToolSpec("weather"),), tool_choice="weather")):  # fmt: skip
        with pytest.raises(Unsupported, match="the reply may be a question to the user"):
            await (model | brief(missing="ask")).generate(request)
    assert model.requests == []


async def test_a_turn_that_goes_on_after_a_tool_is_not_briefed_again(asked: Asked) -> None:
    model = listing(HALF)
    request = replace(asked(), tools=(ToolSpec("weather"),))
    later = replace(request, messages=(*request.messages, Message("assistant", "", (ToolCall("1", "weather"),)),
                                       Message("tool", "rain", tool_call_id="1")))  # fmt: skip
    await (model | brief).generate(later)
    assert model.requests[0].messages == later.messages
    assert len(model.requests) == 1
