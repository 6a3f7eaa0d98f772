"""Replies as endpoints in the wild write them: why they end, what they cost, parts, calls, errors inside HTTP 200."""

import json
from typing import Any

import anyio
import pytest

from endpoint.wire import CLOCK, WEATHER, Json, Sent, WireEndpoint, ask, chunk, heard, question, streamed, whole
from jielong import Reply
from jielong.errors import (
    EndpointGaveUp,
    EndpointUnfit,
    JielongError,
    MissingKey,
    Refused,
    TooLong,
    Unsupported,
)

BOTH = pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])


def send(*sent: Sent, stream: bool = False, tools: bool = False) -> Reply:
    request = question("hi", WEATHER, CLOCK) if tools else question("hi")
    with WireEndpoint(sent) as endpoint:
        return anyio.run(lambda: ask(endpoint.url, request, stream=stream))[0]


def either(stream: bool, text: str, finish: Any, usage: Any = {"prompt_tokens": 1, "completion_tokens": 2}) -> Sent:
    return streamed([{"content": text}], finish, usage) if stream else whole({"content": text}, finish, usage)


@BOTH
@pytest.mark.parametrize(
    ("finish", "expected"),
    [
        ("stop", "stop"),
        ("eos_token", "stop"),
        ("", "stop"),
        (None, "stop"),
        ("STOP", "stop"),
        ("Stop", "stop"),
        ("stop_sequence", "stop"),
        ("end_turn", "stop"),
        ("COMPLETE", "stop"),
        ("FINISH_REASON_STOP", "stop"),
        ("MAX_TOKENS", "length"),
        ("max_tokens", "length"),
        ("max_output_tokens", "length"),
        ("LENGTH", "length"),
        ("model_context_window_exceeded", "length"),
        ("model_length", "length"),
        ("incomplete", "length"),
        ("SAFETY", "refused"),
        ("RECITATION", "refused"),
        ("sensitive", "refused"),
        ("PROHIBITED_CONTENT", "refused"),
        ("content_filtered", "refused"),
        ("guardrail_intervened", "refused"),
        ("eos", "stop"),
        ({"type": "stop", "matched": 151645}, "stop"),
        ({"type": "length", "length": 5}, "length"),
        ("tool_calls", "stop"),  # without any call it is an end like any other
    ],
)
def test_why_a_reply_ended_is_read_in_every_spelling(finish: Any, expected: str, stream: bool):
    reply = send(either(stream, "so it is", finish), stream=stream)
    assert (reply.finish, reply.text) == (expected, "so it is")


@BOTH
def test_a_reply_without_a_reason_that_is_as_long_as_was_allowed_is_cut_off(stream: bool):
    request = question("hi").with_sampling(max_tokens=2)
    with WireEndpoint([either(stream, "so it", None)]) as endpoint:
        assert anyio.run(lambda: ask(endpoint.url, request, stream=stream))[0].finish == "length"


@BOTH
@pytest.mark.parametrize("finish", ["error", "network_error", "insufficient_system_resource", "abort"])
def test_a_reply_that_broke_off_inside_the_endpoint_is_asked_again(finish: str, stream: bool):
    broken = streamed([], finish) if stream else whole({"content": ""}, finish)
    assert send(broken, either(stream, "ok", "stop"), stream=stream).text == "ok"


@BOTH
def test_an_unknown_reason_is_said_and_not_asked_again(stream: bool):
    with WireEndpoint([either(stream, "so", "moon_phase")]) as endpoint:
        with pytest.raises(EndpointGaveUp, match="moon_phase"):
            anyio.run(lambda: ask(endpoint.url, question(), stream=stream))
        assert len(endpoint.bodies) == 1


@BOTH
@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        ({"prompt_tokens": 3, "completion_tokens": 4}, (3, 4, 0, 0)),
        ({"input_tokens": 3, "output_tokens": 4}, (3, 4, 0, 0)),
        ({"prompt_tokens": "3", "completion_tokens": 4.0}, (3, 4, 0, 0)),
        ({"prompt_tokens": 3, "completion_tokens": None, "total_tokens": 7}, (3, 4, 0, 0)),
        ({"prompt_tokens": 3, "total_tokens": 7}, (3, 4, 0, 0)),
        (
            {
                "prompt_tokens": 3,
                "completion_tokens": 4,
                "prompt_tokens_details": None,
                "completion_tokens_details": None,
            },
            (3, 4, 0, 0),
        ),
        (
            {
                "prompt_tokens": 3,
                "completion_tokens": 4,
                "prompt_tokens_details": {"cached_tokens": None},
                "completion_tokens_details": {"reasoning_tokens": 2},
            },
            (3, 4, 2, 0),
        ),
        ({"prompt_tokens": 3, "completion_tokens": 4, "prompt_cache_hit_tokens": 2}, (3, 4, 0, 2)),
        ({"prompt_tokens": 3, "completion_tokens": 4, "cached_tokens": 2}, (3, 4, 0, 2)),
        (
            {
                "input_tokens": 3,
                "output_tokens": 4,
                "input_tokens_details": {"cached_tokens": 1},
                "output_tokens_details": {"reasoning_tokens": 2},
            },
            (3, 4, 2, 1),
        ),
        ({"input_tokens": 3, "output_tokens": 4, "cache_read_input_tokens": 5}, (8, 4, 0, 5)),
        ({"prompt_tokens": 3, "completion_tokens": 4, "reasoning_tokens": 1}, (3, 4, 1, 0)),
        ({"promptTokenCount": 3, "candidatesTokenCount": 4}, (3, 4, 0, 0)),
        ({"prompt_eval_count": 3, "eval_count": 4}, (3, 4, 0, 0)),
    ],
)
def test_usage_is_read_under_every_name(usage: Json, expected: tuple[int, ...], stream: bool):
    got = send(either(stream, "so", "stop", usage), stream=stream).usage
    assert got.unsettled_calls == 0
    assert (got.input_tokens, got.output_tokens, got.reasoning_tokens, got.prompt_cached_tokens) == expected


@BOTH
@pytest.mark.parametrize(
    "usage",
    [
        None,
        {},
        {"prompt_tokens": None, "completion_tokens": None, "total_tokens": None},
        {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0},
        {"prompt_tokens": 3},
        {"total_tokens": 7},
        {"prompt_tokens": -1, "completion_tokens": -1},
        {"prompt_tokens": "many", "completion_tokens": 3},
        [],
        "none",
        {"completion_tokens": 4, "prompt_tokens": True},
    ],
)
def test_usage_that_says_nothing_is_unknown_and_the_reply_is_kept(usage: Any, stream: bool):
    reply = send(either(stream, "so", "stop", usage), stream=stream)
    assert (reply.text, reply.usage.unsettled_calls, reply.usage.input_tokens) == ("so", 1, 0)


def test_usage_of_a_stream_may_stand_in_its_choice_or_in_any_chunk():
    for last in (
        chunk({}, "stop", usage={"prompt_tokens": 3, "completion_tokens": 4}),
        chunk({}, "stop", x_groq={"usage": {"prompt_tokens": 3, "completion_tokens": 4}}),
        {
            "choices": [
                {
                    "index": 0,
                    "delta": {},
                    "finish_reason": "stop",
                    "usage": {"prompt_tokens": 3, "completion_tokens": 4},
                }
            ]
        },
    ):
        usage = send(Sent([chunk({"content": "so"}), last, "data: [DONE]"]), stream=True).usage
        assert (usage.input_tokens, usage.output_tokens, usage.unsettled_calls) == (3, 4, 0)


@BOTH
@pytest.mark.parametrize(
    "content",
    [
        [{"type": "text", "text": "so it is"}],
        [{"type": "text", "text": "so "}, {"type": "text", "text": "it is"}],
        [{"type": "output_text", "text": "so it is", "annotations": []}],
        ["so ", "it is"],
        {"type": "text", "text": "so it is"},
        [{"text": "so it is"}],
        [{"type": "text", "text": {"value": "so it is"}}],
        [{"type": "text", "text": "so it is"}, {"type": "reference", "reference_ids": [1]}],
    ],
)
def test_content_in_parts_is_its_text(content: Any, stream: bool):
    sent = streamed([{"content": content}]) if stream else whole({"content": content})
    assert send(sent, stream=stream).text == "so it is"


@BOTH
def test_a_part_that_cannot_be_read_is_not_swallowed(stream: bool):
    content = [{"type": "text", "text": "see: "}, {"type": "hologram", "url": "x"}]
    sent = streamed([{"content": content}]) if stream else whole({"content": content})
    with pytest.raises(EndpointGaveUp, match="hologram"):
        send(sent, stream=stream)


def test_a_chunk_may_call_its_delta_message_and_the_text_of_a_choice_is_its_content():
    choice = {"index": 0, "message": {"role": "assistant", "content": "so"}, "finish_reason": "stop"}
    assert send(Sent([{"choices": [choice]}, "data: [DONE]"]), stream=True).text == "so"
    assert send(Sent({"choices": [{"index": 0, "text": "so", "finish_reason": "stop"}]})).text == "so"


CALL = {"id": "c1", "type": "function", "function": {"name": "get_weather", "arguments": '{"city": "Rome"}'}}


@pytest.mark.parametrize(
    "call",
    [
        CALL,
        {**CALL, "function": {"name": "get_weather", "arguments": {"city": "Rome"}}},
        {"type": "function", "function": CALL["function"]},
        {**CALL, "id": None},
        {**CALL, "id": ""},
        {"id": "c1", "function": CALL["function"]},
        {"id": "c1", "index": 0, "type": "", "function": CALL["function"]},
        {"id": "c1", "name": "get_weather", "arguments": {"city": "Rome"}},
        {"id": 7, "type": "function", "function": CALL["function"]},
    ],
)
def test_a_call_is_read_in_every_form(call: Json):
    (made,) = send(whole({"content": None, "tool_calls": [call]}, "tool_calls"), tools=True).message.tool_calls
    assert (made.name, json.loads(made.arguments)) == ("get_weather", {"city": "Rome"})
    assert made.id


@pytest.mark.parametrize("nothing", [None, "", {}, "{}"])
def test_a_call_without_arguments(nothing: Any):
    call = {"id": "c1", "type": "function", "function": {"name": "get_time", "arguments": nothing}}
    reply = send(whole({"content": "", "tool_calls": [call]}, "stop"), tools=True)
    assert (reply.finish, reply.message.tool_calls[0].arguments) == ("tool_calls", "{}")


@BOTH
def test_the_old_form_of_a_call(stream: bool):
    message = {"content": None, "function_call": {"name": "get_weather", "arguments": '{"city": "Rome"}'}}
    sent = streamed([message], "function_call") if stream else whole(message, "function_call")
    reply = send(sent, stream=stream, tools=True)
    assert [(c.name, c.arguments) for c in reply.message.tool_calls] == [("get_weather", '{"city": "Rome"}')]


def test_calls_without_ids_and_with_the_same_id_get_ids_of_their_own():
    for ids in ((None, None), ("", ""), ("c1", "c1")):
        calls = [{**CALL, "id": i} for i in ids]
        made = send(whole({"content": None, "tool_calls": calls}, "tool_calls"), tools=True).message.tool_calls
        assert len({call.id for call in made}) == 2
        assert all(call.id for call in made)


@BOTH
def test_calls_that_were_cut_off_are_a_reply_that_was_cut_off(stream: bool):
    call = {
        "index": 0,
        "id": "c1",
        "type": "function",
        "function": {"name": "get_weather", "arguments": '{"city": "Ro'},
    }
    message = {"content": None, "tool_calls": [call]}
    sent = streamed([message], "length") if stream else whole(message, "length")
    assert send(sent, stream=stream, tools=True).finish == "length"


def part(index: Any, name: str | None = None, arguments: Any = None, id: Any = "absent", **more: Any) -> Json:
    function = {key: value for key, value in (("name", name), ("arguments", arguments)) if value is not None}
    call = {"index": index, "function": function, **more}
    if index == "absent":
        del call["index"]
    return call if id == "absent" else {**call, "id": id}


ROME, OSLO = '{"city": "Rome"}', '{"city": "Oslo"}'
PARALLEL = {
    "openai": [
        [part(0, "get_weather", "", "a")],
        [part(0, None, '{"city": ')],
        [part(0, None, '"Rome"}')],
        [part(1, "get_weather", "", "b")],
        [part(1, None, OSLO)],
    ],
    "all with index 0, whole": [[part(0, "get_weather", ROME, "a")], [part(0, "get_weather", OSLO, "b")]],
    "all with index 0 in one chunk": [[part(0, "get_weather", ROME, "a"), part(0, "get_weather", OSLO, "b")]],
    "all with index 0, without ids": [[part(0, "get_weather", ROME)], [part(0, "get_weather", OSLO)]],
    "all with index 0, empty ids": [[part(0, "get_weather", ROME, "")], [part(0, "get_weather", OSLO, "")]],
    "index null": [[part(None, "get_weather", ROME, "a")], [part(None, "get_weather", OSLO, "b")]],
    "no index": [[part("absent", "get_weather", ROME, "a")], [part("absent", "get_weather", OSLO, "b")]],
    "no index, no id": [[part("absent", "get_weather", ROME)], [part("absent", "get_weather", OSLO)]],
    "no index, in one chunk without ids": [[part("absent", "get_weather", ROME), part("absent", "get_weather", OSLO)]],
    "index 0 in pieces": [
        [part(0, "get_weather", "", "a")],
        [part(0, None, '{"city":')],
        [part(0, None, '"Rome"}')],
        [part(0, "get_weather", "", "b")],
        [part(0, None, '{"city":')],
        [part(0, None, '"Oslo"}')],
    ],
    "no index in pieces": [
        [part("absent", "get_weather", "", "a")],
        [part("absent", None, ROME)],
        [part("absent", "get_weather", "", "b")],
        [part("absent", None, OSLO)],
    ],
    "the id in every piece": [
        [part(0, "get_weather", "", "a")],
        [part(0, None, '{"city":', "a")],
        [part(0, None, '"Rome"}', "a")],
        [part(1, "get_weather", "", "b")],
        [part(1, None, OSLO, "b")],
    ],
    "name and id in every piece": [
        [part(0, "get_weather", '{"city":', "a")],
        [part(0, "get_weather", '"Rome"}', "a")],
        [part(1, "get_weather", '{"city":', "b")],
        [part(1, "get_weather", '"Oslo"}', "b")],
    ],
    "id empty after the first piece": [
        [part(0, "get_weather", "", "a")],
        [part(0, "", '{"city": "Rome"}', "")],
        [part(1, "get_weather", "", "b")],
        [part(1, "", OSLO, "")],
    ],
    "name in pieces": [
        [part(0, "get_", "", "a")],
        [part(0, "weather", "")],
        [part(0, None, ROME)],
        [part(1, "get_weather", OSLO, "b")],
    ],
    "arguments as objects": [
        [part(0, "get_weather", {"city": "Rome"}, "a")],
        [part(1, "get_weather", {"city": "Oslo"}, "b")],
    ],
    "index from 1": [[part(1, "get_weather", ROME, "a")], [part(2, "get_weather", OSLO, "b")]],
    "index as text": [[part("0", "get_weather", ROME, "a")], [part("1", "get_weather", OSLO, "b")]],
    "ids differ within one call": [
        [part(0, "get_weather", "", "a")],
        [part(0, None, ROME, "a2")],
        [part(1, "get_weather", "", "b")],
        [part(1, None, OSLO, "b2")],
    ],
    "interleaved": [
        [part(0, "get_weather", "", "a"), part(1, "get_weather", "", "b")],
        [part(0, None, '{"city":'), part(1, None, '{"city":')],
        [part(0, None, '"Rome"}'), part(1, None, '"Oslo"}')],
    ],
    "the whole call again at the end": [
        [part(0, "get_weather", "", "a")],
        [part(0, None, ROME)],
        [part(1, "get_weather", "", "b")],
        [part(1, None, OSLO)],
        [part(0, "get_weather", ROME, "a"), part(1, "get_weather", OSLO, "b")],
    ],
}


@pytest.mark.parametrize("name", PARALLEL)
def test_parallel_calls_of_a_stream_stay_apart(name: str):
    deltas = [{"tool_calls": calls} for calls in PARALLEL[name]]
    reply = send(streamed([{"role": "assistant", "content": None}, *deltas], "tool_calls"), stream=True, tools=True)
    made = [(call.name, json.loads(call.arguments)["city"]) for call in reply.message.tool_calls]
    assert made == [("get_weather", "Rome"), ("get_weather", "Oslo")]
    assert len({call.id for call in reply.message.tool_calls}) == 2


ERRORS_IN_200: list[tuple[Any, type[JielongError], str]] = [
    ({"error": {"message": "Insufficient credits", "code": 402}}, EndpointUnfit, "Insufficient credits"),
    ({"error": {"message": "No such model: m", "code": 404}}, EndpointUnfit, "No such model"),
    ({"error": {"message": "Invalid token", "code": 401}}, MissingKey, "Invalid token"),
    ({"error": {"message": "This model's maximum context length is 4096 tokens.", "code": 400}}, TooLong, "4096"),
    ({"error": "the server is on fire"}, EndpointGaveUp, "on fire"),
    (
        {"object": "error", "message": "prompt_tokens too strange", "type": "BadRequestError", "code": 400},
        EndpointGaveUp,
        "too strange",
    ),
    (
        {"choices": None, "base_resp": {"status_code": 1008, "status_msg": "insufficient balance"}},
        EndpointUnfit,
        "insufficient balance",
    ),
    ({"choices": None, "base_resp": {"status_code": 1004, "status_msg": "login fail"}}, MissingKey, "login fail"),
    ({"error_code": 17, "error_msg": "Open api daily request limit reached"}, EndpointUnfit, "daily request limit"),
    ({"code": "Arrearage", "message": "Access denied, your account is overdue"}, EndpointUnfit, "overdue"),
    ({"error": {"message": "blocked by policy", "code": "content_filter"}}, Refused, "blocked by policy"),
    ({"detail": "something odd"}, EndpointGaveUp, "something odd"),
    ({"choices": [], "id": "x"}, EndpointGaveUp, "no choice"),
    ({"hello": "world"}, EndpointGaveUp, "hello"),
    ({"success": False, "errors": [{"code": 7003, "message": "No route for that URI"}]}, EndpointGaveUp, "No route"),
]


@pytest.mark.parametrize(("body", "kind", "words"), ERRORS_IN_200, ids=lambda v: str(v)[:40])
def test_an_error_inside_http_200_is_that_error(body: Any, kind: type[JielongError], words: str):
    with WireEndpoint([Sent(body)]) as endpoint:
        with pytest.raises(kind, match=words):
            anyio.run(lambda: ask(endpoint.url, question()))
        assert len(endpoint.bodies) == 1


@pytest.mark.parametrize(("body", "kind", "words"), ERRORS_IN_200[:8], ids=lambda v: str(v)[:40])
def test_an_error_as_an_event_of_a_stream_is_that_error(body: Any, kind: type[JielongError], words: str):
    with WireEndpoint([Sent([body])]) as endpoint:
        with pytest.raises(kind, match=words):
            anyio.run(lambda: ask(endpoint.url, question(), stream=True))
        assert len(endpoint.bodies) == 1


@pytest.mark.parametrize(
    "body",
    [
        {"error": {"message": "Rate limit exceeded", "code": 429}},
        {"error": {"message": "Upstream is overloaded", "type": "overloaded_error"}},
        {"error": {"message": "Provider returned error", "code": 502}},
        {"choices": [{"index": 0, "error": {"message": "timed out", "code": 504}, "finish_reason": "error"}]},
        {"choices": None, "base_resp": {"status_code": 1002, "status_msg": "rate limit"}},
        {
            "error": {
                "message": "The engine is currently overloaded, please try again later",
                "type": "engine_overloaded_error",
            }
        },
        {"error": {"message": "系统繁忙，请稍后再试", "code": "1234"}},
    ],
    ids=lambda v: str(v)[:40],
)
@BOTH
def test_a_passing_error_inside_http_200_is_asked_again(body: Json, stream: bool):
    ok = either(stream, "ok", "stop")
    assert send(Sent([body]) if stream else Sent(body), ok, stream=stream).text == "ok"


def test_an_error_in_the_midst_of_a_stream_keeps_the_endpoints_words():
    sent = Sent(
        [
            chunk({"content": "The capital of the country is, as is well known, " * 30}),
            {"error": {"message": "the GPU fell over", "code": 500}},
        ]
    )
    with pytest.raises(EndpointGaveUp, match="the GPU fell over"):
        send(sent, stream=True)


def test_llama_cpp_names_the_event_an_error():
    line = 'error: {"code": 400, "message": "the request exceeds the available context size", "type": "x"}'
    with pytest.raises(TooLong, match="available context size"):
        send(Sent([line]), stream=True)


def test_a_web_page_is_not_an_endpoint():
    page = Sent("<!doctype html><html><title>Open WebUI</title></html>", content_type="text/html")
    with WireEndpoint([page]) as endpoint:
        for stream in (False, True):
            with pytest.raises(EndpointUnfit, match="web page"):
                anyio.run(lambda: ask(endpoint.url, question(), stream=stream))
        assert len(endpoint.bodies) == 2


def test_a_stream_may_end_without_done_and_its_lines_in_any_way():
    for sent in (
        Sent([chunk({"content": "so"}), chunk({}, "stop")]),
        Sent([": keep-alive", "event: message\ndata: " + json.dumps(chunk({"content": "so"}, "stop")), "data:[DONE]"]),
        Sent([chunk({"content": "so"}), "data: [DONE]"]),
        Sent([chunk({"content": "so"}, ""), chunk({}, ""), "data: [DONE]"]),
    ):
        reply = send(sent, stream=True)
        assert (reply.text, reply.finish) == ("so", "stop")


def test_a_stream_that_breaks_off_is_not_a_reply():
    with WireEndpoint([Sent([chunk({"content": "so it " * 100})])]) as endpoint:
        with pytest.raises(EndpointGaveUp, match="ended before"):
            anyio.run(lambda: ask(endpoint.url, question(), stream=True))


def test_what_is_streamed_is_what_is_returned():
    sent = streamed([{"role": "assistant", "content": ""}, *({"content": word} for word in ("so ", "it ", "is\n"))])
    with WireEndpoint([sent]) as endpoint:
        reply, deltas = anyio.run(lambda: ask(endpoint.url, question(), stream=True))
    assert heard(deltas) == reply.text == "so it is\n"


def test_a_tool_that_is_refused_is_unsupported_inside_http_200_too():
    with pytest.raises(Unsupported, match="tools"):
        send(Sent({"error": {"message": "this model does not support tools", "code": 400}}), tools=True)
