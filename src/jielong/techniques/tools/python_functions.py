"""A Python function as a tool: its name, its docstring, a JSON schema from its type hints; pydantic checks arguments.

    def weather(city: str, unit: Literal["C", "F"] = "C") -> str:
        \"\"\"The weather of a city now.\"\"\"

    model = load("openai:gpt-5-mini") | tools(use=[weather])

A function that is not async runs in a thread; a cancelled call leaves such a thread to end by itself. What a function
spends is not known here: a model that it asks is counted where the function is async, its own services are not.
"""

import hashlib
import inspect
import re
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any, get_type_hints

import anyio.to_thread
import pydantic
from pydantic_core import to_json

from ...errors import BadInput, JielongError
from .tool import Arguments, Tool, ToolFailed, ToolResult

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")
_LOOSE = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD, inspect.Parameter.POSITIONAL_ONLY)


def from_function(function: Callable[..., Any]) -> Tool:
    """The tool that a function is. Raises BadInput for what a model could not know how to call."""
    name = getattr(function, "__name__", type(function).__name__)
    if not NAME.fullmatch(name):
        raise BadInput(
            f"{name} cannot be a tool: expected a function whose name is letters, digits, _ and - (at most 64)"
        )
    about = inspect.getdoc(function)
    if not about:
        raise BadInput(f"the function {name} has no docstring; a model needs one to know what the tool is for")
    arguments_model = _arguments(function, name)
    schema, call = _plain(arguments_model.model_json_schema()), partial(_call, function, name)
    return Tool(name, about, schema, call, partial(_checked, arguments_model), identity=_identity(function))


def _arguments(function: Callable[..., Any], name: str) -> type[pydantic.BaseModel]:
    """A pydantic model of the parameters. Its fields have names of their own, as a parameter may be called `json`."""
    try:
        hints = get_type_hints(function, include_extras=True)
    except NameError as error:
        raise BadInput(f"the type hints of {name} cannot be read: {error}") from None
    fields: dict[str, Any] = {}
    for number, parameter in enumerate(inspect.signature(function).parameters.values()):
        if parameter.kind in _LOOSE:
            raise BadInput(f"{name}: a tool's parameters have names; {parameter} is not such a parameter")
        if parameter.name not in hints:
            raise BadInput(
                f"{name}: the parameter {parameter.name} has no type hint; write it as {parameter.name}: str"
            )
        default = ... if parameter.default is parameter.empty else parameter.default
        fields[f"p{number}"] = (hints[parameter.name], pydantic.Field(default, alias=parameter.name))
    config = pydantic.ConfigDict(extra="forbid", arbitrary_types_allowed=False, coerce_numbers_to_str=True)
    try:
        return pydantic.create_model(name, __config__=config, **fields)
    except pydantic.PydanticUserError as error:
        raise BadInput(f"{name}: a type hint cannot be a JSON schema: {str(error).splitlines()[0]}") from None


def _plain(schema: Any) -> Any:
    """The schema without the titles that pydantic adds."""
    if isinstance(schema, dict):
        return {k: _plain(v) for k, v in schema.items() if not (k == "title" and isinstance(v, str))}
    return [_plain(item) for item in schema] if isinstance(schema, list) else schema


def _checked(arguments_model: type[pydantic.BaseModel], arguments: Arguments) -> Arguments:
    """The arguments as JSON again, so that the ledger can keep them. Raises ToolFailed."""
    try:
        arguments_model.model_validate(arguments)
    except pydantic.ValidationError as wrong:
        problems = [f"{'.'.join(map(str, e['loc'])) or 'arguments'}: {e['msg']}" for e in wrong.errors()[:5]]
        raise ToolFailed("invalid", {"problems": "; ".join(problems)}) from None
    return arguments


async def _call(function: Callable[..., Any], name: str, arguments: Arguments) -> ToolResult:
    arguments_model = _arguments(function, name).model_validate(arguments)
    fields = type(arguments_model).model_fields.items()
    ready = partial(function, **{field.alias or name: getattr(arguments_model, name) for name, field in fields})
    try:
        is_async = inspect.iscoroutinefunction(function)
        value = await (ready() if is_async else anyio.to_thread.run_sync(ready, abandon_on_cancel=True))
    except (JielongError, ToolFailed):
        raise
    except Exception as error:  # whatever a function raises is for the model to read
        raise ToolFailed("raised", {"error": f"{type(error).__name__}: {error}"}) from None
    return ToolResult(value if isinstance(value, str) else to_json(value, fallback=str).decode())


def _identity(function: Callable[..., Any]) -> str:
    """Its place and its source: a changed function gives results of its own."""
    place = f"{getattr(function, '__module__', '')}.{getattr(function, '__qualname__', '')}"
    with suppress(OSError, TypeError):
        return f"{place} {hashlib.sha256(inspect.getsource(function).encode()).hexdigest()[:16]}"
    return place
