"""Requests as the JSON of the chat completions protocol. Thoughts go back in tool turns, in the form they came in."""

import base64
from collections.abc import Mapping
from typing import Any

from ...answers.thoughts import THOUGHT_MARKS
from ...bounded_json import read_json
from ...contract import Image, Message, Part, Request, Text, Thinking, ToolCall, ToolSpec
from ...errors import BadInput
from .dialects import CALL_SIGNATURES, THOUGHT_FIELDS, THOUGHT_LISTS

Json = dict[str, Any]


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
        payload["tool_calls"] = [_tool_call(call) for call in message.tool_calls]
        payload |= _thoughts(message, payload["content"])
        payload["content"] = payload["content"] or None
    if message.tool_call_id is not None:
        payload["tool_call_id"] = message.tool_call_id
    return payload


def _tool_call(call: ToolCall) -> Json:
    payload: Json = {
        "id": call.id,
        "type": "function",
        "function": {"name": call.name, "arguments": call.arguments},
    }
    signature = _json(call.signature)
    return payload | {
        key: signature[key] for key in CALL_SIGNATURES if isinstance(signature, dict) and key in signature
    }


def _thoughts(message: Message, content: Any) -> Json:
    """The thoughts of a turn that calls tools: an endpoint that thinks may refuse the turn without them.

    They stand where the endpoint itself wrote them; those of other models where most do.
    """
    fields: Json = {}
    for part in message.content if not isinstance(message.content, str) else ():
        if not isinstance(part, Thinking):
            continue
        form, entries = part.form or "", _json(part.signature)
        if form == "content" and isinstance(entries, list):
            texts = [{"type": "text", "text": content}] if content and isinstance(content, str) else content or []
            fields["content"] = content = [*entries, *texts]
        elif form in THOUGHT_LISTS and isinstance(entries, list):
            fields[form] = [*fields.get(form, ()), *entries]
        elif end := dict(THOUGHT_MARKS).get(form):
            text = content if isinstance(content, str) else ""
            fields["content"] = content = f"{form}\n{part.text}\n{end}\n\n{text}"
        else:
            name = form if form in THOUGHT_FIELDS else THOUGHT_FIELDS[0]
            fields[name] = fields.get(name, "") + part.text
    return fields


def _json(text: str | None) -> Any:
    """A signature may come from a client, so that it can be anything."""
    try:
        return read_json(text or "null")
    except ValueError:
        return None


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
