"""The contract: what is passed around, the synchronous door, streams, and what counts as an answer."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jielong import call_context
from jielong.contract import (
    Image,
    Message,
    Model,
    Reply,
    Request,
    Sampling,
    Text,
    Thinking,
    ToolCall,
    ToolSpec,
    Usage,
    require_answer,
)
from jielong.errors import JielongError, NoAnswer, Refused, Truncated, Unsupported
from jielong.events import Delta
from jielong.models.scripted import Scripted

HELLO = Request((Message("user", "hello"),))

COUNT = st.integers(0, 1000)
USAGE = st.builds(Usage, *[COUNT] * 8, st.none() | st.integers(0, 100).map(float))


@given(USAGE, USAGE, USAGE)
def test_usage_adds_up_in_any_grouping_and_an_unknown_price_stays_unknown(a: Usage, b: Usage, c: Usage) -> None:
    assert (a + b) + c == a + (b + c)
    assert a + b == b + a
    assert a + Usage() == a
    assert ((a + b).usd is None) == (a.usd is None or b.usd is None)


def test_seconds_are_added_and_not_compared() -> None:
    assert Usage(seconds=1.0) == Usage(seconds=2.0)
    assert (Usage(seconds=1.0) + Usage(seconds=2.0)).seconds == 3.0


def test_the_text_of_a_message_leaves_thoughts_and_pictures_out() -> None:
    message = Message("assistant", (Thinking("hm"), Text("It is "), Image(b""), Text("four.")))
    assert message.text == "It is four."


def test_a_further_turn_keeps_the_tools_but_not_the_turn() -> None:
    asked = Request((Message("user", "x"),), Sampling(stop=("E",), logprobs=1), (ToolSpec("t"),), "required", {"a": 1})
    on = asked.follow_up(Message("assistant", "y"), Message("user", "z"))
    assert [m.text for m in on.messages] == ["x", "y", "z"]
    assert (on.tools, on.tool_choice, on.schema, on.sampling) == (asked.tools, "none", asked.schema, asked.sampling)
    aside = asked.side_request(Message("user", "z"))
    assert (aside.tools, aside.tool_choice, aside.schema) == ((), "auto", None)
    assert (aside.sampling.stop, aside.sampling.logprobs) == ((), None)
    assert HELLO.follow_up().tool_choice == "auto", "without tools there is nothing to choose"


def test_ask_answers_from_synchronous_code_inside_and_outside_a_running_loop() -> None:
    model = Scripted("hello")
    assert model.ask("x") == "hello"

    async def notebook() -> str:
        await asyncio.sleep(0)
        return model.ask("x")

    assert asyncio.run(notebook()) == "hello"


def test_ask_passes_what_it_is_given() -> None:
    model = Scripted("hello")
    model.ask("x", temperature=0.5, max_tokens=7, seed=3)
    assert model.requests[0].sampling == Sampling(temperature=0.5, max_tokens=7, seed=3)


def test_ask_from_many_threads_uses_one_portal() -> None:
    loops: set[int] = set()

    class Where(Scripted):
        async def send(self, request: Request, attempt: str) -> Reply:
            loops.add(id(asyncio.get_running_loop()))
            return await super().send(request, attempt)

    model = Where("hello")
    threads = [threading.Thread(target=model.ask, args=("x",)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert model.finished == 8
    assert len(loops) == 1


INTERRUPTED = """
import threading
import anyio
from jielong import Scripted

gone = threading.Event()

class Slow(Scripted):
    async def send(self, request, attempt):
        try:
            print("asked", flush=True)
            await anyio.sleep(3600)
        finally:
            gone.set()

try:
    Slow("x").ask("x")
except KeyboardInterrupt:
    print("cancelled" if gone.wait(10) else "still running", flush=True)
"""


@pytest.mark.skipif(os.name == "nt", reason="sends SIGINT")
def test_ctrl_c_in_synchronous_code_cancels_what_it_waits_for() -> None:
    process = subprocess.Popen([sys.executable, "-c", INTERRUPTED], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "asked\n"
    process.send_signal(signal.SIGINT)
    assert process.communicate()[0] == "cancelled\n"
    assert process.returncode == 0


@pytest.mark.parametrize(
    ("reply", "error", "words"),
    [
        (Reply(Message("assistant", "half"), "length"), Truncated, "the reply ran into its token limit; raise max_tok"),
        (Reply(Message("assistant", "I can't"), "refused"), Refused, "the model declined to answer: I can't"),
        (Reply(Message("assistant", " "), "refused"), Refused, r"declined to answer: \(no words given\)"),
        (
            Reply(Message("assistant", "", (ToolCall("1", "weather"), ToolCall("2", "clock"))), "tool_calls"),
            NoAnswer,
            r"the reply asks for tools \(weather, clock\) instead of answering",
        ),
    ],
)
def test_what_is_not_an_answer_says_why(reply: Reply, error: type[JielongError], words: str) -> None:
    with pytest.raises(error, match=words):
        require_answer(reply)
    with pytest.raises(error, match=words):
        Scripted(lambda _: reply).ask("x")


def test_a_truncated_reply_can_be_looked_at() -> None:
    with pytest.raises(Truncated) as raised:
        Scripted("one two three").ask("x", max_tokens=2)
    assert raised.value.reply is not None
    assert raised.value.reply.text == "one two"


def test_a_stream_gives_the_pieces_and_then_the_reply() -> None:
    async def main() -> list[object]:
        async with Scripted("one two three").stream(HELLO) as events:
            return [event async for event in events]

    events = anyio.run(main)
    assert events[:-1] == [Delta("one"), Delta(" two"), Delta(" three")]
    assert isinstance(events[-1], Reply)
    assert events[-1].text == "one two three"


def test_leaving_a_stream_early_cancels_the_call() -> None:
    class Slow(Scripted):
        async def send(self, request: Request, attempt: str) -> Reply:

            self.running += 1
            try:
                listener = call_context.current().listener
                assert listener
                await listener(Delta("one"))
                await anyio.sleep(3600)
                raise AssertionError
            finally:
                self.running -= 1

    model = Slow("x")

    async def main() -> None:
        async with model.stream(HELLO) as events:
            async for event in events:
                assert event == Delta("one")
                break
        assert model.running == 0

    anyio.run(main)


def test_an_error_in_a_stream_comes_out_as_itself() -> None:
    async def main(inside: bool) -> None:
        async with Scripted("a b c").stream(HELLO) as events:
            async for _ in events:
                if inside:
                    raise KeyError("the reader's own")

    with pytest.raises(KeyError, match="the reader's own"):
        anyio.run(main, True)

    async def failing() -> None:
        async with Scripted(lambda _: (_ for _ in ()).throw(Refused("no"))).stream(HELLO) as events:
            async for _ in events:
                pass

    with pytest.raises(Refused, match="no"):
        anyio.run(failing)


def test_a_stream_whose_reader_is_slow_waits_for_it() -> None:
    """A reply of more pieces than the buffer holds arrives whole."""
    text = " ".join(map(str, range(1_000)))

    async def main() -> str:
        async with Scripted(text).stream(HELLO) as events:
            heard = ""
            async for event in events:
                await anyio.lowlevel.checkpoint()
                heard += event.text if isinstance(event, Delta) else ""
            return heard

    assert anyio.run(main) == text


def test_a_model_without_log_probabilities_of_given_texts_says_who_has_them() -> None:
    class Mute(Model):
        @property
        def name(self) -> str:
            return "mute"

        async def generate(self, request: Request) -> Reply:
            return Reply(Message("assistant", ""))

    async def main() -> None:
        await Mute().logprobs(HELLO, "x")

    with pytest.raises(Unsupported, match="mute gives no log-probabilities of a given text; a local: model"):
        anyio.run(main)
    assert Mute().max_calls() == 1
