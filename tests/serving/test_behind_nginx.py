"""Behind nginx, with a path prefix and a domain name, by the configuration that docs/serve.md shows."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import anyio
import httpx2
import openai
import pytest

from jielong import call_context
from jielong.contract import Message, Model, Reply, Request
from jielong.events import Delta
from serving.served import Served, until

NGINX = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
PAGE = Path(__file__).parents[2] / "docs" / "serve.md"
NAME, PREFIX, TOKEN = "llm.example.org", "/models", "s3cret"
MAIN = """
daemon off; master_process off; pid nginx.pid; error_log stderr;
events {{}}
http {{
    access_log off;
    client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path a; uwsgi_temp_path b; scgi_temp_path c;
    {server}
}}
"""


@pytest.fixture(autouse=True)
def _nginx_is_there() -> None:
    if NGINX is None:
        if os.environ.get("JIELONG_CI"):
            pytest.fail("JIELONG_CI is set, and there is no nginx")
        pytest.skip("there is no nginx on this machine (Debian: apt-get install nginx)")


class Halting(Model):
    """Says a word, waits for `release`, and says another."""

    name = "halting"

    def __init__(self) -> None:
        self.release, self.running = threading.Event(), 0

    async def generate(self, request: Request) -> Reply:
        self.running += 1
        try:
            if listener := call_context.current().listener:
                await listener(Delta("one "))
            while not self.release.is_set():  # noqa: ASYNC110  # set by another thread
                await anyio.sleep(0.005)
            return Reply(Message("assistant", "one two"))
        finally:
            self.running -= 1


@contextmanager
def nginx(port: int, folder: Path) -> Iterator[str]:
    """nginx before a server on `port`: its URL."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        listen = free.getsockname()[1]
    (shown,) = re.findall(r"```nginx\n(.*?)```", PAGE.read_text("utf-8"), re.S)
    assert "listen 80;" in shown
    assert "127.0.0.1:8100" in shown
    server = shown.replace("listen 80;", f"listen 127.0.0.1:{listen};").replace(":8100", f":{port}")
    (folder / "nginx.conf").write_text(MAIN.format(server=server))
    assert NGINX
    process = subprocess.Popen([NGINX, "-p", str(folder), "-c", "nginx.conf"], stderr=subprocess.PIPE, text=True)
    try:
        until(lambda: process.poll() is not None or _accepts(listen))
        assert process.poll() is None, process.stderr and process.stderr.read()
        yield f"http://127.0.0.1:{listen}{PREFIX}"
    finally:
        process.terminate()
        process.wait()


def _accepts(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
    except OSError:
        return False
    return True


@contextmanager
def served(folder: Path) -> Iterator[tuple[Halting, str, httpx2.Client]]:
    """The model, the URL through nginx, and a client that knows the name and the token."""
    model = Halting()
    with Served(model, token=TOKEN, allow_hosts=[NAME], root_path=PREFIX) as server:
        headers = {"Host": NAME, "Authorization": f"Bearer {TOKEN}"}
        with nginx(server.port, folder) as url, httpx2.Client(headers=headers, trust_env=False, timeout=30) as client:
            yield model, url, client


def body(stream: bool) -> dict[str, Any]:
    return {"model": "halting", "stream": stream, "messages": [{"role": "user", "content": "hi"}]}


def test_a_stream_passes_piece_by_piece(tmp_path: Path):
    with served(tmp_path) as (model, url, client):
        pieces = []
        with client.stream("POST", f"{url}/v1/chat/completions", json=body(True)) as response:
            for line in response.iter_lines():
                if line.startswith("data: {"):
                    pieces.append(json.loads(line[6:])["choices"][0]["delta"].get("content", ""))
                    if pieces[-1]:
                        model.release.set()  # never, were the first piece held back
    assert "".join(pieces).startswith("one ")


def test_a_client_that_leaves_nginx_leaves_the_server(tmp_path: Path):
    with served(tmp_path) as (model, url, client):
        with client.stream("POST", f"{url}/v1/chat/completions", json=body(True)) as response:
            lines = response.iter_lines()  # kept: once collected, it closes the connection
            assert "assistant" in next(lines)
            assert model.running == 1
        until(lambda: model.running == 0)


def test_the_official_client_finds_its_way_under_the_prefix(tmp_path: Path):
    with served(tmp_path) as (model, url, _):
        model.release.set()
        http_client = openai.DefaultHttpxClient(trust_env=False)
        client = openai.OpenAI(
            base_url=f"{url}/v1", api_key=TOKEN, default_headers={"Host": NAME}, http_client=http_client
        )
        assert [card.id for card in client.models.list()] == ["halting"]
        answer = client.chat.completions.create(model="halting", messages=[{"role": "user", "content": "hi"}])
        assert answer.choices[0].message.content == "one two"
        with pytest.raises(openai.NotFoundError, match="no model 'other'"):
            client.models.retrieve("other")


@pytest.mark.parametrize(
    ("path", "headers", "status", "code"),
    [
        ("/v1/models", {"Authorization": "Bearer wrong"}, 401, "invalid_api_key"),
        ("/v1/models", {"Host": "evil.example"}, 421, "foreign_host"),
        ("/v1/models", {"Origin": "https://evil.example"}, 403, "cross_site"),
        ("/v1/models/other", {}, 404, "model_not_found"),
        ("/nowhere", {}, 404, "unknown_url"),
    ],
)
def test_errors_keep_their_form(path: str, headers: dict[str, str], status: int, code: str, tmp_path: Path):
    with served(tmp_path) as (_, url, client):
        response = client.get(url + path, headers=headers)
    assert (response.status_code, response.json()["error"]["code"]) == (status, code)


def test_the_description_and_its_page_know_the_prefix(tmp_path: Path):
    with served(tmp_path) as (_, url, client):
        assert client.get(f"{url}/openapi.json").json()["servers"] == [{"url": PREFIX}]
        assert f"{PREFIX}/openapi.json" in client.get(f"{url}/docs").text
        assert client.get(f"{url}/health", headers={"Authorization": ""}).json()["status"] == "ok"
