"""The process of an MCP server and its lines, as the SDK's `stdio_client` has them, with a limit on each line.

The SDK's own reads a line of any length, and one that comes in n pieces n times over.
"""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import AsyncIterable, AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, TextIO

import anyio
from anyio.abc import Process

SECONDS_TO_END = 2.0  # after its input was closed, and again after SIGTERM
_GONE = (anyio.BrokenResourceError, anyio.ClosedResourceError, anyio.EndOfStream, OSError)


@asynccontextmanager
async def stdio_streams(
    command: Sequence[str], environment: Mapping[str, str], stderr: TextIO, longest: int
) -> AsyncIterator[tuple[Any, Any]]:
    """Messages from and to the process. A line of over `longest` bytes is an error of the calls that wait for one; the
    process is killed when that line goes on to twice as much."""
    from mcp.client.stdio import get_default_environment

    program = [shutil.which(command[0]) or command[0], *command[1:]]
    environment = {**get_default_environment(), **environment}
    process = await anyio.open_process(program, env=environment, stderr=stderr, start_new_session=True)
    incoming, to_client = anyio.create_memory_object_stream[Any](0)
    from_client, outgoing = anyio.create_memory_object_stream[Any](0)
    waiting: set[Any] = set()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_read, process, incoming, waiting, longest)
        tasks.start_soon(_write, process, outgoing, incoming, waiting)
        try:
            yield to_client, from_client
        finally:
            with anyio.CancelScope(shield=True):
                to_client.close()
                await _end(process)
                tasks.cancel_scope.cancel()
                from_client.close()


async def _read(process: Process, incoming: Any, waiting: set[Any], longest: int) -> None:
    from mcp.shared.message import SessionMessage
    from mcp_types import ErrorData, JSONRPCError, jsonrpc_message_adapter

    assert process.stdout
    async with incoming:
        with suppress(*_GONE):
            async for line in _lines(process.stdout, longest):
                if line is None:
                    error = ErrorData(code=-32000, message=f"an answer of the server has over {longest:,} bytes")
                    for call in [*waiting]:  # whose answer it is stands in what was not read
                        await incoming.send(SessionMessage(JSONRPCError(jsonrpc="2.0", id=call, error=error)))
                    continue
                try:
                    message = jsonrpc_message_adapter.validate_json(line, by_name=False)
                except ValueError as error:
                    await incoming.send(error)
                else:
                    if not hasattr(message, "method"):
                        waiting.discard(message.id)
                    await incoming.send(SessionMessage(message))
            _signal(process, "SIGKILL")  # which goes on with its line, or says no more


async def _lines(chunks: AsyncIterable[bytes], longest: int) -> AsyncIterator[bytes | None]:
    """None, once, for a line that is longer; the end where it goes on to twice as much."""
    line, size = bytearray(), 0
    async for chunk in chunks:
        for n, piece in enumerate(chunk.split(b"\n")):
            if n:
                if size <= longest:
                    yield bytes(line)
                line, size = bytearray(), 0
            size += len(piece)
            if size > 2 * longest:
                return
            if size <= longest:
                line += piece
            elif size - len(piece) <= longest:
                line = bytearray()
                yield None


async def _write(process: Process, outgoing: Any, incoming: Any, waiting: set[Any]) -> None:
    assert process.stdin
    async with outgoing:
        try:
            async for sent in outgoing:
                if hasattr(sent.message, "method") and (call := getattr(sent.message, "id", None)) is not None:
                    waiting.add(call)
                text = sent.message.model_dump_json(by_alias=True, exclude_unset=True)
                await process.stdin.send(text.encode() + b"\n")
        except _GONE:
            await incoming.aclose()  # the calls that wait are told


async def _end(process: Process) -> None:
    assert process.stdin
    with suppress(*_GONE):
        await process.stdin.aclose()
    for name in ("SIGTERM", "SIGKILL"):
        with anyio.move_on_after(SECONDS_TO_END):
            await process.wait()
        _signal(process, name)
    await process.aclose()


def _signal(process: Process, name: str) -> None:
    """To what the server started, too, where the system has groups of processes."""
    if process.returncode is None:
        with suppress(OSError):
            if hasattr(os, "killpg"):
                os.killpg(process.pid, getattr(signal, name))
            else:
                process.kill()
