"""An MCP server of plain lines: `python loud_mcp_server.py ATTACK BYTES` sends over BYTES where ATTACK says."""

import json
import sys
import time
from typing import Any

ATTACK, BYTES = sys.argv[1], int(sys.argv[2])
LONG = "x" * (BYTES + 1)
TOOL = {"name": "t", "inputSchema": {"type": "object"}}
loud = True


def send(**message: Any) -> None:
    print(json.dumps({"jsonrpc": "2.0", **message}), flush=True)


def call(number: Any) -> None:
    text: dict[str, Any] = {"content": [{"type": "text", "text": "quiet"}]}
    if not loud:
        return send(id=number, result=text)
    if ATTACK == "a long result":
        return send(id=number, result={"content": [{"type": "text", "text": LONG}]})
    if ATTACK == "a long error":
        return send(id=number, error={"code": 1, "message": LONG})
    if ATTACK == "a long notification":
        return send(method="notifications/message", params={"level": "info", "data": LONG})
    if ATTACK == "a long line of no JSON":
        return print(LONG, flush=True)
    if ATTACK == "a long result in small pieces":
        line = json.dumps({"jsonrpc": "2.0", "id": number, "result": {"structuredContent": {"a": LONG}, "content": []}})
        for at in range(0, len(line), 500):
            print(line[at : at + 500], end="", flush=True)
        return print(flush=True)
    print(LONG * 4, end="", flush=True)  # a line that goes on
    if ATTACK == "a line that goes on, of a process that stays":
        print(flush=True)
        time.sleep(600)
    return print(LONG * 4, flush=True)


for line in sys.stdin:
    message = json.loads(line)
    number, method = message.get("id"), message["method"]
    if method == "initialize":
        version = message["params"]["protocolVersion"]
        about = {"capabilities": {"tools": {}}, "serverInfo": {"name": "loud", "version": "1"}}
        send(id=number, result={"protocolVersion": version, **about})
    elif method == "tools/list":
        tools = [TOOL | {"description": LONG}] if ATTACK == "a long list of tools" else [TOOL]
        send(id=number, result={"tools": tools})
    elif method == "tools/call":
        call(number)
        loud = False
    elif number is not None:
        send(id=number, error={"code": -32601, "message": "no such method"})
