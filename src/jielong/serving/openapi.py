"""The OpenAPI 3.1 description of the server, made from the classes that read requests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

from pydantic.json_schema import models_json_schema

from .request_schema import LONGEST_NAME, ChatCompletionRequest, EmbeddingsRequest

Json: TypeAlias = dict[str, Any]
_TEXT: Json = {"type": ["string", "null"]}
_COUNT: Json = {"type": "integer", "minimum": 0}


def description(names: Sequence[str], embedding: Sequence[str], *, composing: bool, token: bool) -> Json:
    """`names` are the models, `embedding` those that embed; with `composing` any other text may be a model, too."""
    _, made = models_json_schema(
        [(ChatCompletionRequest, "validation"), (EmbeddingsRequest, "validation")],
        ref_template="#/components/schemas/{model}",
    )
    schemas: Json = {**made["$defs"], **_replies()}
    known: Json = {"type": "string", "enum": list(names)}
    composed: Json = {"type": "string", "maxLength": LONGEST_NAME, "description": "a recipe of allowed models"}
    schemas["ChatAsked"]["properties"]["model"] = {"anyOf": [known, composed]} if composing else known
    schemas["EmbeddingsAsked"]["properties"]["model"] = {"type": "string", "enum": list(embedding)}
    said: Json = {
        "openapi": "3.1.0",
        "info": {"title": "jielong", "version": "1", "description": "Models and techniques, as chat completions."},
        "paths": {
            "/v1/chat/completions": {"post": _chat()},
            "/v1/models": {"get": _get("listModels", "ModelList")},
            "/v1/models/{model}": {"get": _get("getModel", "Model", _model_parameter(names))},
            "/openapi.json": {"get": _get("describe", "Description")},
        },
        "components": {"schemas": schemas},
    }
    if embedding:
        told = {"application/json": _ref("EmbeddingList")}
        said["paths"]["/v1/embeddings"] = {"post": _post("embed", "EmbeddingsAsked", told)}
    if token:
        said["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
        said["security"] = [{"token": []}]
    return said


def _chat() -> Json:
    events = {"type": "object", "properties": {"data": {"type": "string"}}, "required": ["data"]}
    told = {"application/json": _ref("ChatCompletion"), "text/event-stream": {"schema": events}}
    return _post("chat", "ChatAsked", told)


def _post(name: str, asked: str, content: Json) -> Json:
    body = {"required": True, "content": {"application/json": _ref(asked)}}
    return {"operationId": name, "requestBody": body, "responses": _responses(content)}


def _get(name: str, told: str, parameters: list[Json] | None = None) -> Json:
    said = {"operationId": name, "responses": _responses({"application/json": _ref(told)})}
    return {**said, "parameters": parameters} if parameters else said


def _model_parameter(names: Sequence[str]) -> list[Json]:
    kind: Json = {"type": "string", "minLength": 1}
    return [{"name": "model", "in": "path", "required": True, "schema": kind, "example": names[0]}]


def _responses(content: Json) -> Json:
    error = {"description": "refused", "content": {"application/json": _ref("Error")}}
    return {"200": {"description": "answered", "content": content}, "4XX": error, "5XX": error}


def _ref(name: str) -> Json:
    return {"schema": {"$ref": f"#/components/schemas/{name}"}}


def _object(properties: Json, *optional: str) -> Json:
    needed = [name for name in properties if name not in optional]
    return {"type": "object", "properties": properties, "required": needed, "additionalProperties": False}


def _list(of: Json) -> Json:
    return {"type": "array", "items": of}


def _replies() -> Json:
    call = _object({"id": {"type": "string"}, "type": {"const": "function"}, "function": _object(
        {"name": {"type": "string"}, "arguments": {"type": "string"}})})  # fmt: skip
    message = _object(
        {"role": {"const": "assistant"}, "content": _TEXT, "refusal": _TEXT, "reasoning_content": _TEXT,
         "tool_calls": _list(call)},
        "reasoning_content", "tool_calls",
    )  # fmt: skip
    token = {"token": {"type": "string"}, "logprob": {"type": "number"}, "bytes": _list(_COUNT)}
    logprobs = _object({"content": _list(_object({**token, "top_logprobs": _list(_object(token))})), "refusal": _TEXT})
    finish = {"enum": ["stop", "length", "tool_calls", "content_filter"]}
    choice = _object({"index": _COUNT, "message": message, "finish_reason": finish,
                      "logprobs": {"anyOf": [{"type": "null"}, logprobs]}})  # fmt: skip
    usage = _object({
        "prompt_tokens": _COUNT, "completion_tokens": _COUNT, "total_tokens": _COUNT,
        "prompt_tokens_details": _object({"cached_tokens": _COUNT}),
        "completion_tokens_details": _object({"reasoning_tokens": _COUNT}),
    })  # fmt: skip
    counts = ("calls", "retries", "cached_calls", "unsettled_calls", "input_tokens", "output_tokens")
    spent: Json = {**dict.fromkeys(counts, _COUNT), "usd": {"type": ["number", "null"]}}
    steps = _list({"$ref": "#/components/schemas/Step"})
    head = {"id": {"type": "string"}, "object": {"const": "chat.completion"}, "created": _COUNT,
            "model": {"type": "string"}}  # fmt: skip
    account = _object({**spent, "steps": steps, "notes": _list({"type": "string"})})
    model = _object({"id": {"type": "string"}, "object": {"const": "model"}, "created": _COUNT,
                     "owned_by": {"type": "string"}})  # fmt: skip
    vector = {"anyOf": [_list({"type": "number"}), {"type": "string", "contentEncoding": "base64"}]}
    embedding = _object({"object": {"const": "embedding"}, "index": _COUNT, "embedding": vector})
    return {
        "ChatCompletion": _object({**head, "choices": _list(choice), "usage": usage, "jielong": account}),
        "Step": _object({"name": {"type": "string"}, "times": _COUNT, **spent, "steps": steps}, "steps"),
        "Model": model,
        "ModelList": _object({"object": {"const": "list"}, "data": _list(model)}),
        "EmbeddingList": _object({"object": {"const": "list"}, "data": _list(embedding), "model": {"type": "string"},
                                  "usage": _object({"prompt_tokens": _COUNT, "total_tokens": _COUNT})}),
        "Description": {"type": "object"},
        "Error": _object({"error": _object({"message": {"type": "string"}, "type": {"type": "string"},
                                            "param": _TEXT, "code": _TEXT})}),
    }  # fmt: skip
