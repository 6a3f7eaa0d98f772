"""The protocol as the official client speaks it: every setting arrives, every part of a reply comes back."""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
from contextlib import suppress
from typing import Any

import anyio
import anyio.lowlevel
import openai
import pytest
from openai.lib.streaming.chat import ChatCompletionStreamState

from endpoint import Answer, Endpoint
from jielong import load
from jielong.contract import (
    Embeddings,
    Image,
    Message,
    Model,
    Reply,
    Request,
    Sampling,
    Text,
    Thinking,
    TokenLogprob,
    ToolCall,
    ToolSpec,
    Usage,
)
from jielong.errors import BudgetExceeded, EndpointGaveUp, MissingKey, NoAnswer, SandboxMissing, TooLong, Unsupported
from jielong.models.scripted import Scripted
from jielong.runtime.runtime import Runtime
from jielong.serving.n_choices import generate_choices
from jielong.serving.response_schema import ServedReply, StreamedChoice, _LogprobEncoder, encode_json
from serving.served import Served

ASKED: list[Any] = [{"role": "user", "content": "What is 1 + 1?"}]
WEATHER: Any = {
    "type": "function",
    "function": {"name": "weather", "description": "d", "parameters": {"type": "object", "properties": {}}},
}


def asked_of(**settings: Any) -> Request:
    """The request that reaches the model."""
    base = Scripted("2")
    with Served(base) as served:
        served.client().chat.completions.create(**{"model": "scripted:test", "messages": ASKED, **settings})
    return base.requests[0]


def test_every_setting_arrives():
    settings: dict[str, Any] = {
        "temperature": 0.5, "top_p": 0.9, "max_tokens": 9, "stop": ["a", "b"], "seed": 7, "logprobs": True,
        "top_logprobs": 3, "tools": [WEATHER], "user": "me", "metadata": {"a": "b"}, "frequency_penalty": 0,
    }  # fmt: skip
    request = asked_of(**settings)
    assert request.sampling == Sampling(0.5, 0.9, 9, ("a", "b"), 7, 3)
    assert request.tools == (ToolSpec("weather", "d", {"type": "object", "properties": {}}),)
    assert request.tool_choice == "auto"


def test_how_a_model_thinks_and_calls_tools_arrives():
    sampling = asked_of(reasoning_effort="high", parallel_tool_calls=False, tools=[WEATHER]).sampling
    assert (sampling.reasoning_effort, sampling.extra) == ("high", {"parallel_tool_calls": False})
    assert asked_of(parallel_tool_calls=True, tools=[WEATHER]).sampling == Sampling(), "true is what endpoints do"
    assert asked_of(parallel_tool_calls=False).sampling == Sampling(), "endpoints refuse it without tools"


def test_who_speaks_arrives_and_what_is_to_be_cached_is_no_matter():
    text = {"type": "text", "text": "hi", "cache_control": {"type": "ephemeral"}}
    said: list[Any] = [
        {"role": "system", "content": [text], "name": "host"},
        {"role": "user", "content": [text], "name": "Ann"},
        {"role": "assistant", "content": "hello", "name": "Bob"},
        {"role": "user", "content": "again", "name": "Eve"},
    ]
    assert asked_of(messages=said).messages == (
        Message("system", (Text("hi"),), name="host"),
        Message("user", (Text("hi"),), name="Ann"),
        Message("assistant", "hello", name="Bob"),
        Message("user", "again", name="Eve"),
    )


def test_nothing_is_made_up():
    assert asked_of() == Request((Message("user", "What is 1 + 1?"),))


@pytest.mark.parametrize(
    ("said", "meant"),
    [("none", "none"), ("required", "required"), ({"type": "function", "function": {"name": "weather"}}, "weather")],
)
def test_the_choice_of_a_tool_arrives(said: Any, meant: str):
    assert asked_of(tools=[WEATHER], tool_choice=said).tool_choice == meant


@pytest.mark.parametrize(
    ("said", "schema"),
    [
        ({"type": "text"}, None),
        ({"type": "json_object"}, {"type": "object"}),
        ({"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "array"}}}, {"type": "array"}),
    ],
)
def test_the_form_of_the_reply_arrives(said: Any, schema: Any):
    assert asked_of(response_format=said).schema == schema


def test_a_conversation_arrives_as_messages():
    call = {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": '{"a": 1}'}}
    picture = base64.b64encode(b"\x89PNG the picture").decode()
    said: list[Any] = [
        {"role": "developer", "content": "be brief"},
        {"role": "user", "content": [
            {"type": "text", "text": "see"},
            {"type": "image_url", "image_url": {"url": f"data:image/jpeg;base64,{picture}"}},
        ]},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": "rain"},
        {"role": "assistant", "content": "wet", "reasoning_content": "rain is wet"},
        {"role": "user", "content": "thanks"},
    ]  # fmt: skip
    assert asked_of(messages=said).messages == (
        Message("system", "be brief"),
        Message("user", (Text("see"), Image(b"\x89PNG the picture", "image/jpeg"))),
        Message("assistant", "", (ToolCall("c1", "weather", '{"a": 1}'),)),
        Message("tool", "rain", tool_call_id="c1"),
        Message("assistant", (Thinking("rain is wet"), Text("wet"))),
        Message("user", "thanks"),
    )


def test_a_reply_of_the_client_can_be_sent_back_as_it_came():
    calling = Reply(Message("assistant", "", (ToolCall("c1", "weather", "{}"),)), "tool_calls")
    base = Scripted(lambda request: calling if len(request.messages) == 1 else "rain")
    with Served(base) as served:
        client = served.client()
        first = client.chat.completions.create(model="scripted:test", messages=ASKED, tools=[WEATHER])
        result: Any = {"role": "tool", "tool_call_id": "c1", "content": "rain"}
        said = [*ASKED, first.choices[0].message.model_dump(), result]
        again = client.chat.completions.create(model="scripted:test", messages=said, tools=[WEATHER])
    assert again.choices[0].message.content == "rain"
    assert base.requests[1].messages[1] == calling.message


LOGPROBS = (TokenLogprob("2", -0.1, (("2", -0.1), ("3", -2.5))), TokenLogprob("😀", -1.0, ()))
FULL = Reply(Message("assistant", (Thinking("one and one"), Text("2 😀"))), "length", logprobs=LOGPROBS)
CALLING = Reply(
    Message("assistant", "", (ToolCall("a", "weather", '{"x": 1}'), ToolCall("b", "weather", "{}"))), "tool_calls"
)
REFUSED = Reply(Message("assistant", "I will not"), "refused")


def collected(chunks: list[Any]) -> Any:
    """The one choice of a stream, put together by the official client's own accumulator."""
    state: Any = ChatCompletionStreamState()
    for chunk in chunks:
        with suppress(openai.LengthFinishReasonError, openai.ContentFilterFinishReasonError):
            state.handle_chunk(chunk)
    return state.current_completion_snapshot.choices[0]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("reply", [FULL, CALLING, REFUSED], ids=["full", "calling", "refused"])
def test_every_part_of_a_reply_comes_back(reply: Reply, stream: bool):
    with Served(Scripted(lambda request: reply)) as served:
        client = served.client()
        if stream:
            chunks = list(client.chat.completions.create(
                model="scripted:test", messages=ASKED, logprobs=True, stream=True))  # fmt: skip
            choice: Any = collected(chunks)
        else:
            choice = client.chat.completions.create(model="scripted:test", messages=ASKED, logprobs=True).choices[0]
    said = choice.message
    finishes = {"length": "length", "tool_calls": "tool_calls", "refused": "content_filter"}
    assert choice.finish_reason == finishes[reply.finish]
    if reply is FULL:
        assert said.content == "2 😀"
        logs = choice.logprobs.content
        assert [(t.token, t.logprob, t.bytes) for t in logs] == [
            ("2", -0.1, [50]), ("😀", -1.0, list("😀".encode()))]  # fmt: skip
        assert [(t.token, t.logprob) for t in logs[0].top_logprobs] == [("2", -0.1), ("3", -2.5)]
    elif reply is CALLING:
        assert [(c.id, c.function.name, c.function.arguments) for c in said.tool_calls] == [
            ("a", "weather", '{"x": 1}'), ("b", "weather", "{}")]  # fmt: skip
    else:
        assert said.refusal == "I will not" or stream


def test_logprobs_are_the_json_of_their_parts():
    """Whatever their texts and numbers: they are put together from parts that are encoded once."""
    texts = ["a", '"quoted" \\', "0.0", "话", "\ud800", "", ',"logprob":', "\n"]
    tokens = [
        TokenLogprob(texts[i % 8], -1.5e-9 * i, tuple((text, -0.1 - i) for text in texts[: i % 9])) for i in range(250)
    ]
    tokens.append(TokenLogprob("a", float("-inf"), (("a", 0.0), ("b", -1))))

    def entry(text: str, logprob: float) -> dict[str, Any]:
        utf8 = text.encode(errors="replace")
        return {"token": utf8.decode(), "logprob": logprob, "bytes": list(utf8)}

    content = [{**entry(t.token, t.logprob), "top_logprobs": [entry(*top) for top in t.top]} for t in tokens]
    encoder = _LogprobEncoder()
    for some in ([], tokens):
        expected = encode_json({"content": content[: len(some)], "refusal": None})
        assert asyncio.run(encoder.whole(some)) == expected
    choice = StreamedChoice(ServedReply("m"), 3)
    choice.begun = True
    chunks = list(choice.end(Reply(Message("assistant", ""), logprobs=tuple(tokens)), None))[:-1]
    chosen = [json.loads(chunk.removeprefix(b"data: "))["choices"][0] for chunk in chunks]
    assert [entry for each in chosen for entry in each["logprobs"]["content"]] == content
    assert {(each["index"], each["delta"]["content"], each["finish_reason"]) for each in chosen} == {(3, "", None)}


def test_thoughts_are_told_apart_from_the_answer():
    """Whole and streamed, through an endpoint that thinks."""
    with Endpoint(lambda body, n: Answer("2", reasoning="one and one")) as endpoint:
        with Served(f"thinker=openai:stub@{endpoint.url}") as served:
            client = served.client()
            whole = client.chat.completions.create(model="thinker", messages=ASKED).choices[0].message
            assert (whole.content, whole.model_extra["reasoning_content"]) == ("2", "one and one")
            deltas = [chunk.choices[0].delta for chunk in
                      client.chat.completions.create(model="thinker", messages=ASKED, stream=True)]  # fmt: skip
            assert "".join(d.content or "" for d in deltas) == "2"
            assert "".join((d.model_extra or {}).get("reasoning_content") or "" for d in deltas) == "one and one"


def test_several_choices_are_several_samples():
    base = Scripted(lambda request: str(request.sampling.seed))
    with Served(base) as served:
        client = served.client()
        said = client.chat.completions.create(model="scripted:test", messages=ASKED, n=3, seed=1)
        texts = [choice.message.content or "" for choice in said.choices]
        assert len(set(texts)) == 3, "they are copies"
        assert said.usage is not None
        assert said.usage.completion_tokens == 3
        assert "temperature" in said.model_extra["jielong"]["notes"][0]
        heard = ["", "", ""]
        for chunk in client.chat.completions.create(
            model="scripted:test", messages=ASKED, n=3, seed=1, stream=True
        ):  # fmt: skip
            for choice in chunk.choices:
                heard[choice.index] += choice.delta.content or ""
        assert heard == texts
        with pytest.raises(openai.BadRequestError, match="copies of one"):
            client.chat.completions.create(model="scripted:test", messages=ASKED, n=3, temperature=0)


def test_usage_comes_in_a_stream_when_it_is_asked_for():
    with Served(Scripted("one two three")) as served:
        client = served.client()
        plain = list(client.chat.completions.create(model="scripted:test", messages=ASKED, stream=True))
        asked = list(
            client.chat.completions.create(
                model="scripted:test", messages=ASKED, stream=True, stream_options={"include_usage": True}
            )
        )
    assert all(chunk.choices and chunk.usage is None for chunk in plain)
    assert plain[-1].model_extra["jielong"]["calls"] == 1
    assert asked[-1].choices == []
    assert asked[-1].usage is not None
    assert asked[-1].usage.completion_tokens == 3
    assert asked[-1].model_extra["jielong"]["calls"] == 1


def test_models_are_listed_and_found():
    with Served("mini", "two-steps=mini | cot", allow=["mini"]) as served:
        client = served.client()
        assert [model.id for model in client.models.list()] == ["mini", "two-steps"]
        assert client.models.retrieve("two-steps").id == "two-steps"
        assert client.models.retrieve("mini | cot").id == "mini | cot"
        with pytest.raises(openai.NotFoundError):
            client.models.retrieve("gpt-5")


class Embeds(Model):
    name = "embeds"

    async def generate(self, request: Request) -> Reply:
        return Reply(Message("assistant", ""))

    async def embed(self, texts: Any) -> Embeddings:
        return Embeddings(tuple((float(len(text)), 0.5) for text in texts), Usage(input_tokens=len(texts)))


def test_embeddings_where_a_model_embeds():
    with Served(Embeds(), Scripted("2")) as served:
        client = served.client()  # which asks for base64
        said = client.embeddings.create(model="embeds", input=["ab", "abc"])
        assert [each.embedding for each in said.data] == [[2.0, 0.5], [3.0, 0.5]]
        assert said.usage.total_tokens == 2
        plain = client.embeddings.create(model="embeds", input="ab", encoding_format="float")
        assert plain.data[0].embedding == [2.0, 0.5]
        with pytest.raises(openai.NotFoundError, match="gives no embeddings"):
            client.embeddings.create(model="scripted:test", input="ab")


@pytest.mark.parametrize(
    ("settings", "words", "param"),
    [
        ({"extra_body": {"temprature": 1}}, "did you mean 'temperature'", "temprature"),
        ({"frequency_penalty": 1.5}, "frequency_penalty: Input should be less than or equal to 0", "frequency_penalty"),
        ({"temperature": 3}, "temperature: Input should be less than or equal to 2", "temperature"),
        ({"max_tokens": 0}, "max_tokens: Input should be greater than or equal to 1", "max_tokens"),
        ({"messages": []}, "messages: List should have at least 1 item", "messages"),
        ({"messages": [{"role": "user", "content": 3}]}, "messages.0.content: Input should be a valid string",
         "messages.0.content"),
        ({"messages": [{"role": "user"}]}, "messages.0.content: Field required", "messages.0.content"),
        ({"messages": [{"role": "king", "content": "x"}]}, "messages.0: ", "messages.0"),
        ({"messages": [{"role": "user", "content": "x", "mood": "Ann"}]}, "messages.0.mood: not known here",
         "messages.0.mood"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "http://x/y.png"}}]}]},
         "messages.0.content.0.image_url.url: ", "messages.0.content.0.image_url.url"),
        ({"store": True}, "store: only false is possible here", "store"),
    ],
)  # fmt: skip
def test_what_cannot_be_kept_is_refused_by_its_name(settings: dict[str, Any], words: str, param: str):
    with Served(Scripted("2")) as served, pytest.raises(openai.BadRequestError) as refused:
        served.client().chat.completions.create(**{"model": "scripted:test", "messages": ASKED, **settings})
    assert words in refused.value.message
    assert refused.value.param == param
    assert refused.value.type == "invalid_request_error"


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (EndpointGaveUp("it kept failing"), 502, "endpoint_gave_up"),
        (TooLong("reads 512 tokens"), 400, "context_length_exceeded"),
        (Unsupported("this model reads no images"), 404, "unsupported"),
        (NoAnswer("no vote is left"), 422, "no_answer"),
        (BudgetExceeded("the budget is spent"), 429, "budget_spent"),
        (SandboxMissing("no sandbox"), 500, None),
        (RuntimeError("secret"), 500, "fault"),
        (MissingKey("sk-secret was refused"), 502, "endpoint_key"),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_an_error_has_its_status_and_the_protocols_form(error: Exception, status: int, code: str | None, stream: bool):
    def fail(request: Request) -> str:
        raise error

    with Served(Scripted(fail)) as served, pytest.raises(openai.APIStatusError) as told:
        served.client().chat.completions.create(model="scripted:test", messages=ASKED, stream=stream)
    assert (told.value.status_code, told.value.code) == (status, code)
    assert "secret" not in told.value.message
    assert status in (429, 500, 502) or str(error) in told.value.message


def test_an_error_in_the_middle_of_a_stream_is_an_event_of_it():
    with Endpoint(lambda body, n: Answer("one two three four", fault="cut")) as endpoint:
        with Served(f"cut=openai:stub@{endpoint.url}") as served:
            heard = ""
            with pytest.raises(openai.APIError, match="broke off in the middle"):
                for chunk in served.client().chat.completions.create(model="cut", messages=ASKED, stream=True):
                    heard += chunk.choices[0].delta.content or ""
    assert heard == "one two"


def test_a_client_of_ours_reads_it_as_the_model_itself():
    """jielong behind jielong: usage, thoughts, tool calls and log-probabilities survive."""
    for reply in (FULL, CALLING):
        with Served(Scripted(lambda request, reply=reply: reply)) as served:  # type: ignore[misc]
            model = load(f'"openai:scripted:test@{served.url}"')
            request = Request((Message("user", "hi"),), Sampling(logprobs=1), (ToolSpec("weather"),))
            said = anyio.run(model.generate, request)
        assert said.message == reply.message
        assert (said.finish, said.logprobs) == (reply.finish, reply.logprobs)
        assert said.usage.input_tokens == 1


def test_the_account_tells_no_paths_and_no_texts(tmp_path: Any):
    file = tmp_path / "secret-examples.jsonl"
    file.write_text(json.dumps({"input": "1 + 1", "answer": "2"}) + "\n")
    script = tmp_path / "script.jsonl"
    script.write_text('{"reply": "2"}\n')
    recipe = f'"scripted:{script}" | few_shot(file="{file}") | persona(role="a secret agent")'
    with Served(f"mine={recipe}") as served:
        said = served.client().chat.completions.create(model="mine", messages=ASKED)
    told = said.model_dump_json()
    assert "persona" in told
    assert "few_shot" in told
    assert "secret" not in told
    assert str(tmp_path) not in told


def test_others_have_their_turn_while_many_choices_begin():
    """However many begin: not all of them in one go of the loop."""
    begun: list[int] = []
    between: list[int] = []

    def reply(request: Any) -> str:
        begun.append(1)
        return "x"

    async def main() -> None:
        async def other() -> None:
            for _ in range(1000):
                between.append(len(begun))
                await anyio.lowlevel.checkpoint()

        model = Scripted(reply)
        async with Runtime(shared=True), anyio.create_task_group() as tasks:
            tasks.start_soon(other)
            for n in (40, 40, 2, 1):
                tasks.start_soon(generate_choices, model, Request((Message("user", "hi"),)), n, None)

    anyio.run(main)
    assert len(begun) == 83
    assert max(b - a for a, b in itertools.pairwise(between)) <= 2 * 8 + 3
