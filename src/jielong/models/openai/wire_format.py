"""Requests as the JSON of the chat completions protocol, and its JSON as replies. Thoughts are not sent back."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from typing import Any

from ...contract import (
    Finish,
    Image,
    Message,
    Part,
    Reply,
    Request,
    Text,
    Thinking,
    TokenLogprob,
    ToolCall,
    ToolSpec,
    Usage,
)
from ...errors import BadInput

Json = dict[str, Any]
_FINISHES: dict[str | None, Finish] = {
    "stop": "stop",
    "eos": "stop",
    "end_turn": "stop",
    "length": "length",
    "max_tokens": "length",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "refused",
    "refusal": "refused",
}
_THINKING = re.compile(r"\s*<think>(.*?)</think>\s*", re.S)


class Malformed(Exception):
    """The endpoint sent something that is not a reply of the protocol."""


def request_body(model: str, request: Request) -> Json:
    """The request as JSON. A setting that is None is not sent, so the endpoint's default holds.

    Raises BadInput when `Sampling.extra` names a field that the request itself fills.
    """
    sampling = request.sampling
    body: Json = {"model": model, "messages": [_message(message) for message in request.messages]}
    optional = {
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "max_tokens": sampling.max_tokens,
        "stop": list(sampling.stop) or None,
        "seed": sampling.seed,
        "reasoning_effort": sampling.reasoning_effort,
        "logprobs": None if sampling.logprobs is None else True,
        "top_logprobs": sampling.logprobs or None,
        "tools": [_tool(tool) for tool in request.tools] or None,
        "tool_choice": _tool_choice(request.tool_choice) if request.tools else None,
        "response_format": None if request.schema is None else _response_format(request.schema),
    }
    body |= {name: value for name, value in optional.items() if value is not None}
    if twice := sorted(sampling.extra.keys() & (body.keys() | {"stream", "stream_options"})):
        raise BadInput(f"Sampling.extra sets {', '.join(twice)}, which the request sets itself; leave it out of extra")
    return body | dict(sampling.extra)


def _tool(tool: ToolSpec) -> Json:
    function = {"name": tool.name, "description": tool.description, "parameters": dict(tool.parameters)}
    return {"type": "function", "function": function}


def _tool_choice(choice: str) -> str | Json:
    return choice if choice in ("auto", "none", "required") else {"type": "function", "function": {"name": choice}}


def _response_format(schema: Mapping[str, Any]) -> Json:
    return {"type": "json_schema", "json_schema": {"name": "reply", "schema": dict(schema), "strict": True}}


def _message(message: Message) -> Json:
    payload: Json = {"role": message.role, "content": _content(message.content)}
    if message.name is not None:
        payload["name"] = message.name
    if message.tool_calls:
        payload["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in message.tool_calls
        ]
        payload["content"] = payload["content"] or None
    if message.tool_call_id is not None:
        payload["tool_call_id"] = message.tool_call_id
    return payload


def _content(content: str | tuple[Part, ...]) -> str | list[Json]:
    if isinstance(content, str):
        return content
    parts = [part for part in content if not isinstance(part, Thinking)]
    if all(isinstance(part, Text) for part in parts):
        return "".join(part.text for part in parts if isinstance(part, Text))
    return [_image(part) if isinstance(part, Image) else {"type": "text", "text": part.text} for part in parts]


def _image(image: Image) -> Json:
    data = base64.b64encode(image.data).decode()
    return {"type": "image_url", "image_url": {"url": f"data:{image.mime};base64,{data}"}}


def parse_reply(completion: Any) -> Reply:
    """The reply in a chat completion that was not streamed. Raises Malformed."""
    try:
        choice = completion["choices"][0]
        message = choice["message"]
        logprobs = (choice.get("logprobs") or {}).get("content")
        return build_reply(
            message.get("content") or "",
            message.get("reasoning_content") or message.get("reasoning") or "",
            message.get("refusal") or "",
            [_tool_call(call) for call in message.get("tool_calls") or ()],
            choice.get("finish_reason"),
            completion.get("usage"),
            None if logprobs is None else [parse_logprob(token) for token in logprobs],
        )
    except (KeyError, IndexError, TypeError, AttributeError, ValueError) as error:
        raise Malformed(f"not a chat completion: {type(error).__name__} {error}") from None


def _tool_call(call: Json) -> ToolCall:
    function = call["function"]
    return ToolCall(str(call["id"]), str(function["name"]), str(function.get("arguments") or "{}"))


def parse_logprob(token: Json) -> TokenLogprob:
    top = tuple((str(t["token"]), float(t["logprob"])) for t in token.get("top_logprobs") or ())
    return TokenLogprob(str(token["token"]), float(token["logprob"]), top)


def build_reply(
    content: str,
    reasoning: str,
    refusal: str,
    calls: list[ToolCall],
    finish: str | None,
    usage: Json | None,
    logprobs: list[TokenLogprob] | None,
) -> Reply:
    """The reply from its fields. Without usage the call stays unsettled: nobody knows what it cost."""
    if not reasoning and (thinking := _THINKING.match(content)):
        reasoning, content = thinking[1].strip(), content[thinking.end() :]
    ended: Finish = "refused" if refusal else "tool_calls" if calls else _finish(finish)
    text = refusal if refusal and not content else content
    parts: str | tuple[Part, ...] = (Thinking(reasoning), Text(text)) if reasoning else text
    logs = None if logprobs is None else tuple(logprobs)
    return Reply(Message("assistant", parts, tuple(calls)), ended, parse_usage(usage), logprobs=logs)


def _finish(finish: str | None) -> Finish:
    if finish not in _FINISHES:
        raise Malformed(f"the reply ends with finish_reason {finish!r}")
    return _FINISHES[finish]


def parse_usage(usage: Json | None) -> Usage:
    if not usage:
        return Usage(unsettled_calls=1)
    output_details = usage.get("completion_tokens_details") or {}
    input_details = usage.get("prompt_tokens_details") or {}
    cached = input_details.get("cached_tokens") or usage.get("prompt_cache_hit_tokens") or 0
    return Usage(
        input_tokens=int(usage["prompt_tokens"]),
        output_tokens=int(usage.get("completion_tokens") or 0),
        reasoning_tokens=int(output_details.get("reasoning_tokens") or 0),
        prompt_cached_tokens=int(cached),
    )


class StreamAssembler:
    """Puts a streamed reply together from its chunks."""

    def __init__(self) -> None:
        self.content, self.reasoning, self.refusal = "", "", ""
        self.calls: dict[int, list[str]] = {}
        self.finish: str | None = None
        self.usage: Json | None = None
        self.logprobs: list[TokenLogprob] | None = None

    def add(self, chunk: Any) -> tuple[str, str]:
        """Add a chunk. Returns what it adds to the answer and to the thoughts. Raises Malformed."""
        try:
            self.usage = chunk.get("usage") or self.usage
            if not chunk["choices"]:
                return "", ""
            choice = chunk["choices"][0]
            delta = choice.get("delta") or {}
            text = delta.get("content") or ""
            thinking = delta.get("reasoning_content") or delta.get("reasoning") or ""
            self.content += text
            self.reasoning += thinking
            self.refusal += delta.get("refusal") or ""
            for call in delta.get("tool_calls") or ():
                self._add_call(call)
            if (tokens := (choice.get("logprobs") or {}).get("content")) is not None:
                self.logprobs = [*(self.logprobs or []), *map(parse_logprob, tokens)]
            self.finish = choice.get("finish_reason") or self.finish
            return text, thinking
        except (KeyError, IndexError, TypeError, AttributeError, ValueError) as error:
            raise Malformed(f"not a chunk of a chat completion: {type(error).__name__} {error}") from None

    def _add_call(self, call: Json) -> None:
        parts = self.calls.setdefault(int(call.get("index") or 0), ["", "", ""])
        function = call.get("function") or {}
        parts[0] = call.get("id") or parts[0]
        parts[1] += function.get("name") or ""
        parts[2] += function.get("arguments") or ""

    def reply(self) -> Reply:
        if self.finish is None:
            raise Malformed("the stream ended before its reply did")
        calls = [ToolCall(i, name, arguments or "{}") for _, (i, name, arguments) in sorted(self.calls.items())]
        return build_reply(self.content, self.reasoning, self.refusal, calls, self.finish, self.usage, self.logprobs)
