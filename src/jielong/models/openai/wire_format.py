"""Requests as the JSON of the chat completions protocol, and its JSON as replies. Thoughts are not sent back."""

from __future__ import annotations

import base64
import re
from typing import Any

from ...contract import Finish, Image, Message, Part, Reply, Request, Text, Thinking, TokenLogprob, ToolCall, Usage

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
_THOUGHT = re.compile(r"\s*<think>(.*?)</think>\s*", re.S)


class Malformed(Exception):
    """The endpoint sent what is no reply of the protocol."""


def body(model: str, request: Request) -> Json:
    """The request, in full: what is None is left to the endpoint."""
    s = request.sampling
    said: Json = {"model": model, "messages": [_message(message) for message in request.messages]}
    optional = {
        "temperature": s.temperature,
        "top_p": s.top_p,
        "max_tokens": s.max_tokens,
        "stop": list(s.stop) or None,
        "seed": s.seed,
    }
    said |= {name: value for name, value in optional.items() if value is not None}
    if s.logprobs is not None:
        said["logprobs"] = True
        if s.logprobs:
            said["top_logprobs"] = s.logprobs
    if request.tools:
        said["tools"] = [
            {
                "type": "function",
                "function": {"name": t.name, "description": t.description, "parameters": dict(t.parameters)},
            }
            for t in request.tools
        ]
        choice = request.tool_choice
        named = choice not in ("auto", "none", "required")
        said["tool_choice"] = {"type": "function", "function": {"name": choice}} if named else choice
    if request.schema is not None:
        schema = {"name": "reply", "schema": dict(request.schema), "strict": True}
        said["response_format"] = {"type": "json_schema", "json_schema": schema}
    return said


def _message(message: Message) -> Json:
    said: Json = {"role": message.role, "content": _content(message.content)}
    if message.tool_calls:
        said["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in message.tool_calls
        ]
        said["content"] = said["content"] or None
    if message.tool_call_id is not None:
        said["tool_call_id"] = message.tool_call_id
    return said


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


def reply(said: Any) -> Reply:
    """A whole chat completion. Raises Malformed."""
    try:
        choice = said["choices"][0]
        message = choice["message"]
        logprobs = (choice.get("logprobs") or {}).get("content")
        return build(
            message.get("content") or "",
            message.get("reasoning_content") or message.get("reasoning") or "",
            message.get("refusal") or "",
            [_tool_call(call) for call in message.get("tool_calls") or ()],
            choice.get("finish_reason"),
            said.get("usage"),
            None if logprobs is None else [logprob(token) for token in logprobs],
        )
    except (KeyError, IndexError, TypeError, AttributeError, ValueError) as error:
        raise Malformed(f"not a chat completion: {type(error).__name__} {error}") from None


def _tool_call(call: Json) -> ToolCall:
    function = call["function"]
    return ToolCall(str(call["id"]), str(function["name"]), str(function.get("arguments") or "{}"))


def logprob(token: Json) -> TokenLogprob:
    top = tuple((str(t["token"]), float(t["logprob"])) for t in token.get("top_logprobs") or ())
    return TokenLogprob(str(token["token"]), float(token["logprob"]), top)


def build(
    content: str,
    reasoning: str,
    refusal: str,
    calls: list[ToolCall],
    finish: str | None,
    used: Json | None,
    logprobs: list[TokenLogprob] | None,
) -> Reply:
    """The reply from its pieces. An endpoint that tells no usage leaves the call unsettled."""
    if not reasoning and (thought := _THOUGHT.match(content)):
        reasoning, content = thought[1].strip(), content[thought.end() :]
    ended: Finish = "refused" if refusal else "tool_calls" if calls else _finish(finish)
    text = refusal if refusal and not content else content
    parts: str | tuple[Part, ...] = (Thinking(reasoning), Text(text)) if reasoning else text
    logs = None if logprobs is None else tuple(logprobs)
    return Reply(Message("assistant", parts, tuple(calls)), ended, usage(used), logprobs=logs)


def _finish(finish: str | None) -> Finish:
    if finish not in _FINISHES:
        raise Malformed(f"the reply ends with finish_reason {finish!r}")
    return _FINISHES[finish]


def usage(used: Json | None) -> Usage:
    if not used:
        return Usage(unsettled_calls=1)
    output = used.get("completion_tokens_details") or {}
    given = used.get("prompt_tokens_details") or {}
    cached = given.get("cached_tokens") or used.get("prompt_cache_hit_tokens") or 0
    return Usage(
        input_tokens=int(used["prompt_tokens"]),
        output_tokens=int(used.get("completion_tokens") or 0),
        reasoning_tokens=int(output.get("reasoning_tokens") or 0),
        prompt_cached_tokens=int(cached),
    )


class Pieces:
    """A streamed reply, put together from its chunks."""

    def __init__(self) -> None:
        self.content, self.reasoning, self.refusal = "", "", ""
        self.calls: dict[int, list[str]] = {}
        self.finish: str | None = None
        self.used: Json | None = None
        self.logprobs: list[TokenLogprob] | None = None

    def add(self, chunk: Any) -> tuple[str, str]:
        """Take a chunk; what it adds to the answer and to the thoughts. Raises Malformed."""
        try:
            self.used = chunk.get("usage") or self.used
            if not chunk["choices"]:
                return "", ""
            choice = chunk["choices"][0]
            delta = choice.get("delta") or {}
            text = delta.get("content") or ""
            thought = delta.get("reasoning_content") or delta.get("reasoning") or ""
            self.content += text
            self.reasoning += thought
            self.refusal += delta.get("refusal") or ""
            for call in delta.get("tool_calls") or ():
                self._add_call(call)
            if (tokens := (choice.get("logprobs") or {}).get("content")) is not None:
                self.logprobs = [*(self.logprobs or []), *map(logprob, tokens)]
            self.finish = choice.get("finish_reason") or self.finish
            return text, thought
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
        return build(self.content, self.reasoning, self.refusal, calls, self.finish, self.used, self.logprobs)
