"""What clients send, in the chat completions and embeddings protocols, and the contract's request made from it.

A setting that would change the reply and that the contract cannot hold is refused, never dropped; those that change
nothing (`user`, `metadata`, neutral penalties) are accepted. FastAPI makes the served description from the same
classes, so what is described is what is accepted.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    field_validator,
    model_validator,
)

from ..contract import Image, Message, Part, Request, Role, Sampling, Text, Thinking, ToolCall, ToolSpec
from ..scope import note
from .error_responses import ErrorResponse

MAX_NAME_LENGTH, MAX_CHOICES, MAX_STOP_TEXTS, MAX_STOP_LENGTH = 4096, 128, 16, 256
MAX_MESSAGES, MAX_PARTS, MAX_TOOLS, MAX_CALLS, MAX_KEYS = 4096, 1024, 1024, 1024, 64
_IMAGE = r"^data:image/(png|jpeg|gif|webp);base64,([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$"
_INT64 = 2**63


def _as_integer(value: Any) -> Any:
    """JSON has one kind of number, so 3.0 is an integer."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _only_false(value: bool) -> bool:
    if value:
        raise ValueError("only false is possible here; leave it out")
    return value


def at_most(count: int) -> BeforeValidator:
    """A limit that honest clients never meet, checked before any entry is. It is not described: tools that make
    requests of a description would fill it."""

    def check(value: Any) -> Any:
        if isinstance(value, list | dict) and len(value) > count:
            raise ValueError(f"{len(value):,} entries; at most {count:,}")
        return value

    return BeforeValidator(check)


INTEGER = BeforeValidator(_as_integer)
OnlyFalse: TypeAlias = Annotated[bool, AfterValidator(_only_false), Field(json_schema_extra={"const": False})]
NonEmpty: TypeAlias = Annotated[str, Field(min_length=1)]
StopText: TypeAlias = Annotated[str, Field(min_length=1, max_length=MAX_STOP_LENGTH)]
Note: TypeAlias = Annotated[dict[str, Any], at_most(MAX_KEYS)]  # of a client or an endpoint, for itself


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    @model_validator(mode="before")
    @classmethod
    def _has_few_keys(cls, value: Any) -> Any:
        """Each unknown key would be an error of its own."""
        if isinstance(value, dict) and len(value) > MAX_KEYS:
            raise ValueError(f"{len(value):,} keys; at most {MAX_KEYS}")
        return value


class _ContentPart(_Strict):
    cache_control: Note | None = None  # a matter of price between client and endpoint; changes no reply


class TextPart(_ContentPart):
    type: Literal["text"]
    text: str


class ImageUrl(_Strict):
    url: Annotated[str, Field(pattern=_IMAGE, description="The picture itself, as a data: URL; no URL is fetched.")]
    detail: Literal["auto", "low", "high"] | None = None


class ImagePart(_ContentPart):
    type: Literal["image_url"]
    image_url: ImageUrl


class RefusalPart(_ContentPart):
    type: Literal["refusal"]
    refusal: str


TextParts: TypeAlias = Annotated[list[TextPart], Field(fail_fast=True), at_most(MAX_PARTS)]
UserPart: TypeAlias = Annotated[TextPart | ImagePart, Field(discriminator="type")]
AssistantPart: TypeAlias = Annotated[TextPart | RefusalPart, Field(discriminator="type")]


class CalledFunction(_Strict):
    name: str
    arguments: str


class AssistantToolCall(_Strict):
    id: str
    type: Literal["function"] = "function"
    function: CalledFunction
    index: Annotated[int, INTEGER] | None = None  # as streams number them; some clients send it back
    extra_content: Note | None = None  # ours, or that of the endpoint that made the call


class _Message(_Strict):
    name: NonEmpty | None = None


class SystemMessage(_Message):
    role: Literal["system", "developer"]
    content: str | TextParts


class UserMessage(_Message):
    role: Literal["user"]
    content: str | Annotated[list[UserPart], Field(fail_fast=True), at_most(MAX_PARTS)]


class AssistantMessage(_Message):
    """An earlier reply; clients send back whatever the reply held."""

    role: Literal["assistant"]
    content: str | Annotated[list[AssistantPart], Field(fail_fast=True), at_most(MAX_PARTS)] | None = None
    tool_calls: Annotated[list[AssistantToolCall], Field(fail_fast=True), at_most(MAX_CALLS)] | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    reasoning_details: Annotated[list[Note], Field(fail_fast=True), at_most(MAX_PARTS)] | None = None
    refusal: str | None = None
    annotations: Annotated[list[Any], Field(fail_fast=True), at_most(MAX_PARTS)] | None = None
    audio: None = None
    function_call: None = None


class ToolMessage(_Message):
    role: Literal["tool"]
    tool_call_id: str
    content: str | TextParts


AnyMessage: TypeAlias = Annotated[
    SystemMessage | UserMessage | AssistantMessage | ToolMessage, Field(discriminator="role")
]


class FunctionDefinition(_Strict):
    name: Annotated[
        str, Field(pattern="^[a-zA-Z0-9_-]{1,64}$", json_schema_extra={"not": {"enum": ["auto", "none", "required"]}})
    ]
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None

    @field_validator("name")
    @classmethod
    def _is_no_choice(cls, name: str) -> str:
        if name in ("auto", "none", "required"):
            raise ValueError("a tool cannot be called auto, none or required: these are choices")
        return name


class Tool(_Strict):
    type: Literal["function"]
    function: FunctionDefinition


class FunctionName(_Strict):
    name: str


class NamedToolChoice(_Strict):
    type: Literal["function"]
    function: FunctionName


class PlainFormat(_Strict):
    type: Literal["text", "json_object"]


class NamedSchema(_Strict):
    name: Annotated[str, Field(pattern="^[a-zA-Z0-9_-]{1,64}$")]
    description: str | None = None
    json_schema: dict[str, Any] = Field(alias="schema")
    strict: bool | None = None


class JsonSchemaFormat(_Strict):
    type: Literal["json_schema"]
    json_schema: NamedSchema


class StreamOptions(_Strict):
    include_usage: bool | None = None
    include_obfuscation: bool | None = None


ModelName: TypeAlias = Annotated[str, Field(max_length=MAX_NAME_LENGTH)]
FEW_CHOICES, FEW_LOGPROBS = 16, 2  # one of the two is not exceeded: each token of each choice has its list
_SEVERAL_AT_ZERO: Any = {
    "properties": {"n": {"type": "integer", "minimum": 2}, "temperature": {"const": 0}},
    "required": ["n", "temperature"],
}
_MANY_LISTS: Any = {
    "properties": {
        "n": {"type": "integer", "minimum": FEW_CHOICES + 1},
        "top_logprobs": {"type": "integer", "minimum": FEW_LOGPROBS + 1},
    },
    "required": ["n", "top_logprobs"],
}


class ChatCompletionRequest(_Strict):
    model_config = ConfigDict(json_schema_extra={"not": {"anyOf": [_SEVERAL_AT_ZERO, _MANY_LISTS]}})

    model: ModelName
    messages: Annotated[list[AnyMessage], Field(min_length=1, fail_fast=True), at_most(MAX_MESSAGES)]
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    top_p: Annotated[float, Field(gt=0, le=1)] | None = None
    max_tokens: Annotated[int, Field(ge=1, lt=2**31), INTEGER] | None = None
    max_completion_tokens: Annotated[int, Field(ge=1, lt=2**31), INTEGER] | None = None
    stop: StopText | Annotated[list[StopText], Field(max_length=MAX_STOP_TEXTS)] | None = None
    seed: Annotated[int, Field(ge=-_INT64, lt=_INT64), INTEGER] | None = None
    n: Annotated[int, Field(ge=1, le=MAX_CHOICES), INTEGER] | None = None
    logprobs: bool | None = None
    top_logprobs: Annotated[int, Field(ge=0, le=20), INTEGER] | None = None
    tools: Annotated[list[Tool], Field(fail_fast=True), at_most(MAX_TOOLS)] | None = (
        None  # how many fit hangs on the model's context
    )
    tool_choice: Literal["none", "auto", "required"] | NamedToolChoice | None = None
    response_format: Annotated[PlainFormat | JsonSchemaFormat, Field(discriminator="type")] | None = None
    parallel_tool_calls: bool | None = None
    reasoning_effort: Annotated[str, Field(pattern="^[a-z_]{1,32}$")] | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None

    # They change no reply.
    user: str | None = None
    metadata: Note | None = None
    safety_identifier: str | None = None
    prompt_cache_key: str | None = None
    service_tier: Literal["auto", "default"] | None = None
    store: OnlyFalse | None = None
    # Neutral values alone: others would change the reply, and cannot be passed on.
    presence_penalty: Annotated[float, Field(ge=0, le=0)] | None = None
    frequency_penalty: Annotated[float, Field(ge=0, le=0)] | None = None
    logit_bias: Annotated[dict[str, float], Field(max_length=0)] | None = None
    modalities: Annotated[list[Literal["text"]], Field(min_length=1, max_length=1)] | None = None

    @model_validator(mode="after")
    def _choices_differ(self) -> ChatCompletionRequest:
        if (self.n or 1) > 1 and self.temperature == 0:
            raise ValueError(f"{self.n} choices at temperature 0 are copies of one; set a temperature, or leave n out")
        if (self.n or 1) > FEW_CHOICES and (self.top_logprobs or 0) > FEW_LOGPROBS:
            raise ValueError(f"more than {FEW_CHOICES} choices have up to {FEW_LOGPROBS} top_logprobs a token")
        return self


class EmbeddingsRequest(_Strict):
    model: ModelName
    input: NonEmpty | Annotated[list[NonEmpty], Field(min_length=1, max_length=2048)]
    encoding_format: Literal["float", "base64"] | None = None
    user: str | None = None


def request_of(payload: ChatCompletionRequest) -> Request:
    """The request of the contract. Raises ErrorResponse (404) for a tool choice that names no tool."""
    tools = tuple(_tool(tool.function) for tool in payload.tools or ())
    logprobs = payload.top_logprobs or 0 if payload.logprobs or payload.top_logprobs else None
    stop = (payload.stop,) if isinstance(payload.stop, str) else tuple(payload.stop or ())
    max_tokens = payload.max_completion_tokens or payload.max_tokens
    extra = {"parallel_tool_calls": False} if tools and payload.parallel_tool_calls is False else {}
    effort, messages = payload.reasoning_effort, tuple(map(_message, payload.messages))
    sampling = Sampling(payload.temperature, payload.top_p, max_tokens, stop, payload.seed, logprobs, effort, extra)
    choice = _tool_choice(payload.tool_choice, tools)
    return Request(messages, sampling, tools, choice, _schema(payload.response_format))


def _message(message: SystemMessage | UserMessage | AssistantMessage | ToolMessage) -> Message:
    if isinstance(message, ToolMessage):
        return Message("tool", _content(message.content), tool_call_id=message.tool_call_id, name=message.name)
    if not isinstance(message, AssistantMessage):
        role: Role = "user" if isinstance(message, UserMessage) else "system"
        return Message(role, _content(message.content), name=message.name)
    content = _content(message.content or message.refusal or "")
    if thoughts := _thoughts(message):
        content = (*thoughts, *((Text(content),) if isinstance(content, str) else content))
    return Message("assistant", content, tuple(map(_tool_call, message.tool_calls or ())), name=message.name)


def _thoughts(message: AssistantMessage) -> tuple[Thinking, ...]:
    """Thoughts as this server gave them, or as another endpoint did."""
    text, details = message.reasoning_content or message.reasoning or "", message.reasoning_details or []
    if details and all(detail.keys() == {"text", "signature", "form"} for detail in details):
        return tuple(Thinking(detail["text"], detail["signature"], detail["form"]) for detail in details)
    if details:
        return (Thinking(text, json.dumps(details, ensure_ascii=False), "reasoning_details"),)
    return (Thinking(text),) if text else ()


def _tool_call(call: AssistantToolCall) -> ToolCall:
    extra, signature = call.extra_content, None
    if extra:
        ours = extra.keys() == {"signature"} and isinstance(extra["signature"], str)
        signature = extra["signature"] if ours else json.dumps({"extra_content": extra}, ensure_ascii=False)
    return ToolCall(call.id, call.function.name, call.function.arguments, signature)


def _content(content: str | Sequence[TextPart | ImagePart | RefusalPart]) -> str | tuple[Part, ...]:
    return content if isinstance(content, str) else tuple(map(_part, content))


def _part(part: TextPart | ImagePart | RefusalPart) -> Part:
    if part.cache_control:
        note("cache_control was not passed on")
    if isinstance(part, TextPart):
        return Text(part.text)
    if isinstance(part, RefusalPart):
        return Text(part.refusal)
    if part.image_url.detail in ("low", "high"):
        note(f"detail {part.image_url.detail} of a picture was not passed on")
    head, _, data = part.image_url.url.partition(",")
    return Image(base64.b64decode(data), head.removeprefix("data:").removesuffix(";base64"))


def _tool(function: FunctionDefinition) -> ToolSpec:
    if function.strict:
        note(f"strict of the tool {function.name} was not passed on")
    return ToolSpec(function.name, function.description or "", function.parameters or {})


def _tool_choice(choice: str | NamedToolChoice | None, tools: tuple[ToolSpec, ...]) -> str:
    name = choice.function.name if isinstance(choice, NamedToolChoice) else choice or "auto"
    known = [tool.name for tool in tools]
    if (isinstance(choice, NamedToolChoice) and name not in known) or (name == "required" and not known):
        wanted = f" {name!r}" if isinstance(choice, NamedToolChoice) else ""
        message = f"tool_choice: there is no tool{wanted}; the tools are {', '.join(known) or 'none'}"
        raise ErrorResponse(404, message, code="no_such_tool", param="tool_choice")
    return name


def _schema(response_format: PlainFormat | JsonSchemaFormat | None) -> dict[str, Any] | None:
    if isinstance(response_format, JsonSchemaFormat):
        return response_format.json_schema.json_schema
    return {"type": "object"} if response_format and response_format.type == "json_object" else None
