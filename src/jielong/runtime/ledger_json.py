"""Requests, replies and usage as JSON and back: what the ledger keeps. `decode_reply(encode_reply(r)) == r`."""

from __future__ import annotations

import base64
from dataclasses import asdict, fields
from typing import Any

from ..contract import Image, Message, Part, Reply, Request, Sampling, Text, Thinking, TokenLogprob, ToolCall, Usage

Json = dict[str, Any]

_SAMPLING = tuple(field.name for field in fields(Sampling))  # `asdict` copies deeply, which costs more than the rest
_USAGE = tuple(field.name for field in fields(Usage))


def encode_request(request: Request) -> Json:
    said: Json = {"messages": [encode_message(message) for message in request.messages]}
    sampling = {name: value for name in _SAMPLING if (value := getattr(request.sampling, name)) not in (None, ())}
    if sampling:
        said["sampling"] = sampling
    if request.tools:
        said["tools"] = [
            {"name": tool.name, "description": tool.description, "parameters": dict(tool.parameters)}
            for tool in request.tools
        ]
        said["tool_choice"] = request.tool_choice
    if request.schema is not None:
        said["schema"] = dict(request.schema)
    return said


def encode_message(message: Message) -> Json:
    said: Json = {"role": message.role}
    said["content"] = message.content if isinstance(message.content, str) else [_part(part) for part in message.content]
    if message.tool_calls:
        said["tool_calls"] = [asdict(call) for call in message.tool_calls]
    if message.tool_call_id is not None:
        said["tool_call_id"] = message.tool_call_id
    return said


def _part(part: Part) -> Json:
    if isinstance(part, Text):
        return {"text": part.text}
    if isinstance(part, Thinking):
        return {"thinking": part.text}
    return {"image": base64.b64encode(part.data).decode(), "mime": part.mime}


def decode_message(said: Json) -> Message:
    content = said["content"]
    return Message(
        said["role"],
        content if isinstance(content, str) else tuple(map(_decode_part, content)),
        tuple(ToolCall(**call) for call in said.get("tool_calls", ())),
        said.get("tool_call_id"),
    )


def _decode_part(said: Json) -> Part:
    if "text" in said:
        return Text(said["text"])
    if "thinking" in said:
        return Thinking(said["thinking"])
    return Image(base64.b64decode(said["image"]), said["mime"])


def encode_usage(usage: Usage) -> Json:
    return {name: value for name in _USAGE if (value := getattr(usage, name)) != 0}


def decode_usage(said: Json) -> Usage:
    return Usage(**said)


def encode_reply(reply: Reply) -> Json:
    said: Json = {"message": encode_message(reply.message), "finish": reply.finish, "usage": encode_usage(reply.usage)}
    if reply.logprobs is not None:
        said["logprobs"] = [[t.token, t.logprob, *([t.top] if t.top else [])] for t in reply.logprobs]
    return said


def decode_reply(said: Json) -> Reply:
    logprobs = said.get("logprobs")
    return Reply(
        decode_message(said["message"]),
        said["finish"],
        decode_usage(said["usage"]),
        logprobs=None if logprobs is None else tuple(_decode_logprob(*token) for token in logprobs),
    )


def _decode_logprob(token: str, logprob: float, top: list[list[Any]] | None = None) -> TokenLogprob:
    return TokenLogprob(token, logprob, tuple((word, value) for word, value in top or ()))
