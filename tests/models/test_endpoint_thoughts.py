"""Thoughts: wherever an endpoint writes them, whole and streamed alike, and sent back in tool turns as they came."""

import json
from typing import Any

import anyio
import pytest

from endpoint.wire import (
    WEATHER,
    Json,
    Sent,
    WireEndpoint,
    ask,
    heard,
    in_pieces,
    question,
    streamed,
    thoughts,
    whole,
)
from jielong import Message, Reply, Request, load
from jielong.contract import Text, Thinking, ToolCall
from jielong.runtime.ledger_json import decode_reply, encode_reply

THOUGHT = "Six times seven.\n\nThat is 42."
MISTRAL = [{"type": "thinking", "thinking": [{"type": "text", "text": THOUGHT}]}, {"type": "text", "text": "42"}]
ANTHROPIC = [{"type": "thinking", "thinking": THOUGHT, "signature": "EqRk"}, {"type": "text", "text": "42"}]
DETAILS = [{"type": "reasoning.text", "text": THOUGHT, "signature": "sig", "index": 0, "format": "anthropic-claude-v1"}]
REPLIES: dict[str, Json] = {
    "reasoning_content": {"content": "42", "reasoning_content": THOUGHT},
    "reasoning": {"content": "42", "reasoning": THOUGHT},
    "both": {"content": "42", "reasoning": THOUGHT, "reasoning_content": THOUGHT},
    "thinking": {"content": "42", "thinking": THOUGHT},
    "reasoning_details": {"content": "42", "reasoning": THOUGHT, "reasoning_details": DETAILS},
    "reasoning_details alone": {"content": "42", "reasoning_details": DETAILS},
    "thinking_blocks": {
        "content": "42",
        "thinking_blocks": [{"type": "thinking", "thinking": THOUGHT, "signature": "s"}],
    },
    "Mistral's parts": {"content": MISTRAL},
    "Anthropic's parts": {"content": ANTHROPIC},
    "reasoning part": {"content": [{"type": "reasoning", "text": THOUGHT}, {"type": "text", "text": "42"}]},
}
IN_TEXT = {
    "<think>": f"<think>{THOUGHT}</think>42",
    "<think> with lines": f"<think>\n{THOUGHT}\n</think>\n\n42",
    "after lines": f"\n\n<think>\n{THOUGHT}\n</think>\n42",
    "lone </think>": f"{THOUGHT}\n</think>\n\n42",
    "lone </think> without lines": f"{THOUGHT}</think>42",
    "<thinking>": f"<thinking>\n{THOUGHT}\n</thinking>\n\n42",
    "<seed:think>": f"<seed:think>{THOUGHT}</seed:think>42",
    "<thought>": f"<thought>{THOUGHT}</thought>\n42",
    "capitals": f"<Think>{THOUGHT}</Think>\n42",
    "[THINK]": f"[THINK]{THOUGHT}[/THINK]42",
    "Kimi-VL": f"◁think▷{THOUGHT}◁/think▷42",
    "lone </seed:think>": f"{THOUGHT}</seed:think>\n42",
    "lone </thinking>": f"{THOUGHT}\n</thinking>\n42",
    "harmony": f"<|channel|>analysis<|message|>{THOUGHT}<|end|><|start|>assistant<|channel|>final<|message|>42",
    "Cohere": f"<|START_THINKING|>{THOUGHT}<|END_THINKING|><|START_RESPONSE|>42<|END_RESPONSE|>",
    "two blocks": "<think>Six times seven.</think>\n<think>That is 42.</think>\n\n42",
    "also in a field": f"<think>{THOUGHT}</think>42",
}


def get(sent: Sent, *, stream: bool = False, name: str = "openai:m") -> tuple[Reply, str, str]:
    with WireEndpoint([sent]) as endpoint:
        reply, deltas = anyio.run(lambda: ask(endpoint.url, question(), stream=stream, name=name))
    return reply, heard(deltas), heard(deltas, thinking=True)


def expect(reply: Reply, spoken: str | None = None, thought: str | None = None) -> None:
    assert reply.text == "42"
    assert " ".join(thoughts(reply).split()) == " ".join(THOUGHT.split())
    if spoken is not None and thought is not None:
        assert spoken == "42"
        assert " ".join(thought.split()) == " ".join(THOUGHT.split())


@pytest.mark.parametrize("name", REPLIES)
def test_thoughts_in_a_field_whole_and_streamed(name: str):
    message = REPLIES[name]
    expect(get(whole(message))[0])
    expect(*get(streamed([message]), stream=True))


@pytest.mark.parametrize("name", ["reasoning_content", "reasoning", "both", "thinking"])
def test_thoughts_in_a_field_arrive_in_pieces(name: str):
    message = REPLIES[name]
    deltas = [{key: message[key][i : i + 4] for key in message if key != "content"} for i in range(0, len(THOUGHT), 4)]
    reply, spoken, thought = get(streamed([*deltas, {"content": "4"}, {"content": "2"}]), stream=True)
    expect(reply, spoken, thought)
    assert thought == thoughts(reply) == THOUGHT


def test_mistrals_thoughts_arrive_in_pieces():
    deltas = [
        {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": THOUGHT[i : i + 5]}]}]}
        for i in range(0, len(THOUGHT), 5)
    ]
    expect(*get(streamed([*deltas, {"content": "4"}, {"content": [{"type": "text", "text": "2"}]}]), stream=True))


def pieces_of(message: Json) -> list[Json]:
    """The message as a stream brings it: the texts of its thoughts in pieces, signatures with the last of them."""
    deltas: list[Json] = []
    for key in ("content", "reasoning_details", "thinking_blocks"):
        for entry in message.get(key) or () if not isinstance(message.get(key), str) else ():
            name = next(name for name in ("thinking", "text") if name in entry)
            signed = {k: v for k, v in entry.items() if k not in (name, "signature")}
            text = entry[name] if isinstance(entry[name], str) else entry[name][0]["text"]
            for at in range(0, len(text), 5):
                piece = (
                    text[at : at + 5]
                    if isinstance(entry[name], str)
                    else [{**entry[name][0], "text": text[at : at + 5]}]
                )
                deltas.append({key: [{**signed, name: piece}]})
            if "signature" in entry:
                deltas[-1][key][0]["signature"] = entry["signature"]
    return deltas


@pytest.mark.parametrize(
    "name", ["reasoning_details alone", "thinking_blocks", "Mistral's parts", "Anthropic's parts", "reasoning part"]
)
def test_thoughts_in_lists_are_the_same_whole_and_in_pieces(name: str):
    message = REPLIES[name]
    deltas = pieces_of(message)
    rest = [{"content": message["content"]}] if isinstance(message["content"], str) else []
    expected, (reply, spoken, thought) = get(whole(message))[0], get(streamed([*deltas, *rest]), stream=True)
    expect(reply, spoken, thought)
    assert reply.message == expected.message


@pytest.mark.parametrize("size", [1, 3, 7, 1000])
@pytest.mark.parametrize("name", IN_TEXT)
def test_thoughts_in_the_text_whole_and_streamed(name: str, size: int):
    extra = {"reasoning_content": THOUGHT} if name == "also in a field" else {}
    expected = get(whole({"content": IN_TEXT[name], **extra}))[0]
    expect(expected)
    reply, spoken, thought = get(streamed([*([extra] if extra else []), *in_pieces(IN_TEXT[name], size)]), stream=True)
    expect(reply, spoken, thought)
    assert reply.message == expected.message


@pytest.mark.parametrize("name", ["deepseek-r1:8b", "Qwen/Qwen3-8B", "qwq", "glm-4.6", "openai/m"])
def test_a_long_thought_that_the_template_opened_is_never_heard_as_the_answer(name: str):
    long = "Okay, so the user wants the product of six and seven. " * (60 if name != "openai/m" else 3)
    reply, spoken, _ = get(streamed(in_pieces(f"{long}\n</think>\n\n42", 50)), stream=True, name=f"openai:{name}")
    assert spoken == reply.text == "42"


def test_an_endpoint_whose_template_opens_the_thoughts_is_remembered():
    long = "Okay, so the user wants the product of six and seven. " * 60

    async def twice(endpoint: WireEndpoint) -> tuple[str, str]:
        await ask(endpoint.url, question())
        reply, deltas = await ask(endpoint.url, question(), stream=True)
        return heard(deltas), reply.text

    text = f"{long}\n</think>\n\n42"
    with WireEndpoint([whole({"content": text}), streamed(in_pieces(text, 50))]) as endpoint:
        assert anyio.run(twice, endpoint) == ("42", "42")


@pytest.mark.parametrize(
    "text",
    [
        "The tag `<think>` opens the thoughts, `</think>` ends them.",
        'Use "</think>" to close it.',
        "42",
        "I think </b> is a tag.",
        "# Thinking\n\nWe think < of > it as 3 < 4 and 5 > 2.",
        "[THINKPAD] is a trademark.",
        "<thinkpad>is no tag</thinkpad>",
        "```xml\n<think>\nhm\n</think>\n```",
        "So:\n\n```python\nprint('</think>')\n```",
        "",
        "  indented",
    ],
)
def test_a_text_that_speaks_of_such_marks_stays_whole(text: str):
    assert get(whole({"content": text}))[0].message == Message("assistant", text)
    for size in (1, 4, 1000):
        reply, spoken, thought = get(streamed(in_pieces(text, size)), stream=True)
        assert (reply.text, spoken, thought) == (text, text, "")


@pytest.mark.parametrize(
    "text", ["<think>Six times seven", "<think>\nSix times seven\n", "<seed:think>Six times seven"]
)
def test_thoughts_that_never_end_are_no_answer(text: str):
    expected = get(whole({"content": text}, "length"))[0]
    reply, spoken, thought = get(streamed(in_pieces(text), "length"), stream=True)
    assert (reply.text, spoken, thought.strip(), thoughts(expected).strip()) == ("", "", *["Six times seven"] * 2)
    assert expected.message == reply.message
    assert reply.finish == "length"


def test_an_empty_thought_is_none():
    for text in ("<think>\n\n</think>\n\n42", "<think></think>42", "</think>\n42"):
        assert get(whole({"content": text}))[0].message == Message("assistant", "42")
        assert get(streamed(in_pieces(text)), stream=True)[1] == "42"


def test_an_answer_is_heard_while_it_comes():
    text = "A long answer, word by word. " * 100
    with WireEndpoint([streamed(in_pieces(text, 20))]) as endpoint:
        _, deltas = anyio.run(lambda: ask(endpoint.url, question(), stream=True))
    assert len(deltas) > 50
    assert heard(deltas) == text


CALL = {"id": "c1", "type": "function", "function": {"name": "get_weather", "arguments": '{"city": "Rome"}'}}
GEMINI = {**CALL, "extra_content": {"google": {"thought_signature": "AbC=="}}}
TURNS: dict[str, Json] = {
    "DeepSeek, Kimi": {"content": "", "reasoning_content": THOUGHT, "tool_calls": [CALL]},
    "with a text": {"content": "Let me look.", "reasoning_content": THOUGHT, "tool_calls": [CALL]},
    "vLLM": {"content": None, "reasoning": THOUGHT, "tool_calls": [CALL]},
    "Gemini": {"content": None, "tool_calls": [GEMINI]},
    "Gemini, two calls": {"content": None, "tool_calls": [GEMINI, {**CALL, "id": "c2"}]},
    "OpenRouter": {"content": "", "reasoning": THOUGHT, "reasoning_details": DETAILS, "tool_calls": [CALL]},
    "OpenRouter, encrypted": {
        "content": "",
        "tool_calls": [CALL],
        "reasoning_details": [
            {"type": "reasoning.encrypted", "data": "gAAA", "id": "rs_1", "format": "openai-responses-v1", "index": 0}
        ],
    },
    "Anthropic's blocks": {
        "content": "",
        "tool_calls": [CALL],
        "thinking_blocks": [{"type": "thinking", "thinking": THOUGHT, "signature": "EqRk"}],
    },
    "Anthropic's parts": {"content": ANTHROPIC[:1], "tool_calls": [CALL]},
    "redacted": {"content": [{"type": "redacted_thinking", "data": "x9"}], "tool_calls": [CALL]},
    "Mistral's parts": {"content": MISTRAL[:1], "tool_calls": [CALL]},
    "MiniMax": {"content": f"<think>\n{THOUGHT}\n</think>\n\nLet me look.", "tool_calls": [CALL]},
}


def expected_turn(name: str) -> Json:
    """What must come back: every field of the thoughts as it came."""
    message = TURNS[name]
    kept = {key: message[key] for key in message if key not in ("content", "tool_calls")}
    if name == "OpenRouter":
        kept = {"reasoning_details": DETAILS}
    return kept


def streamed_turn(message: Json) -> Sent:
    calls = [{"index": i, **call} for i, call in enumerate(message.get("tool_calls") or ())]
    fields = [{key: value} for key, value in message.items() if key != "tool_calls"]
    return streamed([*fields, {"tool_calls": calls}], "tool_calls")


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("name", TURNS)
def test_thoughts_and_signatures_come_back_in_tool_turns(name: str, stream: bool):
    message = TURNS[name]
    first = streamed_turn(message) if stream else whole(message, "tool_calls")

    async def converse(url: str) -> None:
        request = question("Weather in Rome?", WEATHER)
        reply, _ = await ask(url, request, stream=stream)
        reply = decode_reply(json.loads(json.dumps(encode_reply(reply))))  # the ledger keeps it all
        results = [Message("tool", "Sunny", tool_call_id=call.id) for call in reply.message.tool_calls]
        turn = Request((*request.messages, reply.message, *results), tools=request.tools)
        await load(f"openai:m@{url}").generate(turn)

    with WireEndpoint([first, whole({"content": "Sunny."})]) as endpoint:
        anyio.run(converse, endpoint.url)
        back = endpoint.bodies[1]["messages"][1]
    for key, value in expected_turn(name).items():
        assert back.get(key) == value
    known = {"role", "content", "tool_calls", *expected_turn(name)}
    assert back.keys() <= known
    signatures = [call.get("extra_content") for call in back["tool_calls"]]
    assert signatures == [call.get("extra_content") for call in message["tool_calls"]]
    if name in ("Anthropic's parts", "redacted", "Mistral's parts"):
        assert back["content"] == message["content"]
    if name == "MiniMax":
        assert THOUGHT in back["content"]
        assert back["content"].startswith("<think>")
        assert back["content"].endswith("Let me look.")


def history(url: str, thought: Thinking, *more: Message) -> Request:
    call = ToolCall("c1", "get_weather", '{"city": "Rome"}')
    turn = Message("assistant", (thought, Text("")), (call,))
    return Request(
        (*question("Weather?").messages, turn, Message("tool", "Sunny", tool_call_id="c1"), *more), tools=(WEATHER,)
    )


def test_thoughts_of_another_model_are_left_out_where_the_endpoint_refuses_them():
    def strict(body: Json, n: int) -> Sent:
        if "reasoning_content" in body["messages"][1]:
            words = "'messages.1' : [('messages.1' : property 'reasoning_content' is unsupported)]"
            return Sent({"error": {"message": words, "type": "invalid_request_error"}}, 400)
        return whole({"content": "Sunny."})

    async def twice(url: str) -> None:
        for _ in range(2):
            model = load(f"openai:m@{url}")
            assert (await model.generate(history(url, Thinking(THOUGHT)))).text == "Sunny."

    with WireEndpoint(strict) as endpoint:
        anyio.run(twice, endpoint.url)
        assert len(endpoint.bodies) == 3  # learned once


def test_thoughts_are_not_sent_back_where_no_tool_was_called():
    turns = (
        *question("6 * 7?").messages,
        Message("assistant", (Thinking(THOUGHT), Text("42"))),
        Message("user", "Sure?"),
    )
    with WireEndpoint([whole({"content": "Yes."})]) as endpoint:
        anyio.run(load(f"openai:m@{endpoint.url}").generate, Request(turns))
        assert endpoint.bodies[0]["messages"][1] == {"role": "assistant", "content": "42"}


def deepseek(body: Json, n: int) -> Sent:
    """Refuses what strict thinking endpoints refuse."""
    for i, message in enumerate(body["messages"]):
        if message["role"] == "assistant" and message.get("tool_calls") and not message.get("reasoning_content"):
            words = f"thinking is enabled but reasoning_content is missing in assistant tool call message at index {i}"
            return Sent({"error": {"message": words, "type": "invalid_request_error"}}, 400)
    call = {"id": f"c{n}", "type": "function", "function": {"name": "calculator", "arguments": '{"expression": "6*7"}'}}
    if n < 3:
        return whole({"content": "", "reasoning_content": f"thought {n}", "tool_calls": [call]}, "tool_calls")
    return whole({"content": "42", "reasoning_content": "done"})


def test_a_tool_loop_with_a_strict_thinking_endpoint():
    with WireEndpoint(deepseek) as endpoint:
        model = load(f"openai:m@{endpoint.url} | tools(use=[calculator])")
        assert anyio.run(model.generate, question()).text == "42"
        sent: list[Any] = [
            m.get("reasoning_content") for m in endpoint.bodies[-1]["messages"] if m["role"] == "assistant"
        ]
        assert sent == ["thought 1", "thought 2"]
