"""Every registered technique through the server, asked by the official client: as it is without the server."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import anyio
import openai
import pytest

from jielong.contract import Image, Message, Reply, Request, Sampling, Text, ToolCall, ToolSpec
from jielong.errors import JielongError
from jielong.models.scripted import Scripted
from jielong.registry import BUILT_IN
from laws.laws import mixed, outcome
from laws.samples import ask, variants
from serving.served import Served

VARIANTS = dict(variants())
BASES = {name: f"scripted:{i}" for i, name in enumerate(VARIANTS)}
QUESTION = "What is 1 + 1?"
ASKED: list[Any] = [{"role": "user", "content": QUESTION}]
TOOL = ToolSpec("weather", "The weather of a city.", {"type": "object", "properties": {"city": {"type": "string"}}})


class All:
    """One server that offers every variant, each over a model of its own."""

    def __init__(self, reply: Callable[[Request], str | Reply]) -> None:
        self.bases = {name: Scripted(reply, name=base, identity=base) for name, base in BASES.items()}
        models = {name: VARIANTS[name](base) for name, base in self.bases.items()}
        self.names = {name: model.name for name, model in models.items()}
        self.served = Served(*models.values())


@pytest.fixture(scope="module", autouse=True)
def own_ledger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """One in which no earlier run of the tests has left its calls."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JIELONG_HOME", str(tmp_path_factory.mktemp("home")))
        yield


@pytest.fixture(scope="module")
def everything() -> Iterator[All]:
    every = All(mixed)
    with every.served:
        yield every


@pytest.fixture(scope="module")
def everything_calls() -> Iterator[All]:
    """The models beneath call the client's tool whenever they may."""
    call = Message("assistant", "", (ToolCall("c1", "weather", '{"city": "Rome"}'),))

    def reply(request: Request) -> str | Reply:
        may = TOOL in request.tools and request.tool_choice != "none"
        return Reply(call, "tool_calls") if may else mixed(request)

    every = All(reply)
    with every.served:
        yield every


@pytest.mark.parametrize("name", VARIANTS)
def test_a_technique_answers_as_without_the_server(name: str, everything: All):
    direct, base = Scripted(mixed, name=BASES[name]), everything.bases[name]
    client, model = everything.served.client(), everything.names[name]
    for seed in range(3):
        told, here = anyio.run(outcome, VARIANTS[name](direct), ask(QUESTION, seed=seed))
        before = base.tokens
        if not isinstance(told, Reply):
            with pytest.raises(openai.APIStatusError) as refused:
                client.chat.completions.create(model=model, messages=ASKED, seed=seed, max_tokens=64)
            assert str(told) in refused.value.message
            continue
        said = client.chat.completions.create(model=model, messages=ASKED, seed=seed, max_tokens=64)
        assert said.choices[0].message.content == told.text
        assert said.usage is not None
        assert said.usage.prompt_tokens == here.usage.input_tokens
        assert said.usage.completion_tokens == here.usage.output_tokens
        assert said.usage.total_tokens == base.tokens - before, "what was spent is not what is told"
        account = said.model_extra["jielong"]
        assert account["calls"] == here.usage.calls
        assert account["notes"] == list(here.notes)
        if name != "budget":
            assert account["steps"][0]["name"] == name.partition("(")[0]
        assert sum(step["calls"] for step in account["steps"]) == here.usage.calls


@pytest.mark.parametrize("name", VARIANTS)
def test_its_stream_is_its_answer(name: str, everything: All):
    client, model = everything.served.client(), everything.names[name]
    for seed in range(2):
        told, here = anyio.run(outcome, VARIANTS[name](Scripted(mixed, name=BASES[name])), ask(QUESTION, seed=seed))
        heard, spent, finish = "", None, None
        with suppress(openai.APIError):
            for chunk in client.chat.completions.create(
                model=model, messages=ASKED, seed=seed, max_tokens=64, stream=True,
                stream_options={"include_usage": True},
            ):  # fmt: skip
                for choice in chunk.choices:
                    heard += choice.delta.content or ""
                    finish = choice.finish_reason or finish
                spent = chunk.usage or spent
        if not isinstance(told, Reply):
            assert (heard, spent, finish) == ("", None, None)
            continue
        assert (heard, finish) == (told.text, "stop")
        assert spent is not None
        assert spent.total_tokens == here.usage.input_tokens + here.usage.output_tokens


@pytest.mark.parametrize("name", VARIANTS)
def test_what_the_client_set_reaches_the_model_or_is_refused(name: str, everything: All):
    """Law 2 through the server: the calls beneath are those of the same request in Python."""
    data = "data:image/png;base64,iVBORw0K"
    parts: list[Any] = [{"type": "text", "text": QUESTION}, {"type": "image_url", "image_url": {"url": data}}]
    said: dict[str, Any] = {
        "messages": [{"role": "system", "content": "be brief"}, {"role": "user", "content": parts}],
        "temperature": 0.5, "top_p": 0.9, "max_completion_tokens": 64, "stop": ["END"], "seed": 11,
        "tools": [{"type": "function", "function": {
            "name": TOOL.name, "description": TOOL.description, "parameters": dict(TOOL.parameters)}}],
        "tool_choice": "auto",
    }  # fmt: skip
    asked = Request(
        (Message("system", "be brief"), Message("user", (Text(QUESTION), Image(b"\x89PNG\r\n", "image/png")))),
        Sampling(0.5, 0.9, 64, ("END",), 11),
        (TOOL,),
    )
    direct, base = Scripted(mixed, name=BASES[name]), everything.bases[name]
    told: Any
    try:
        told = anyio.run(VARIANTS[name](direct).generate, asked)
    except JielongError as error:
        told = error
    client, model, before = everything.served.client(), everything.names[name], len(base.requests)
    if isinstance(told, Reply):
        assert client.chat.completions.create(model=model, **said).choices[0].message.content == told.text
    else:
        with pytest.raises((openai.BadRequestError, openai.UnprocessableEntityError)) as refused:
            client.chat.completions.create(model=model, **said)
        assert str(told) in refused.value.message
    assert sorted(map(repr, base.requests[before:])) == sorted(map(repr, direct.requests))


@pytest.mark.parametrize("name", VARIANTS)
def test_a_tool_call_of_the_clients_own_tool_comes_back_at_once(name: str, everything_calls: All):
    tools: list[Any] = [{"type": "function", "function": {
        "name": TOOL.name, "description": TOOL.description, "parameters": dict(TOOL.parameters)}}]  # fmt: skip
    client, model = everything_calls.served.client(), everything_calls.names[name]
    try:
        said = client.chat.completions.create(model=model, messages=ASKED, tools=tools, seed=1, max_tokens=64)
    except openai.BadRequestError:
        return  # refused with a clear error
    assert said.choices[0].finish_reason == "tool_calls"
    calls = said.choices[0].message.tool_calls
    assert calls is not None
    assert [(c.function.name, json.loads(c.function.arguments)) for c in calls] == [("weather", {"city": "Rome"})]  # type: ignore[union-attr]


def test_all_techniques_are_among_them():
    assert {name.partition("(")[0] for name in VARIANTS} == set(BUILT_IN["techniques"])


def test_a_lost_sample_is_told_as_an_error():
    def refuse(request: Request) -> Reply:
        return Reply(Message("assistant", "I will not"), "refused")

    with Served(VARIANTS["self_consistency"](Scripted(refuse))) as served:
        with pytest.raises(openai.UnprocessableEntityError, match="Refused") as refused:
            served.client().chat.completions.create(model=served.offer.names()[0], messages=ASKED)
        assert refused.value.code == "no_answer"
