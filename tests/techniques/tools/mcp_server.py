"""A real MCP server for tests: `python mcp_server.py` speaks over stdio, with a port over HTTP on loopback."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from mcp.server.mcpserver import MCPServer

server = MCPServer("shop")
DONE = Path(os.environ.get("MCP_TEST_LOG") or (sys.argv[2] if len(sys.argv) > 2 else os.devnull))


@server.tool()
def price(item: str, count: int = 1) -> str:
    """The price of something."""
    return f"{count} × {item}: {3 * count} euros"


@server.tool()
def delete_all() -> str:
    """Deletes everything."""
    with DONE.open("a") as log:
        log.write("deleted\n")
    return "deleted"


@server.tool()
def fails() -> str:
    """Fails."""
    raise ValueError("no such shop")


if __name__ == "__main__":
    if len(sys.argv) > 1 and sys.argv[1] != "0":
        server.run("streamable-http", host="127.0.0.1", port=int(sys.argv[1]))
    else:
        server.run("stdio")
