"""Scripted models that call tools: natively, or as people who know no such thing, in plain text."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from jielong.contract import Message, Reply, Request, Sampling, ToolCall
from jielong.errors import Unsupported
from jielong.models.function_identity import function_identity
from jielong.models.scripted import Scripted


def asked(text: str = "What is 17 * 23?", **changes: object) -> Request:
    return Request((Message("user", text),), Sampling(seed=1), **changes)  # type: ignore[arg-type]


def calling(*calls: tuple[str, str], text: str = "") -> Reply:
    made = tuple(ToolCall(f"c{n}", name, arguments) for n, (name, arguments) in enumerate(calls))
    return Reply(Message("assistant", text, tool_calls=made), "tool_calls")


def turns(*replies: str | Reply | Callable[[Request], str | Reply]) -> Scripted:
    """A model that gives these replies one after the other, the last one for ever."""
    given = iter(replies)
    left: list[object] = []

    def reply(request: Request) -> str | Reply:
        nonlocal left
        left = [next(given, left[0] if left else None)]
        said = left[0]
        return said(request) if callable(said) else said  # type: ignore[return-value]

    script = [function_identity(each) if callable(each) else repr(each) for each in replies]
    return Scripted(reply, identity=" ".join(script))


def without_native_calls(*replies: str) -> Scripted:
    given = list(replies)

    def reply(request: Request) -> str:
        if request.tools:
            raise Unsupported("this model has no tools; use one that has")
        return given.pop(0) if len(given) > 1 else given[0]

    return Scripted(reply)


def roles(request: Request) -> Sequence[str]:
    return [message.role for message in request.messages]
