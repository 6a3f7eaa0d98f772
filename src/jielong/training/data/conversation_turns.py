"""The turns of a training conversation as chat templates take them, with the weight of each in the loss."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from ...bounded_json import read_json
from ...contract import Message
from ...models.folded_messages import arrangements

Turn: TypeAlias = Mapping[str, Any]
Arranged: TypeAlias = tuple[list[dict[str, Any]], list[float], tuple[str, ...]]


def turn_weight(turn: Turn) -> float:
    """What a message counts in the loss: its `weight`, as OpenAI writes it, or `train` or `loss`; else 1."""
    for name in ("weight", "train", "loss"):
        value = turn.get(name)
        if value is not None and not (isinstance(value, int | float) and 0 <= value <= 1):
            raise ValueError(f"{name} = {value!r}; expected a number from 0 to 1")
        if value is not None and value < 1:
            return float(value)
    return 1.0


_THOUGHTS = ("reasoning", "thinking", "thought")


def without_parts(turns: Sequence[Any]) -> list[Any]:
    """Thoughts and calls that stand among the parts of a message (LLaMA-Factory's have a `value`) get their own place
    in it, where chat templates look for them."""
    taken: list[Any] = []
    for turn in turns:
        if isinstance(turn, Mapping) and isinstance(turn.get("content"), list):
            parts = [_part(part) for part in turn["content"]]
            thoughts = "".join(text for kind, text in parts if kind in _THOUGHTS)
            calls = [read_json(text) for kind, text in parts if kind == "tool_call"]
            rest = [
                part
                for part, (kind, _) in zip(turn["content"], parts, strict=True)
                if kind not in (*_THOUGHTS, "tool_call")
            ]
            texts = [{"type": "text", "text": text} if kind == "text" and isinstance(text, str) else part
                     for part, (kind, text) in zip(rest, map(_part, rest), strict=True)]  # fmt: skip
            turn = {**turn, "content": texts}
            turn |= ({"reasoning_content": thoughts} if thoughts else {}) | ({"tool_calls": calls} if calls else {})
        taken.append(turn)
    return taken


def _part(part: Any) -> tuple[str, Any]:
    if not isinstance(part, Mapping):
        return "", part
    kind = str(part.get("type"))
    return kind, next((part[name] for name in ("text", "value", kind) if part.get(name) is not None), None)


def as_templates_take_them(turns: Sequence[Turn]) -> list[dict[str, Any]]:
    """Without what is null, the arguments of calls as objects: as when a model is asked. Raises ValueError."""
    taken = []
    for turn in turns:
        given = {name: value for name, value in turn.items() if value is not None}
        thoughts = [given.pop(name) for name in _THOUGHTS if isinstance(given.get(name), str)]
        given |= {"reasoning_content": thoughts[0]} if thoughts else {}
        if calls := given.get("tool_calls"):
            given["tool_calls"] = [_call(call) for call in calls]
        taken.append({**given, "content": given.get("content", "")})
    return taken


def _call(call: Any) -> dict[str, Any]:
    try:
        function = dict(call.get("function", call))
        arguments = function.get("arguments") or {}
        if isinstance(arguments, str):
            arguments = read_json(arguments)
        if not isinstance(arguments, dict) or not isinstance(function["name"], str):
            raise TypeError
    except (KeyError, TypeError, ValueError):
        raise ValueError(f"a call of a tool: expected a name and arguments, found {str(call)[:80]!r}") from None
    given = dict(call) if "function" in call else {}
    return {"type": "function", **given, "function": {**function, "arguments": arguments}}


def arrangements_of(turns: Sequence[Turn], weights: Sequence[float]) -> Iterator[Arranged]:
    """The turns with their weights, then in other arrangements that a template may take (folded_messages.py, as when a
    model is asked), with notes on what was changed."""
    messages = tuple(Message(turn["role"], f"\0{i}\0") for i, turn in enumerate(turns))
    for arranged, notes in arrangements(messages):
        groups = [[int(number) for number in message.text.split("\0") if number.strip()] for message in arranged]
        if any(len({weights[i] for i in group if turns[i]["role"] == "assistant"}) > 1 for group in groups):
            continue  # a reply that is learnt and one that is not cannot become one message
        joined = [
            {
                **turns[group[-1]],
                "role": message.role,
                "content": "\n\n".join(filter(None, (turns[i]["content"] for i in group))),
            }
            for message, group in zip(arranged, groups, strict=True)
        ]
        yield joined, [weights[group[-1]] for group in groups], notes
