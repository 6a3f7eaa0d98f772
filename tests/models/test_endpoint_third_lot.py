# ruff: noqa: E501
"""A third lot, written after the rules of the second: how often they hold at first sight stands in the results."""

import json
from typing import Any

import anyio
import pytest

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
    thoughts,
    whole,
)
from jielong import load
from jielong.call_context import sub_path
from jielong.errors import EndpointUnfit, MissingKey, Refused, RequestRefused, TooLong, Unsupported


def error(http: int, message: str, code: Any = None, type: str | None = None, **more: Any) -> Sent:
    return Sent({"error": {"message": message, "code": code, "type": type, **more}}, http)


WORDS: list[tuple[Sent, Any]] = [
    (error(403, "Account balance is negative. Please add funds."), EndpointUnfit),
    (error(429, "You have exhausted your free credits for this month."), EndpointUnfit),
    (error(400, "Not enough credits: this call needs 0.02 USD and you have 0.00"), EndpointUnfit),
    (error(429, "Your organization has run out of prepaid credits", "out_of_credits"), EndpointUnfit),
    (error(403, "账户可用余额为0，请及时充值"), EndpointUnfit),
    (error(403, "您的套餐已到期，请续费"), EndpointUnfit),
    (error(429, "The free quota has been used up. Please activate paid billing.", "FreeQuotaExhausted"), EndpointUnfit),
    (error(429, "Concurrency limit reached, please slow down"), "retry"),
    (error(429, "RPM limit reached: 3/3"), "retry"),
    (error(502, "Bad gateway"), "retry"),
    (error(400, "Service temporarily unavailable"), "retry"),
    (error(503, "服务器繁忙"), "retry"),
    (error(400, "This prompt has 9000 tokens, which exceeds this model's limit of 8192."), TooLong),
    (error(400, "The total length of your messages is larger than the context window."), TooLong),
    (error(400, "Context overflow: 9000 > 8192"), TooLong),
    (
        error(
            400,
            "Your input exceeds the context window of this model. Please adjust your input and try again.",
            "context_length_exceeded",
        ),
        TooLong,
    ),
    (error(500, "input is too large to process. increase the physical batch size"), TooLong),
    (error(400, "单次请求的 token 数超过限制"), TooLong),
    (error(400, "Expected a maximum of 8192 tokens but got 9000 tokens"), TooLong),
    (error(400, "Request too big: 9000 tokens, the maximum is 8192"), TooLong),
    (error(400, "the parameter `seed` is not supported by this model"), "seed"),
    (error(400, "seed: not a valid parameter"), "seed"),
    (error(400, "Parameter 'top_p' has been disabled for this model"), "top_p"),
    (error(400, "`temperature` must be 1.0 when extended thinking is on"), "temperature"),
    (error(400, "Custom temperature is not possible with this model"), "temperature"),
    (error(400, "Setting temperature and top_p simultaneously is not allowed"), "top_p"),
    (error(400, "请求参数 top_p 不合法：当前模型不支持设置该参数"), "top_p"),
    (error(400, "当前模型仅允许 temperature=1"), "temperature"),
    (
        error(422, "[{'type': 'extra_forbidden', 'loc': ('body', 'seed'), 'msg': 'Extra inputs are not permitted'}]"),
        "seed",
    ),
    (error(400, "temperature: Input should be less than or equal to 1"), RequestRefused),
    (error(400, "seed must be a 32-bit integer"), RequestRefused),
    (error(400, "roles must alternate between user and assistant"), RequestRefused),
    (error(404, "Model gpt-9 not found"), EndpointUnfit),
    (error(400, "The requested model 'gpt-9' does not exist."), EndpointUnfit),
    (error(400, "Invalid model name passed in model=gpt-9"), EndpointUnfit),
    (error(400, "unsupported model: gpt-9"), EndpointUnfit),
    (error(403, "Forbidden"), MissingKey),
    (error(401, "No auth credentials found"), MissingKey),
    (error(400, "Content blocked by safety policy"), Refused),
    (error(400, "输入内容包含违规信息"), Refused),
]
TOOL_WORDS = [
    error(400, "This endpoint does not offer tool calling"),
    error(400, "tools: Extra inputs are not permitted"),
    error(400, "The model `x` cannot call tools"),
    error(400, "tool_choice is only allowed when tools are supported by the model"),
    error(400, "Function/tool calling is disabled for this deployment"),
    error(400, "模型暂不支持 function calling"),
]


@pytest.mark.parametrize(("sent", "meaning"), WORDS, ids=[str(sent.body)[:70] for sent, _ in WORDS])
def test_words(sent: Sent, meaning: Any):
    request = question("hi").with_sampling(temperature=0.3, top_p=0.9, seed=1, max_tokens=10)

    def answer(body: Json, n: int) -> Sent:
        if (
            (n == 1 and meaning == "retry")
            or (isinstance(meaning, str) and meaning in body)
            or isinstance(meaning, type)
        ):
            return Sent(sent.body, sent.status, sent.content_type, {"Retry-After": "0"})
        return whole({"content": "ok"})

    async def below_an_item(url: str) -> str:
        with sub_path("item"):
            return (await load(f"openai:m@{url}").generate(request)).text

    with WireEndpoint(answer) as endpoint:
        if isinstance(meaning, str):
            assert anyio.run(below_an_item, endpoint.url) == "ok"
            assert len(endpoint.bodies) == 2
            return
        with pytest.raises(meaning) as caught:
            anyio.run(below_an_item, endpoint.url)
        assert len(endpoint.bodies) == 1
        assert meaning is not RequestRefused or not isinstance(caught.value, TooLong)


@pytest.mark.parametrize("sent", TOOL_WORDS, ids=lambda sent: str(sent.body)[:60])
def test_no_tools(sent: Sent):
    with WireEndpoint([sent]) as endpoint:
        with pytest.raises(Unsupported, match="takes no tools"):
            anyio.run(lambda: ask(endpoint.url, question("hi", WEATHER)))
        assert len(endpoint.bodies) == 1


REPLIES: list[tuple[Json, Any, str, str, str]] = [
    ({"content": "42"}, "stop_token_reached", "42", "", "stop"),
    ({"content": "42"}, "OUTPUT_TOKEN_LIMIT", "42", "", "length"),
    ({"content": "42"}, "maxOutputTokens", "42", "", "length"),
    ({"content": "42"}, "content-filter", "42", "", "refused"),
    ({"content": "42"}, "SAFETY_BLOCKED", "42", "", "refused"),
    ({"content": "42"}, "endOfText", "42", "", "stop"),
    ({"content": "42", "reasoning": None, "reasoning_content": "a b"}, "stop", "42", "a b", "stop"),
    (
        {"content": "42", "reasoning_details": [{"type": "reasoning.summary", "summary": "a b"}]},
        "stop",
        "42",
        "a b",
        "stop",
    ),
    (
        {"content": [{"type": "thinking", "thinking": "a b", "signature": None}, {"type": "text", "text": "42"}]},
        "stop",
        "42",
        "a b",
        "stop",
    ),
    ({"content": "<think>\n\na b\n\n</think>\n\n\n42"}, "stop", "42", "a b", "stop"),
    ({"content": "a\n\nb\n\n</think>42"}, "stop", "42", "a\n\nb", "stop"),
    ({"content": "<seed:think>a b</seed:think>42"}, "stop", "42", "a b", "stop"),
    ({"content": "\n<thinking>a b</thinking>\n\n42"}, "stop", "42", "a b", "stop"),
    ({"content": "<antThinking>a b</antThinking>42"}, "stop", "42", "a b", "stop"),
    ({"content": "</think>42"}, "stop", "42", "", "stop"),
    ({"content": "<think>a b</think>"}, "stop", "", "a b", "stop"),
    ({"content": "To think is to be. <thinking is hard>"}, "stop", "To think is to be. <thinking is hard>", "", "stop"),
]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize(
    ("message", "finish", "text", "thought", "end"), REPLIES, ids=[str(r[0])[:50] + str(r[1]) for r in REPLIES]
)
def test_replies(message: Json, finish: Any, text: str, thought: str, end: str, stream: bool):
    if stream and isinstance(message["content"], str):
        rest = {key: value for key, value in message.items() if key != "content"}
        sent = streamed([*([rest] if rest else []), *in_pieces(message["content"], 2)], finish)
    else:
        sent = streamed([message], finish) if stream else whole(message, finish)
    with WireEndpoint([sent]) as endpoint:
        reply, deltas = anyio.run(lambda: ask(endpoint.url, question(), stream=stream))
    assert (reply.text, thoughts(reply).strip(), reply.finish) == (text, thought, end)
    if stream:
        assert (heard(deltas), heard(deltas, thinking=True).strip()) == (text, thought)


A, B = {"city": "Rome"}, {"city": "Oslo"}
LEFT: list[tuple[str, list[tuple[str, Json]]]] = [
    ("<tool_call>\n{'name': 'get_weather', 'arguments': {'city': 'Rome'}}\n</tool_call>", [("get_weather", A)]),
    ('<tool_call>{"name": "get_weather", "arguments": {"city": "Rome"}}', [("get_weather", A)]),
    (
        '<tool_call>[{"name": "get_weather", "arguments": {"city": "Rome"}}, {"name": "get_time", "arguments": {"city": "Oslo"}}]</tool_call>',
        [("get_weather", A), ("get_time", B)],
    ),
    ("<tool_call><function=get_weather><parameter=city>Rome</parameter></function></tool_call>", [("get_weather", A)]),
    (
        '<tool_call>\n<function name="get_weather">\n<parameter name="city">Rome</parameter>\n</function>\n</tool_call>',
        [("get_weather", A)],
    ),
    (
        'Let me check that for you.\n\n```json\n{\n  "name": "get_weather",\n  "arguments": {\n    "city": "Rome"\n  }\n}\n```\n',
        [("get_weather", A)],
    ),
    (
        '```json\n{"name": "get_weather", "arguments": {"city": "Rome"}}\n```\n\n```json\n{"name": "get_time", "arguments": {"city": "Oslo"}}\n```',
        [("get_weather", A), ("get_time", B)],
    ),
    (
        '{"name": "get_weather", "arguments": {"city": "Rome"}}\n{"name": "get_time", "arguments": {"city": "Oslo"}}',
        [("get_weather", A), ("get_time", B)],
    ),
    ('{"tool_name": "get_weather", "tool_arguments": {"city": "Rome"}}', [("get_weather", A)]),
    ('{"function_call": {"name": "get_weather", "arguments": {"city": "Rome"}}}', [("get_weather", A)]),
    ('{"get_weather": {"city": "Rome"}}', [("get_weather", A)]),
    ('[TOOL_CALLS][{"name":"get_weather","arguments":{"city":"Rome"}}]</s>', [("get_weather", A)]),
    ("[get_weather(city='Rome')]<|eot_id|>", [("get_weather", A)]),
    (
        '<|python_tag|>{"type": "function", "name": "get_weather", "parameters": {"city": "Rome"}}<|eom_id|>',
        [("get_weather", A)],
    ),
    (
        '<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>get_weather\n```json\n{"city": "Rome"}\n```<｜tool▁call▁end｜>',
        [("get_weather", A)],
    ),
    (
        '<minimax:tool_call>\n<invoke name="get_weather">\n<parameter name="city">Rome</parameter>\n</invoke>\n<invoke name="get_time">\n<parameter name="city">Oslo</parameter>\n</invoke>\n</minimax:tool_call>',
        [("get_weather", A), ("get_time", B)],
    ),
    (
        "<tool_call>get_weather\n<arg_key>city</arg_key>\n<arg_value>Rome</arg_value>\n</tool_call>\n<tool_call>get_time\n<arg_key>city</arg_key>\n<arg_value>Oslo</arg_value>\n</tool_call>",
        [("get_weather", A), ("get_time", B)],
    ),
    ('<|tool_call_start|>[get_weather(city="Rome")]<|tool_call_end|>', [("get_weather", A)]),
    ("<start_function_call>call:get_weather{city:<escape>Rome<escape>}<end_function_call>", [("get_weather", A)]),
    ('<TOOLCALL>[{"name": "get_weather", "arguments": {"city": "Rome"}}]</TOOLCALL>', [("get_weather", A)]),
    ('{"name": "Rome", "population": 2800000}', []),
    ('[{"city": "Rome"}, {"city": "Oslo"}]', []),
    ("In Python:\n\n```python\nweather = get_weather(city='Rome')\nprint(weather)\n```", []),
    ("I would call get_weather for Rome.", []),
]


@pytest.mark.parametrize("stream", [0, 2], ids=["whole", "streamed"])
@pytest.mark.parametrize(("text", "calls"), LEFT, ids=[text[:50] for text, _ in LEFT])
def test_calls_left_in_the_text(text: str, calls: list[tuple[str, Json]], stream: int):
    sent = streamed(in_pieces(text, stream)) if stream else whole({"content": text})
    with WireEndpoint([sent]) as endpoint:
        reply, deltas = anyio.run(lambda: ask(endpoint.url, question("hi", WEATHER, CLOCK), stream=bool(stream)))
    assert [(call.name, json.loads(call.arguments)) for call in reply.message.tool_calls] == calls
    if stream:
        assert heard(deltas) == reply.text
