"""Requests, replies and usage as JSON and back: what the ledger keeps. `decode_reply(encode_reply(r)) == r`.

This is the one module beneath the endpoints that knows each `Part`: how it is written down, and the most tokens it has.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

from ..contract import (
    Embeddings,
    Image,
    Message,
    NextToken,
    NextTokens,
    Part,
    Reply,
    Request,
    Sampling,
    Source,
    Text,
    Thinking,
    TokenLogprob,
    ToolCall,
    Usage,
)

Json = dict[str, Any]

MAX_COUNT = 1e15  # of tokens, calls, dollars, seconds: beyond, sums are no longer exact and printing fails
TEMPLATE_TOKENS, TEMPLATE_TOKENS_A_MESSAGE = 64, 16  # what a chat template adds, generously

_SAMPLING = tuple(field.name for field in fields(Sampling))  # `asdict` copies deeply, which costs more than the rest
_USAGE = tuple(field.name for field in fields(Usage))
_UNSET: tuple[object, ...] = (None, (), {})


def encode_request(request: Request) -> Json:
    row: Json = {"messages": [encode_message(message) for message in request.messages]}
    sampling = {name: value for name in _SAMPLING if (value := getattr(request.sampling, name)) not in _UNSET}
    if sampling:
        row["sampling"] = sampling
    if request.tools:
        row["tools"] = [
            {"name": tool.name, "description": tool.description, "parameters": dict(tool.parameters)}
            for tool in request.tools
        ]
        row["tool_choice"] = request.tool_choice
    if request.schema is not None:
        row["schema"] = dict(request.schema)
    return row


def encode_message(message: Message) -> Json:
    row: Json = {"role": message.role}
    row["content"] = message.content if isinstance(message.content, str) else [_part(part) for part in message.content]
    if message.tool_calls:
        row["tool_calls"] = [_set_fields(asdict(call)) for call in message.tool_calls]
    if message.tool_call_id is not None:
        row["tool_call_id"] = message.tool_call_id
    if message.name is not None:
        row["name"] = message.name
    return row


def _part(part: Part) -> Json:
    if isinstance(part, Text):
        return {"text": part.text}
    if isinstance(part, Thinking):
        return {"thinking": part.text} | _set_fields({"signature": part.signature, "form": part.form})
    return {"image": base64.b64encode(part.data).decode(), "mime": part.mime}


def _set_fields(row: Json) -> Json:
    return {name: value for name, value in row.items() if value is not None}


def decode_message(row: Json) -> Message:
    content = row["content"]
    if not isinstance(content, str | list):
        raise TypeError(f"expected a text or parts, found {type(content).__name__}")
    return Message(
        _text(row["role"]),  # type: ignore[arg-type]
        content if isinstance(content, str) else tuple(map(_decode_part, content)),
        tuple(ToolCall(**{name: _text(value) for name, value in call.items()}) for call in row.get("tool_calls", ())),
        _text_or_none(row.get("tool_call_id")),
        _text_or_none(row.get("name")),
    )


def _decode_part(row: Json) -> Part:
    if "text" in row:
        return Text(_text(row["text"]))
    if "thinking" in row:
        return Thinking(_text(row["thinking"]), _text_or_none(row.get("signature")), _text_or_none(row.get("form")))
    return Image(base64.b64decode(row["image"]), _text(row["mime"]))


def check_request(row: Json) -> Json:
    """The row, which is a request. Raises what `decode_reply` raises: a ledger may come from somebody else."""
    for message in row.get("messages", ()):
        decode_message(message)
    return row


def check_result(row: Json) -> Json:
    """The row, which holds a message. Raises what `decode_reply` raises."""
    decode_message(row["message"])
    return row


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"expected a text, found {type(value).__name__}")
    return value


def _text_or_none(value: Any) -> str | None:
    return None if value is None else _text(value)


def encode_usage(usage: Usage) -> Json:
    return {name: value for name in _USAGE if (value := getattr(usage, name)) != 0}


def decode_usage(row: Json) -> Usage:
    for name, value in row.items():
        if not (isinstance(value, int | float) and 0 <= value < MAX_COUNT) and not (value is None and name == "usd"):
            raise TypeError(f"{name}: expected a number")
    return Usage(**row)


def encode_reply(reply: Reply) -> Json:
    row: Json = {"message": encode_message(reply.message), "finish": reply.finish, "usage": encode_usage(reply.usage)}
    if reply.logprobs is not None:
        row["logprobs"] = [[t.token, t.logprob, *([t.top] if t.top else [])] for t in reply.logprobs]
    if reply.sources:
        row["sources"] = encode_sources(reply)
    if reply.answered_by:
        row["answered_by"] = reply.answered_by
    return row


def decode_reply(row: Json) -> Reply:
    logprobs = row.get("logprobs")
    return Reply(
        decode_message(row["message"]),
        _text(row["finish"]),  # type: ignore[arg-type]
        decode_usage(row["usage"]),
        logprobs=None if logprobs is None else tuple(_decode_logprob(*token) for token in logprobs),
        sources=tuple(_decode_source(source) for source in row.get("sources", ())),
        answered_by=_text(row.get("answered_by", "")),
    )


def encode_sources(reply: Reply) -> list[Json]:
    return [asdict(source) for source in reply.sources]


def _decode_source(row: Json) -> Source:
    return Source(**{**row, "cited_at": tuple((start, end) for start, end in row.get("cited_at", ()))})


def encode_next_tokens(result: NextTokens) -> Json:
    tokens = [[t.token, t.text, t.probability, t.ends] for t in result.tokens]
    return {"message": {"role": "assistant", "content": ""}, "next_tokens": tokens, "usage": encode_usage(result.usage)}


def decode_next_tokens(row: Json) -> NextTokens:
    return NextTokens(tuple(NextToken(*token) for token in row["next_tokens"]), decode_usage(row["usage"]))


def encode_embeddings(result: Embeddings) -> Json:
    empty = {"role": "assistant", "content": ""}
    return {"message": empty, "vectors": result.vectors, "usage": encode_usage(result.usage)}


def decode_embeddings(row: Json) -> Embeddings:
    return Embeddings(tuple(tuple(vector) for vector in row["vectors"]), decode_usage(row["usage"]))


def _decode_logprob(token: str, logprob: float, top: list[list[Any]] | None = None) -> TokenLogprob:
    return TokenLogprob(_text(token), float(logprob), tuple((_text(word), float(value)) for word, value in top or ()))


def max_input_tokens(request: Request, arguments: Mapping[str, Any]) -> int | None:
    """The most tokens that a call reads: its UTF-8 bytes, as no tokenizer makes more; None for an image.

    `arguments` are those of its operation: a continuation, the tokens of a reply.
    """
    texts = [text for message in request.messages for text in _texts(message)]
    if None in texts:
        return None
    texts += [json.dumps([tool.name, tool.description, tool.parameters]) for tool in request.tools]
    if request.schema is not None:
        texts.append(json.dumps(request.schema))
    if arguments:
        texts.append(json.dumps(arguments, ensure_ascii=False))
    template = TEMPLATE_TOKENS + TEMPLATE_TOKENS_A_MESSAGE * (len(request.messages) + len(request.tools))
    return sum(map(_bytes, filter(None, texts))) + template


def max_message_tokens(message: Message) -> int:
    """The most tokens that a reply has: its UTF-8 bytes, and what a template puts around it."""
    return sum(map(_bytes, filter(None, _texts(message)))) + TEMPLATE_TOKENS_A_MESSAGE


def _bytes(text: str) -> int:
    return len(text.encode(errors="replace"))


def _texts(message: Message) -> list[str | None]:
    """Every text of a message that a model may read; None for what is not a text."""
    parts = (Text(message.content),) if isinstance(message.content, str) else message.content
    texts = [None if isinstance(part, Image) else part.text for part in parts]
    texts += [part.signature for part in parts if isinstance(part, Thinking) and part.signature]
    return [
        *texts,
        message.name or "",
        *(call.name + call.arguments + (call.signature or "") for call in message.tool_calls),
    ]
