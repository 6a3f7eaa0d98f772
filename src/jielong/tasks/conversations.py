"""Conversations as data files write them: OpenAI's messages, ShareGPT's turns, content as text or in parts.

They become objects with `role`, `content` and, where there are some, `tool_calls`: what chat templates take.
"""

import json
from collections.abc import Mapping
from typing import Any, cast

from ..bounded_json import read_json
from ..contract import Message, Role, ToolCall

_ROLES: dict[str, Role] = {
    **dict.fromkeys(("system", "developer"), "system"),
    **dict.fromkeys(("user", "human", "prompter"), "user"),
    **dict.fromkeys(("assistant", "gpt", "model", "bot", "chatgpt", "function_call"), "assistant"),
    **dict.fromkeys(("tool", "function", "observation"), "tool"),
}


def is_conversation(cell: Any) -> bool:
    """Whether a cell is a list of messages, whatever they say."""
    keys = ({"role", "content"}, {"role", "tool_calls"}, {"from", "value"})
    return (
        isinstance(cell, list)
        and bool(cell)
        and all(isinstance(turn, Mapping) and any(pair <= turn.keys() for pair in keys) for turn in cell)
    )


def as_conversation(cell: Any) -> Any:
    """The cell; a conversation that stands as JSON in the cell of a CSV file is read."""
    if isinstance(cell, str) and cell.lstrip().startswith("[{"):
        try:
            value = read_json(cell)
        except ValueError:
            return cell
        return value if is_conversation(value) else cell
    return cell


def read_conversation(cell: list[Any]) -> list[dict[str, Any]]:
    """Each turn with `role` and `content`; what else it holds stays. Raises ValueError."""
    turns = []
    for turn in cell:
        if not isinstance(turn, Mapping):
            raise ValueError(f"expected messages with role and content, found {type(turn).__name__}")
        if "from" in turn:
            rest = {name: turn[name] for name in turn if name not in ("from", "value")}
            turn = {"role": turn["from"], "content": turn.get("value"), **rest}
        name = turn["role"]
        role = _ROLES.get(str(name).lower())
        if role is None:
            raise ValueError(f"unknown role {name!r}; known: {', '.join(_ROLES)}")
        if name == "function_call":
            turn = {**turn, "content": "", "tool_calls": _shared_calls(turn["content"])}
        content = "" if turn.get("tool_calls") and turn.get("content") is None else read_text(turn.get("content"), role)
        turns.append({**turn, "role": role, "content": content})
    return turns


def read_text(content: Any, role: str) -> str:
    """A text, or the texts of its parts. Raises ValueError where there is none, or a part that is no text."""
    if isinstance(content, str):
        return content
    if content is None:
        raise ValueError(f"the content of the {role} is null; expected a text")
    if not isinstance(content, list):
        raise ValueError(f"the content of the {role} is {type(content).__name__}; expected a text or parts")
    for part in content:
        if not isinstance(part, str) and not (isinstance(part, Mapping) and isinstance(part.get("text"), str)):
            kind = part.get("type") if isinstance(part, Mapping) else type(part).__name__
            raise ValueError(f"a part of type {kind!r} is not read; expected parts of text")
    return "".join(part if isinstance(part, str) else part["text"] for part in content)


def _shared_calls(value: Any) -> list[dict[str, Any]]:
    """ShareGPT's calls: one object or a list of them, as JSON text."""
    try:
        calls = read_json(value) if isinstance(value, str) else value
        return [
            {"type": "function", "function": {"name": call["name"], "arguments": call["arguments"]}}
            for call in (calls if isinstance(calls, list) else [calls])
        ]
    except (ValueError, KeyError, TypeError):
        raise ValueError(f"the function call {str(value)[:60]!r} is not JSON with name and arguments") from None


def to_messages(cell: list[Any]) -> tuple[Message, ...]:
    """The conversation as a model is asked. Raises ValueError."""
    return tuple(
        Message(
            cast(Role, turn["role"]),
            turn["content"],
            tuple(_call(call) for call in turn.get("tool_calls") or ()),
            turn.get("tool_call_id"),
        )
        for turn in read_conversation(cell)
    )


def _call(call: Mapping[str, Any]) -> ToolCall:
    arguments = call["function"].get("arguments", {})
    text = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
    return ToolCall(str(call.get("id", "")), str(call["function"]["name"]), text)
