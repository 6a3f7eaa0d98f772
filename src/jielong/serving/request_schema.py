"""What a client may ask, as the chat completions and embeddings protocols write it, and as requests of the contract.

A setting that would change the reply and that the contract cannot hold is refused, never dropped; those that change
nothing (`user`, `metadata`, neutral penalties) are taken. The same classes make the served description, so what is
described is what is accepted.
"""

from __future__ import annotations

import base64
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from ..contract import Image, Message, Part, Request, Sampling, Text, Thinking, ToolCall, ToolSpec
from ..scope import note
from .error_responses import ErrorResponse

LONGEST_NAME, MOST_CHOICES, MOST_STOPS = 4096, 128, 16
_IMAGE = r"^data:image/(png|jpeg|gif|webp);base64,([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$"
_INT64 = 2**63


def _whole(said: Any) -> Any:
    """JSON knows one kind of number, so 3.0 is a whole one."""
    return int(said) if isinstance(said, float) and said.is_integer() else said


def _only(wanted: bool) -> AfterValidator:
    def check(said: bool) -> bool:
        if said is not wanted:
            raise ValueError(f"only {str(wanted).lower()} is possible here; leave it out")
        return said

    return AfterValidator(check)


WHOLE = BeforeValidator(_whole)
Yes: TypeAlias = Annotated[bool, _only(True), Field(json_schema_extra={"const": True})]
No: TypeAlias = Annotated[bool, _only(False), Field(json_schema_extra={"const": False})]


class _Asked(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class TextPart(_Asked):
    type: Literal["text"]
    text: str


class ImageUrl(_Asked):
    url: Annotated[str, Field(pattern=_IMAGE, description="The picture itself, as a data: URL; no URL is fetched.")]
    detail: Literal["auto", "low", "high"] | None = None


class ImagePart(_Asked):
    type: Literal["image_url"]
    image_url: ImageUrl


class RefusalPart(_Asked):
    type: Literal["refusal"]
    refusal: str


class CalledFunction(_Asked):
    name: str
    arguments: str


class Called(_Asked):
    id: str
    type: Literal["function"] = "function"
    function: CalledFunction
    index: Annotated[int, WHOLE] | None = None  # as streams number them; some clients send it back


class SystemMessage(_Asked):
    role: Literal["system", "developer"]
    content: str | list[TextPart]


class UserMessage(_Asked):
    role: Literal["user"]
    content: str | list[Annotated[TextPart | ImagePart, Field(discriminator="type")]]


class AssistantMessage(_Asked):
    """An earlier reply; clients send back whatever the reply held."""

    role: Literal["assistant"]
    content: str | list[Annotated[TextPart | RefusalPart, Field(discriminator="type")]] | None = None
    tool_calls: list[Called] | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    refusal: str | None = None
    annotations: list[Any] | None = None
    audio: None = None
    function_call: None = None


class ToolMessage(_Asked):
    role: Literal["tool"]
    tool_call_id: str
    content: str | list[TextPart]
    name: str | None = None


AnyMessage: TypeAlias = Annotated[
    SystemMessage | UserMessage | AssistantMessage | ToolMessage, Field(discriminator="role")
]


class Function(_Asked):
    name: Annotated[
        str,
        Field(pattern="^[a-zA-Z0-9_-]{1,64}$", json_schema_extra={"not": {"enum": ["auto", "none", "required"]}}),
    ]
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None

    @field_validator("name")
    @classmethod
    def _no_choice(cls, name: str) -> str:
        if name in ("auto", "none", "required"):
            raise ValueError("a tool cannot be called auto, none or required: these are choices")
        return name


class Tool(_Asked):
    type: Literal["function"]
    function: Function


class ChosenFunction(_Asked):
    name: str


class Chosen(_Asked):
    type: Literal["function"]
    function: ChosenFunction


class PlainText(_Asked):
    type: Literal["text"]


class JsonObject(_Asked):
    type: Literal["json_object"]


class NamedSchema(_Asked):
    name: Annotated[str, Field(pattern="^[a-zA-Z0-9_-]{1,64}$")]
    description: str | None = None
    json_schema: dict[str, Any] = Field(alias="schema")
    strict: bool | None = None


class JsonSchema(_Asked):
    type: Literal["json_schema"]
    json_schema: NamedSchema


class StreamOptions(_Asked):
    include_usage: bool | None = None
    include_obfuscation: bool | None = None


ModelName: TypeAlias = Annotated[str, Field(max_length=LONGEST_NAME)]
Stop: TypeAlias = Annotated[str, Field(min_length=1)]
_COPIES: Any = {"properties": {"n": {"type": "integer", "minimum": 2}, "temperature": {"const": 0}}}


class ChatCompletionRequest(_Asked):
    model_config = ConfigDict(json_schema_extra={"not": {**_COPIES, "required": ["n", "temperature"]}})

    model: ModelName
    messages: Annotated[list[AnyMessage], Field(min_length=1)]
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    top_p: Annotated[float, Field(gt=0, le=1)] | None = None
    max_tokens: Annotated[int, Field(ge=1, lt=2**31), WHOLE] | None = None
    max_completion_tokens: Annotated[int, Field(ge=1, lt=2**31), WHOLE] | None = None
    stop: Stop | Annotated[list[Stop], Field(max_length=MOST_STOPS)] | None = None
    seed: Annotated[int, Field(ge=-_INT64, lt=_INT64), WHOLE] | None = None
    n: Annotated[int, Field(ge=1, le=MOST_CHOICES), WHOLE] | None = None
    logprobs: bool | None = None
    top_logprobs: Annotated[int, Field(ge=0, le=20), WHOLE] | None = None
    tools: Annotated[list[Tool], Field(max_length=128)] | None = None
    tool_choice: Literal["none", "auto", "required"] | Chosen | None = None
    response_format: Annotated[PlainText | JsonObject | JsonSchema, Field(discriminator="type")] | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None

    # They change no reply.
    user: str | None = None
    metadata: dict[str, Any] | None = None
    safety_identifier: str | None = None
    prompt_cache_key: str | None = None
    service_tier: Literal["auto", "default"] | None = None
    store: No | None = None
    # Neutral values alone: others would change the reply, and cannot be passed on.
    parallel_tool_calls: Yes | None = None
    presence_penalty: Annotated[float, Field(ge=0, le=0)] | None = None
    frequency_penalty: Annotated[float, Field(ge=0, le=0)] | None = None
    logit_bias: Annotated[dict[str, float], Field(max_length=0)] | None = None
    modalities: Annotated[list[Literal["text"]], Field(min_length=1, max_length=1)] | None = None

    @model_validator(mode="after")
    def _possible(self) -> ChatCompletionRequest:
        if (self.n or 1) > 1 and self.temperature == 0:
            raise ValueError(f"{self.n} choices at temperature 0 are copies of one; set a temperature, or leave n out")
        return self


class EmbeddingsRequest(_Asked):
    model: ModelName
    input: Stop | Annotated[list[Stop], Field(min_length=1, max_length=2048)]
    encoding_format: Literal["float", "base64"] | None = None
    user: str | None = None


def request_of(asked: ChatCompletionRequest) -> Request:
    """The request of the contract. Raises Failure (404) for a tool choice that names no tool."""
    tools = tuple(_tool(tool.function) for tool in asked.tools or ())
    logprobs = asked.top_logprobs or 0 if asked.logprobs or asked.top_logprobs else None
    stop = (asked.stop,) if isinstance(asked.stop, str) else tuple(asked.stop or ())
    most = asked.max_completion_tokens or asked.max_tokens
    return Request(
        tuple(map(_message, asked.messages)),
        Sampling(asked.temperature, asked.top_p, most, stop, asked.seed, logprobs),
        tools,
        _choice(asked.tool_choice, tools),
        _schema(asked.response_format),
    )


def _message(said: SystemMessage | UserMessage | AssistantMessage | ToolMessage) -> Message:
    if isinstance(said, SystemMessage):
        return Message("system", _content(said.content))
    if isinstance(said, UserMessage):
        return Message("user", _content(said.content))
    if isinstance(said, ToolMessage):
        return Message("tool", _content(said.content), tool_call_id=said.tool_call_id)
    content = _content(said.content or said.refusal or "")
    if thought := said.reasoning_content or said.reasoning:
        content = (Thinking(thought), *((Text(content),) if isinstance(content, str) else content))
    calls = tuple(ToolCall(c.id, c.function.name, c.function.arguments) for c in said.tool_calls or ())
    return Message("assistant", content, calls)


def _content(said: str | list[TextPart] | list[TextPart | ImagePart] | list[TextPart | RefusalPart]) -> Any:
    return said if isinstance(said, str) else tuple(map(_part, said))


def _part(said: TextPart | ImagePart | RefusalPart) -> Part:
    if isinstance(said, TextPart):
        return Text(said.text)
    if isinstance(said, RefusalPart):
        return Text(said.refusal)
    if said.image_url.detail in ("low", "high"):
        note(f"detail {said.image_url.detail} of a picture was not passed on")
    head, _, data = said.image_url.url.partition(",")
    return Image(base64.b64decode(data), head.removeprefix("data:").removesuffix(";base64"))


def _tool(said: Function) -> ToolSpec:
    if said.strict:
        note(f"strict of the tool {said.name} was not passed on")
    return ToolSpec(said.name, said.description or "", said.parameters or {})


def _choice(said: str | Chosen | None, tools: tuple[ToolSpec, ...]) -> str:
    name = said.function.name if isinstance(said, Chosen) else said or "auto"
    known = [tool.name for tool in tools]
    if (isinstance(said, Chosen) and name not in known) or (name == "required" and not known):
        wanted = f" {name!r}" if isinstance(said, Chosen) else ""
        words = f"tool_choice: there is no tool{wanted}; the tools are {', '.join(known) or 'none'}"
        raise ErrorResponse(404, words, code="no_such_tool", param="tool_choice")
    return name


def _schema(said: PlainText | JsonObject | JsonSchema | None) -> dict[str, Any] | None:
    if isinstance(said, JsonSchema):
        return said.json_schema.json_schema
    return {"type": "object"} if isinstance(said, JsonObject) else None
