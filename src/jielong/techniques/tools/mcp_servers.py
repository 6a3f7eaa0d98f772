"""Tools of an MCP server, started as a process (stdio) or reached over HTTP, through the `mcp` SDK.

Nothing runs without permission: of all that a server offers, only the tools named in `allow` are shown to the model or
called. A server is started once, at its first use, and lives as long as the `async with model:` or the Runtime around,
at most as long as the event loop; a list that it changes meanwhile changes nothing.
What a server says about its tools, and what they give, is text from outside.
"""

from __future__ import annotations

import asyncio
import json
import re
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from contextvars import Context
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any, TextIO

import anyio

from ...bounded_json import read_json
from ...errors import BadInput, JielongError, MissingExtra
from ...models.openai.connection_pools import proxy_for
from ...runtime.key_filter import KeyFilter
from ...runtime.keys import keys_for, keys_in
from ...runtime.runtime import active_runtime
from ...sync import unwrap_exception_group
from .mcp_process import stdio_streams
from .repair_calls import repair_arguments
from .tool import Arguments, Tool, ToolFailed, ToolResult

if TYPE_CHECKING:
    from mcp import Client

SECONDS = 60.0  # the longest silence of a server, and the longest time in which it may list its tools
MAX_PAGES, MAX_TOOLS, SHOWN = 100, 10_000, 20  # of the list of tools; names of it in an error
MAX_ANSWER = 64_000_000  # bytes of one answer
MAX_DESCRIPTION, MAX_SCHEMA = 10_000, 200_000  # characters of what a tool says of itself


@dataclass(frozen=True)
class McpServer:
    """`command` starts the server, or `url` reaches it; `allow` names the tools that may be called, and no others.

    `key_variable`: an environment variable that the process gets, or whose value is the server's bearer token. `usd`:
    the price of one call; unknown for a server elsewhere unless given.
    """

    name: str
    command: tuple[str, ...] = ()
    url: str | None = None
    allow: tuple[str, ...] = ()
    key_variable: str | None = None
    usd: float | None = None

    def __post_init__(self) -> None:
        if bool(self.command) == bool(self.url):
            raise BadInput(f"MCP server {self.name}: expected either command= or url=")

    @property
    def place(self) -> str:
        """Without what a URL may hold of secrets."""
        return re.sub(r"//[^/@]*@|\?.*", lambda match: "//" * (match[0][0] == "/"), self.url or " ".join(self.command))


class McpSessions:
    """The servers that run, one of each for an event loop: started at the first use, ended with the block around."""

    def __init__(self) -> None:
        self._sessions: dict[tuple[asyncio.AbstractEventLoop, McpServer], _Session] = {}

    async def tools(self, server: McpServer) -> tuple[Tool, ...]:
        """The allowed tools of a server. Raises BadInput, MissingExtra, MissingKey."""
        key = asyncio.get_running_loop(), server
        session = self._sessions.get(key)
        if session is None or session.task.done():
            self._sessions = {at: each for at, each in self._sessions.items() if not at[0].is_closed()}
            session = self._sessions[key] = _Session(server)
        return await asyncio.shield(session.tools)

    async def close(self) -> None:
        for (loop, _), session in self._sessions.items():
            if loop is asyncio.get_running_loop():
                session.end.set()
                await asyncio.wait([session.task])
            elif loop.is_running():
                loop.call_soon_threadsafe(session.end.set)
        self._sessions.clear()


class _Session:
    """A server and the task that opened it: the SDK's task groups must be left by the task that entered them."""

    def __init__(self, server: McpServer) -> None:
        loop = asyncio.get_running_loop()
        self.tools: asyncio.Future[tuple[Tool, ...]] = loop.create_future()
        self.end = asyncio.Event()
        self.task = loop.create_task(self._run(server), context=Context())

    async def _run(self, server: McpServer) -> None:
        try:
            async with opened(server) as tools:
                self.tools.set_result(tools)
                await self.end.wait()
        except Exception as error:
            if not self.tools.done():
                self.tools.set_exception(error)
        finally:
            self.tools.cancel()


@asynccontextmanager
async def opened(server: McpServer) -> AsyncIterator[tuple[Tool, ...]]:
    """The allowed tools of a server, while it is there. Raises BadInput, MissingExtra, MissingKey."""
    if not server.allow:
        raise BadInput(f"MCP server {server.name}: allow= names no tool, so none may run; name those that may")
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as stderr:
        connected = False
        try:
            with unwrap_exception_group():
                async with _client(server, stderr) as client:
                    with anyio.fail_after(SECONDS):
                        tools = await _allowed(server, client)
                    connected = True
                    yield tools
        except JielongError:
            raise
        except Exception as error:
            if connected:
                raise
            words = _filter(server).text(_words(error, stderr))
            raise BadInput(
                f"MCP server {server.name} ({server.place}) cannot be used: {words}; check its command or URL"
            ) from None


@asynccontextmanager
async def _client(server: McpServer, stderr: TextIO) -> AsyncIterator[Client]:
    try:
        import httpx2
        from mcp import Client
        from mcp.client.streamable_http import streamable_http_client
    except ImportError:
        raise MissingExtra("MCP servers", "tools") from None
    key = _key(server)
    if server.command:
        environment = {server.key_variable: key} if server.key_variable and key else {}
        streams = stdio_streams(server.command, environment, stderr, MAX_ANSWER)
        async with Client(streams, read_timeout_seconds=SECONDS) as client:
            yield client
    else:
        assert server.url
        headers = {"Authorization": f"Bearer {key}"} if key else None
        timeout, proxy = httpx2.Timeout(30.0, read=SECONDS), proxy_for(server.url)  # none for what runs on this machine
        hooks = {"response": [_limit_answer]}
        async with httpx2.AsyncClient(
            headers=headers, timeout=timeout, proxy=proxy, trust_env=False, event_hooks=hooks
        ) as http:
            transport = streamable_http_client(server.url, http_client=http)
            async with Client(transport, read_timeout_seconds=SECONDS) as client:
                yield client


async def _limit_answer(response: Any) -> None:
    """Ends an answer at MAX_ANSWER bytes: the SDK reads all that a server sends."""
    import httpx2

    class Limited(httpx2.AsyncByteStream):
        def __init__(self, stream: Any) -> None:
            self._stream = stream

        async def __aiter__(self) -> AsyncIterator[bytes]:
            size = 0
            async for chunk in self._stream:
                size += len(chunk)
                if size > MAX_ANSWER:
                    raise httpx2.ReadError(f"an answer of the server has over {MAX_ANSWER:,} bytes")
                yield chunk

        async def aclose(self) -> None:
            await self._stream.aclose()

    response.stream = Limited(response.stream)


def _key(server: McpServer) -> str | None:
    if server.key_variable is None:
        return None
    purpose = f"MCP server {server.name}"
    return keys_for(server.url or "http://localhost", server.key_variable, purpose)[0]


def _filter(server: McpServer) -> KeyFilter:
    return active_runtime().get(KeyFilter, keys_in(server.key_variable))


def _words(error: Exception, stderr: TextIO) -> str:
    """The server's last line, else what went wrong with it."""
    stderr.seek(0)
    lines = stderr.read()[-2_000:].strip().splitlines()
    return lines[-1][:200] if lines else f"{type(error).__name__} {error}".strip()[:200]


async def _allowed(server: McpServer, client: Client) -> tuple[Tool, ...]:
    page = await client.list_tools()
    server_tools = {tool.name: tool for tool in page.tools}
    pages = 1
    while page.next_cursor is not None and not server_tools.keys() >= {*server.allow}:
        if pages >= MAX_PAGES or len(server_tools) > MAX_TOOLS:
            raise BadInput(f"MCP server {server.name} lists over {pages} pages of tools, and its list has no end")
        page, pages = await client.list_tools(cursor=page.next_cursor), pages + 1
        server_tools |= {tool.name: tool for tool in page.tools}
    missing = [name for name in server.allow if name not in server_tools]
    if missing:
        offered = _filter(server).text(", ".join(map(_plain_name, islice(server_tools, SHOWN)))) or "none"
        offered += f" and {len(server_tools) - SHOWN} more" if len(server_tools) > SHOWN else ""
        raise BadInput(f"MCP server {server.name} has no tool {missing[0]}; it has {offered}")
    return tuple(_tool(server, client, server_tools[name]) for name in server.allow)


def _tool(server: McpServer, client: Client, listed: Any) -> Tool:
    keys = _filter(server)
    name = _plain_name(listed.name)
    try:
        schema: Mapping[str, Any] = keys.document(read_json(json.dumps(listed.input_schema), longest=MAX_SCHEMA))
        _check_schema(schema)
        repair_arguments("{}", schema)
    except Exception as error:  # a schema may hold anything at any place
        raise BadInput(f"MCP server {server.name}: the parameters of {name} cannot be used ({str(error)[:100]}); "
                       "leave it out of allow=") from None  # fmt: skip
    return Tool(
        name,
        keys.text((listed.description or listed.title or "")[:MAX_DESCRIPTION]),
        schema,
        partial(_call, client, listed.name),
        partial(_check, schema),
        usd=server.usd if server.usd is not None else 0.0 if server.command else None,
        keys=keys_in(server.key_variable),
        identity=f"{server.place} {json.dumps(schema, sort_keys=True)}",
    )


def _plain_name(name: str) -> str:
    """As endpoints take it, and terminals show it."""
    return re.sub(r"[^A-Za-z0-9_-]", "_", name[:64])


def _check_schema(schema: Mapping[str, Any]) -> None:
    properties, required = schema.get("properties", {}), schema.get("required", [])
    if not isinstance(properties, dict) or not all(isinstance(inner, dict | bool) for inner in properties.values()):
        raise ValueError("properties are no schemas")
    if not isinstance(required, list) or not all(isinstance(name, str) for name in required):
        raise ValueError("required is no list of names")


def _check(schema: Mapping[str, Any], arguments: Arguments) -> Arguments:
    """Names only: the server checks the rest by its own schema and says what is wrong."""
    missing = [name for name in schema.get("required", ()) if name not in arguments]
    if missing:
        raise ToolFailed("missing", {"parameter": ", ".join(missing)})
    return arguments


async def _call(client: Client, name: str, arguments: Arguments) -> ToolResult:
    from mcp import MCPError

    try:
        with anyio.fail_after(2 * SECONDS):  # whatever it sends meanwhile
            result = await client.call_tool(name, arguments)
    except TimeoutError:
        raise ToolFailed("raised", {"error": f"no result within {2 * SECONDS:g} seconds"}) from None
    except MCPError as error:
        raise ToolFailed("raised", {"error": str(error)[:500]}) from None
    text = _text(result.content) or json.dumps(result.structured_content, ensure_ascii=False)
    if result.is_error:
        raise ToolFailed("raised", {"error": text[:2_000]})
    return ToolResult(text)


def _text(content: Sequence[Any]) -> str:
    """The texts of a result; of anything else, what it is."""
    return "\n".join(block.text if block.type == "text" else f"[{block.type}]" for block in content)
