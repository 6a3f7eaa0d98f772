"""`jielong serve` with the standard OTEL_… variables: a real process, a real collector, the official client."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import openai
import pytest

from collector import Collector, Seen
from endpoint import Answer, Endpoint
from serving.served import _connections, until

SECRET = "marzipan"
ASKED: list[Any] = [{"role": "user", "content": f"What is 6 times 2, {SECRET}?"}]
RECIPE = 'openai:stub@{url} | instruct(text="Be brief, kumquat.") | cot | self_consistency(n=3, adaptive=false)'
SAID = f"{SECRET} says 12"


class Process:
    """`jielong serve` with these variables; at the end it is asked to end, and `errors` is what it said."""

    def __init__(self, *recipes: str, home: Path, **variables: str) -> None:
        clean = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
        environment = {**clean, "JIELONG_HOME": str(home), "JIELONG_LANG": "en", **variables}
        command = [sys.executable, "-m", "jielong", "serve", *recipes, "--port", "0"]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment)
        assert self.process.stderr
        line = self.process.stderr.readline()
        assert "http" in line, line + self.process.stderr.read()
        self.url = next(word for word in line.split() if word.startswith("http"))
        self.port = int(self.url.rpartition(":")[2].removesuffix("/v1"))
        self.client = openai.OpenAI(base_url=self.url, api_key="none", max_retries=0, http_client=_connections())

    def __enter__(self) -> Process:
        return self

    def __exit__(self, *error: object) -> None:
        assert self.process.stderr
        self.process.send_signal(signal.SIGTERM)
        self.errors = self.process.stderr.read()
        self.process.stderr.close()
        assert self.process.wait() == 0, self.errors


@contextmanager
def watched(recipe: str, home: Path, **variables: str) -> Iterator[tuple[Process, Endpoint, Collector]]:
    """Model `m` in front of a stub, watched by a collector, which has all spans when the block ends."""
    with Endpoint(lambda body, n: Answer(SAID)) as endpoint, Collector() as collector:
        named = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url}
        with Process(f"m={recipe.format(url=endpoint.url)}", home=home, **{**named, **variables}) as process:
            yield process, endpoint, collector


def only(trees: list[Seen]) -> Seen:
    assert [tree.name for tree in trees] == [trees[0].name]
    return trees[0]


def total(spans: list[Seen], name: str) -> Any:
    return sum(span.attributes.get(name, 0) for span in spans)  # type: ignore[misc]


@pytest.mark.parametrize("stream", [False, True])
def test_spans_nest_as_techniques_do_and_add_up_to_the_reply(stream: bool, tmp_path: Path):
    with watched(RECIPE, tmp_path) as (process, endpoint, collector):
        settings: dict[str, Any] = {"temperature": 0.5, "max_tokens": 50, "seed": 7, "stop": ["END"]}
        if stream:
            asked = process.client.chat.completions.create(
                model="m", messages=ASKED, stream=True, stream_options={"include_usage": True}, **settings
            )
            used = list(asked)[-1].usage
        else:
            used = process.client.chat.completions.create(model="m", messages=ASKED, **settings).usage
    assert process.errors == ""
    assert used is not None
    root = only(collector.trees())
    one = ("invoke_workflow cot", [("invoke_workflow instruct", [("chat stub", [])])])
    assert root.shape() == ("POST /v1/chat/completions", [("invoke_workflow self_consistency", [one] * 3)])
    assert {span.service for span in root.all()} == {"jielong"}
    assert len({span.trace for span in root.all()}) == 1
    assert not any(span.failed for span in root.all())

    assert root.kind == "SERVER"
    told = root.attributes
    assert (told["http.request.method"], told["http.route"]) == ("POST", "/v1/chat/completions")
    assert (told["http.response.status_code"], told["gen_ai.response.finish_reasons"]) == (200, ["stop"])
    assert (told["gen_ai.request.model"], told["gen_ai.request.seed"]) == ("m", 7)
    assert told.get("gen_ai.request.stream") == (True if stream else None)
    assert (told["jielong.usage.calls"], told["jielong.usage.input_tokens"]) == (3, used.prompt_tokens)

    calls = [span for span in root.all() if span.name == "chat stub"]
    assert {span.kind for span in calls} == {"CLIENT"}
    assert total(calls, "gen_ai.usage.input_tokens") == used.prompt_tokens == endpoint.stats.input_tokens
    assert total(calls, "gen_ai.usage.output_tokens") == used.completion_tokens == endpoint.stats.output_tokens
    assert total(root.all(), "gen_ai.usage.input_tokens") == used.prompt_tokens, "no span but calls may be added up"
    for call in calls:
        said = call.attributes
        assert (said["gen_ai.operation.name"], said["gen_ai.provider.name"]) == ("chat", "openai")
        assert (said["gen_ai.request.model"], said["gen_ai.response.model"]) == ("stub", "stub")
        assert (said["gen_ai.request.temperature"], said["gen_ai.request.max_tokens"]) == (0.5, 50)
        assert said["gen_ai.request.stop_sequences"] == ["END"]
        assert said["gen_ai.response.finish_reasons"] == ["stop"]
        assert (said["server.address"], said["server.port"]) == ("127.0.0.1", endpoint.port)
    sent = {body["seed"] for body in endpoint.stats.bodies}
    assert {call.attributes["gen_ai.request.seed"] for call in calls} == sent
    techniques = [span for span in root.all() if span.name.startswith("invoke_workflow")]
    assert {span.kind for span in techniques} == {"INTERNAL"}
    assert {span.attributes["gen_ai.workflow.name"] for span in techniques} == {"self_consistency", "cot", "instruct"}

    tokens = {point["gen_ai.token.type"]: point for point in collector.points["gen_ai.client.token.usage"]}
    assert (tokens["input"]["sum"], tokens["output"]["sum"]) == (used.prompt_tokens, used.completion_tokens)
    took = collector.points["gen_ai.client.operation.duration"]
    assert [(point["count"], point["gen_ai.request.model"]) for point in took] == [(3, "stub")]


def test_no_text_of_anybody_goes_out_unless_it_is_asked_for(tmp_path: Path):
    """Neither the client's words, nor the model's, nor those in the options of a recipe."""
    with watched(RECIPE, tmp_path) as (process, endpoint, collector):
        process.client.chat.completions.create(model="m", messages=ASKED)
    sent = json.dumps(endpoint.stats.bodies)
    assert SECRET in sent
    assert "kumquat" in sent
    said = b"".join(collector.raw)
    assert b"self_consistency" in said
    for word in (SECRET, "kumquat", "step by step"):
        assert word.encode() not in said


def test_texts_go_out_in_the_form_of_the_conventions_when_they_are_asked_for(tmp_path: Path):
    capture = {"OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "true"}
    with watched("openai:stub@{url}", tmp_path, **capture) as (process, _, collector):
        process.client.chat.completions.create(model="m", messages=ASKED)
    root = only(collector.trees())
    for span in root.all():
        asked, said = (json.loads(str(span.attributes[f"gen_ai.{which}.messages"])) for which in ("input", "output"))
        assert asked == [{"role": "user", "parts": [{"type": "text", "content": ASKED[0]["content"]}]}]
        assert said == [{"role": "assistant", "parts": [{"type": "text", "content": SAID}], "finish_reason": "stop"}]


def test_the_callers_trace_goes_on_here_and_at_the_endpoint(tmp_path: Path):
    trace, parent = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
    with watched("openai:stub@{url} | cot", tmp_path) as (process, endpoint, collector):
        for flags in ("01", "00"):
            headers = {"traceparent": f"00-{trace}-{parent}-{flags}"}
            process.client.chat.completions.create(model="m", messages=ASKED, extra_headers=headers)
    root = only(collector.trees())  # the second one said that it is not to be recorded
    assert (root.trace, root.parent) == (trace, parent)
    call = root.all()[-1]
    kept, unkept = endpoint.stats.traces
    assert kept == f"00-{trace}-{call.id}-01"
    assert unkept is not None
    assert unkept.startswith(f"00-{trace}-")
    assert unkept.endswith("-00")


def test_a_client_that_leaves_ends_all_spans_as_failed(tmp_path: Path):
    with Endpoint(lambda body, n: Answer("2", seconds=3600)) as endpoint, Collector() as collector:
        recipe = f"m=openai:stub@{endpoint.url} | self_consistency(n=2, adaptive=false)"
        with Process(recipe, home=tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT=collector.url, **OFTEN) as process:
            body = json.dumps({"model": "m", "messages": ASKED}).encode()
            head = b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            with socket.create_connection(("127.0.0.1", process.port)) as connection:
                connection.sendall(head + f"Content-Length: {len(body)}\r\n\r\n".encode() + body)
                until(lambda: endpoint.stats.in_flight == 2)
            collector.wait(lambda now: len(now.spans) == 4)
    root = only(collector.trees())
    assert [span.name for span in root.all()][1:] == ["invoke_workflow self_consistency", "chat stub", "chat stub"]
    assert all(span.failed for span in root.all())
    assert {span.attributes["error.type"] for span in root.all()} == {"CancelledError"}
    assert root.attributes["jielong.usage.unsettled_calls"] == 2


OFTEN = {"OTEL_BSP_SCHEDULE_DELAY": "20"}  # milliseconds
FAILURES = {
    "refused": (Answer(status=400, body='{"error": {"message": "no marzipan"}}'), False, 400, "RequestRefused"),
    "no key": (Answer(status=401, body='{"error": {"message": "no marzipan"}}'), False, 502, "MissingKey"),
    "broken off": (Answer("one two three four", fault="cut"), True, 200, "EndpointGaveUp"),
}


@pytest.mark.parametrize("name", FAILURES)
def test_a_failure_is_told_by_its_kind_and_without_its_words(name: str, tmp_path: Path):
    answer, stream, status, kind = FAILURES[name]
    with Endpoint(lambda body, n: answer) as endpoint, Collector() as collector:
        recipe = f"m=openai:stub@{endpoint.url}"
        with Process(recipe, home=tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT=collector.url) as process:
            with pytest.raises(openai.APIError):
                list(process.client.chat.completions.create(model="m", messages=ASKED, stream=stream))  # type: ignore
    root, call = only(collector.trees()).all()
    assert (call.failed, call.attributes["error.type"], call.message) == (True, kind, "")
    assert root.attributes["http.response.status_code"] == status
    assert root.failed == (status != 400), "what a client does wrong is no failure of the server"
    assert SECRET.encode() not in b"".join(collector.raw)


def test_a_call_answered_from_the_ledger_says_so_and_is_not_measured_again(tmp_path: Path):
    with watched("openai:stub@{url}", tmp_path) as (process, endpoint, collector):
        for _ in range(2):
            process.client.chat.completions.create(model="m", messages=ASKED, seed=1)
    assert endpoint.stats.requests == 1
    calls = [span for span in collector.spans if span.name == "chat stub"]
    assert sorted(span.attributes.get("jielong.usage.cached_calls", 0) for span in calls) == [0, 1]  # type: ignore
    assert [point["count"] for point in collector.points["gen_ai.client.operation.duration"]] == [1]


def test_tools_are_spans_of_their_own(tmp_path: Path):
    def behave(body: dict[str, Any], n: int) -> Answer:
        if body["messages"][-1]["role"] == "tool":
            return Answer("It is 12.")
        return Answer(tool_calls=(("c1", "calculator", '{"expression": "6*2"}'),), finish="tool_calls")

    with Endpoint(behave) as endpoint, Collector() as collector:
        recipe = f"m=openai:stub@{endpoint.url} | tools"
        with Process(recipe, home=tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT=collector.url) as process:
            reply = process.client.chat.completions.create(model="m", messages=ASKED)
    assert reply.choices[0].message.content == "It is 12."
    chat = ("chat stub", [])
    tree = only(collector.trees())
    assert tree.children[0].shape() == ("invoke_workflow tools", [chat, chat, ("execute_tool calculator", [])])


@pytest.mark.parametrize("silent", [True, False])
def test_a_collector_that_is_not_there_or_silent_changes_no_answer(silent: bool, tmp_path: Path):
    """Answers come while the collector keeps the SDK waiting; one line says what is wrong; the end does not hang."""
    release = threading.Event()
    with Collector(release=release) as collector, Endpoint(lambda body, n: Answer(SAID)) as endpoint:
        url = collector.url if silent else f"http://127.0.0.1:{_free_port()}"
        named = {"OTEL_EXPORTER_OTLP_ENDPOINT": url, "OTEL_METRICS_EXPORTER": "none", **OFTEN}
        with Process(f"m=openai:stub@{endpoint.url} | cot", home=tmp_path, **named) as process:
            for i in range(20):
                reply = process.client.chat.completions.create(model="m", messages=ASKED)
                assert reply.choices[0].message.content == SAID
                if i == 0 and silent:
                    collector.wait(lambda now: now.waiting)
        release.set()
    if not silent:
        assert len(process.errors.splitlines()) == 1
        assert "said once" in process.errors


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])
