"""What the client makes of an endpoint's replies is what the official `openai` package makes of them."""

import anyio
import pytest

from endpoint import Answer, Endpoint
from jielong import Message, Request, Sampling, load
from jielong.contract import Image, Reply, Text, Thinking, ToolSpec, Usage
from jielong.errors import BadInput
from jielong.events import Delta
from jielong.models.openai.wire_format import request_body

openai = pytest.importorskip("openai")

TOOLS = (ToolSpec("weather", "The weather", {"type": "object", "properties": {"city": {"type": "string"}}}),)
SCENARIOS = {
    "text": Answer("Hello there, how are you?"),
    "empty": Answer(""),
    "chinese": Answer("你好，世界！ 接龙 🐉"),
    "newlines": Answer("one\n\ntwo\n three"),
    "length": Answer("cut off here", finish="length"),
    "filtered": Answer("", finish="content_filter"),
    "refusal": Answer("", refusal="I cannot help with that."),
    "reasoning": Answer("42", reasoning="First I think. Then I know."),
    "one tool": Answer("", tool_calls=(("call_1", "weather", '{"city": "Paris"}'),), finish="tool_calls"),
    "two tools": Answer(
        "",
        tool_calls=(("a", "weather", '{"city": "Paris"}'), ("b", "weather", '{"city": "东京"}')),
        finish="tool_calls",
    ),
    "text and tool": Answer("Let me look.", tool_calls=(("c", "weather", "{}"),), finish="tool_calls"),
    "logprobs": Answer("yes no", logprobs=(("yes", -0.1), (" no", -2.5))),
    "usage details": Answer(
        "x y",
        extra_usage={
            "completion_tokens_details": {"reasoning_tokens": 1},
            "prompt_tokens_details": {"cached_tokens": 2},
        },
    ),
}


def theirs(url: str, stream: bool) -> dict[str, object]:
    client = openai.OpenAI(base_url=url, api_key="x", max_retries=0)
    asked = {"model": "stub", "messages": [{"role": "user", "content": "say it"}], "logprobs": True}
    if not stream:
        said = client.chat.completions.create(**asked)
        message, finish, used = said.choices[0].message, said.choices[0].finish_reason, said.usage
        calls = [(c.id, c.function.name, c.function.arguments) for c in message.tool_calls or ()]
        logs = said.choices[0].logprobs
        reasoning = getattr(message, "reasoning_content", None) or ""
        text, refusal = message.content or "", message.refusal or ""
        logprobs = [(t.token, t.logprob) for t in logs.content] if logs else None
    else:
        text = refusal = reasoning = ""
        finish = used = logprobs = None
        parts: dict[int, list[str]] = {}
        for chunk in client.chat.completions.create(**asked, stream=True, stream_options={"include_usage": True}):
            used = chunk.usage or used
            for choice in chunk.choices:
                finish = choice.finish_reason or finish
                text += choice.delta.content or ""
                refusal += choice.delta.refusal or ""
                reasoning += getattr(choice.delta, "reasoning_content", None) or ""
                for call in choice.delta.tool_calls or ():
                    part = parts.setdefault(call.index, ["", "", ""])
                    part[0] = call.id or part[0]
                    part[1] += (call.function and call.function.name) or ""
                    part[2] += (call.function and call.function.arguments) or ""
                if choice.logprobs and choice.logprobs.content:
                    logprobs = [*(logprobs or []), *((t.token, t.logprob) for t in choice.logprobs.content)]
        calls = [tuple(part) for _, part in sorted(parts.items())]
    assert used is not None
    details, prompt = used.completion_tokens_details, used.prompt_tokens_details
    return {
        "text": text or refusal, "reasoning": reasoning, "calls": calls, "finish": finish, "refused": bool(refusal),
        "logprobs": logprobs, "input": used.prompt_tokens, "output": used.completion_tokens,
        "reasoning_tokens": (details and details.reasoning_tokens) or 0,
        "cached": (prompt and prompt.cached_tokens) or 0,
    }  # fmt: skip


async def ours(url: str, stream: bool) -> Reply:
    model = load(f"openai:stub@{url}")
    request = Request((Message("user", "say it"),), Sampling(logprobs=0))
    if not stream:
        return await model.generate(request)
    async with model.stream(request) as events:
        got = [event async for event in events]
    reply = got[-1]
    assert isinstance(reply, Reply)
    assert "".join(e.text for e in got if isinstance(e, Delta) and not e.thinking) == (
        "" if reply.finish == "refused" else reply.text
    )
    return reply


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("name", SCENARIOS)
def test_reply_is_what_the_official_client_reads(name: str, stream: bool):
    answer = SCENARIOS[name]
    with Endpoint(lambda body, n: answer) as endpoint:
        expected, reply = theirs(endpoint.url, stream), anyio.run(ours, endpoint.url, stream)
    thoughts = "".join(p.text for p in reply.message.content if isinstance(p, Thinking))
    assert reply.text == expected["text"]
    assert thoughts == expected["reasoning"]
    assert [(c.id, c.name, c.arguments) for c in reply.message.tool_calls] == expected["calls"]
    finish = {"content_filter": "refused"}.get(str(expected["finish"]), expected["finish"])
    assert reply.finish == ("refused" if expected["refused"] else finish)
    logprobs = None if reply.logprobs is None else [(t.token, t.logprob) for t in reply.logprobs]
    assert logprobs == expected["logprobs"]
    used = reply.usage
    assert (used.input_tokens, used.output_tokens) == (expected["input"], expected["output"])
    assert (used.reasoning_tokens, used.prompt_cached_tokens) == (expected["reasoning_tokens"], expected["cached"])


def test_a_request_goes_out_in_full():
    picture = Message("user", (Text("what is it?"), Image(b"\x89PNG", "image/png")))
    request = Request(
        (Message("system", "be kind"), picture),
        Sampling(temperature=0.5, top_p=0.9, max_tokens=7, stop=("x",), seed=3, logprobs=2),
        TOOLS,
        "weather",
        {"type": "object"},
    )
    with Endpoint() as endpoint:
        anyio.run(load(f"openai:stub@{endpoint.url}").generate, request)
        body = endpoint.stats.bodies[0]
    assert body["messages"][0] == {"role": "system", "content": "be kind"}
    assert body["messages"][1]["content"][1]["image_url"]["url"] == "data:image/png;base64,iVBORw=="
    assert body["tools"][0]["function"]["name"] == "weather"
    assert body["tool_choice"] == {"type": "function", "function": {"name": "weather"}}
    assert body["response_format"]["json_schema"]["schema"] == {"type": "object"}
    expected = {"temperature": 0.5, "top_p": 0.9, "max_tokens": 7, "stop": ["x"], "seed": 3, "top_logprobs": 2}
    assert {name: body[name] for name in expected} == expected


def test_an_endpoint_that_tells_no_usage_leaves_the_call_unsettled():
    with Endpoint(lambda body, n: Answer("hi", usage=False)) as endpoint:
        reply = anyio.run(ours, endpoint.url, False)
    assert reply.usage == Usage(calls=1, unsettled_calls=1, usd=None)


def test_a_think_tag_is_a_thought():
    with Endpoint(lambda body, n: Answer("<think>hm, hm</think>\n\n42")) as endpoint:
        reply = anyio.run(ours, endpoint.url, False)
    assert (reply.text, reply.message.content) == ("42", (Thinking("hm, hm"), Text("42")))


def test_names_effort_and_an_endpoints_own_settings_are_sent_as_they_are():
    sampling = Sampling(reasoning_effort="low", extra={"enable_thinking": False, "top_k": 20})
    body = request_body("m", Request((Message("user", "Hi", name="Ann"),), sampling))
    assert body["messages"] == [{"role": "user", "content": "Hi", "name": "Ann"}]
    assert (body["reasoning_effort"], body["enable_thinking"], body["top_k"]) == ("low", False, 20)


@pytest.mark.parametrize("name", ["model", "messages", "temperature", "stream"])
def test_an_extra_setting_never_replaces_what_the_request_says(name: str):
    with pytest.raises(BadInput, match=f"extra sets {name}"):
        request_body("m", Request((Message("user", "Hi"),), Sampling(temperature=1.0, extra={name: "x"})))
