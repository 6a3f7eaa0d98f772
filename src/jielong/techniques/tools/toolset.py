"""From what `use=` names to the tools of one reply. The table below is all that a recipe can name."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Literal, Protocol, TypeAlias, get_args

from ...contract import ToolSpec
from ...errors import BadInput, Unsupported
from ...prompts import Language
from ...registry import unknown_name
from ...runtime.runtime import active_lifetime
from .calculator import calculator
from .mcp_servers import McpServer, McpSessions
from .python_functions import from_function
from .python_tool import python
from .tool import Tool

BuiltIn: TypeAlias = Literal["calculator", "python", "read_url", "web_search", "draw", "mcp"]


class FromPython(Protocol):
    """What no recipe can write: a function with type hints and a docstring, a `Tool`, an `McpServer`."""


Toolset: TypeAlias = BuiltIn | FromPython
Use: TypeAlias = Sequence[Toolset] | FromPython
MAX_PARALLEL_CALLS = 8  # calls in one reply of the model; more are answered with an error


def max_metered_calls(use: Use) -> int:
    """The most tool calls of one round that count as provider calls."""
    pure = (one == "calculator" or (isinstance(one, Tool) and one.pure) for one in _as_sequence(use))
    return 0 if all(pure) else MAX_PARALLEL_CALLS


def _as_sequence(use: Use) -> Sequence[Toolset]:
    """From Python a single tool needs no brackets."""
    return use if isinstance(use, tuple | list) else (use,)


@asynccontextmanager
async def open_toolset(
    use: Use, language: Language, caller_tools: Sequence[ToolSpec]
) -> AsyncIterator[dict[str, Tool]]:
    """The tools by name, MCP servers started. One that the caller brings too, in `caller_tools`, stays the caller's.

    Raises BadInput for two tools of one name, for settings that are missing, for what cannot be a tool; Unsupported
    when another tool of the caller's has the name of one of ours.
    """
    if not _as_sequence(use):
        raise BadInput("tools: use= names no tool; for example use=[calculator]")
    caller_by_name = {spec.name: spec for spec in caller_tools}
    tools: dict[str, Tool] = {}
    async with AsyncExitStack() as stack:
        for one in _as_sequence(use):
            for tool in await _tools(one, language, stack):
                if tool.name in tools:
                    raise BadInput(f"tools: two tools are called {tool.name}; each needs a name of its own")
                if dict(caller_by_name.get(tool.name, tool).parameters) != dict(tool.parameters):
                    raise Unsupported(
                        f"the request brings another tool called {tool.name} than use= does; rename one of them"
                    )
                tools[tool.name] = tool
        yield {name: tool for name, tool in tools.items() if name not in caller_by_name}


async def _tools(one: Toolset, language: Language, stack: AsyncExitStack) -> tuple[Tool, ...]:
    if isinstance(one, Tool):
        return (one,)
    if isinstance(one, McpServer):
        return await active_lifetime().get(McpSessions).tools(one)
    if callable(one):
        return (from_function(one),)
    if one == "calculator":
        return (calculator(language),)
    if one == "python":
        return (python(language),)
    if one not in get_args(BuiltIn):
        raise unknown_name("tool", str(one), get_args(BuiltIn))
    return await _outside(str(one), language, stack)


async def _outside(one: str, language: Language, stack: AsyncExitStack) -> tuple[Tool, ...]:
    """The tools that the operator's settings say more about."""
    from .tools_config import place, tools_config

    config = tools_config()
    if one == "read_url":
        from .read_url import read_url

        return (read_url(private=config.read_url.private, language=language),)
    if one == "web_search":
        from .web_search import web_search

        if config.web_search is None:
            raise BadInput(f"web_search: no search engine is set; write [web_search] url = … into {place()}")
        return (web_search(**dict(config.web_search), language=language),)
    if one == "draw":
        from .draw_image import draw

        if config.draw is None:
            raise BadInput(f"draw: no model for pictures is set; write [draw] model = … into {place()}")
        return (draw(config.draw.model, usd=config.draw.usd, language=language),)
    if not config.mcp:
        raise BadInput(f"mcp: no server is set; write [mcp.NAME] with command or url, and allow, into {place()}")
    tools: list[Tool] = []
    for server in config.servers():
        tools += await active_lifetime().get(McpSessions).tools(server)
    return tuple(tools)
