"""A problem taken apart: plans, simpler questions, sections."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import anyio
import pytest

from jielong.contract import Image, Message, Reply, Request, Text, ToolCall, ToolSpec
from jielong.errors import BadInput, EndpointGaveUp, Truncated, Unsupported
from jielong.models.scripted import Scripted
from jielong.scope import scope
from jielong.techniques.decompose import entries, least_to_most, outline, plan_and_solve

pytestmark = pytest.mark.anyio
Asked = Callable[..., Request]

ASK = "Amy climbs for 4 minutes and slides for 1. How often can she do it in 15 minutes?"


# --- plans ------------------------------------------------------------------------------------------------------------


async def test_a_plan_is_asked_for_in_the_papers_words_and_in_one_call(asked: Asked) -> None:
    model = Scripted("x")
    for kind in ("ps", "ps_plus"):
        await (model | plan_and_solve(kind=kind)).generate(asked(ASK))  # type: ignore[arg-type]
    short, detailed = (request.messages[0].text for request in model.requests)
    assert "devise a plan to solve the problem" in short
    assert "relevant variables and their corresponding numerals" in detailed
    assert short.startswith(f"{ASK}\n")


# --- simpler questions first ------------------------------------------------------------------------------------------


def stepwise(request: Request) -> str:
    """Can divide only when it was told how long one round takes: what the paper's method is for."""
    said = [message.text for message in request.messages]
    if "simpler questions" in said[-1]:
        return "To answer it, we need to know:\n1. How long does one round take?\n2. How long is the slide open?"
    if said[-1].startswith("How long does one round"):
        return "One round takes 4 + 1 = 5 minutes."
    if said[-1].startswith("How long is the slide"):
        return "It is open for 15 minutes."
    known = " ".join(said[2:])
    return "The answer is 3." if "5 minutes" in known and "15 minutes" in known else "The answer is 4."


async def test_the_question_is_answered_from_the_answers_to_the_simpler_ones(asked: Asked) -> None:
    model = Scripted(stepwise)
    assert (await model.generate(asked(ASK))).text == "The answer is 4."
    assert (await (model | least_to_most).generate(asked(ASK))).text == "The answer is 3."
    assert (await (model | least_to_most(n=1)).generate(asked(ASK))).text == "The answer is 4."


async def test_each_question_sees_the_answers_before_it_and_the_last_turn_is_the_callers(asked: Asked) -> None:
    model = Scripted(stepwise)
    request = replace(asked(ASK, stop=("END",)), schema={"type": "object"})
    await (model | least_to_most).generate(request)
    *internal, final = model.requests
    assert [len(each.messages) for each in model.requests] == [1, 3, 5, 7]
    assert all(later.messages[: len(before.messages)] == before.messages
               for before, later in zip(model.requests, model.requests[1:], strict=False))  # fmt: skip
    assert final.schema == request.schema
    assert final.sampling.stop == ("END",)
    assert all(each.schema is None and each.sampling.stop == () for each in internal)


async def test_no_more_than_n_questions_are_asked_and_the_report_says_how_many_were_left_out(asked: Asked) -> None:
    model = Scripted(lambda r: "\n".join(f"{i}. Why {i}?" for i in range(1, 10)) if len(r.messages) == 1 else "so")
    with scope("test") as here:
        await (model | least_to_most(n=3)).generate(asked())
    assert len(model.requests) == 5 == (model | least_to_most(n=3)).max_calls()
    assert list(here.notes) == ["least_to_most: the model listed 9 and n=3; the others were left out"]


async def test_without_a_list_the_question_is_asked_plainly(asked: Asked) -> None:
    said = iter(["", "4"])
    model = Scripted(lambda _: next(said))
    assert (await (model | least_to_most).generate(asked(ASK))).text == "4"
    assert model.requests[1].messages == asked(ASK).messages


@pytest.mark.parametrize("technique", [least_to_most, outline])
async def test_what_has_to_be_looked_up_is_looked_up_before_the_list_is_made(asked: Asked, technique) -> None:  # type: ignore[no-untyped-def]
    call = Reply(Message("assistant", "", (ToolCall("1", "weather"),)), "tool_calls")

    def reply(request: Request) -> str | Reply:
        looked_up = any(message.role == "tool" for message in request.messages)
        if request.tools and request.tool_choice == "auto" and not looked_up:
            return call
        return "- first" if "List" in request.messages[-1].text or "list" in request.messages[-1].text else "done"

    model = Scripted(reply) | technique
    request = replace(asked(), tools=(ToolSpec("weather"),))
    first = await model.generate(request)
    assert first.finish == "tool_calls"
    told = Message("tool", "rain", tool_call_id="1")
    later = replace(request, messages=(*request.messages, first.message, told))
    assert (await model.generate(later)).text == "done"
    listing = model.model.requests[1]  # type: ignore[attr-defined]
    assert [message.role for message in listing.messages] == ["user", "assistant", "tool", "user"]


# --- long texts by sections -------------------------------------------------------------------------------------------

PLAN = "Here is the plan:\n1. **Beginning**: who they are\n2. Middle – the quarrel\n   - over a bridge\n3. End"


def writer(request: Request) -> str:
    """Writes no more than one section at a time, and says which sections it saw."""
    if "list its sections" in request.messages[-1].text:
        return PLAN
    number = re.search(r"section (\d) of (\d)", request.messages[-1].text)
    seen = sum("section" in message.text and message.role == "user" for message in request.messages) - 2
    return f"[{number[1]} of {number[2]}, after {seen}]\n" if number else "A short text."


async def test_sections_are_written_from_the_plan_and_joined_in_its_order(asked: Asked) -> None:
    model = Scripted(writer, seconds=lambda r: 0.02 if "section 1" in r.messages[-1].text else 0.0)
    reply = await (model | outline).generate(asked("Write a story."))
    assert reply.text == "[1 of 3, after 0]\n\n[2 of 3, after 0]\n\n[3 of 3, after 0]"
    assert reply.usage.calls == 4
    titles = sorted(request.messages[-1].text.splitlines()[-1] for request in model.requests[1:])
    assert titles == ["Beginning: who they are", "End", "Middle – the quarrel; over a bridge"]


async def test_in_turn_each_section_sees_those_before_it(asked: Asked) -> None:
    model = Scripted(writer)
    reply = await (model | outline(order="in_turn")).generate(asked("Write a story."))
    assert reply.text == "[1 of 3, after 0]\n\n[2 of 3, after 1]\n\n[3 of 3, after 2]"
    assert [len(request.messages) for request in model.requests] == [1, 3, 5, 7]


async def test_in_parallel_all_sections_are_under_way_at_once(asked: Asked) -> None:
    started = 0
    all_of_them = anyio.Event()

    class Waiting(Scripted):
        async def send(self, request: Request, attempt: str) -> Reply:
            nonlocal started
            if "section" in request.messages[-1].text and len(request.messages) == 3:
                started += 1
                if started == 3:
                    all_of_them.set()
                await all_of_them.wait()
            return await super().send(request, attempt)

    assert "3 of 3" in (await (Waiting(writer) | outline).generate(asked("Write a story."))).text


async def test_a_text_with_a_lost_section_is_no_answer(asked: Asked) -> None:
    def reply(request: Request) -> str | Reply:
        if "section 2" in request.messages[-1].text:
            return Reply(Message("assistant", "half of"), "length")
        return writer(request)

    for order in ("parallel", "in_turn"):
        with pytest.raises(Truncated):
            await (Scripted(reply) | outline(order=order)).generate(asked("Write a story."))  # type: ignore[arg-type]

    def broken(request: Request) -> str:
        if "section 3" in request.messages[-1].text:
            raise EndpointGaveUp("no more")
        return writer(request)

    with pytest.raises(EndpointGaveUp, match="no more"):
        await (Scripted(broken) | outline).generate(asked("Write a story."))


async def test_what_cannot_hold_for_a_joined_text_is_refused(asked: Asked) -> None:
    model = Scripted(writer)
    for request in (replace(asked(), schema={}), asked(logprobs=0)):
        with pytest.raises(Unsupported, match="joined from several"):
            await (model | outline).generate(request)
    assert model.requests == []


@pytest.mark.parametrize("technique", [least_to_most(n=0), outline(n=0)])
async def test_a_list_of_nothing_is_refused(asked: Asked, technique) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(BadInput, match=r"n=0; expected at least 1"):
        await (Scripted("x") | technique).generate(asked())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1. one\n2) two\n(3) three\n- four\n* five", ["one", "two", "three", "four", "five"]),
        ("  1. one\n  2. two", ["one", "two"]),
        ("第一节：背景\n第2章、经过\n三天以后", ["背景", "经过", "三天以后"]),
        ("Sections:\n\n## Birth\n## Death", ["Birth", "Death"]),
        ("1. Birth:\n   - where\n   - when\n2. Death:", ["Birth; where; when", "Death"]),
        ("```\n1. one\n```", ["one"]),
        ("3.5 million people?\n-5 or 5?\n7 - 4", ["3.5 million people?", "-5 or 5?", "7 - 4"]),
        ("", []),
    ],
)
async def test_entries_of_a_list_are_read_in_the_usual_forms(text: str, expected: list[str]) -> None:
    assert entries(text) == expected


async def test_pictures_are_seen_by_every_section() -> None:
    model = Scripted(writer)
    await (model | outline).generate(Request((Message("user", (Image(b"1"), Text("Tell this picture."))),)))
    assert all(request.messages[0].content[0] == Image(b"1") for request in model.requests)
