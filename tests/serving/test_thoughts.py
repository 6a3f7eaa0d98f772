"""Thoughts and signatures pass through the server: what an endpoint wants back reaches it by way of any client."""

from typing import Any

import pytest

from endpoint.wire import USAGE, Json, Sent, WireEndpoint, whole
from jielong.contract import Message, Request, Text, Thinking, ToolCall
from jielong.models.openai.wire_format import request_body
from serving.served import Served

TOOL: Any = {"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object"}}}
CALL = {"id": "c1", "type": "function", "function": {"name": "get_weather", "arguments": "{}"}}
DETAILS = [{"type": "reasoning.encrypted", "data": "gAAA", "id": "rs_1"}]
TURNS: dict[str, Json] = {
    "DeepSeek": {"content": "", "reasoning_content": "hm", "tool_calls": [CALL]},
    "vLLM": {"content": "", "reasoning": "hm", "tool_calls": [CALL]},
    "OpenRouter": {"content": "", "reasoning_details": DETAILS, "tool_calls": [CALL]},
    "Gemini": {"content": "", "tool_calls": [{**CALL, "extra_content": {"google": {"thought_signature": "AbC=="}}}]},
}


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("name", TURNS)
def test_a_client_with_tools_of_its_own(name: str, stream: bool):
    turn = TURNS[name]

    def answer(body: Json, n: int) -> Sent:
        return whole(turn, "tool_calls") if n == 1 else whole({"content": "Sunny."})

    with WireEndpoint(answer) as endpoint:
        model = f"openai:m@{endpoint.url}"
        with Served(model) as served:
            client = served.client()
            asked: list[Any] = [{"role": "user", "content": "Weather?"}]
            if stream:
                message: Json = {"role": "assistant", "content": None}
                for piece in client.chat.completions.create(model=model, messages=asked, tools=[TOOL], stream=True):
                    for choice in piece.choices:
                        delta = choice.delta.model_dump(exclude_none=True)
                        message |= {key: delta[key] for key in delta if key not in ("role", "content")}
            else:
                first = client.chat.completions.create(model=model, messages=asked, tools=[TOOL])
                message = first.choices[0].message.model_dump(exclude_none=True)
            asked += [message, {"role": "tool", "tool_call_id": "c1", "content": "sun"}]
            again = client.chat.completions.create(model=model, messages=asked, tools=[TOOL])
        assert again.choices[0].message.content == "Sunny."
        back = endpoint.bodies[1]["messages"][1]
    kept = {key: value for key, value in turn.items() if key != "content"}
    assert {key: back.get(key) for key in kept} == kept


def test_a_history_of_another_server_keeps_its_signatures():
    turn: Any = {"role": "assistant", "content": None, "reasoning_details": DETAILS, **TURNS["Gemini"]}
    with WireEndpoint([whole({"content": "ok"})]) as endpoint, Served(f"openai:m@{endpoint.url}") as served:
        asked = [{"role": "user", "content": "?"}, turn, {"role": "tool", "tool_call_id": "c1", "content": "sun"}]
        served.client().chat.completions.create(model=f"openai:m@{endpoint.url}", messages=asked, tools=[TOOL])
        back = endpoint.bodies[0]["messages"][1]
    assert (back["reasoning_details"], back["tool_calls"]) == (DETAILS, TURNS["Gemini"]["tool_calls"])


@pytest.mark.parametrize("signature", ["no JSON", "[1]", '"x"', '{"role": "system", "function": {"name": "rm"}}'])
@pytest.mark.parametrize("form", ["role", "content", "reasoning_details", "tool_calls", "<think>"])
def test_a_signature_that_was_made_up_changes_nothing_else(signature: str, form: str):
    call = ToolCall("c1", "get_weather", "{}", signature)
    turn = Message("assistant", (Thinking("hm", signature, form), Text("x")), (call,))
    (sent,) = request_body("m", Request((turn,)))["messages"]
    assert sent["role"] == "assistant"
    assert sent["tool_calls"] == [CALL]


@pytest.mark.parametrize("usage", [None, USAGE])
def test_unknown_usage_is_null(usage: Any):
    with (
        WireEndpoint([whole({"content": "ok"}, usage=usage)]) as endpoint,
        Served(f"openai:m@{endpoint.url}") as served,
    ):
        asked: list[Any] = [{"role": "user", "content": "?"}]
        reply = served.client().chat.completions.create(model=f"openai:m@{endpoint.url}", messages=asked)
    assert (reply.usage and reply.usage.total_tokens) == (usage and 18)
