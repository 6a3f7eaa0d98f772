# ruff: noqa: E501
"""A second lot of what endpoints say, written after the first was mended: whether the rules hold for what they never saw."""

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
    chunk,
    heard,
    in_pieces,
    question,
    streamed,
    thoughts,
    whole,
)
from jielong import load
from jielong.call_context import sub_path
from jielong.errors import (
    EndpointGaveUp,
    EndpointUnfit,
    JielongError,
    MissingKey,
    Refused,
    RequestRefused,
    TooLong,
    Unsupported,
)
from jielong.models.openai.endpoint_presets import resolve_endpoint


def error(http: int, message: str, code: Any = None, type: str | None = None, **more: Any) -> Sent:
    return Sent({"error": {"message": message, "code": code, "type": type, **more}}, http)


TOOLS = question("hi", WEATHER).tools
# what is sent, what it means: an error, or "retry", or the name of a setting that is to be left out
WORDS: list[tuple[Sent, Any]] = [
    (error(402, "Insufficient Balance", "invalid_request_error", "unknown_error"), EndpointUnfit),
    (
        error(429, "You have insufficient credits to make this request. Please purchase more credits.", 429),
        EndpointUnfit,
    ),
    (error(403, "This API key has no remaining balance, please recharge", "quota"), EndpointUnfit),
    (error(400, "Your account does not have enough balance to perform this request"), EndpointUnfit),
    (
        error(
            429, "Your account is not active, please check your billing details on our website.", "billing_not_active"
        ),
        EndpointUnfit,
    ),
    (error(403, "账号余额不足，无法完成请求"), EndpointUnfit),
    (error(429, "您的账户已达到速率限制，请您控制请求频率", "1302"), "retry"),
    (error(429, "当前账户额度已用完，请充值", "quota_exceeded"), EndpointUnfit),
    (error(401, "Your trial has ended. Please upgrade to a paid plan to continue.", "trial_ended"), EndpointUnfit),
    (
        error(429, "You've used up your points! Visit your settings to get more.", None, "insufficient_credits"),
        EndpointUnfit,
    ),
    (
        error(
            429,
            "Quota exceeded for quota metric 'Generate Content API requests per minute'",
            429,
            status="RESOURCE_EXHAUSTED",
        ),
        "retry",
    ),
    (error(429, "Request was throttled. Expected available in 1 second."), "retry"),
    (error(529, "Overloaded", None, "overloaded_error"), "retry"),
    (error(503, "Model is currently loading", estimated_time=20), "retry"),
    (error(400, "Upstream request timeout, please try again"), "retry"),
    (error(500, "系统内部错误，请稍后重试", "1234"), "retry"),
    (error(429, "Server is busy, please try again later", "server_busy"), "retry"),
    (error(400, "'messages' exceeds the context limit of 8192 tokens"), TooLong),
    (
        error(
            400,
            "Requested token count exceeds the model's maximum context length of 131072 tokens. You requested a total of 140000 tokens",
        ),
        TooLong,
    ),
    (error(400, "The input (9001 tokens) is longer than the model's context length (8192 tokens)."), TooLong),
    (error(500, "context size exceeded: prompt has 5000 tokens, slot has 4096"), TooLong),
    (error(400, "Input length 10000 exceeds the maximum allowed input length of 8192"), TooLong),
    (
        error(
            400, "input tokens exceed the configured limit of 272000 tokens. Your messages resulted in 300000 tokens."
        ),
        TooLong,
    ),
    (error(400, "The prompt is too long: 132000, model maximum context length: 131072"), TooLong),
    (error(400, "tokens in request more than max tokens allowed"), TooLong),
    (error(400, "输入文本长度超出模型上下文限制"), TooLong),
    (error(400, "输入内容太长，请缩短后重试", "1261"), TooLong),
    (error(422, "Prompt length (5000) exceeds max_model_len (4096)"), TooLong),
    (error(400, "too many tokens in prompt"), TooLong),
    (
        error(
            400,
            "Unsupported parameter: 'top_p' is not supported with this model.",
            "unsupported_parameter",
            param="top_p",
        ),
        "top_p",
    ),
    (error(400, "temperature is not supported when thinking is enabled"), "temperature"),
    (error(400, "`temperature` may only be set to 1 when thinking is enabled."), "temperature"),
    (error(400, "this model has fixed sampling parameters: temperature cannot be changed"), "temperature"),
    (error(422, "Unexpected field: seed"), "seed"),
    (error(400, "Invalid parameter: seed. This parameter is not recognized."), "seed"),
    (error(400, "Field 'seed' is not part of the schema"), "seed"),
    (error(400, "seed 参数无效，模型不支持该参数"), "seed"),
    (error(400, "参数seed无法识别"), "seed"),
    (error(400, "该模型的 temperature 只能为 1"), "temperature"),
    (error(400, "top_p must be 1 for this model"), "top_p"),
    (error(400, "You can only specify one of temperature or top_p"), "top_p"),
    (
        Sent(
            {"detail": [{"loc": ["body", "seed"], "msg": "extra fields not permitted", "type": "value_error.extra"}]},
            422,
        ),
        "seed",
    ),
    (Sent({"message": "got multiple unknown arguments: ['seed']"}, 400), "seed"),
    (error(500, "TypeError: generate() got an unexpected keyword argument 'top_p'"), "top_p"),
    (error(400, "frequency of seed is illegal"), RequestRefused),
    (error(400, "temperature must be in [0, 1]"), RequestRefused),
    (error(404, "The model `gpt-9` does not exist or you do not have access to it.", "model_not_found"), EndpointUnfit),
    (error(400, "Model Not Exist", "invalid_request_error"), EndpointUnfit),
    (error(400, "gpt-9 is not a valid model ID", 400), EndpointUnfit),
    (error(404, "model 'qwen9' not found, try pulling it first"), EndpointUnfit),
    (error(400, "模型不存在，请检查模型代码", "1211"), EndpointUnfit),
    (error(403, "No access to model: gpt-9", "model_access_denied"), JielongError),
    (
        error(401, "Incorrect API key provided: sk-***. You can find your API key at https://x", "invalid_api_key"),
        MissingKey,
    ),
    (error(401, "Authentication Fails (no such user)"), MissingKey),
    (error(400, "API key not valid. Please pass a valid API key.", 400, status="INVALID_ARGUMENT"), MissingKey),
    (error(400, "Input data may contain inappropriate content.", "data_inspection_failed"), Refused),
    (
        error(
            400,
            "The response was filtered due to the prompt triggering Azure OpenAI's content management policy.",
            "content_filter",
        ),
        Refused,
    ),
    (error(400, "系统检测到输入或生成内容可能包含不安全或敏感内容", "1301"), Refused),
    (
        error(
            400,
            "The request failed because the input text may contain sensitive information.",
            "InputTextSensitiveContentDetected",
        ),
        Refused,
    ),
    (error(403, "Your input was flagged by moderation", 403, metadata={"reasons": ["violence"]}), Refused),
]
TOOL_WORDS = [
    error(400, "model does not support tools"),
    error(400, "Tools are not supported for this model"),
    error(400, "This model does not support function calling"),
    error(400, "tool use is not available for x/y"),
    error(422, "Function calls are currently unsupported by this engine"),
    error(400, "`tools` is not supported"),
    error(400, "Tool calling requires a chat template with tool support. Start the server with --jinja"),
    error(400, "此模型不支持 tools"),
    error(400, "tool_call is not supported for this model, please remove `tools`"),
    error(404, "No endpoints found that support the provided 'tools' value.", 404),
    error(400, "Please enable tool calls with --enable-auto-tool-choice"),
    error(500, "This model has no tool call parser"),
]


def answering(sent: Sent, meaning: Any) -> Any:
    def answer(body: Json, n: int) -> Sent:
        if (
            (n == 1 and meaning == "retry")
            or (isinstance(meaning, str) and meaning in body)
            or isinstance(meaning, type)
        ):
            return Sent(sent.body, sent.status, sent.content_type, {"Retry-After": "0"})
        return whole({"content": "ok"})

    return answer


@pytest.mark.parametrize(("sent", "meaning"), WORDS, ids=[str(sent.body)[:70] for sent, _ in WORDS])
def test_words(sent: Sent, meaning: Any):
    request = question("hi").with_sampling(temperature=0.3, top_p=0.9, seed=1, max_tokens=10)

    async def below_an_item(url: str) -> str:
        with sub_path("item"):
            return (await load(f"openai:m@{url}").generate(request)).text

    with WireEndpoint(answering(sent, meaning)) as endpoint:
        if isinstance(meaning, str):
            assert anyio.run(below_an_item, endpoint.url) == "ok"
            assert len(endpoint.bodies) == 2
            return
        with pytest.raises(meaning) as caught:
            anyio.run(below_an_item, endpoint.url)
        assert len(endpoint.bodies) == 1
        assert meaning is not RequestRefused or not isinstance(caught.value, TooLong)
        assert meaning is not JielongError or not isinstance(caught.value, TooLong)


@pytest.mark.parametrize("sent", TOOL_WORDS, ids=lambda sent: str(sent.body)[:60])
def test_no_tools(sent: Sent):
    with WireEndpoint([sent]) as endpoint:
        with pytest.raises(Unsupported, match="takes no tools"):
            anyio.run(lambda: ask(endpoint.url, question("hi", WEATHER)))
        assert len(endpoint.bodies) == 1


REPLIES: list[tuple[Json, Any, str, str, str]] = [  # message, finish_reason, text, thoughts, finish
    ({"content": "42"}, "END_TURN", "42", "", "stop"),
    ({"content": "42"}, "FINISHED", "42", "", "stop"),
    ({"content": "42"}, "eos_token_id", "42", "", "stop"),
    ({"content": "42"}, "unicorn", "42", "", "error"),
    ({"content": "42"}, "ERROR_TOXIC", "42", "", "error"),
    ({"content": "42"}, "max_completion_tokens", "42", "", "length"),
    ({"content": "42"}, "MaxTokens", "42", "", "length"),
    ({"content": "42"}, "contentFilter", "42", "", "refused"),
    ({"content": "42"}, "EndTurn", "42", "", "stop"),
    ({"content": "42", "reasoning_content": "a b"}, "stop", "42", "a b", "stop"),
    ({"content": "42", "reasoning_text": "a b"}, "stop", "42", "a b", "stop"),
    ({"content": "42", "thinking": {"content": "a b"}}, "stop", "42", "a b", "stop"),
    ({"content": "42", "reasoning": {"text": "a b"}}, "stop", "42", "a b", "stop"),
    ({"content": [{"type": "thinking", "text": "a b"}, {"type": "text", "text": "42"}]}, "stop", "42", "a b", "stop"),
    (
        {
            "content": [
                {"type": "reasoning", "summary": [{"type": "summary_text", "text": "a b"}]},
                {"type": "output_text", "text": "42"},
            ]
        },
        "stop",
        "42",
        "a b",
        "stop",
    ),
    ({"content": "<reasoning>a b</reasoning>\n42"}, "stop", "42", "a b", "stop"),
    ({"content": "<thoughts>\na b\n</thoughts>\n\n42"}, "stop", "42", "a b", "stop"),
    ({"content": "<think>a b</think>\n\n<answer>42</answer>"}, "stop", "<answer>42</answer>", "a b", "stop"),
    ({"content": "<think>\na <b> b\n</think>42"}, "stop", "42", "a <b> b", "stop"),
    ({"content": "<|begin_of_thought|>a b<|end_of_thought|>\n\n42"}, "stop", "42", "a b", "stop"),
    ({"content": "<THINKING>\na b\n</THINKING>\n42"}, "stop", "42", "a b", "stop"),
    ({"content": "a b</think>\n\n42"}, "stop", "42", "a b", "stop"),
    ({"content": "a `x` b\n</think>\n\n42"}, "stop", "42", "a `x` b", "stop"),
    ({"content": "<unused94>thought\na b<unused95>42"}, "stop", "42", "a b", "stop"),
    (
        {
            "content": "<|channel|>analysis<|message|>a b<|end|><|start|>assistant<|channel|>final<|message|>42<|return|>"
        },
        "stop",
        "42",
        "a b",
        "stop",
    ),
    ({"content": "<think>a b", "reasoning_content": None}, "length", "", "a b", "length"),
    ({"content": "", "reasoning_content": "a b"}, "length", "", "a b", "length"),
    ({"content": "The <think> tag"}, "stop", "The <think> tag", "", "stop"),
    ({"content": "HTML: <thinking-box></thinking-box>"}, "stop", "HTML: <thinking-box></thinking-box>", "", "stop"),
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
        if end == "error":
            with pytest.raises(EndpointGaveUp, match=str(finish)):
                anyio.run(lambda: ask(endpoint.url, question(), stream=stream))
            assert len(endpoint.bodies) == 1
            return
        reply, deltas = anyio.run(lambda: ask(endpoint.url, question(), stream=stream))
    assert (reply.text, thoughts(reply).strip(), reply.finish) == (text, thought, end)
    if stream:
        assert (heard(deltas), heard(deltas, thinking=True).strip()) == (text, thought)


IN_200: list[tuple[Any, Any]] = [
    ({"code": 401, "msg": "invalid api key"}, MissingKey),
    ({"success": False, "message": "Insufficient balance"}, EndpointUnfit),
    ({"error": {"type": "overloaded_error", "message": "Overloaded"}, "type": "error"}, "retry"),
    ({"status": "error", "message": "model not found: m"}, EndpointUnfit),
    ({"error": True, "message": "input is too long"}, TooLong),
    ({"error": {"code": "rate_limit_exceeded", "message": "slow down"}}, "retry"),
    ({"error": {"code": "internal_error", "message": "something broke"}}, EndpointGaveUp),
    ({"statusCode": 429, "message": "Too Many Requests"}, "retry"),
    ({"id": "x", "choices": [], "error": {"message": "upstream error", "code": 502}}, "retry"),
    ({"errorCode": "InvalidApiKey", "errorMessage": "Invalid API-key provided."}, MissingKey),
    ("null", EndpointGaveUp),
    ("[]", EndpointGaveUp),
    ('"ok"', EndpointGaveUp),
]


@pytest.mark.parametrize(("body", "meaning"), IN_200, ids=[str(b)[:50] for b, _ in IN_200])
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_errors_inside_200(body: Any, meaning: Any, stream: bool):
    text = body if isinstance(body, str) else json.dumps(body)
    ok = streamed([{"content": "ok"}]) if stream else whole({"content": "ok"})
    with WireEndpoint([Sent([f"data: {text}"]) if stream else Sent(text), ok]) as endpoint:
        if meaning == "retry":
            assert anyio.run(lambda: ask(endpoint.url, question(), stream=stream))[0].text == "ok"
            return
        with pytest.raises(meaning):
            anyio.run(lambda: ask(endpoint.url, question(), stream=stream))
        assert len(endpoint.bodies) == 1


def calls_of(*chunks: list[Json]) -> list[tuple[str, Any]]:
    deltas = [{"tool_calls": calls} for calls in chunks]
    with WireEndpoint([streamed(deltas, "tool_calls")]) as endpoint:
        reply, _ = anyio.run(lambda: ask(endpoint.url, question("hi", WEATHER, CLOCK), stream=True))
    return [(call.name, json.loads(call.arguments)) for call in reply.message.tool_calls]


def f(name: str | None = None, arguments: Any = None) -> Json:
    return {k: v for k, v in (("name", name), ("arguments", arguments)) if v is not None}


A, B = {"city": "Rome"}, {"city": "Oslo"}


@pytest.mark.parametrize(
    "chunks",
    [
        [
            [{"index": 0, "id": "a", "function": f("get_weather", json.dumps(A))}],
            [{"index": 0, "id": "b", "function": f("get_time", json.dumps(B))}],
        ],
        [
            [
                {"id": "a", "function": f("get_weather", json.dumps(A))},
                {"id": "b", "function": f("get_time", json.dumps(B))},
            ]
        ],
        [
            [
                {"index": None, "id": None, "function": f("get_weather", json.dumps(A))},
                {"index": None, "id": None, "function": f("get_time", json.dumps(B))},
            ]
        ],
        [
            [{"index": 0, "id": "a", "type": "function", "function": f("get_weather")}],
            [{"index": 0, "function": f(None, '{"city"')}],
            [{"index": 0, "function": f(None, ': "Rome"}')}],
            [{"index": 0, "id": "b", "type": "function", "function": f("get_time")}],
            [{"index": 0, "function": f(None, '{"city": "Oslo"}')}],
        ],
        [
            [{"index": 0, "function": f("get_weather", "")}],
            [{"index": 0, "function": f("", '{"city": "Rome"}')}],
            [{"index": 0, "function": f("get_time", "")}],
            [{"index": 0, "function": f("", '{"city": "Oslo"}')}],
        ],
        [
            [{"index": 5, "id": "a", "function": f("get_weather", json.dumps(A))}],
            [{"index": 9, "id": "b", "function": f("get_time", json.dumps(B))}],
        ],
        [
            [
                {"index": 0, "id": "a", "function": f("get_weather", A)},
                {"index": 0, "id": "b", "function": f("get_time", B)},
            ]
        ],
        [
            [
                {"index": 0, "id": "x", "function": f("get_weather", json.dumps(A))},
                {"index": 1, "id": "x", "function": f("get_time", json.dumps(B))},
            ]
        ],
        [
            [{"index": 0, "id": "a", "function": f("get_weather", '{"city": ')}],
            [{"index": 0, "id": "", "function": f("get_weather", '"Rome"}')}],
            [{"index": 1, "id": "b", "function": f("get_time", '{"city": ')}],
            [{"index": 1, "id": "", "function": f("get_time", '"Oslo"}')}],
        ],
    ],
)
def test_parallel_calls(chunks: list[list[Json]]):
    assert calls_of(*chunks) == [("get_weather", A), ("get_time", B)]


def test_calls_without_arguments_in_one_index():
    assert calls_of(
        [{"index": 0, "function": f("get_weather", "")}], [{"index": 0, "function": f("get_time", "")}]
    ) == [("get_weather", {}), ("get_time", {})]


LEFT: list[tuple[str, list[tuple[str, Json]]]] = [
    (
        '<tool_call>\n{"name": "get_weather", "arguments": {"city": "Rome"}}\n</tool_call>\n\nI have called the tool.',
        [("get_weather", A)],
    ),
    ('<tool_call> {"name": "get_weather", "arguments": "{\\"city\\": \\"Rome\\"}"} </tool_call>', [("get_weather", A)]),
    (
        "<tool_call>\n<function=get_weather>\n<parameter=city>Rome</parameter>\n</function>\n</tool_call>\n<tool_call>\n<function=get_time>\n<parameter=city>Oslo</parameter>\n</function>\n</tool_call>",
        [("get_weather", A), ("get_time", B)],
    ),
    (
        'I\'ll check.\n\n[TOOL_CALLS][{"name": "get_weather", "arguments": {"city": "Rome"}, "id": "abc123def"}]',
        [("get_weather", A)],
    ),
    ('[TOOL_CALLS] get_weather {"city": "Rome"}', [("get_weather", A)]),
    (
        '<|tool_calls_section_begin|> <|tool_call_begin|> functions.get_weather:0 <|tool_call_argument_begin|> {"city": "Rome"} <|tool_call_end|> <|tool_call_begin|> functions.get_time:1 <|tool_call_argument_begin|> {"city": "Oslo"} <|tool_call_end|> <|tool_calls_section_end|>',
        [("get_weather", A), ("get_time", B)],
    ),
    ('```json\n{"tool": "get_weather", "parameters": {"city": "Rome"}}\n```', [("get_weather", A)]),
    ('```json\n{"function": "get_weather", "arguments": {"city": "Rome"}}\n```', [("get_weather", A)]),
    ('```python\nget_weather(city="Rome")\n```', [("get_weather", A)]),
    ('[get_weather(city="Rome"), get_time(city="Oslo")]\n', [("get_weather", A), ("get_time", B)]),
    ('get_weather(city="Rome")', [("get_weather", A)]),
    ('<function_call>{"name": "get_weather", "arguments": {"city": "Rome"}}</function_call>', [("get_weather", A)]),
    ('<functioncall> {"name": "get_weather", "arguments": \'{"city": "Rome"}\'}', [("get_weather", A)]),
    ('<|python_tag|>get_weather.call(city="Rome")', [("get_weather", A)]),
    ('<tool_use>{"name": "get_weather", "input": {"city": "Rome"}}</tool_use>', [("get_weather", A)]),
    ('{"action": "get_weather", "action_input": {"city": "Rome"}}', [("get_weather", A)]),
    ('```\n[{"name": "get_weather", "arguments": {"city": "Rome"}}]\n```', [("get_weather", A)]),
    (
        '<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>get_weather<｜tool▁sep｜>{"city": "Rome"}<｜tool▁call▁end｜><｜tool▁call▁begin｜>get_time<｜tool▁sep｜>{"city": "Oslo"}<｜tool▁call▁end｜><｜tool▁calls▁end｜><｜end▁of▁sentence｜>',
        [("get_weather", A), ("get_time", B)],
    ),
    (
        '<|start|>assistant<|channel|>commentary to=functions.get_weather<|constrain|>json<|message|>{"city":"Rome"}<|call|>',
        [("get_weather", A)],
    ),
    (
        '<|channel|>analysis<|message|>need weather<|end|><|start|>assistant<|channel|>commentary to=functions.get_weather <|constrain|>json<|message|>{"city": "Rome"}<|call|>',
        [("get_weather", A)],
    ),
    ("<tool_call>get_weather<arg_key>city</arg_key><arg_value>Rome</arg_value></tool_call>", [("get_weather", A)]),
    ('Here is the JSON:\n{"city": "Rome"}', []),
    ("The function get_weather(city) returns the weather.", []),
    ('print("hi")', []),
    ('{"name": "get_weather", "description": "The weather of a city"}', []),
    ("1. get_weather(city='Rome')\n2. get_time(city='Oslo')\nThese two.", []),
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


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        ({"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7, "prompt_tokens_details": {}}, (3, 4)),
        ({"promptTokens": 3, "completionTokens": 4}, (3, 4)),
        ({"input_tokens": 3, "output_tokens": None, "total_tokens": 9}, (3, 6)),
        ({"completion_tokens": 4, "total_tokens": 7}, (3, 4)),
        ({"prompt_tokens": 3.0, "completion_tokens": "4"}, (3, 4)),
        ({"usage": {"prompt_tokens": 3, "completion_tokens": 4}}, (0, 0)),
        ({"prompt_tokens": "", "completion_tokens": ""}, (0, 0)),
        ({"prompt_tokens": float("nan") if False else None, "completion_tokens": 4}, (0, 0)),
    ],
)
def test_usage(usage: Json, expected: tuple[int, int]):
    with WireEndpoint([whole({"content": "x"}, usage=usage)]) as endpoint:
        got = anyio.run(lambda: ask(endpoint.url, question()))[0].usage
    assert (got.input_tokens, got.output_tokens, got.unsettled_calls) == (*expected, int(expected == (0, 0)))


def test_a_stream_whose_last_chunk_has_usage_and_no_choices_key():
    sent = Sent(
        [chunk({"content": "x"}, "stop"), {"usage": {"prompt_tokens": 3, "completion_tokens": 4}}, "data: [DONE]"]
    )
    with WireEndpoint([sent]) as endpoint:
        assert anyio.run(lambda: ask(endpoint.url, question(), stream=True))[0].usage.input_tokens == 3


@pytest.mark.parametrize(
    ("kind", "rest", "variable", "value", "url"),
    [
        ("openai", "m@localhost:8080/v1", "", "", None),
        ("openai", "m@192.168.1.5:8000", "", "", None),
        ("openai", "m@example.com:443/v1", "", "", None),
        ("openai", "m@HTTPS://Example.com/v1/", "", "", "https://example.com/v1"),
        ("openai", "m@http://127.0.0.1:8000/v1/chat/completions", "", "", "http://127.0.0.1:8000/v1"),
        ("openai", "m@http://[::1]:8000/v1", "", "", "http://[::1]:8000/v1"),
        ("ollama", "m", "OLLAMA_HOST", "0.0.0.0:9999", "http://127.0.0.1:9999/v1"),
        ("ollama", "m", "OLLAMA_HOST", "http://0.0.0.0", "http://127.0.0.1:80/v1"),
        ("ollama", "m", "OLLAMA_HOST", "host.docker.internal", "http://host.docker.internal:11434/v1"),
        ("ollama", "m", "OLLAMA_HOST", "192.168.1.5", "http://192.168.1.5:11434/v1"),
        ("ollama", "m", "OLLAMA_HOST", "[::1]:9999", "http://[::1]:9999/v1"),
        ("vllm", "m", "VLLM_BASE_URL", "localhost:8000/v1", "http://localhost:8000/v1"),
        ("vllm", "org/m@http://0.0.0.0:8000/v1", "", "", "http://127.0.0.1:8000/v1"),
    ],
)
def test_addresses(kind: str, rest: str, variable: str, value: str, url: str | None, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-x")
    monkeypatch.delenv("OLLAMA_HOST", raising=False)
    if variable:
        monkeypatch.setenv(variable, value)
    if url is None:
        with pytest.raises(JielongError, match="http"):
            resolve_endpoint(kind, rest)
    else:
        assert resolve_endpoint(kind, rest).urls == (url,)
