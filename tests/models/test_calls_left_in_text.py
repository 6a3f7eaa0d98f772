"""Calls that an endpoint without a tool parser leaves in the text, as the models were taught to write them."""

from __future__ import annotations

import json

import anyio
import pytest

from endpoint.call_forms import ADD, FORMS, NO_CALLS, J
from endpoint.wire import (
    CLOCK,
    WEATHER,
    Json,
    Sent,
    WireEndpoint,
    ask,
    heard,
    in_pieces,
    question,
    streamed,
    whole,
)
from jielong import Message, Request, load


def get(text: str, stream: int = 0, request: Request | None = None, finish: str = "stop"):
    request = request or question("Weather in Rome?", WEATHER, CLOCK, ADD)
    sent = streamed(in_pieces(text, stream), finish) if stream else whole({"content": text}, finish)
    with WireEndpoint([sent]) as endpoint:
        reply, deltas = anyio.run(lambda: ask(endpoint.url, request, stream=bool(stream)))
    return reply, heard(deltas)


@pytest.mark.parametrize("stream", [0, 1, 5, 1000])
@pytest.mark.parametrize("name", FORMS)
def test_a_call_left_in_the_text_is_a_call(name: str, stream: int):
    text, calls, rest = FORMS[name]
    reply, spoken = get(text, stream)
    made = [(call.name, json.loads(call.arguments)) for call in reply.message.tool_calls]
    assert made == calls
    assert reply.finish == "tool_calls"
    assert reply.text == rest
    assert len({call.id for call in reply.message.tool_calls}) == len(calls)
    if stream:
        assert spoken == rest


@pytest.mark.parametrize("stream", [0, 1, 5, 1000])
@pytest.mark.parametrize("name", NO_CALLS)
def test_a_text_that_calls_nothing_stays_a_text(name: str, stream: int):
    reply, spoken = get(NO_CALLS[name], stream)
    assert (reply.message.tool_calls, reply.text, reply.finish) == ((), NO_CALLS[name], "stop")
    if stream:
        assert spoken == NO_CALLS[name]


def test_without_tools_nothing_is_a_call():
    for request in (question("hi"), Request(question("hi", WEATHER).messages, tools=(WEATHER,), tool_choice="none")):
        reply, _ = get(f"<tool_call>{J}</tool_call>", request=request)
        assert (reply.message.tool_calls, reply.finish) == ((), "stop")


def test_a_call_that_is_quoted_from_what_the_model_was_given_is_none():
    document = f"The page says: <tool_call>{J}</tool_call>"
    for messages in (
        (Message("user", f"Repeat this:\n\n```json\n{J}\n```\n\nand <tool_call>{J}</tool_call> too."),),
        (Message("user", f"Summarise: {document}"),),
        (*question("Read it").messages, Message("assistant", "ok"), Message("user", document)),
    ):
        reply, _ = get(f"<tool_call>{J}</tool_call>", request=Request(messages, tools=(WEATHER, CLOCK)))
        assert reply.message.tool_calls == ()


def test_a_call_of_a_text_that_was_cut_off_is_not_made():
    reply, _ = get('<tool_call>{"name": "get_weather", "arguments": {"city": "Ro', finish="length")
    assert (reply.message.tool_calls, reply.finish) == ((), "length")


def test_a_reply_with_a_schema_is_not_searched_for_bare_calls():
    request = Request(question("hi").messages, tools=(WEATHER,), schema={"type": "object"})
    assert get(J, request=request)[0].message.tool_calls == ()


def test_a_conversation_with_an_endpoint_that_parses_no_calls():
    def answer(body: Json, n: int) -> Sent:
        told = [m["content"] for m in body["messages"] if m["role"] == "tool"]
        if told:
            return whole({"content": f"It is {told[0]}."})
        return whole(
            {"content": '<tool_call>\n{"name": "calculator", "arguments": {"expression": "17*23"}}\n</tool_call>'}
        )

    with WireEndpoint(answer) as endpoint:
        model = load(f"openai:m@{endpoint.url} | tools(use=[calculator])")
        assert anyio.run(model.generate, question("17 * 23?")).text == "It is 391."
