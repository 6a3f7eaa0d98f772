"""One provider call: retries, streams, prices, refusals; and the scripted model that tests and documentation run on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio
import pytest

from jielong import call_context
from jielong.contract import Message, Reply, Request, Sampling, Thinking, Usage
from jielong.errors import BadInput, EndpointGaveUp, NoAnswer, Refused, Truncated
from jielong.events import Delta
from jielong.models.scripted import Scripted
from jielong.recipe import load
from jielong.runtime import prices
from jielong.runtime.provider import AttemptFailed
from jielong.scope import scope

pytestmark = pytest.mark.anyio

HELLO = Request((Message("user", "hello"),), Sampling(max_tokens=50))


def failing(*faults: Exception, then: str = "at last") -> Scripted:
    left = list(faults)

    def reply(request: Request) -> str:
        if left:
            raise left.pop(0)
        return then

    return Scripted(reply)


# --- attempts ---------------------------------------------------------------------------------------------------------


async def test_a_failed_attempt_is_tried_again_under_another_name() -> None:
    model = failing(AttemptFailed("busy", after=0.0), AttemptFailed("busy", after=0.0))
    reply = await model.generate(HELLO)
    assert (reply.text, reply.usage.calls, reply.usage.retries) == ("at last", 1, 2)
    assert [name.rpartition("-")[2] for name in model.attempts] == ["1", "2", "3"]
    assert len({name.rpartition("-")[0] for name in model.attempts}) == 1


@pytest.mark.parametrize(
    "error", [Refused("no"), EndpointGaveUp("too long"), BadInput("no such model"), ValueError("a bug")]
)
async def test_what_another_attempt_cannot_help_is_not_tried_again(error: Exception) -> None:
    model = failing(error)
    with scope("x") as here, pytest.raises(type(error), match=str(error)):
        await model.generate(HELLO)
    assert len(model.attempts) == 1
    assert (here.usage.calls, here.usage.retries) == (1, 0)


async def test_an_endpoint_that_asks_for_an_hour_is_not_waited_for() -> None:
    with pytest.raises(EndpointGaveUp, match="asks to wait for 3600 s: come back later"):
        await failing(AttemptFailed("come back later", overloaded=True, after=3600.0)).generate(HELLO)


async def test_after_a_piece_was_heard_a_broken_stream_is_not_tried_again() -> None:
    class Breaking(Scripted):
        async def send(self, request: Request, attempt: str) -> Reply:
            self.attempts.append(attempt)
            listener = call_context.current().listener
            assert listener
            await listener(Delta("a piece"))
            raise AttemptFailed("the stream was cut", after=0.0, unsettled=True)

    model = Breaking("x")
    heard: list[Any] = []

    async def listen() -> None:
        async with model.stream(HELLO) as events:
            async for event in events:
                heard.append(event)

    with pytest.raises(EndpointGaveUp, match="broke off in the middle of its reply: the stream was cut"):
        await listen()
    assert heard == [Delta("a piece")]
    assert len(model.attempts) == 1


async def test_before_a_piece_was_heard_it_is() -> None:
    async with failing(AttemptFailed("cut", after=0.0, unsettled=True)).stream(HELLO) as events:
        heard = [event async for event in events]
    assert heard[:-1] == [Delta("at"), Delta(" last")]


async def test_usage_from_the_wire_is_tokens_only_and_the_rest_is_counted_here() -> None:
    class Boasting(Scripted):
        async def send(self, request: Request, attempt: str) -> Reply:
            claimed = Usage(calls=7, retries=7, input_tokens=3, output_tokens=4, seconds=99.0)
            return Reply(Message("assistant", "x"), usage=claimed)

    usage = (await Boasting("x").generate(HELLO)).usage
    assert usage == Usage(calls=1, input_tokens=3, output_tokens=4)
    assert usage.seconds < 1


async def test_a_reply_whose_usage_was_not_told_is_unsettled() -> None:
    class Silent(Scripted):
        async def send(self, request: Request, attempt: str) -> Reply:
            return Reply(Message("assistant", "x"), usage=Usage(unsettled_calls=1))

    assert (await Silent("x").generate(HELLO)).usage == Usage(calls=1, unsettled_calls=1)


# --- bounds and prices ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["word " * 50, "一步一步地思考" * 20, "🦜" * 30, "a b c " * 40])
async def test_what_a_call_may_take_is_more_than_what_it_takes(text: str) -> None:
    model = Scripted("word " * 500)
    request = Request((Message("system", text), Message("user", text)), Sampling(max_tokens=20))
    most = model.max_cost(request).tokens
    assert most is not None
    used = (await model.generate(request)).usage
    assert used.input_tokens + used.output_tokens <= most
    assert most >= 2 * len(text.encode()) + 20


def test_prices_come_from_the_table_and_an_unknown_one_is_unknown() -> None:
    tokens = Usage(input_tokens=1_000_000, output_tokens=1_000_000)
    known = prices.usd("gpt-4o-mini", "https://api.openai.com/v1", tokens)
    assert known is not None
    assert 0 < known < 100
    assert prices.usd("no-such-model", "https://example.invalid/v1", tokens) is None


async def test_an_unknown_price_stays_unknown_all_the_way_up() -> None:
    class Unpriced(Scripted):
        def usd(self, usage: Usage) -> float | None:
            return None

    from jielong.techniques.self_consistency import self_consistency

    reply = await (Unpriced("Answer: 1") | self_consistency(n=3)).generate(HELLO)
    assert reply.usage.usd is None
    assert (await Scripted("x").generate(HELLO)).usage.usd == 0.0


# --- the scripted model -----------------------------------------------------------------------------------------------


def script(folder: Path, *lines: str) -> str:
    file = folder / "script.jsonl"
    file.write_text("\n".join(lines))
    return f"scripted:{file}"


async def test_a_script_answers_by_what_the_question_contains(tmp_path: Path) -> None:
    spec = script(
        tmp_path,
        '{"contains": "2+2", "reply": ["4", "5"], "thinking": "two and two"}',
        "",
        '{"contains": "secret", "reply": "I will not say", "finish": "refused"}',
        '{"contains": "", "reply": "what?"}',
    )
    model = load(spec)
    assert load(model.name).name == model.name == spec
    drawn = {(await model.generate(asked("2+2", seed=seed))).text for seed in range(20)}
    assert drawn == {"4", "5"}
    assert (await model.generate(asked("2+2"))).message.content[0] == Thinking("two and two")
    assert (await model.generate(asked("the secret"))).finish == "refused"
    assert (await model.generate(asked("else"))).text == "what?"


def asked(text: str, *, seed: int | None = 1) -> Request:
    return Request((Message("user", text),), Sampling(seed=seed))


async def test_a_script_can_fail_as_an_endpoint_does(tmp_path: Path) -> None:
    reply = await load(script(tmp_path, '{"reply": "fine", "fails": 3}')).generate(HELLO)
    assert (reply.text, reply.usage.retries) == ("fine", 3)


async def test_a_question_that_the_script_does_not_know_is_said(tmp_path: Path) -> None:
    with pytest.raises(NoAnswer, match="no line of the script answers 'hello'"):
        await load(script(tmp_path, '{"contains": "2+2", "reply": "4"}')).generate(HELLO)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("not json", r'script\.jsonl:1: not JSON; expected an object such as {"contains": "2\+2", "reply": "4"}'),
        ('["a"]', r"script\.jsonl:1: expected an object such as"),
        ('{"replay": "4"}', "fields are contains, fails, finish, logprob, reply, seconds, thinking"),
        ('{"reply": "4", "finish": "done"}', "finish is 'done'; expected stop, length, refused"),
    ],
)
def test_a_bad_line_of_a_script_is_named(tmp_path: Path, line: str, words: str) -> None:
    with pytest.raises(BadInput, match=words):
        load(script(tmp_path, line))


def test_a_script_that_is_no_text_is_said(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadInput, match="not UTF-8; expected a file of JSON lines"):
        load(f"scripted:{tmp_path / 'x'}")


async def test_scripted_replies_are_cut_at_max_tokens_and_say_so() -> None:
    reply = await Scripted("one two three").generate(Request(HELLO.messages, Sampling(max_tokens=2)))
    assert (reply.text, reply.finish, reply.usage.output_tokens) == ("one two", "length", 2)
    with pytest.raises(Truncated):
        Scripted("one two three").ask("x", max_tokens=2)


@pytest.mark.parametrize("text", ["", " ", "a", " a  b\n\nc ", "一 二", "a\n"])
async def test_streamed_pieces_join_to_the_text(text: str) -> None:
    async with Scripted(text).stream(HELLO) as events:
        heard: list[Any] = [event async for event in events]
    assert "".join(piece.text for piece in heard[:-1]) == heard[-1].text == text


async def test_what_a_scripted_model_did_can_be_counted() -> None:
    model = Scripted("a b", seconds=0.01)
    async with anyio.create_task_group() as tasks:
        for _ in range(3):
            tasks.start_soon(model.generate, HELLO)
        await anyio.wait_all_tasks_blocked()
        assert (model.running, model.finished) == (3, 0)
    assert (model.running, model.finished, model.tokens, len(model.requests)) == (0, 3, 9, 3)
