"""MCP: a real server as a process, over stdio and over HTTP on loopback."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest

from jielong import tools
from jielong.contract import Model
from jielong.errors import BadInput, EndpointGaveUp, MissingKey
from jielong.runtime.runtime import Runtime, active_lifetime
from jielong.techniques.tools.mcp_servers import McpServer, McpSessions
from techniques.tools.acting import asked, calling, turns

pytest.importorskip("mcp")
pytestmark = pytest.mark.anyio
FILE = str(Path(__file__).with_name("mcp_server.py"))


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "done.txt"


@pytest.fixture(params=["stdio", "http"])
def place(request: pytest.FixtureRequest, log: Path) -> Iterator[dict[str, object]]:
    """How to reach the server; over HTTP it is started here and stopped after the test."""
    if request.param == "stdio":
        yield {"command": (sys.executable, FILE, "0", str(log))}
        return
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen([sys.executable, FILE, str(port), str(log)], stderr=subprocess.DEVNULL)
    try:
        while True:
            with socket.socket() as trying:
                if trying.connect_ex(("127.0.0.1", port)) == 0:
                    break
            assert process.poll() is None, "the server ended"
            time.sleep(0.05)
        yield {"url": f"http://127.0.0.1:{port}/mcp"}
    finally:
        process.kill()
        process.wait()


async def test_allowed_tools_are_offered_and_called_and_no_others(place: dict[str, object], log: Path):
    shop = McpServer("shop", allow=("price", "fails"), **place)  # type: ignore[arg-type]
    calls = calling(("price", '{"item": "tea", "cuont": "2"}'), ("fails", "{}"), ("delete_all", "{}"))
    base = turns(calls, "done")
    reply = await (base | tools(use=[shop])).generate(asked())
    assert reply.text == "done"
    assert [tool.name for tool in base.requests[0].tools] == ["price", "fails"]
    assert base.requests[0].tools[0].description == "The price of something."
    told = [m.text for m in base.requests[1].messages if m.role == "tool"]
    assert told[0] == "2 × tea: 6 euros"
    assert told[1].startswith("Error: Error executing tool fails")
    assert told[2] == "Error: there is no tool delete_all. The tools are: price, fails."
    assert not log.exists()


async def test_without_permission_nothing_runs(place: dict[str, object], log: Path):
    base = turns("done")
    with pytest.raises(BadInput, match="names no tool, so none may run"):
        await (base | tools(use=[McpServer("shop", **place)])).generate(asked())  # type: ignore[arg-type]
    with pytest.raises(BadInput, match="has no tool prize; it has price, delete_all, fails"):
        await (base | tools(use=[McpServer("shop", allow=("prize",), **place)])).generate(asked())  # type: ignore[arg-type]
    assert base.requests == []
    assert not log.exists()


async def test_a_recipe_has_the_servers_of_the_settings(jielong_home: Path):
    jielong_home.mkdir()
    command = f'["{sys.executable}", "{FILE}"]'
    (jielong_home / "tools.toml").write_text(f'[mcp.shop]\ncommand = {command}\nallow = ["price"]\n')
    base = turns(calling(("price", '{"item": "tea"}')), "done")
    await (base | tools(use=["mcp"])).generate(asked())
    assert base.requests[1].messages[-1].text == "1 × tea: 3 euros"


async def test_a_server_is_started_once_and_ends_with_the_block(tmp_path: Path):
    log = tmp_path / "starts.txt"
    start = f"open({str(log)!r}, 'a').write('started\\n'); import runpy, sys; sys.argv = [{FILE!r}]; "
    program = start + f"runpy.run_path({FILE!r}, run_name='__main__')"
    shop = McpServer("shop", command=(sys.executable, "-c", program), allow=("price",))

    async def ask(model: Model) -> None:
        await (model | tools(use=[shop])).generate(asked())

    async with turns(*[calling(("price", '{"item": "tea"}')), "done"] * 6) as model:
        for _ in range(3):
            await ask(model)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(ask, model)
            tasks.start_soon(ask, model)
        assert log.read_text() == "started\n"
        sessions = active_lifetime().get(McpSessions)._sessions.values()
        running = [session.task for session in sessions]
    assert len(running) == 1
    assert all(task.done() for task in running)
    async with Runtime():
        await ask(model)
        assert log.read_text() == "started\n" * 2


async def test_an_error_of_the_model_comes_through_an_open_server_as_it_is():
    def gives_up(request: object) -> str:
        raise EndpointGaveUp("no more")

    shop = McpServer("shop", command=(sys.executable, FILE), allow=("price",))
    with pytest.raises(EndpointGaveUp, match="no more"):
        await (turns(gives_up) | tools(use=[shop])).generate(asked())


@pytest.mark.parametrize(
    "server",
    [
        McpServer("gone", command=("/no/such/program",), allow=("x",)),
        McpServer("gone", command=(sys.executable, "-c", "raise SystemExit('not a server')"), allow=("x",)),
        McpServer("gone", url="http://127.0.0.1:9/mcp", allow=("x",)),
    ],
    ids=["no program", "no server", "nobody there"],
)
async def test_a_server_that_cannot_be_used_is_named(server: McpServer):
    with pytest.raises(BadInput, match="MCP server gone .* cannot be used"):
        await (turns("done") | tools(use=[server])).generate(asked())


async def test_a_server_needs_one_place_and_its_key():
    for place in ({}, {"command": ("x",), "url": "http://127.0.0.1/"}):
        with pytest.raises(BadInput, match="either command= or url="):
            McpServer("odd", **place)  # type: ignore[arg-type]
    keyed = McpServer("keyed", command=(sys.executable, FILE), allow=("price",), key_variable="NO_SUCH_KEY")
    with pytest.raises(MissingKey, match="export NO_SUCH_KEY"):
        await (turns("done") | tools(use=[keyed])).generate(asked())
