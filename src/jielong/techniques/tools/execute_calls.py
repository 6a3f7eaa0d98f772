"""Making the calls that a model asked for: read, mended or refused in words for the model, run side by side."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from ...bounded_json import read_json
from ...call_context import sub_path
from ...contract import Request, ToolCall
from ...prompts import Language, catalogue, fill
from ...scope import scope
from ...technique import FailedSample, gather
from .repair_calls import nearest_name, repair_arguments
from .tool import Arguments, Tool, ToolFailed, call_tool, request_of, traced_call
from .toolset import MAX_PARALLEL_CALLS


@dataclass(frozen=True, slots=True)
class ExecutedCall:
    """A call as it was made, and what the model is to read of it. `for_user`: what the user is to see of it, too."""

    call: ToolCall
    result: str
    for_user: str | None = None


async def execute_calls(
    calls: Sequence[ToolCall], our_tools: Mapping[str, Tool], caller_names: frozenset[str], request: Request,
    round: int, language: Language,
) -> tuple[ExecutedCall, ...]:  # fmt: skip
    """The calls of one round, in order. A repaired name is never one of `caller_names`, the caller's own tools."""
    parsed_calls = [_parse_call(call, n, our_tools, caller_names, language) for n, call in enumerate(calls)]
    ready = [(n, tool, arguments) for n, (_, tool, arguments, _) in enumerate(parsed_calls) if tool is not None]
    seed = request.sampling.seed
    pairs = [(call_tool(tool, language), request_of(arguments, seed)) for _, tool, arguments in ready]
    with sub_path("use"):
        replies = await gather(None, pairs, first=round * MAX_PARALLEL_CALLS)
    for call, tool, _, problem in parsed_calls:
        if tool is None:
            with scope("tool", kind="tool") as step:
                step.text = traced_call(f"{call.name} {call.arguments}", problem)
    executed = [ExecutedCall(call, problem) for call, _, _, problem in parsed_calls]
    for (n, tool, _), reply in zip(ready, replies, strict=True):
        if isinstance(reply, FailedSample):
            text, for_user = ToolFailed("raised", {"error": str(reply.error)}).words(language), None
        else:
            text, for_user = reply.text, reply.text if tool.shows else None
        executed[n] = replace(executed[n], result=text, for_user=for_user)
    return tuple(executed)


def _parse_call(
    call: ToolCall, n: int, our_tools: Mapping[str, Tool], caller_names: frozenset[str], language: Language
) -> tuple[ToolCall, Tool | None, Arguments, str]:
    """The call as it can be kept in the history, the tool, its arguments; or no tool, and what is wrong."""
    try:
        if n >= MAX_PARALLEL_CALLS:
            raise ToolFailed("too_many", {"most": str(MAX_PARALLEL_CALLS)})
        name = nearest_name(call.name, [*our_tools, *caller_names])
        if name is None or name not in our_tools:
            raise ToolFailed("unknown_tool", {"name": call.name[:100], "names": ", ".join(our_tools)})
        tool = our_tools[name]
        try:
            arguments = repair_arguments(call.arguments, tool.parameters)
        except ValueError:
            raise ToolFailed("unreadable", {"said": call.arguments[:200], "signature": tool.signature}) from None
        try:
            arguments = tool.check(arguments)
        except ToolFailed as failed:
            raise ToolFailed(failed.kind, {**failed.values, "signature": tool.signature}) from None
        return replace(call, name=tool.name, arguments=json.dumps(arguments, ensure_ascii=False)), tool, arguments, ""
    except ToolFailed as failed:
        problem = failed.words(language)
        if "signature" in failed.values:
            problem += fill(catalogue(language)["tool_errors"]["signature"], failed.values)
        name = re.sub(r"[^A-Za-z0-9_-]", "_", call.name)[:64] or "unknown"  # as endpoints accept it in the history
        return replace(call, name=name, arguments=_valid_arguments(call.arguments)), None, {}, problem


def _valid_arguments(arguments: str) -> str:
    """Arguments that cannot be read are left out of the history: the model reads them in the error."""
    try:
        return arguments if isinstance(read_json(arguments), dict) else "{}"
    except ValueError:
        return "{}"
