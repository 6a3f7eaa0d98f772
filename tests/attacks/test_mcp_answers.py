"""MCP servers over stdio that answer without limit: that call is an error in one line, and what goes on is ended."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from jielong.errors import BadInput
from jielong.runtime.runtime import Runtime
from jielong.techniques.tools import mcp_servers
from jielong.techniques.tools.mcp_servers import McpServer, opened
from jielong.techniques.tools.tool import ToolFailed

pytest.importorskip("mcp")
pytestmark = pytest.mark.anyio
FILE, LONGEST = str(Path(__file__).with_name("loud_mcp_server.py")), 100_000
ONE_CALL = (
    "a long result",
    "a long error",
    "a long notification",
    "a long line of no JSON",
    "a long result in small pieces",
)
GOES_ON = ("a line that goes on", "a line that goes on, of a process that stays")


@pytest.fixture(autouse=True)
def small_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mcp_servers, "MAX_ANSWER", LONGEST)


def server(attack: str) -> McpServer:
    return McpServer("loud", command=(sys.executable, FILE, attack, str(LONGEST)), allow=("t",))


def naive_line(attack: str, method: str) -> bytes:
    """What a client takes in that reads a line."""
    with subprocess.Popen(server(attack).command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin
        assert process.stdout
        process.stdin.write(json.dumps({"id": 1, "method": method}).encode() + b"\n")
        process.stdin.flush()
        line = process.stdout.readline()
        process.kill()
    return line


@pytest.mark.parametrize("attack", ONE_CALL)
async def test_an_answer_beyond_the_limit_is_an_error_of_its_call(attack: str) -> None:
    assert len(naive_line(attack, "tools/call")) > LONGEST
    async with Runtime(), opened(server(attack)) as (tool,):
        with pytest.raises(ToolFailed) as failed:
            await tool.call({})
        assert failed.value.words("en").endswith("an answer of the server has over 100,000 bytes")
        assert (await tool.call({})).text == "quiet"


@pytest.mark.parametrize("attack", GOES_ON)
async def test_a_server_whose_line_goes_on_is_ended(attack: str) -> None:
    assert len(naive_line(attack, "tools/call")) > 4 * LONGEST
    async with Runtime(), opened(server(attack)) as (tool,):
        with pytest.raises(ToolFailed) as failed:
            await tool.call({})
        assert failed.value.words("en").endswith("an answer of the server has over 100,000 bytes")
        with pytest.raises(ToolFailed):  # nobody is there any more
            await tool.call({})


async def test_a_list_of_tools_beyond_the_limit_is_one_error() -> None:
    assert len(naive_line("a long list of tools", "tools/list")) > LONGEST
    with pytest.raises(BadInput, match="MCP server loud .* cannot be used: .* an answer .* over 100,000 bytes"):
        async with Runtime(), opened(server("a long list of tools")):
            pass
