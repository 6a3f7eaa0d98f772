"""The model looks at its own answer."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from jielong.contract import Image, Message, Reply, Request, Text, ToolCall
from jielong.errors import BadInput, Truncated
from jielong.models.scripted import Scripted
from jielong.techniques.self_check import critique_by, self_check, self_refine

pytestmark = pytest.mark.anyio
Asked = Callable[..., Request]


def checking(*drafts: str, right: str) -> Scripted:
    """Drafts one after the other; says yes to the right one alone."""
    left = list(drafts)

    def reply(request: Request) -> str:
        said = " ".join(message.text for message in request.messages)
        if "orrect?" in said or "答案" in said:
            return "yes" if f"answer: {right}" in said or f"{right} " in said else "no"
        return left.pop(0)

    return Scripted(reply)


@pytest.mark.parametrize("mode", ["fresh", "same_turn"])
async def test_the_first_answer_that_passes_is_kept(asked: Asked, mode: str) -> None:
    model = checking("1", "2", "3", right="2")
    reply = await (model | self_check(rounds=2, mode=mode)).generate(asked())  # type: ignore[arg-type]
    assert reply.text == "2"
    assert len(model.requests) == 4


async def test_when_none_passes_the_first_one_is_kept(asked: Asked) -> None:
    assert (await (checking("1", "2", "3", right="9") | self_check(rounds=2)).generate(asked())).text == "1"


async def test_fresh_shows_question_and_answer_below_the_pictures_to_one_who_saw_no_draft(asked: Asked) -> None:
    model = checking("1", right="1")
    seen = Request((Message("system", "s"), Message("user", (Image(b"1"), Text("How many?")))))
    await (model | self_check).generate(seen)
    question = model.requests[1]
    assert [message.role for message in question.messages] == ["system", "user"]
    picture, words = question.messages[1].content
    assert picture == Image(b"1")
    assert isinstance(words, Text)
    assert "How many?" in words.text
    assert "1" in words.text


async def test_same_turn_asks_below_the_answer(asked: Asked) -> None:
    model = checking("1", right="1")
    await (model | self_check(mode="same_turn")).generate(asked())
    assert [message.role for message in model.requests[1].messages] == ["user", "assistant", "user"]


async def test_it_can_ask_in_words_of_ones_own(asked: Asked) -> None:
    model = Scripted("yes")
    await (model | self_check(question="{answer} to {question}: right?")).generate(asked("{answer}?"))
    assert model.requests[1].messages[0].text == "yes to {answer}?: right?"


async def test_a_chinese_question_is_checked_in_chinese(asked: Asked) -> None:
    model = Scripted("是")
    await (model | self_check).generate(asked("有多少个？"))
    assert "给出的答案" in model.requests[1].messages[0].text
    assert len(model.requests) == 2, "是 is a yes"


async def test_a_tool_call_is_handed_out_unchecked(asked: Asked) -> None:
    call = Reply(Message("assistant", "", (ToolCall("1", "weather"),)), "tool_calls")
    model = Scripted(lambda _: call)
    assert (await (model | self_check).generate(asked())).finish == "tool_calls"
    assert len(model.requests) == 1


async def test_further_drafts_at_temperature_0_are_refused_before_anything_is_asked(asked: Asked) -> None:
    model = Scripted("x")
    with pytest.raises(BadInput, match="2 samples at temperature 0 are copies of one"):
        await (model | self_check).generate(asked(temperature=0.0))
    assert model.requests == []


# --- refining ---------------------------------------------------------------------------------------------------------


async def test_refining_goes_on_until_the_critic_says_ok(asked: Asked) -> None:
    said = iter(["draft", "too short", "longer draft", "OK."])
    model = Scripted(lambda _: next(said))
    reply = await (model | self_refine(rounds=3)).generate(asked())
    assert reply.text == "longer draft"
    rewrite = model.requests[2]
    assert [message.role for message in rewrite.messages] == ["user", "assistant", "user"]
    assert rewrite.messages[2].text.startswith("too short\n\n")
    assert [message.text for message in model.requests[3].messages[:4]] == [
        "How many?", "draft", rewrite.messages[2].text, "longer draft",
    ]  # fmt: skip


async def test_a_rewrite_that_was_cut_off_is_not_handed_out(asked: Asked) -> None:
    said = iter([Reply(Message("assistant", "draft")), Reply(Message("assistant", "short")),
                 Reply(Message("assistant", "half"), "length")])  # fmt: skip
    with pytest.raises(Truncated):
        await (Scripted(lambda _: next(said)) | self_refine).generate(asked())


@pytest.mark.parametrize("technique", [self_check(rounds=-1), self_refine(rounds=-1)])
async def test_fewer_than_no_rounds_are_refused(asked: Asked, technique) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(BadInput, match=r"rounds=-1; expected 0 or more"):
        await (Scripted("x") | technique).generate(asked())


# --- critique by another ----------------------------------------------------------------------------------------------


def correcting(request: Request) -> str:
    """Adds wrongly, and rightly once someone has named the fault; finds nothing wrong with its own answers."""
    if "What is wrong with" in request.messages[-1].text:
        return "OK"
    return "4" if "2 + 2 is not 5" in request.messages[-1].text else "5"


def critic(request: Request) -> str:
    return "2 + 2 is not 5." if "Answer: 5" in request.messages[-1].text else "OK."


async def test_a_fault_that_only_the_other_model_sees_is_mended(asked: Asked) -> None:
    writer, other = Scripted(correcting), Scripted(critic, name="scripted:critic")
    assert (await (writer | critique_by(model=Scripted(correcting))).generate(asked("2 + 2?"))).text == "5"
    reply = await (writer | critique_by(model=other)).generate(asked("2 + 2?"))
    assert reply.text == "4"
    assert reply.usage.calls == 3
    assert len(other.requests) == 1


async def test_the_critic_sees_question_and_answer_as_anothers_and_the_writer_sees_the_conversation(
    asked: Asked,
) -> None:
    writer, other = Scripted(correcting), Scripted(critic)
    seen = Request((Message("system", "s"), Message("user", (Image(b"1"), Text("2 + 2?")))))
    await (writer | critique_by(model=other)).generate(seen)
    assert [message.role for message in other.requests[0].messages] == ["system", "user"]
    assert other.requests[0].messages[1].content[0] == Image(b"1")
    assert [message.role for message in writer.requests[1].messages] == ["system", "user", "assistant", "user"]


async def test_it_ends_when_the_critic_has_nothing_to_say_or_the_writer_nothing_new(asked: Asked) -> None:
    writer, other = Scripted(correcting), Scripted(critic)
    await (writer | critique_by(model=other, rounds=5)).generate(asked("2 + 2?"))
    assert (len(writer.requests), len(other.requests)) == (2, 2)
    stubborn, never_content = Scripted("5"), Scripted("No.")
    assert (await (stubborn | critique_by(model=never_content, rounds=5)).generate(asked("2 + 2?"))).text == "5"
    assert (len(stubborn.requests), len(never_content.requests)) == (2, 1)


async def test_the_words_of_critic_and_writer_can_be_ones_own(asked: Asked) -> None:
    writer, other = Scripted("5"), Scripted("Hm.")
    own = critique_by(model=other, critique="{answer} to {question}: faults?", rewrite="Again.")
    await (writer | own).generate(asked("2 + 2?"))
    assert other.requests[0].messages[0].text == "5 to 2 + 2?: faults?"
    assert writer.requests[1].messages[-1].text == "Hm.\n\nAgain."


async def test_a_critique_after_a_tool_has_answered_still_shows_the_question(asked: Asked) -> None:
    other = Scripted("OK")
    later = (*asked("2 + 2?").messages, Message("assistant", "", (ToolCall("1", "add"),)),
             Message("tool", "4", tool_call_id="1"))  # fmt: skip
    await (Scripted("4") | critique_by(model=other)).generate(Request(later))
    assert "Question: 2 + 2?\nAnswer: 4" in other.requests[0].messages[-1].text


async def test_no_round_of_critique_is_refused(asked: Asked) -> None:
    with pytest.raises(BadInput, match=r"critique_by: rounds=0; expected at least 1"):
        await (Scripted("x") | critique_by(model=Scripted("y"), rounds=0)).generate(asked())
