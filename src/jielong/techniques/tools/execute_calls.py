"""Making the calls that a model asked for: read, mended or refused in words for the model, run side by side."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from ...context import sub_path
from ...contract import Model, Request, ToolCall
from ...prompts import Language, catalogue, fill
from ...technique import FailedSample, gather
from .repair_calls import nearest, understood
from .tool import Arguments, Tool, ToolFailed, called, request_of
from .toolset import MOST_AT_ONCE


@dataclass(frozen=True, slots=True)
class ExecutedCall:
    """A call as it was made, and what the model is to read of it. `shown`: what the user is to see of it, too."""

    call: ToolCall
    result: str
    shown: str | None = None


async def execute_calls(
    calls: Sequence[ToolCall], offered: Mapping[str, Tool], theirs: frozenset[str], request: Request, round: int,
    language: Language,
) -> tuple[ExecutedCall, ...]:  # fmt: skip
    """The calls of one round, in their order. `theirs`: the names of the caller's tools: no mended name is one."""
    read = [_read(call, n, offered, theirs, language) for n, call in enumerate(calls)]
    ready = [(n, tool, arguments) for n, (_, tool, arguments, _) in enumerate(read) if tool is not None]
    pairs: list[Request | tuple[Model, Request]] = [
        (called(tool, language), request_of(arguments, request.sampling.seed)) for _, tool, arguments in ready
    ]
    with sub_path("use"):
        replies = await gather(None, pairs, first=round * MOST_AT_ONCE)
    texts = {n: problem for n, (_, _, _, problem) in enumerate(read)}
    shown: dict[int, str] = {}
    for (n, tool, _), reply in zip(ready, replies, strict=True):
        if isinstance(reply, FailedSample):
            texts[n] = ToolFailed("raised", {"error": str(reply.error)}).words(language)
        else:
            texts[n] = reply.text
            if tool.shows:
                shown[n] = reply.text
    return tuple(ExecutedCall(call, texts[n], shown.get(n)) for n, (call, _, _, _) in enumerate(read))


def _read(
    call: ToolCall, n: int, offered: Mapping[str, Tool], theirs: frozenset[str], language: Language
) -> tuple[ToolCall, Tool | None, Arguments, str]:
    """The call as it can be kept in the history, the tool, its arguments; or no tool, and what is wrong."""
    try:
        if n >= MOST_AT_ONCE:
            raise ToolFailed("too_many", {"most": str(MOST_AT_ONCE)})
        tool = _meant(call.name, offered, theirs)
        try:
            arguments = understood(call.arguments, tool.parameters)
        except ValueError:
            raise ToolFailed("unreadable", {"said": call.arguments[:200], "signature": tool.signature}) from None
        try:
            arguments = tool.check(arguments)
        except ToolFailed as failed:
            raise ToolFailed(failed.kind, {**failed.values, "signature": tool.signature}) from None
        return replace(call, name=tool.name, arguments=json.dumps(arguments, ensure_ascii=False)), tool, arguments, ""
    except ToolFailed as failed:
        words = catalogue(language)["tool_errors"]
        problem = failed.words(language)
        if "signature" in failed.values:
            problem += fill(words["signature"], failed.values)
        return replace(call, name=_spelled(call.name), arguments=_valid(call.arguments)), None, {}, problem


def _meant(name: str, offered: Mapping[str, Tool], theirs: frozenset[str]) -> Tool:
    found = nearest(name, [*offered, *theirs])
    if found is None or found not in offered:
        raise ToolFailed("unknown_tool", {"name": name[:100], "names": ", ".join(offered)})
    return offered[found]


def _spelled(name: str) -> str:
    """As endpoints accept a name in the history."""
    return "".join(c if c.isascii() and (c.isalnum() or c in "_-") else "_" for c in name)[:64] or "unknown"


def _valid(arguments: str) -> str:
    """Arguments that cannot be read are left out of the history: the model reads them in the error."""
    try:
        return arguments if isinstance(json.loads(arguments), dict) else "{}"
    except (ValueError, RecursionError):
        return "{}"
