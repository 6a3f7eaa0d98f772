"""Techniques that each break one law, as people do: the suite must fail every one of them."""

from __future__ import annotations

import asyncio
import contextvars
import json
import random
import re
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import anyio

from jielong import recipe
from jielong.answers import final_answer
from jielong.call_context import sub_path
from jielong.contract import Message, Model, Reply, Request, ToolCall, ToolSpec, Usage
from jielong.errors import SampleError, Truncated, Unsupported
from jielong.prompts import catalogue
from jielong.technique import adds_input, adds_output, final_call, gather, with_sampling_temperature

from .laws import (
    a_lost_sample_is_never_an_answer,
    bound_holds,
    cancelling_leaves_nothing,
    identity_is_seed_and_path,
    prompts_are_data,
    stream_is_generate,
    text_chooses_nothing,
    usage_is_everything,
    what_the_caller_set_survives,
)

AGAIN = Message("user", "3")

# --- 1 ----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Adder(Model):
    model: Model

    @property
    def name(self) -> str:
        return f"{self.model.name} | adds_up_replies"

    async def generate(self, request: Request) -> Reply:
        replies: list[Reply] = []
        for i in range(3):
            with sub_path(i), suppress(SampleError):
                replies.append(await self.model.generate(request))
        if not replies:
            raise Truncated("nothing came back")
        return replace(replies[-1], usage=sum((reply.usage for reply in replies), Usage()))


class adds_up_replies:
    """What failed was paid for, too, and is not in the sum."""

    @staticmethod
    def wrap(model: Model, /) -> Model:
        return _Adder(model)


@adds_output(calls=lambda model, **_: 2 * model)
async def spends_outside_the_scope(model: Model, request: Request) -> Reply:
    """A task with a context of its own is not counted."""
    await asyncio.create_task(_quietly(model, request), context=contextvars.Context())
    return await final_call(model, request)


async def _quietly(model: Model, request: Request) -> None:
    with suppress(SampleError):
        await model.generate(request)


# --- 2 ----------------------------------------------------------------------------------------------------------------


@adds_input
def drops_tools(request: Request) -> Request:
    """Builds a new request and forgets half of the old one."""
    return Request(request.messages, request.sampling, schema=request.schema)


@adds_input
def drops_the_schema(request: Request) -> Request:
    """The same with the schema."""
    return replace(request, schema=None)


@adds_input
def drops_the_seed(request: Request) -> Request:
    """Sets what it likes and leaves the rest out."""
    return request.with_sampling(seed=None)


@adds_input
def drops_max_tokens(request: Request) -> Request:
    """Gives the model room, at the caller's expense."""
    return request.with_sampling(max_tokens=None)


@adds_input
def drops_stop(request: Request) -> Request:
    """Wants to see the whole reply."""
    return request.with_sampling(stop=())


@adds_input
def drops_pictures(request: Request) -> Request:
    """Works on texts."""
    return replace(request, messages=tuple(Message(m.role, m.text) for m in request.messages))


@adds_input
def flattens_history(request: Request) -> Request:
    """Writes the conversation into one message."""
    talk = "\n".join(f"{message.role}: {message.text}" for message in request.messages)
    return replace(request, messages=(Message("user", talk),))


@adds_input
def forces_a_tool(request: Request) -> Request:
    """Decides for the caller."""
    return replace(request, tool_choice="required") if request.tools else request


@adds_output(calls=lambda model, **_: model)
async def answers_for_the_caller(model: Model, request: Request) -> Reply:
    """Hands out a text where the model wanted a tool of the caller's."""
    reply = await final_call(model, request)
    return reply if reply.finish != "tool_calls" else Reply(Message("assistant", "no tools here"))


@adds_input
def refuses_without_a_line_in_the_table(request: Request) -> Request:
    """Refuses what nobody was told it refuses."""
    if request.sampling.stop:
        raise Unsupported("no stop texts here")
    return request


@adds_output(calls=lambda model, **_: model)
async def accepts_what_the_table_says_it_refuses(model: Model, request: Request) -> Reply:
    """By its name it is listed as refusing a schema, and it takes one."""
    return await final_call(model, request)


accepts_what_the_table_says_it_refuses.__name__ = "outline"  # no other technique may be registered by that name


# --- 3 ----------------------------------------------------------------------------------------------------------------


@adds_output(calls=lambda model, **_: model)
async def streams_something_else(model: Model, request: Request) -> Reply:
    """Changes the reply after it was heard."""
    reply = await final_call(model, request)
    return replace(reply, message=Message("assistant", f"{reply.text}!"))


@adds_output(calls=lambda model, **_: 2 * model)
async def leaks_a_draft(model: Model, request: Request) -> Reply:
    """Lets the caller hear what is then written again."""
    draft = await final_call(model, request)
    return await final_call(model, request.follow_up(draft.message, AGAIN))


# --- 4 ----------------------------------------------------------------------------------------------------------------


@adds_output(calls=lambda model, **_: 3 * model)
async def first_to_arrive_wins(model: Model, request: Request) -> Reply:
    """The order of arrival decides."""
    request = with_sampling_temperature(request, 3)
    replies: list[Reply] = []

    async def sample(i: int) -> None:
        with sub_path(i), suppress(SampleError):
            replies.append(await model.generate(request))

    async with anyio.create_task_group() as tasks:
        for i in range(3):
            tasks.start_soon(sample, i)
    if not replies:
        raise Truncated("nothing came back")
    return replies[0]


@adds_output(calls=lambda model, **_: 3 * model)
async def stops_at_the_first(model: Model, request: Request) -> Reply:
    """What it costs depends on who was faster."""
    request = with_sampling_temperature(request, 3)
    replies: list[Reply] = []
    async with anyio.create_task_group() as tasks:

        async def sample(i: int) -> None:
            with sub_path(i), suppress(SampleError):
                replies.append(await model.generate(request))
                tasks.cancel_scope.cancel()

        for i in range(3):
            tasks.start_soon(sample, i)
    if not replies:
        raise Truncated("nothing came back")
    return replies[0]


@adds_output(calls=lambda model, **_: model)
async def unstable_path(model: Model, request: Request) -> Reply:
    """The name of its sample is another one each time, so no run replays."""
    with sub_path(random.Random().randrange(2**30)):
        return await final_call(model, request)


@adds_output(calls=lambda model, **_: 3 * model)
async def asks_for_copies(model: Model, request: Request) -> Reply:
    """Three samples under one name are one sample, three times."""
    request = with_sampling_temperature(request, 3)
    samples = [(await gather(model, [request], first=0))[0] for _ in range(3)]
    return next((sample for sample in samples if isinstance(sample, Reply)), Reply(Message("assistant", "3")))


@adds_output(calls=lambda model, **_: 3 * model)
async def samples_at_temperature_0(model: Model, request: Request) -> Reply:
    """Copies of one, paid three times."""
    votes: Counter[str] = Counter()
    for i in range(3):
        with sub_path(i):
            votes[(await model.generate(request)).text] += 1
    return Reply(Message("assistant", votes.most_common(1)[0][0]))


@adds_output(calls=lambda model, **_: 3 * model)
async def fills_in_no_temperature(model: Model, request: Request) -> Reply:
    """Whether its samples differ is left to the model's default."""
    samples = await gather(model, [request] * 3)
    replies = [sample for sample in samples if isinstance(sample, Reply)]
    if not replies:
        raise Truncated("nothing came back")
    return replies[0]


# --- 5 ----------------------------------------------------------------------------------------------------------------


@adds_output(calls=lambda model, **_: 5 * model)
async def counts_a_truncated_sample(model: Model, request: Request) -> Reply:
    """Half a reply has a vote."""
    request = with_sampling_temperature(request, 5)
    votes: Counter[str] = Counter()
    for i in range(5):
        with sub_path(i):
            try:
                text = (await model.generate(request)).text
            except Truncated as error:
                text = error.reply.text if error.reply else ""
            except SampleError:
                continue
            votes[final_answer(text) or ""] += 1
    if not votes:
        raise Truncated("nothing came back")
    return Reply(Message("assistant", votes.most_common(1)[0][0]))


@adds_output(calls=lambda model, **_: model)
async def hides_that_it_was_cut(model: Model, request: Request) -> Reply:
    """Calls whatever came back an answer."""
    return replace(await final_call(model, request), finish="stop")


@adds_output(calls=lambda model, **_: model)
async def makes_an_answer_up(model: Model, request: Request) -> Reply:
    """An error becomes a text."""
    try:
        return await model.generate(request)
    except SampleError as error:
        return Reply(Message("assistant", f"Error: {error}"))


# --- 6 ----------------------------------------------------------------------------------------------------------------


@adds_output(calls=lambda model, **_: model)
async def more_calls_than_announced(model: Model, request: Request) -> Reply:
    """Two calls, and one was announced."""
    draft = await model.generate(request)
    return await final_call(model, request.follow_up(draft.message, AGAIN))


@adds_output(calls=lambda model, **_: 4 * model)
async def goes_on_until_it_likes_it(model: Model, request: Request) -> Reply:
    """A loop without an end."""
    for i in range(100):
        with sub_path(i):
            reply = await model.generate(request.with_sampling(temperature=0.7))
        if reply.text == "likes it":
            break
    return reply


# --- 7 ----------------------------------------------------------------------------------------------------------------

_left: list[asyncio.Task[Reply]] = []


@adds_output(calls=lambda model, **_: 2 * model)
async def leaves_a_task_running(model: Model, request: Request) -> Reply:
    """A task outside any group lives on."""
    with sub_path(0):
        _left.append(asyncio.create_task(model.generate(request)))  # type: ignore[arg-type]
    return await final_call(model, request)


@adds_output(calls=lambda model, **_: model)
async def cannot_let_go(model: Model, request: Request) -> Reply:
    """Cleans up at leisure."""
    try:
        return await final_call(model, request)
    finally:
        with anyio.CancelScope(shield=True):
            await anyio.sleep(0.4)


# --- 8 ----------------------------------------------------------------------------------------------------------------


@adds_output(calls=lambda model, **_: 64 * model)
async def lets_the_text_choose_a_technique(model: Model, request: Request) -> Reply:
    """`use technique: X` in the question."""
    wanted = re.search(r"use technique: (\w+)", request.messages[-1].text)
    return await final_call(recipe.find_technique(wanted[1]).wrap(model) if wanted else model, request)  # type: ignore[attr-defined]


@adds_output(calls=lambda model, **_: 64 * model)
async def lets_the_text_choose_how_often(model: Model, request: Request) -> Reply:
    """`n=64` in the question."""
    wanted = re.search(r"n=(\d+)", request.messages[-1].text)
    samples = await gather(model, [with_sampling_temperature(request, 2)] * int(wanted[1] if wanted else 1))
    return next((sample for sample in samples if isinstance(sample, Reply)), Reply(Message("assistant", "")))


@adds_input
def lets_the_text_set_the_request(request: Request) -> Request:
    """`temperature=2` in the question."""
    wanted = re.search(r"temperature=(\d+)", request.messages[-1].text)
    return request.with_sampling(temperature=float(wanted[1])) if wanted else request


@adds_output(calls=lambda model, **_: 2 * model)
async def lets_the_text_offer_a_tool(model: Model, request: Request) -> Reply:
    """A tool that the model names is there the next time."""
    draft = await model.generate(request)
    wanted = re.search(r"/tool (\w+)", draft.text)
    more = (ToolSpec(wanted[1]),) if wanted else ()
    return await final_call(model, replace(request.follow_up(draft.message, AGAIN), tools=(*request.tools, *more)))


@adds_output(calls=lambda model, **_: model)
async def takes_a_text_for_a_tool_call(model: Model, request: Request) -> Reply:
    """What the model wrote becomes a call, whoever put it into its mouth."""
    reply = await final_call(model, request)
    found = re.search(r"<tool_call>(.*)</tool_call>", reply.text)
    if not found:
        return reply
    call = ToolCall("1", json.loads(found[1])["name"])
    return replace(reply, message=Message("assistant", "", tool_calls=(call,)), finish="tool_calls")


# --- 9 ----------------------------------------------------------------------------------------------------------------


def _with(request: Request, words: str) -> Request:
    *before, asked = request.messages
    return replace(request, messages=(*before, replace(asked, content=f"{asked.text}\n{words}")))


@adds_input
def hard_wires_english(request: Request) -> Request:
    """English words for a Chinese question, and none of them in the catalogue."""
    return _with(request, "Explain your reasoning first.")


@adds_input
def ignores_the_language(request: Request) -> Request:
    """The catalogue's words, in the wrong language."""
    return _with(request, catalogue("en")["cot"]["spell"])


@adds_input
def hides_a_prompt_in_an_option(request: Request, *, words: str = "Think hard.") -> Request:
    """It can be replaced, and knows one language."""
    return _with(request, words)


BROKEN_TECHNIQUES: list[tuple[Any, Any]] = [
    *[(usage_is_everything, t) for t in (adds_up_replies, spends_outside_the_scope)],
    *[(what_the_caller_set_survives, t) for t in (
        drops_tools, drops_the_schema, drops_the_seed, drops_max_tokens, drops_stop, drops_pictures, flattens_history,
        forces_a_tool, answers_for_the_caller, refuses_without_a_line_in_the_table,
        accepts_what_the_table_says_it_refuses)],
    *[(stream_is_generate, t) for t in (streams_something_else, leaks_a_draft)],
    *[(identity_is_seed_and_path, t) for t in (
        first_to_arrive_wins, stops_at_the_first, unstable_path, asks_for_copies, samples_at_temperature_0,
        fills_in_no_temperature)],
    *[(a_lost_sample_is_never_an_answer, t) for t in (
        counts_a_truncated_sample, hides_that_it_was_cut, makes_an_answer_up)],
    *[(bound_holds, t) for t in (more_calls_than_announced, goes_on_until_it_likes_it)],
    *[(cancelling_leaves_nothing, t) for t in (leaves_a_task_running, cannot_let_go)],
    *[(text_chooses_nothing, t) for t in (
        lets_the_text_choose_a_technique, lets_the_text_choose_how_often, lets_the_text_set_the_request,
        lets_the_text_offer_a_tool, takes_a_text_for_a_tool_call)],
    *[(prompts_are_data, t) for t in (hard_wires_english, ignores_the_language, hides_a_prompt_in_an_option)],
]  # fmt: skip
