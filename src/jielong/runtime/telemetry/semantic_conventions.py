"""Requests and replies as attributes of OpenTelemetry's conventions for generative AI.

Names and numbers only. Texts are apart, in `request_texts` and `reply_texts`, for those who ask for them; and a recipe
is shown without its options, as these may hold prompts, paths and URLs.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import PurePath
from typing import Any, TypeAlias

from ...contract import Finish, Image, Message, Reply, Request, Thinking, Usage
from ...errors import RecipeError
from ...recipe import parse

Value: TypeAlias = str | bool | int | float | Sequence[str]
Attributes: TypeAlias = dict[str, Value]

_PROVIDERS = {"gemini": "gcp.gemini", "kimi": "moonshot_ai"}  # the others have the names of their specs
FINISHES: Mapping[Finish, str] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "refused": "content_filter",
}


def provider_and_model(spec: str) -> tuple[str, str]:
    """`openai:gpt@https://…` is (openai, gpt); a model in a folder bears the name of the folder."""
    kind, _, rest = spec.strip('"').partition(":")
    name = rest.partition("@http")[0] or kind
    return _PROVIDERS.get(kind, kind), PurePath(name).name if kind in ("local", "scripted") else name


@lru_cache(1024)
def bare(recipe: str) -> str:
    """A recipe, or the name of one, without options, URLs and folders."""
    try:
        node = parse(recipe)
    except RecipeError:
        return "a model"
    kind, colon, _ = node.spec.partition(":")
    spec = f"{kind}:{provider_and_model(node.spec)[1]}" if colon else node.spec
    return " | ".join([spec, *(step.name for step in node.steps)])


def request_attributes(request: Request, *, streamed: bool, choices: int = 1) -> Attributes:
    sampling = request.sampling
    attributes: dict[str, Value | None] = {
        "gen_ai.request.temperature": sampling.temperature,
        "gen_ai.request.top_p": sampling.top_p,
        "gen_ai.request.max_tokens": sampling.max_tokens,
        "gen_ai.request.seed": sampling.seed,
        "gen_ai.request.stop_sequences": sampling.stop or None,
        "gen_ai.request.choice.count": choices if choices != 1 else None,
        "gen_ai.request.stream": streamed or None,
        "gen_ai.output.type": "json" if request.schema is not None else None,
    }
    return {name: value for name, value in attributes.items() if value is not None}


def finishes(replies: Sequence[Reply]) -> Attributes:
    return {"gen_ai.response.finish_reasons": [FINISHES[reply.finish] for reply in replies]}


def call_usage(usage: Usage) -> Attributes:
    """Of one call: what backends add up."""
    tokens = {"input_tokens": usage.input_tokens, "output_tokens": usage.output_tokens}
    if usage.prompt_cached_tokens:
        tokens["cache_read.input_tokens"] = usage.prompt_cached_tokens
    if usage.reasoning_tokens:
        tokens["reasoning.output_tokens"] = usage.reasoning_tokens
    return {f"gen_ai.usage.{name}": count for name, count in tokens.items()} | _counts(usage)


def scope_usage(usage: Usage) -> Attributes:
    """Of everything beneath a technique or a request: under names of our own, or it would be added up twice."""
    names = ("input_tokens", "output_tokens", "calls")
    return {f"jielong.usage.{name}": getattr(usage, name) for name in names} | _counts(usage)


def _counts(usage: Usage) -> Attributes:
    names = ("retries", "cached_calls", "unsettled_calls", "usd")
    return {f"jielong.usage.{name}": value for name in names if (value := getattr(usage, name))}


def request_texts(request: Request) -> Attributes:
    messages = [{"role": m.role, "parts": _parts(m)} for m in request.messages]
    return {"gen_ai.input.messages": _json(messages)}


def reply_texts(replies: Sequence[Reply]) -> Attributes:
    messages = [
        {"role": "assistant", "parts": _parts(r.message), "finish_reason": FINISHES[r.finish].removesuffix("s")}
        for r in replies
    ]
    return {"gen_ai.output.messages": _json(messages)}


def _parts(message: Message) -> list[dict[str, Any]]:
    """As the conventions' schemas of messages have them; a picture by its kind and size alone."""
    if message.role == "tool":
        return [{"type": "tool_call_response", "id": message.tool_call_id, "response": message.text}]
    parts: list[dict[str, Any]] = []
    for part in (message.content,) if isinstance(message.content, str) else message.content:
        if isinstance(part, Image):
            parts.append({"type": "image", "mime_type": part.mime, "bytes": len(part.data)})
        elif isinstance(part, Thinking):
            parts.append({"type": "reasoning", "content": part.text})
        elif text := part if isinstance(part, str) else part.text:
            parts.append({"type": "text", "content": text})
    calls = [
        {"type": "tool_call", "id": c.id, "name": c.name, "arguments": c.parsed_arguments} for c in message.tool_calls
    ]
    return parts + calls


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
