"""`tools` and `react`: the model asks for calls, reads their results, and answers."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal, TypeAlias

from ...contract import Message, Model, Reply, Request, ToolCall
from ...errors import BadInput, NoAnswer, Unsupported
from ...prompts import Language, request_language
from ...scope import note
from ...sync import unwrap_exception_group
from ...technique import FailedSample, adds_output, final_call, gather
from ..prompting import Words, after, with_system_words
from .execute_calls import execute_calls
from .text_protocol import CALLS, THOUGHTS, Protocol, key
from .tool import Tool
from .toolset import Use, max_metered_calls, open_toolset

Answer: TypeAlias = Callable[[Mapping[str, Tool], Language], Awaitable[Reply]]


def _max_tools_calls(model: int, use: Any, rounds: int, form: str, **_: Any) -> int:
    """Each round and the answer; as text the answer under a schema; in `auto` the attempt at native calls."""
    return (rounds + 1 + (form != "native") + (form == "auto")) * model + rounds * max_metered_calls(use)


@adds_output(calls=_max_tools_calls)
async def tools(
    model: Model,
    request: Request,
    *,
    use: Use = ("calculator",),
    rounds: int = 6,
    form: Literal["auto", "native", "text"] = "auto",
    instructions: Words = None,
) -> Reply:
    """Let the model call tools for up to `rounds` rounds, then answer (Toolformer: Schick et al. 2023).

    `use` names built-in tools (calculator, python, read_url, web_search, draw, mcp); from Python also functions and MCP
    servers. `native` calls are the model's own; `text` writes them as text; `auto` takes text where the model has none.
    Unlike Toolformer nothing is trained, and a result comes as a turn of its own, not within the sentence. A call of
    one of the caller's own tools ends it; calls of ours in the same reply are then not made.
    """

    async def answer(our_tools: Mapping[str, Tool], language: Language) -> Reply:
        if form != "text":
            try:
                return await _natively(model, request, our_tools, rounds, instructions, language)
            except _NoNativeCalls as none:
                if form == "native" or request.tools:
                    raise none.args[0] from None
                note(f"{model.name} has no native tool calls: they were written as text (form=text saves the attempt)")
        return await _converse(model, request, our_tools, rounds, CALLS, instructions, language)

    return await _with_toolset(model, request, use, rounds, answer)


@adds_output(calls=lambda model, use, rounds, **_: (rounds + 2) * model + rounds * max_metered_calls(use))
async def react(
    model: Model, request: Request, *, use: Use = ("calculator",), rounds: int = 6, instructions: Words = None
) -> Reply:
    """Thought, Action, Observation, in plain text, for up to `rounds` actions (ReAct: Yao et al. 2023).

    The tools are those of `tools`. Yao et al. show whole examples; here the words alone explain the form (put few_shot
    before it for examples), and each observation is a turn of its own, so that a model cannot make one up.
    """

    async def answer(our_tools: Mapping[str, Tool], language: Language) -> Reply:
        return await _converse(model, request, our_tools, rounds, THOUGHTS, instructions, language)

    return await _with_toolset(model, request, use, rounds, answer)


async def _with_toolset(model: Model, request: Request, use: Use, rounds: int, answer: Answer) -> Reply:
    if rounds < 1:
        raise BadInput(f"rounds={rounds}; expected at least 1 round of calls")
    if request.tools and request.tool_choice not in ("auto", "none"):
        return await final_call(model, request)  # the caller wants one of their own tools called now
    language = request_language(request)
    with unwrap_exception_group():
        async with open_toolset(use, language, request.tools) as our_tools:
            # Where the caller has the same tools, they are the caller's.
            return await (answer(our_tools, language) if our_tools else final_call(model, request))


class _NoNativeCalls(Exception):
    """Holds the Unsupported that says so."""


async def _natively(
    model: Model, request: Request, our_tools: Mapping[str, Tool], rounds: int, words: Words, language: Language
) -> Reply:
    our_specs = tuple(tool.spec for tool in our_tools.values())
    caller_tools = request.tools if request.tool_choice == "auto" else ()
    caller_names = frozenset(tool.name for tool in caller_tools)
    conversation = request if words is None else with_system_words(request, words)
    conversation = replace(conversation, tools=(*caller_tools, *our_specs), tool_choice="auto")
    picture_paths: list[str] = []
    for round in range(rounds):
        try:
            reply = await _next_reply(model, conversation, round)
        except Unsupported as why:
            if round == 0:
                raise _NoNativeCalls(why) from None
            raise _cannot_go_on(why) from None
        if reply.finish != "tool_calls":
            return _with_pictures(reply, picture_paths, request)
        caller_calls = tuple(call for call in reply.message.tool_calls if call.name in caller_names)
        if caller_calls:
            return replace(reply, message=replace(reply.message, tool_calls=caller_calls))
        calls = _with_ids(reply.message.tool_calls, round)
        executed = await execute_calls(calls, our_tools, caller_names, request, round, language)
        picture_paths += [one.for_user for one in executed if one.for_user]
        assistant_message = replace(reply.message, tool_calls=tuple(one.call for one in executed))
        results = (Message("tool", one.result, tool_call_id=one.call.id) for one in executed)
        conversation = replace(conversation, messages=(*conversation.messages, assistant_message, *results))
    answering = replace(conversation, tools=(*request.tools, *our_specs), tool_choice="none")
    reply = await (_next_reply(model, answering, rounds) if picture_paths else final_call(model, answering))
    if reply.finish == "tool_calls":
        raise _too_many_rounds(rounds)
    return _with_pictures(reply, picture_paths, request)


async def _converse(
    model: Model, request: Request, our_tools: Mapping[str, Tool], rounds: int, protocol: Protocol, words: Words,
    language: Language,
) -> Reply:  # fmt: skip
    """The same in plain text: calls are read from the replies, results are told in a turn of the user.

    A JSON schema would forbid to write a call, so it holds for one more turn, which states the answer again.
    """
    instructions = protocol.instructions(list(our_tools.values()), words, language)
    conversation = with_system_words(replace(request, schema=None), instructions)
    caller_names = frozenset(tool.name for tool in request.tools)
    specs = {name: tool.spec for name, tool in our_tools.items()}
    quoted_calls = protocol.quoted(request.messages, specs)
    picture_paths: list[str] = []
    for round in range(rounds + 1):
        try:
            reply = await _next_reply(model, conversation, round)
        except Unsupported as why:
            raise (_cannot_go_on(why) if round else why) from None
        if reply.finish == "tool_calls":  # native ones: the caller's, as no others were offered
            return reply
        parsed = protocol.read(reply.text, specs)
        calls = [call for call in parsed.calls if key(call) not in quoted_calls]
        if not calls and request.schema is not None:
            messages = (*conversation.messages, reply.message, Message("user", protocol.enough(language)))
            return await final_call(model, replace(conversation, messages=messages, schema=request.schema))
        if not calls:
            return _with_pictures(reply, picture_paths, request)
        if round == rounds:
            break
        executed = await execute_calls(calls, our_tools, caller_names, request, round, language)
        picture_paths += [one.for_user for one in executed if one.for_user]
        results = protocol.results([(one.call, one.result) for one in executed], language)
        if round == rounds - 1:
            results += f"\n\n{protocol.enough(language)}"
        quoted_calls |= protocol.quoted([Message("user", one.result) for one in executed], specs)
        turns = (Message("assistant", parsed.text_before_results), Message("user", results))
        conversation = replace(conversation, messages=(*conversation.messages, *turns))
    raise _too_many_rounds(rounds)


async def _next_reply(model: Model, request: Request, round: int) -> Reply:
    sample = (await gather(model, [request], first=round))[0]
    if isinstance(sample, FailedSample):
        raise sample.error
    return sample


def _with_ids(calls: Sequence[ToolCall], round: int) -> list[ToolCall]:
    """Each call with an id of its own: some endpoints give none, or the same twice."""
    seen: set[str] = set()
    identified = []
    for n, call in enumerate(calls):
        call_id = call.id if call.id and call.id not in seen else f"call_{round}_{n}"
        seen.add(call_id)
        identified.append(replace(call, id=call_id))
    return identified


def _with_pictures(reply: Reply, picture_paths: Sequence[str], request: Request) -> Reply:
    """The reply, with the paths of pictures that it does not mention below it."""
    missing = [path for path in dict.fromkeys(picture_paths) if path not in reply.text]
    if not missing or request.schema is not None:
        return reply
    return replace(reply, message=after(reply.message, "\n".join(["", *missing])))


def _cannot_go_on(why: Unsupported) -> NoAnswer:
    """The model's own calls, or what they gave, cannot be told to it again: that costs this sample alone."""
    return NoAnswer(f"the conversation with the tools cannot go on: {why}")


def _too_many_rounds(rounds: int) -> NoAnswer:
    return NoAnswer(
        f"after {rounds} rounds of calls the model still asks for tools; raise rounds=, or ask more plainly"
    )
