"""What a tool is: a name, a description, a JSON schema of its parameters, and an async function that gives a text.

A tool that can fail raises `ToolFailed`, which the model reads as the result. A call of a tool that is not `pure` is a
provider call: the ledger keeps it, so that a replay does not repeat what it did, and budgets and `bound()` count it.
"""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeAlias

from ...bounded_json import read_json, well_formed
from ...contract import Message, Model, Reply, Request, Sampling, ToolSpec, Usage
from ...models.parameter_schema import parameter_text
from ...prompts import Language, catalogue, fill
from ...recipe import quote
from ...runtime.budget import CallCost
from ...runtime.operations import ProviderCall
from ...runtime.provider import Provider
from ...scope import scope

Arguments: TypeAlias = dict[str, Any]
MAX_CHARACTERS = 12_000  # of one result: what is longer is cut, and the model is told so
MAX_TRACED = 200  # characters of a result that the trace keeps


class ToolFailed(Exception):
    """What the model reads instead of a result: an entry of `tool_errors` in the catalogue, and what fills it."""

    def __init__(self, kind: str, values: Mapping[str, str] | None = None) -> None:
        super().__init__(kind)
        self.kind, self.values = kind, dict(values or {})

    def words(self, language: Language) -> str:
        return fill(catalogue(language)["tool_errors"][self.kind], self.values)


@dataclass(frozen=True, slots=True)
class ToolResult:
    """`usage` holds the tokens that the tool's own endpoint told; calls and price are counted by the runtime."""

    text: str
    usage: Usage = field(default_factory=Usage)


Call: TypeAlias = Callable[[Arguments], Awaitable[ToolResult]]


@dataclass(frozen=True)
class Tool:
    """`usd` is the price of one call, None when it is unknown; `tokens` the most that one can take, None likewise.

    `check` gives the arguments with the types that the tool wants, or raises ToolFailed. `identity` tells this tool's
    results from those of another of its name; `endpoint` names the limiter that its calls share.
    """

    name: str
    description: str
    parameters: Mapping[str, Any]  # a JSON schema of an object
    call: Call
    check: Callable[[Arguments], Arguments] = field(default=lambda arguments: arguments)
    pure: bool = False
    usd: float | None = 0.0
    tokens: int | None = 0
    identity: str = ""
    endpoint: str | None = None
    keys: tuple[str, ...] = field(default=(), repr=False)  # that its results must not repeat
    shown: str = ""  # how it is written where tools are described in plain text
    shows: bool = False  # its result, a path, is for the user to see, too

    @property
    def spec(self) -> ToolSpec:
        return ToolSpec(self.name, self.description, self.parameters)

    @property
    def signature(self) -> str:
        """`name(parameter, other: number = optional)`, for descriptions in plain text."""
        if self.shown:
            return self.shown
        needed = self.parameters.get("required", ())
        properties: Mapping[str, Any] = self.parameters.get("properties", {})
        parts = [parameter_text(name, schema, name in needed, self.parameters) for name, schema in properties.items()]
        return f"{self.name}({', '.join(parts)})"


def text_tool(name: str, parameter: str, call: Call, language: Language, *, may_be_blank: bool = False) -> Tool:
    """A tool with one parameter, a text; what a model reads of it stands in the catalogue under its name."""
    words = catalogue(language)[name]
    schema = {"type": "object", "properties": {parameter: {"type": "string"}}, "required": [parameter]}
    check = partial(_only_text, parameter, may_be_blank)
    return Tool(name, words["description"], schema, call, check, shown=words["shown"])


def _only_text(parameter: str, may_be_blank: bool, arguments: Arguments) -> Arguments:
    text = arguments.get(parameter)
    if set(arguments) != {parameter} or not isinstance(text, str) or not (may_be_blank or text.strip()):
        raise ToolFailed("invalid", {"problems": f"{parameter}: string"})
    return arguments


def traced_call(arguments: str, result: str) -> str:
    """A call as the trace shows it; results may be long pages, and only their beginning is shown."""
    return f"{arguments} → {result[:MAX_TRACED]}"


def call_tool(tool: Tool, language: Language) -> Model:
    """The tool as a model: asked with arguments, it replies with the result, or with the words of what failed."""
    return _PureTool(tool, language) if tool.pure else _MeteredTool(tool, language)


def request_of(arguments: Arguments, seed: int | None) -> Request:
    """The arguments as a request, which is what the ledger keeps."""
    payload = json.dumps(arguments, ensure_ascii=False, sort_keys=True)
    return Request((Message("user", payload),), Sampling(seed=seed))


async def _reply(tool: Tool, language: Language, request: Request) -> Reply:
    try:
        result = await tool.call(read_json(request.messages[-1].text))
    except ToolFailed as failed:
        result = ToolResult(failed.words(language))
    text = well_formed(result.text)
    if len(text) > MAX_CHARACTERS:
        cut = catalogue(language)["tool_results"]["cut"]
        text = fill(cut, {"text": text[:MAX_CHARACTERS], "most": str(MAX_CHARACTERS), "all": str(len(result.text))})
    return Reply(Message("assistant", text), usage=result.usage)


class _PureTool(Model):
    """A pure tool: it is in the trace, and costs nothing."""

    def __init__(self, tool: Tool, language: Language) -> None:
        self.tool, self.language = tool, language

    @property
    def name(self) -> str:
        return f"tool:{self.tool.name}"

    async def generate(self, request: Request) -> Reply:
        with scope(self.name, kind="tool") as step:
            reply = await _reply(self.tool, self.language, request)
            step.text = traced_call(request.messages[-1].text, reply.text)
            return reply


class _MeteredTool(Provider):
    """Any other tool: a provider whose calls are kept, paid for, limited and retried like those of every other."""

    def __init__(self, tool: Tool, language: Language) -> None:
        self.tool, self.language = tool, language

    @property
    def name(self) -> str:
        return quote(f"tool:{self.tool.name}")

    def identity(self) -> str:
        return f"tool {self.tool.name} {self.tool.identity}"

    def endpoint(self) -> str | None:
        return self.tool.endpoint

    def keys(self) -> tuple[str, ...]:
        return self.tool.keys

    def usd(self, usage: Usage) -> float | None:
        return self.tool.usd

    def _max_cost(self, call: ProviderCall[Any], max_output: int | None = None) -> CallCost:
        return CallCost(1, self.tool.tokens, self.tool.usd)

    async def send(self, request: Request, attempt: str) -> Reply:
        return await _reply(self.tool, self.language, request)
