"""`tools` and `react`: the model asks for calls, reads their results, and answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

from ...contract import Message, Model, Reply, Request, Text, ToolCall
from ...errors import BadInput, NoAnswer, Unsupported
from ...prompts import Language, spoken_in
from ...scope import note
from ...sync import unwrap_exception_group
from ...technique import FailedSample, adds_output, final_call, gather
from ..prompting import before
from .execute_calls import ExecutedCall, execute_calls
from .text_protocol import CALLS, THOUGHTS, Protocol, key
from .tool import Tool
from .toolset import FromPython, Toolset, counted, open_toolset


def _most_of_tools(model: int, use: Any, rounds: int, form: str, **_: Any) -> int:
    """Each round and the answer; as text the answer under a schema; in `auto` the attempt at native calls."""
    return (rounds + 1 + (form != "native") + (form == "auto")) * model + rounds * counted(use)


def _most_of_react(model: int, use: Any, rounds: int, **_: Any) -> int:
    return (rounds + 2) * model + rounds * counted(use)


@adds_output(calls=_most_of_tools)
async def tools(
    model: Model,
    request: Request,
    *,
    use: Sequence[Toolset] | FromPython = ("calculator",),
    rounds: int = 6,
    form: Literal["auto", "native", "text"] = "auto",
    instructions: str | None = None,
) -> Reply:
    """Let the model call tools for up to `rounds` rounds, then answer (Toolformer: Schick et al. 2023).

    `use` names built-in tools (calculator, python, read_url, web_search, draw, mcp); from Python also functions and MCP
    servers. `native` calls are the model's own; `text` writes them as text; `auto` takes text where the model has none.
    Unlike Toolformer nothing is trained, and a result comes as a turn of its own, not within the sentence. A call of
    one of the caller's own tools ends it; calls of ours in the same reply are then not made.
    """
    _check(rounds)
    speaks = spoken_in(request)
    if request.tools and request.tool_choice not in ("auto", "none"):
        return await final_call(model, request)  # the caller wants one of their own tools called now
    with unwrap_exception_group():
        async with open_toolset(use, speaks, request.tools) as offered:
            if not offered:
                return await final_call(model, request)  # the caller has the same tools, and they are the caller's
            if form == "text":
                return await _converse(model, request, offered, rounds, CALLS, instructions, speaks)
            try:
                return await _natively(model, request, offered, rounds, instructions, speaks)
            except _NoNativeCalls as none:
                if form == "native" or request.tools:
                    raise none.why from None
                note(f"{model.name} has no native tool calls: they were written as text (form=text saves the attempt)")
                return await _converse(model, request, offered, rounds, CALLS, instructions, speaks)


@adds_output(calls=_most_of_react)
async def react(
    model: Model,
    request: Request,
    *,
    use: Sequence[Toolset] | FromPython = ("calculator",),
    rounds: int = 6,
    instructions: str | None = None,
) -> Reply:
    """Thought, Action, Observation, in plain text, for up to `rounds` actions (ReAct: Yao et al. 2023).

    The tools are those of `tools`. Yao et al. show whole examples; here the words alone explain the form (put few_shot
    before it for examples), and each observation is a turn of its own, so that a model cannot make one up.
    """
    _check(rounds)
    speaks = spoken_in(request)
    if request.tools and request.tool_choice not in ("auto", "none"):
        return await final_call(model, request)
    with unwrap_exception_group():
        async with open_toolset(use, speaks, request.tools) as offered:
            if not offered:
                return await final_call(model, request)  # the caller has the same tools, and they are the caller's
            return await _converse(model, request, offered, rounds, THOUGHTS, instructions, speaks)


class _NoNativeCalls(Exception):
    def __init__(self, why: Unsupported) -> None:
        super().__init__(str(why))
        self.why = why


def _check(rounds: int) -> None:
    if rounds < 1:
        raise BadInput(f"rounds={rounds}; expected at least 1 round of calls")


async def _natively(
    model: Model, request: Request, offered: Mapping[str, Tool], rounds: int, words: str | None, speaks: Language
) -> Reply:
    theirs = request.tools if request.tool_choice == "auto" else ()
    names = frozenset(tool.name for tool in theirs)
    talk = request if words is None else _told(request, words)
    talk = replace(talk, tools=(*theirs, *(tool.spec for tool in offered.values())), tool_choice="auto")
    shown: list[str] = []
    for round in range(rounds):
        try:
            reply = await _turn(model, talk, round)
        except Unsupported as why:
            if round == 0:
                raise _NoNativeCalls(why) from None
            raise _unfit(why) from None
        if reply.finish != "tool_calls":
            return _with_pictures(reply, shown, request)
        mine = tuple(call for call in reply.message.tool_calls if call.name in names)
        if mine:
            return replace(reply, message=replace(reply.message, tool_calls=mine))
        made = await execute_calls(_identified(reply.message.tool_calls, round), offered, names, request, round, speaks)
        shown += [one.shown for one in made if one.shown]
        asked = replace(reply.message, tool_calls=tuple(one.call for one in made))
        results = (Message("tool", one.result, tool_call_id=one.call.id) for one in made)
        talk = replace(talk, messages=(*talk.messages, asked, *results))
    answering = replace(talk, tools=(*request.tools, *(tool.spec for tool in offered.values())), tool_choice="none")
    reply = await (_turn(model, answering, rounds) if shown else final_call(model, answering))
    if reply.finish == "tool_calls":
        raise _too_long(rounds)
    return _with_pictures(reply, shown, request)


async def _converse(
    model: Model, request: Request, offered: Mapping[str, Tool], rounds: int, protocol: Protocol, words: str | None,
    speaks: Language,
) -> Reply:  # fmt: skip
    """The same in plain text: calls are read from the replies, results are told in a turn of the user.

    A JSON schema would forbid to write a call, so it holds for one more turn, which states the answer again.
    """
    talk = _told(replace(request, schema=None), protocol.instructions(list(offered.values()), words, speaks))
    theirs = frozenset(tool.name for tool in request.tools)
    given = protocol.quoted(request.messages)
    shown: list[str] = []
    for round in range(rounds + 1):
        try:
            reply = await _turn(model, talk, round)
        except Unsupported as why:
            raise (_unfit(why) if round else why) from None
        if reply.finish == "tool_calls":  # native ones: the caller's, as no others were offered
            return reply
        spoken = protocol.read(reply.text)
        calls = [call for call in spoken.calls if key(call) not in given]
        if not calls and request.schema is not None:
            more = (reply.message, Message("user", protocol.enough(speaks)))
            return await final_call(model, replace(talk, messages=(*talk.messages, *more), schema=request.schema))
        if not calls:
            return _with_pictures(reply, shown, request)
        if round == rounds:
            break
        made = await execute_calls(calls, offered, theirs, request, round, speaks)
        shown += [one.shown for one in made if one.shown]
        results = Message("user", _results(made, protocol, speaks, last=round == rounds - 1))
        given |= protocol.quoted([Message("user", one.result) for one in made])
        talk = replace(talk, messages=(*talk.messages, Message("assistant", spoken.said), results))
    raise _too_long(rounds)


def _results(made: Sequence[ExecutedCall], protocol: Protocol, speaks: Language, *, last: bool) -> str:
    told = protocol.results([(one.call, one.result) for one in made], speaks)
    return f"{told}\n\n{protocol.enough(speaks)}" if last else told


async def _turn(model: Model, request: Request, round: int) -> Reply:
    sample = (await gather(model, [request], first=round))[0]
    if isinstance(sample, FailedSample):
        raise sample.error
    return sample


def _told(request: Request, words: str) -> Request:
    """The request with `words` in its system message, before those of the caller."""
    first, *others = request.messages
    if first.role != "system":
        return replace(request, messages=(Message("system", words), *request.messages))
    return replace(request, messages=(before(first, f"{words}\n\n"), *others))


def _identified(calls: Sequence[ToolCall], round: int) -> list[ToolCall]:
    """Each call with an id of its own: some endpoints give none, or the same twice."""
    seen: set[str] = set()
    named = []
    for n, call in enumerate(calls):
        own = call.id if call.id and call.id not in seen else f"call_{round}_{n}"
        seen.add(own)
        named.append(replace(call, id=own))
    return named


def _with_pictures(reply: Reply, shown: Sequence[str], request: Request) -> Reply:
    """The reply, with the paths of pictures that it does not mention below it."""
    missing = [path for path in dict.fromkeys(shown) if path not in reply.text]
    if not missing or request.schema is not None:
        return reply
    below = "\n".join(["", *missing])
    content = reply.message.content
    added = content + below if isinstance(content, str) else (*content, Text(below))
    return replace(reply, message=replace(reply.message, content=added))


def _unfit(why: Unsupported) -> NoAnswer:
    """The model's own calls, or what they gave, cannot be told to it again: that costs this sample alone."""
    return NoAnswer(f"the conversation with the tools cannot go on: {why}")


def _too_long(rounds: int) -> NoAnswer:
    return NoAnswer(
        f"after {rounds} rounds of calls the model still asks for tools; raise rounds=, or ask more plainly"
    )
