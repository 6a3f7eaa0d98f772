"""Every entry of what is known of endpoints is used: each is sent by an endpoint, and read as what it stands for."""

import json
from typing import Any

import anyio
import pytest

from endpoint.wire import WEATHER, Json, Sent, WireEndpoint, ask, heard, in_pieces, question, streamed, thoughts, whole
from jielong import Message, Request, load
from jielong.answers.thoughts import ANSWER_BEGINS, ANSWER_ENDS, LONE_ENDS, THOUGHT_MARKS
from jielong.contract import Reply
from jielong.errors import EndpointUnfit, JielongError, MissingKey, TooLong
from jielong.models.openai import dialects


def reply(sent: Sent, *, stream: bool = False) -> Reply:
    with WireEndpoint([sent]) as endpoint:
        return anyio.run(lambda: ask(endpoint.url, question(), stream=stream))[0]


def refusal(sent: Sent) -> JielongError:
    with WireEndpoint([sent]) as endpoint, pytest.raises(JielongError) as caught:
        anyio.run(lambda: ask(endpoint.url, question()))
    return caught.value


@pytest.mark.parametrize("name", dialects.INPUT_TOKENS)
@pytest.mark.parametrize("other", dialects.OUTPUT_TOKENS)
def test_names_of_usage(name: str, other: str):
    usage = reply(whole({"content": "x"}, usage={name: 3, other: 4})).usage
    assert (usage.input_tokens, usage.output_tokens) == (3, 4)


def nested(path: str, value: int) -> Json:
    first, _, second = path.partition(".")
    return {first: {second: value} if second else value}


@pytest.mark.parametrize("path", dialects.CACHED_TOKENS)
def test_cached_tokens(path: str):
    usage = {"prompt_tokens": 3, "completion_tokens": 4, **nested(path, 2)}
    assert reply(whole({"content": "x"}, usage=usage)).usage.prompt_cached_tokens == 2


@pytest.mark.parametrize("path", dialects.REASONING_TOKENS)
def test_reasoning_tokens(path: str):
    usage = {"prompt_tokens": 3, "completion_tokens": 4, **nested(path, 2)}
    assert reply(whole({"content": "x"}, usage=usage)).usage.reasoning_tokens == 2


@pytest.mark.parametrize("name", dialects.UNCOUNTED_INPUT)
def test_input_that_anthropic_does_not_count(name: str):
    usage = {"input_tokens": 3, "output_tokens": 4, name: 5}
    assert reply(whole({"content": "x"}, usage=usage)).usage.input_tokens == 8


@pytest.mark.parametrize("name", dialects.THOUGHT_FIELDS)
@pytest.mark.parametrize("stream", [False, True])
def test_fields_of_thoughts(name: str, stream: bool):
    message = {"content": "42", name: "hm"}
    got = reply(streamed([message]) if stream else whole(message), stream=stream)
    assert (got.text, thoughts(got)) == ("42", "hm")


@pytest.mark.parametrize("name", dialects.THOUGHT_LISTS)
@pytest.mark.parametrize("stream", [False, True])
def test_lists_of_thoughts(name: str, stream: bool):
    message = {"content": "42", name: [{"type": "reasoning.text", "text": "hm"}]}
    got = reply(streamed([message]) if stream else whole(message), stream=stream)
    assert (got.text, thoughts(got)) == ("42", "hm")


@pytest.mark.parametrize("kind", dialects.THOUGHT_PARTS)
def test_parts_of_thoughts(kind: str):
    got = reply(whole({"content": [{"type": kind, "text": "hm"}, {"type": "text", "text": "42"}]}))
    assert (got.text, thoughts(got)) == ("42", "hm")


@pytest.mark.parametrize("kind", sorted({*dialects.SILENT_PARTS} - {"redacted_thinking"}))
def test_parts_that_say_nothing(kind: str):
    assert reply(whole({"content": [{"type": kind, "ids": [1]}, {"type": "text", "text": "42"}]})).text == "42"


@pytest.mark.parametrize("name", dialects.CALL_SIGNATURES)
def test_signatures_of_calls_go_back(name: str):
    call = {"id": "c1", "type": "function", "function": {"name": "get_weather", "arguments": "{}"}, name: {"x": "y"}}
    request = question("?", WEATHER)

    async def converse(url: str) -> None:
        first, _ = await ask(url, request)
        result = Message("tool", "sun", tool_call_id="c1")
        await load(f"openai:m@{url}").generate(Request((*request.messages, first.message, result), tools=(WEATHER,)))

    with WireEndpoint(
        [whole({"content": "", "tool_calls": [call]}, "tool_calls"), whole({"content": "x"})]
    ) as endpoint:
        anyio.run(converse, endpoint.url)
        assert endpoint.bodies[1]["messages"][1]["tool_calls"] == [call]


@pytest.mark.parametrize("stream", [0, 1, 9])
@pytest.mark.parametrize("mark", THOUGHT_MARKS, ids=lambda mark: mark[0])
@pytest.mark.parametrize("capitals", [False, True])
def test_marks_of_thoughts(mark: tuple[str, str], capitals: bool, stream: int):
    begin, end = (m.upper() if capitals else m for m in mark)
    text = f"{begin}\nhm <b> [x] |\n{end}\n\n42"
    with WireEndpoint([streamed(in_pieces(text, stream)) if stream else whole({"content": text})]) as endpoint:
        got, deltas = anyio.run(lambda: ask(endpoint.url, question(), stream=bool(stream)))
    assert (got.text, thoughts(got)) == ("42", "hm <b> [x] |")
    assert not stream or (heard(deltas), heard(deltas, thinking=True)) == ("42", "hm <b> [x] |")


@pytest.mark.parametrize("stream", [0, 1, 9])
@pytest.mark.parametrize("end", LONE_ENDS)
def test_ends_whose_beginning_is_in_the_template(end: str, stream: int):
    text = f"hm, hm\n{end}\n\n42"
    with WireEndpoint([streamed(in_pieces(text, stream)) if stream else whole({"content": text})]) as endpoint:
        got, deltas = anyio.run(lambda: ask(endpoint.url, question(), stream=bool(stream)))
    assert (got.text, thoughts(got)) == ("42", "hm, hm")
    assert not stream or heard(deltas) == "42"


@pytest.mark.parametrize("stream", [0, 1, 9])
@pytest.mark.parametrize("begin", ANSWER_BEGINS)
@pytest.mark.parametrize("end", [*ANSWER_ENDS, ""])
def test_marks_around_the_answer(begin: str, end: str, stream: int):
    text = f"<think>hm</think>{begin}42{end}"
    with WireEndpoint([streamed(in_pieces(text, stream)) if stream else whole({"content": text})]) as endpoint:
        got, deltas = anyio.run(lambda: ask(endpoint.url, question(), stream=bool(stream)))
    assert got.text == "42"
    assert not stream or heard(deltas) == "42"


@pytest.mark.parametrize("status", sorted(dialects.RETRIED_STATUSES))
def test_statuses_that_pass(status: int):
    with WireEndpoint([Sent("{}", status, headers={"Retry-After": "0"}), whole({"content": "ok"})]) as endpoint:
        assert anyio.run(lambda: ask(endpoint.url, question()))[0].text == "ok"


MEANINGS: dict[int, Any] = {401: MissingKey, 402: EndpointUnfit, 413: TooLong}


@pytest.mark.parametrize(("code", "status"), dialects.BODY_CODES.items())
def test_codes_inside_http_200(code: str, status: int):
    body = {"choices": None, "base_resp": {"status_code": int(code), "status_msg": "no"}}
    if status in MEANINGS:
        assert isinstance(refusal(Sent(body)), MEANINGS[status])
        return
    with WireEndpoint([Sent(body, headers={"Retry-After": "0"}), whole({"content": "ok"})]) as endpoint:
        assert anyio.run(lambda: ask(endpoint.url, question()))[0].text == "ok"


CODES = [
    *((code, EndpointUnfit, "no money") for code in dialects.NO_MONEY_CODES),
    *((code, EndpointUnfit, "name of the model") for code in dialects.NO_MODEL_CODES),
    *((code, TooLong, "too bad") for code in dialects.OVERFLOW_CODES),
    *((code, MissingKey, "key") for code in dialects.BAD_KEY_CODES),
]


@pytest.mark.parametrize(("code", "kind", "words"), sorted(CODES, key=str))
@pytest.mark.parametrize("field", ["code", "type"])
def test_codes_of_refusals(code: str, kind: type[JielongError], words: str, field: str):
    error = refusal(Sent(json.dumps({"error": {"message": "too bad", field: code}}), 400))
    assert isinstance(error, kind)
    assert words in str(error)


@pytest.mark.parametrize("code", sorted(dialects.NOT_TAKEN_CODES))
@pytest.mark.parametrize("name", sorted(dialects.OMITTED_SETTINGS - {"stream", "stream_options", "seed"}))
def test_settings_that_are_left_out(code: str, name: str):
    refused = Sent({"error": {"message": "no", "code": code, "param": name}}, 400)
    request = question().with_sampling(temperature=0.5, top_p=0.9, max_tokens=5)
    with WireEndpoint(lambda body, n: refused if name in body else whole({"content": "ok"})) as endpoint:
        assert anyio.run(lambda: ask(endpoint.url, request))[0].text == "ok"
