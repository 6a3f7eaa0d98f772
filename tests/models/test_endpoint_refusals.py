"""What endpoints say when they refuse, in their own words: each sentence here was said by one to somebody."""

from __future__ import annotations

from typing import Any

import anyio
import pytest

from endpoint.wire import WEATHER, Json, Sent, WireEndpoint, ask, question, whole
from jielong import Message, Request, Sampling, load
from jielong.errors import EndpointGaveUp, EndpointUnfit, RequestRefused, TooLong, Unsupported
from jielong.scope import scope


def error(status: int, message: str, code: Any = None, type: str | None = None, **more: Any) -> Sent:
    return Sent({"error": {"message": message, "code": code, "type": type, **more}}, status)


NO_MONEY = [
    error(402, "Payment Required"),
    error(402, "This request requires more credits, or fewer max_tokens.", 402),
    error(429, "You exceeded your current quota, please check your plan and billing details.", "insufficient_quota"),
    error(429, "You exceeded your current quota", None, "insufficient_quota"),
    error(429, "Your account xx is suspended, please check your plan", None, "exceeded_current_quota_error"),
    error(429, "余额不足或无可用资源包,请充值。", 1113),
    error(400, "Access denied, please make sure your account is in good standing.", "Arrearage", "Arrearage"),
    error(400, "Your credit balance is too low to access the Anthropic API.", None, "invalid_request_error"),
    error(403, "Your team has either used all available credits or reached its monthly spending limit."),
    error(403, "The request failed because your account has an overdue balance.", "AccountOverdueError"),
    Sent({"code": 30001, "message": "Sorry, your account balance is insufficient", "data": None}, 403),
    error(412, "Account x is suspended, possibly due to reaching the monthly spending limit or failure to pay"),
    error(403, "用户额度不足, 剩余额度: $0.00", "insufficient_user_quota", "new_api_error"),
    error(403, "Key limit exceeded (total limit). Manage it using https://openrouter.ai/settings/keys", 403),
    error(429, "Your prepayment credits are depleted. Please go to AI Studio to manage your billing.", 429),
    error(401, "You have run out of credits. Top up your account."),
    error(402, "You have exceeded your monthly included credits for Inference Providers."),
    Sent({"error": "You need to add a payment method to your account"}, 403),
    error(400, "Billing hard limit has been reached", "billing_hard_limit_reached"),
    error(403, "资源包余量已用尽，请购买资源包", "ResourcePackExhausted"),
    error(429, "Free tier of the model has been exhausted.", "AllocationQuota.FreeTierOnly"),
    error(403, "您的账户已欠费，请充值后重试"),
]


@pytest.mark.parametrize("sent", NO_MONEY, ids=lambda sent: str(sent.body)[:60])
def test_an_empty_account_stops_everything_at_once(sent: Sent):
    with WireEndpoint([sent]) as endpoint:
        with pytest.raises(EndpointUnfit, match="no money"):
            anyio.run(lambda: ask(endpoint.url, question()))
        assert len(endpoint.bodies) == 1


@pytest.mark.parametrize(
    "sent",
    [
        error(
            429,
            "You exceeded your current quota. Quota exceeded for metric: generate_requests_per_minute. "
            "Please retry in 2s.",
            429,
        ),
        error(429, "Rate limit reached for requests per min (RPM): Limit 3", "rate_limit_exceeded"),
        error(429, "请求过于频繁，当前速率超过限制", "1302"),
        error(429, "Too many requests. Your balance of requests refills every minute."),
        error(503, "Service tier capacity exceeded", "capacity"),
        error(500, "CUDA error: an illegal memory access"),
        error(403, "upstream overloaded", None, "overloaded_error"),
        error(400, "The engine is currently overloaded, please try again later", None, "engine_overloaded_error"),
        error(424, "Failed dependency: upstream timed out, please try again"),
    ],
    ids=lambda sent: str(sent.body)[:60],
)
def test_a_limit_of_the_moment_is_waited_for(sent: Sent):
    sent = Sent(sent.body, sent.status, headers={"Retry-After": "0"})
    with WireEndpoint([sent, whole({"content": "ok"})]) as endpoint:
        assert anyio.run(lambda: ask(endpoint.url, question()))[0].text == "ok"


OVERFLOWS = [
    error(400, "This model's maximum context length is 4096 tokens. However, your messages resulted in 5021 tokens."),
    error(400, "prompt is too long: 210000 tokens > 200000 maximum", None, "invalid_request_error"),
    error(400, "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).", 400),
    error(
        400,
        "the request exceeds the available context size. try increasing the context size",
        400,
        "exceed_context_size_error",
    ),
    error(500, "the request exceeds the available context size. try increasing the context size"),
    error(400, "Range of input length should be [1, 30720]", "InvalidParameter"),
    error(400, "Input is too long for requested model."),
    error(
        400, "Prompt contains 40000 tokens and 0 draft tokens, too large for model with 32768 maximum context length"
    ),
    error(400, "Prompt 超长", "1261"),
    error(400, "请求输入内容过长，超过模型最大上下文长度"),
    error(
        413,
        "Request too large for model `x` in organization `o` on tokens per minute (TPM): Limit 6000, Requested 9000",
        "rate_limit_exceeded",
    ),
    error(400, "Please reduce the length of the messages or completion.", "context_length_exceeded"),
    error(400, "The number of tokens to keep from the initial prompt is greater than the context length."),
    error(400, "Invalid request: Your request exceeded model token limit: 8192", None, "invalid_request_error"),
    error(422, "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096. Given: 5000"),
    error(400, "total message token length exceed model limit"),
    error(400, "input length 9000 exceeds context window of 8192"),
    error(
        400, "This endpoint's maximum context length is 32768 tokens. However, you requested about 40000 tokens", 400
    ),
    Sent({"object": "error", "message": "This model's maximum context length is 2048 tokens.", "code": 40303}, 400),
    Sent({"detail": "Requested tokens (5000) exceed context window of 4096"}, 400),
    Sent({"error_code": 336007, "error_msg": "the max input characters is 20000"}, 200),
]


@pytest.mark.parametrize("sent", OVERFLOWS, ids=lambda sent: str(sent.body)[:60])
def test_a_full_context_is_told_apart_in_every_wording(sent: Sent):
    with WireEndpoint([sent]) as endpoint:
        request = question().with_sampling(max_tokens=10)
        with pytest.raises(TooLong):
            anyio.run(lambda: ask(endpoint.url, request))
        assert len(endpoint.bodies) == 1


# the words, the settings that were sent, those that must be missing in the second try
REFUSED_SETTINGS: list[tuple[Sent, str]] = [
    (
        error(
            400,
            "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' "
            "instead.",
            "unsupported_parameter",
            param="max_tokens",
        ),
        "max_tokens",
    ),
    (
        error(
            400,
            "Unsupported value: 'temperature' does not support 0.2 with this model. Only the default (1) value is "
            "supported.",
            "unsupported_value",
            param="temperature",
        ),
        "temperature",
    ),
    (error(400, "invalid temperature: only 1 is allowed for this model", None, "invalid_request_error"), "temperature"),
    (error(400, "`temperature` and `top_p` cannot both be specified for this model. Please use only one."), "top_p"),
    (error(400, "temperature and top_p cannot be set at the same time"), "top_p"),
    (error(400, "`temperature` is deprecated for this model."), "temperature"),
    (error(400, "不支持 seed 参数"), "seed"),
    (error(400, "参数 temperature 在思考模式下不可用"), "temperature"),
    (error(400, "该模型暂不支持设置top_p"), "top_p"),
    (error(400, "temperature 参数仅支持 1"), "temperature"),
    (error(400, 'Invalid JSON payload received. Unknown name "seed": Cannot find field.', 400), "seed"),
    (
        Sent(
            {
                "object": "error",
                "message": {
                    "detail": [
                        {
                            "type": "extra_forbidden",
                            "loc": ["body", "seed"],
                            "msg": "Extra inputs are not permitted",
                            "input": 1,
                        }
                    ]
                },
                "type": "invalid_request_error",
            },
            422,
        ),
        "seed",
    ),
    (
        Sent(
            {"detail": [{"type": "extra_forbidden", "loc": ["body", "seed"], "msg": "Extra inputs are not permitted"}]},
            422,
        ),
        "seed",
    ),
    (error(400, "Unrecognized request argument supplied: seed"), "seed"),
    (error(400, "seed: Extra inputs are not permitted", None, "invalid_request_error"), "seed"),
    (error(500, "create_completion() got an unexpected keyword argument 'seed'"), "seed"),
    (error(400, "property 'seed' is unsupported"), "seed"),
    (error(400, "[{'error': 'seed must not be set for reasoning models'}]"), "seed"),
    (
        error(
            400,
            "The parameter `top_p` specified in the request is not valid: only 0.95 is allowed.",
            "InvalidParameter",
            param="top_p",
        ),
        "top_p",
    ),
    (error(400, "Argument not supported on this model: top_p"), "top_p"),
    (error(400, "Additional properties are not allowed ('seed' was unexpected)"), "seed"),
    (error(400, "Model does not have support for the following parameter(s): seed"), "seed"),
    (error(422, 'json: unknown field "seed"'), "seed"),
]


def without(name: str, refusal: Sent) -> Any:
    return lambda body, n: refusal if name in body else whole({"content": "ok"})


@pytest.mark.parametrize(
    ("sent", "name"), REFUSED_SETTINGS, ids=lambda v: str(v if isinstance(v, str) else v.body)[:60]
)
def test_a_refused_setting_is_left_out_once_and_for_all(sent: Sent, name: str):
    from jielong.call_context import sub_path

    async def twice(url: str) -> list[str]:
        model = load(f"openai:m@{url}")
        request = question().with_sampling(temperature=0.2, top_p=0.9, seed=1, max_tokens=10)
        with scope("run") as run, sub_path("item"):
            for _ in range(2):
                assert (await model.generate(request)).text == "ok"
        return list(run.notes)

    with WireEndpoint(without(name, sent)) as endpoint:
        notes = anyio.run(twice, endpoint.url)
        assert len(endpoint.bodies) == 3
    assert any(name in note for note in notes) or name == "max_tokens"
    others = {"temperature", "top_p", "seed", "max_tokens", "max_completion_tokens"} - {name}
    assert all(kept in endpoint.bodies[-1] for kept in others - {"max_completion_tokens", "max_tokens"})


@pytest.mark.parametrize(
    ("sent", "setting"),
    [
        (error(400, "response_format type json_schema is unavailable now"), "response_format"),
        (error(400, "This response_format type is unavailable now"), "response_format"),
        (
            error(400, "Invalid parameter: 'response_format' of type 'json_schema' is not supported with this model."),
            "response_format",
        ),
        (error(400, "reasoning_effort is not supported by this model"), "reasoning_effort"),
        (error(400, "Unrecognized request argument supplied: reasoning_effort"), "reasoning_effort"),
        (error(400, "logprobs is not supported"), "logprobs"),
        (error(400, "You are not allowed to request logprobs from this model"), "logprobs"),
        (error(400, "Unsupported parameter: 'stop' is not supported with this model.", param="stop"), "stop"),
        (error(400, "top_k: unknown field"), "top_k"),
    ],
    ids=lambda v: str(v if isinstance(v, str) else v.body)[:60],
)
def test_a_setting_without_which_the_reply_would_be_another_is_not_left_out(sent: Sent, setting: str):
    sampling = Sampling(stop=("x",), logprobs=0, reasoning_effort="low", extra={"top_k": 3})
    request = Request(question().messages, sampling, schema={"type": "object"})
    with WireEndpoint([sent]) as endpoint:
        with pytest.raises(Unsupported, match=f"takes no {setting}"):
            anyio.run(lambda: ask(endpoint.url, request))
        assert len(endpoint.bodies) == 1


@pytest.mark.parametrize(
    "sent",
    [
        error(400, "temperature must be between 0 and 2", param="temperature"),
        error(
            400,
            "Invalid 'temperature': decimal above maximum value. Expected a value <= 2, but got 3 instead.",
            "decimal_above_max_value",
            param="temperature",
        ),
        error(400, "messages with role 'tool' must be a response to a preceding message with 'tool_calls'"),
        error(
            400,
            "max_tokens is too large: 100000. This model supports at most 16384 completion tokens.",
            "invalid_value",
            param="max_tokens",
        ),
        error(400, "Invalid value for 'content': expected a string, got null."),
        error(422, "the seed of doubt was planted"),
        error(400, "your messages talk about temperature, an unknown topic"),
    ],
    ids=lambda sent: str(sent.body)[:60],
)
def test_a_wrong_value_is_said_and_nothing_is_left_out(sent: Sent):
    with WireEndpoint([sent]) as endpoint:
        request = question().with_sampling(temperature=3.0, seed=1, max_tokens=100_000)
        with pytest.raises(RequestRefused) as caught:
            anyio.run(lambda: ask(endpoint.url, request))
        assert len(endpoint.bodies) == 1
        assert not isinstance(caught.value, TooLong)


NO_TOOLS = [
    error(400, '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set'),
    error(500, "tools param requires --jinja flag", 500),
    error(400, "registry.ollama.ai/library/gemma3:latest does not support tools"),
    error(400, "deepseek-reasoner does not support Function Calling"),
    Sent({"code": 20037, "message": "Function call is not supported for this model.", "data": None}, 400),
    error(400, "`tool calling` is not supported with this model"),
    error(404, "No endpoints found that support tool use. To learn more about provider routing, visit: https://x", 404),
    error(400, "tools is not supported in this model."),
    error(422, "Tool support is not configured for this model"),
    error(400, "该模型不支持工具调用"),
    error(400, "当前模型不支持 Function Call"),
    error(400, "Unrecognized request arguments supplied: tool_choice, tools"),
    Sent(
        {"detail": [{"type": "extra_forbidden", "loc": ["body", "tools"], "msg": "Extra inputs are not permitted"}]},
        422,
    ),
    error(400, "This model doesn't support tool use in streaming mode.", None, "invalid_request_error"),
    error(400, "Function calling is not enabled for models/gemma-3-27b-it", 400),
    error(501, "tool calls not implemented"),
    error(400, "Cannot use tools with this chat template: the template does not handle them"),
    error(400, "tool_choice=auto is not available: no tool parser configured"),
]


@pytest.mark.parametrize("sent", NO_TOOLS, ids=lambda sent: str(sent.body)[:60])
def test_without_a_tool_parser_calls_are_written_as_text(sent: Sent):
    call = '<tool_call>{"name": "calculator", "arguments": {"expression": "6*7"}}</tool_call>'

    def answer(body: Json, n: int) -> Sent:
        if "tools" in body:
            return sent
        return whole({"content": "It is 42." if "<tool_response>" in str(body["messages"]) else call})

    with WireEndpoint(answer) as endpoint:
        model = load(f"openai:m@{endpoint.url} | tools(use=[calculator])")
        with scope("run") as run:
            reply = anyio.run(model.generate, question())
    assert "42" in reply.text
    assert any("written as text" in note for note in run.notes)


def test_a_stream_that_is_refused_is_asked_for_whole():
    def answer(body: Json, n: int) -> Sent:
        if body.get("stream"):
            return error(
                400, "Your organization must be verified to stream this model.", "unsupported_value", param="stream"
            )
        return whole({"content": "ok"})

    with WireEndpoint(answer) as endpoint:
        reply, deltas = anyio.run(lambda: ask(endpoint.url, question(), stream=True))
    assert (reply.text, [delta.text for delta in deltas]) == ("ok", ["ok"])


def test_a_refused_system_role_becomes_part_of_the_first_question():
    def answer(body: Json, n: int) -> Sent:
        if body["messages"][0]["role"] == "system":
            return error(400, "Developer instruction is not enabled for models/gemma-3-27b-it", 400)
        return whole({"content": "ok"})

    request = Request((Message("system", "Be brief."), Message("user", "Hi")))
    with WireEndpoint(answer) as endpoint:
        with scope("run") as run:
            assert anyio.run(lambda: ask(endpoint.url, request))[0].text == "ok"
        assert endpoint.bodies[1]["messages"] == [{"role": "user", "content": "Be brief.\n\nHi"}]
    assert any("system" in note for note in run.notes)


def test_auto_is_left_out_where_a_choice_of_tools_is_refused():
    def answer(body: Json, n: int) -> Sent:
        if "tool_choice" in body:
            return error(400, "Unrecognized request argument supplied: tool_choice")
        return whole({"content": "ok"})

    with WireEndpoint(answer) as endpoint:
        assert anyio.run(lambda: ask(endpoint.url, question("hi", WEATHER)))[0].text == "ok"
        assert len(endpoint.bodies) == 2


def test_words_that_are_not_known_are_said_once():
    for sent in (error(400, "the moon is in the wrong phase"), error(418, "I am a teapot"), Sent("odd", 400)):
        with WireEndpoint([sent]) as endpoint:
            with pytest.raises(EndpointGaveUp, match="moon|teapot|odd"):
                anyio.run(lambda: ask(endpoint.url, question()))
            assert len(endpoint.bodies) == 1
