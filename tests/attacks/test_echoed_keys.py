"""Attacks on keys by those they are sent to: what repeats a key puts it nowhere, and no redirect takes it along.

The stand-in is a client that prints what comes back.
"""

from __future__ import annotations

import base64
import json
import os
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import aiohttp
import pytest
from aiohttp import web

from jielong.cli import group
from jielong.contract import Message, Reply, ToolCall
from jielong.errors import JielongError
from jielong.runtime.key_filter import FilteredListener, KeyFilter
from loopback import Loopback

KEY = "sk-proj-Zq7/Yx+2Lm_9Rt4Wv8Kd1Hs6Pb3Nc5Jf0Ga=Qe&Uo"  # with all that encodings change
PLAIN = "sk-live-Tq8wXz3mLp6vRb1nKs9dHy4jCg7fUe2o"


def _in_base64(before: str) -> Callable[[str], str]:
    return lambda key: base64.b64encode(f"{before}{key}@end".encode()).decode()


FORMS: dict[str, Callable[[str], str]] = {
    "as it is": lambda key: key,
    "in capitals": str.upper,
    "in small letters": str.lower,
    "after Bearer": lambda key: f"Bearer {key}",
    "in quotes": lambda key: f"'{key}'",
    "inside a word": lambda key: f"xx{key}yy",
    "twice": lambda key: key + key,
    "percent-encoded": lambda key: quote(key, safe=""),
    "percent-encoded in small letters": lambda key: quote(key, safe="").lower(),
    "in a URL": lambda key: f"https://e.org/?api_key={quote(key, safe='')}&x=1",
    "in base64": _in_base64(""),
    "in base64 after a colon": _in_base64(":"),
    "in base64 after a user": _in_base64("me:"),
    "in base64 after an e-mail address": _in_base64("me@e.org:"),
    "in base64 for URLs": lambda key: base64.urlsafe_b64encode(key.encode()).decode(),
    "in hexadecimal": lambda key: key.encode().hex(),
    "as JSON in a text": lambda key: json.dumps({"key": key}),
    "as HTML writes it": lambda key: key.replace("&", "&amp;"),
    "its first twenty characters": lambda key: key[:20] + "…",
    "its first half": lambda key: key[: len(key) // 2],
    "all but its beginning": lambda key: "…" + key[9:],
    "its last twenty-four characters": lambda key: key[-24:],
    "without its last character": lambda key: key[:-1],
    "behind characters that grow in small letters": lambda key: "İİİ" + key,
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("key", [KEY, PLAIN])
def test_no_form_of_a_key_stays_in_a_text(key: str, form: Callable[[str], str]):
    echo = form(key)
    naive = f"Incorrect API key provided: {echo}."
    assert echo in naive, "this is no attack"
    text = KeyFilter((key,)).text(naive)
    assert echo.lower() not in text.lower()
    assert key[4:20].lower() not in text.lower()
    assert text != naive
    assert len(text) < len(naive) - 8
    assert text.startswith("Incorrect API key provided: ")
    assert text.endswith(".")


@pytest.mark.anyio
@pytest.mark.parametrize("size", [1, 2, 3, 5, 11, 17, 1000])
@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
async def test_no_key_goes_through_in_pieces(size: int, form: Callable[[str], str]):
    """And what is streamed is what is returned."""
    from jielong.events import Delta, Event

    text = f"The key is {form(KEY)} and it sk-proved wrong sk-"
    naive, heard = [], []

    async def listener(event: Event) -> None:
        assert isinstance(event, Delta)
        heard.append(event.text)

    keys = KeyFilter((KEY,))
    filtered = FilteredListener(keys, listener)
    for start in range(0, len(text), size):
        naive.append(text[start : start + size])
        await filtered(Delta(naive[-1]))
    await filtered.finish()
    assert "".join(naive) == text, "this is no attack"
    assert "".join(heard) == keys.text(text) != text
    assert keys.reply(Reply(Message("assistant", text))).text == "".join(heard)


def test_names_and_arguments_of_calls_hold_no_key():
    call = ToolCall("1", f"tool_{PLAIN}", json.dumps({"url": f"https://e.org/?k={PLAIN}"}))
    reply = KeyFilter((PLAIN,)).reply(Reply(Message("assistant", "", tool_calls=(call,))))
    assert PLAIN not in str(reply)


@pytest.mark.parametrize("key", ["", "x", "the", "sk-1234"])
def test_a_short_key_does_not_tear_texts(key: str):
    text = f"{key} the text and the sk-1234 of it {key}"
    assert KeyFilter((key,)).text(text) == text


def test_honest_texts_stay():
    text = "sk-proj- keys begin like this; sk-proj-abc is one, bearer tokens another. " * 50
    assert KeyFilter((KEY, PLAIN)).text(text) == text


class Echo(Loopback):
    """An endpoint that repeats the key it was sent, wherever it can."""

    async def start(self) -> None:
        app = web.Application()
        for name in ("answer", "stream", "400", "401", "403", "404", "429x", "502x", "nonsense", "redirect", "break"):
            app.router.add_post(f"/{name}/v1/chat/completions", self._answer)
        app.router.add_route("*", "/elsewhere", self._elsewhere)
        self.elsewhere: list[str] = []
        self.runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
        await self.runner.setup()
        site = web.TCPSite(self.runner, "0.0.0.0", 0)
        await site.start()
        self.port = site._server.sockets[0].getsockname()[1]  # type: ignore[union-attr]

    async def _elsewhere(self, request: web.Request) -> web.Response:
        self.elsewhere.append(request.headers.get("Authorization", ""))
        return web.json_response({})

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        name, key = request.path.split("/")[1], request.headers.get("Authorization", "")
        usage = {"prompt_tokens": 1, "completion_tokens": 1}
        if name == "redirect":
            return web.Response(status=307, headers={"Location": f"http://127.0.0.3:{self.port}/elsewhere?{key}"})
        if name == "nonsense":
            return web.json_response([key], headers={"X-Key": key})
        if name[:3].isdigit():
            status = 401 if name.endswith("x") else int(name)
            error = {"message": f"You sent {key}", "code": key, "type": key, "param": key}
            return web.json_response({"error": error}, status=status, reason=key, headers={"X-Key": key})
        if "stream" in (await request.json()):
            response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
            await response.prepare(request)
            for character in f"You sent {key}":
                delta = {"reasoning_content": character} if name == "break" else {"content": character}
                chunk = {"id": key, "model": key, "choices": [{"index": 0, "delta": delta}]}
                await response.write(f"data: {json.dumps(chunk)}\n\n".encode())
            last = {"error": {"message": key}} if name == "break" else {
                "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], "usage": usage}  # fmt: skip
            await response.write(f"data: {json.dumps(last)}\n\ndata: [DONE]\n\n".encode())
            return response
        message = {"role": "assistant", "content": f"You sent {key}", "reasoning_content": key}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        return web.json_response({"id": key, "model": key, "choices": [choice], "usage": usage})


@pytest.fixture(scope="module")
def endpoint() -> Iterator[Echo]:
    with Echo() as running:
        yield running


ECHOES = {
    "a reply": ["ask", "--json", "hi", "-m", "openai:m@{url}/answer/v1?key=ECHOED"],
    "a stream of single characters": ["ask", "hi", "-m", "openai:m@{url}/stream/v1?key=ECHOED"],
    "a trace": ["ask", "--trace", "hi", "-m", "openai:m@{url}/stream/v1?key=ECHOED | cot"],
    "a stream that breaks in its thoughts": ["ask", "hi", "-m", "openai:m@{url}/break/v1?key=ECHOED"],
    "a wrong request": ["ask", "hi", "-m", "openai:m@{url}/400/v1?key=ECHOED"],
    "a wrong key": ["ask", "hi", "-m", "openai:m@{url}/401/v1?key=ECHOED"],
    "a key without permission": ["ask", "hi", "-m", "openai:m@{url}/403/v1?key=ECHOED"],
    "a missing model": ["ask", "hi", "-m", "openai:m@{url}/404/v1?key=ECHOED"],
    "what is no reply": ["ask", "--json", "hi", "-m", "openai:m@{url}/nonsense/v1?key=ECHOED"],
    "a redirect to another host": ["ask", "hi", "-m", "openai:m@{url}/redirect/v1?key=ECHOED"],
    "two models together": ["ask", "hi", "-m", "openai:m@{url}/answer/v1?key=ECHOED | self_consistency(n=2)"],
    "an evaluation": ["eval", "{task}", "-m", "openai:m@{url}/answer/v1?key=ECHOED", "--out", "{out}", "--json"],
    "an evaluation of errors": ["eval", "{task}", "-m", "openai:m@{url}/400/v1?key=ECHOED", "--out", "{out}"],
}


@pytest.mark.parametrize("command", ECHOES.values(), ids=ECHOES)
def test_an_echoed_key_lands_nowhere(
    endpoint: Echo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    command: list[str],
):  # fmt: skip
    monkeypatch.setenv("ECHOED", PLAIN)
    monkeypatch.setenv("JIELONG_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("JIELONG_LANG", "en")
    (tmp_path / "task.jsonl").write_text('{"input": "a", "answer": "b"}\n')
    values = {"url": f"http://127.0.0.1:{endpoint.port}", "task": tmp_path / "task.jsonl", "out": tmp_path / "out"}
    endpoint.elsewhere.clear()
    try:
        group.main([word.format(**values) if "{" in word else word for word in command], standalone_mode=False)
    except JielongError as error:
        print(error, repr(error))
    out, err = capsys.readouterr()
    assert "sk-…" in out + err or command[-1].endswith("redirect/v1?key=ECHOED") or "--out" in command
    everything = [out, err]
    everything += [file.read_bytes().decode(errors="replace") for file in tmp_path.rglob("*") if file.is_file()]
    database = tmp_path / "home" / "ledger.db"
    if database.exists():
        everything.append(str(sqlite3.connect(database).execute("select * from calls").fetchall()))
    assert not [text for text in everything if PLAIN.lower()[4:20] in text.lower()]
    assert endpoint.elsewhere == []


@pytest.mark.anyio
async def test_the_stand_in_shows_the_key_and_takes_it_along(endpoint: Echo):
    """A client that prints what comes back, and follows redirects as aiohttp does by default on one host."""
    headers, base = {"Authorization": f"Bearer {PLAIN}"}, f"http://127.0.0.1:{endpoint.port}"
    async with aiohttp.ClientSession() as session:
        for name in ("answer", "400", "401", "403", "404", "nonsense"):
            async with session.post(f"{base}/{name}/v1/chat/completions", json={}, headers=headers) as response:
                assert PLAIN in await response.text()
        async with session.post(f"{base}/redirect/v1/chat/completions", json={}, headers=headers) as response:
            assert PLAIN in str(response.url)


URLS = {
    "a key in a recipe's URL": ("ask", "hi", "-m", f"openai:m@https://e.org/v1?api_key={PLAIN}"),
    "a key in place of its variable": ("ask", "hi", "-m", f"openai:m@https://e.org/v1?key={PLAIN}"),
    "a password in a recipe's URL": ("ask", "hi", "-m", f"openai:m@https://me:{PLAIN}@e.org/v1"),
}


@pytest.mark.parametrize("command", URLS.values(), ids=URLS)
def test_a_key_that_stands_in_the_wrong_place_is_not_repeated(command: tuple[str, ...]):
    assert any(PLAIN in word for word in command)
    with pytest.raises(JielongError) as raised:
        group.main(list(command), standalone_mode=False)
    assert PLAIN[:16] not in str(raised.value)


@pytest.mark.parametrize("variable", ["OPENAI_BASE_URL", "VLLM_BASE_URL", "OLLAMA_HOST"])
def test_a_password_in_a_base_url_is_not_repeated(monkeypatch: pytest.MonkeyPatch, variable: str):
    monkeypatch.setenv(variable, f"https://me:{PLAIN}@e.org/v1")
    kind = variable.partition("_")[0].lower()
    with pytest.raises(JielongError) as raised:
        group.main(["ask", "hi", "-m", f"{kind}:m"], standalone_mode=False)
    assert PLAIN[:16] not in str(raised.value)
    assert PLAIN in os.environ[variable]
