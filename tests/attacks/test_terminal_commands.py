"""Attacks on the terminal by what is printed: models, endpoints, files and ledgers of others send it no command.

Each door is a real command in a real pseudo-terminal, where plain `print` passes every attack on.
"""

from __future__ import annotations

import io
import json
import os
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from aiohttp import web

from jielong.contract import Usage
from jielong.reporting.terminal import console, plain_output, visible
from jielong.runtime.ledger import Ledger
from loopback import Loopback
from terminal import Terminal

ATTACKS = {
    "the clipboard is set": "\x1b]52;c;cm0gLXJm\x07",
    "the clipboard is set, ended by ST": "\x1b]52;c;cm0gLXJm\x1b\\",
    "the clipboard is set by 8-bit controls": "\x9d52;c;cm0gLXJm\x9c",
    "the clipboard is asked for": "\x1b]52;c;?\x07",
    "the title is set": "\x1b]0;root@host\x07",
    "the title is typed in": "\x1b[21t",
    "the screen is cleared": "\x1b[2J\x1b[H",
    "the screen is cleared by 8-bit controls": "\x9b2J",
    "the lines before are cleared, and the history": "\x1b[3J",
    "another screen is shown": "\x1b[?1049h",
    "the line above is written anew": "\x1b[1A\x1b[2Kall is well",
    "the line is written anew": "lost\rall is well",
    "the line is written anew by backspaces": "no\b\byes",
    "what follows cannot be seen": "\x1b[8m",
    "what follows has the colour of the ground": "\x1b[30;40m",
    "a link that says something else": "\x1b]8;;https://evil.example\x07https://e.org\x1b]8;;\x07",
    "a setting is answered as if typed": "\x1bP$qm\x1b\\",
    "the terminal answers what it is": "\x1b[c",
    "the terminal answers where its cursor is": "\x1b[6n",
    "the terminal answers its colour": "\x1b]10;?\x07",
    "keys are given a meaning": "\x1bP1;1|17/726d\x9c",
    "a file is stored": "\x1b]1337;File=name=LmJhc2hyYw==:cm0=\x07",
    "a notification": "\x1b]777;notify;bank;call us\x07",
    "a picture": "\x1b_Gf=24,s=1,v=1;AAAA\x1b\\",
    "a picture of sixels": "\x1bPq#0;2;0;0;0#0~~\x1b\\",
    "a message to the operator": "\x1b^secret\x1b\\",
    "a string of no known use": "\x1bXsecret\x1b\\",
    "the terminal starts anew": "\x1bc",
    "other letters": "\x0e",
    "other letters of G0": "\x1b(0",
    "the mouse is watched": "\x1b[?1003h",
    "what is pasted is marked": "\x1b[?2004h",
    "the window is made small": "\x1b[8;1;1t",
    "the cursor is hidden": "\x1b[?25l",
    "text is turned around": "\u202etxt.exe",
    "text is isolated": "\u2066admin\u2069",
    "a line that is none": "safe\x85unsafe",
    "a line of Unicode": "safe\u2028unsafe",
    "a vertical tab": "safe\x0bunsafe",
    "a form feed": "safe\x0cunsafe",
    "nothing at all": "a\x00b",
    "a deletion": "no\x7f\x7f",
    "an escape that waits for the next text": "\x1b",
}
TEXT = "".join(f"<{n}{attack}{n}>" for n, attack in enumerate(ATTACKS.values()))


class Hostile(Loopback):
    """An endpoint whose every text is an attack: pieces of one character, errors, a page, nonsense."""

    async def start(self) -> None:
        app = web.Application()
        app.router.add_post("/answers/v1/chat/completions", self._answers)
        for status in (400, 401, 404):
            app.router.add_post(f"/{status}/v1/chat/completions", self._refuses)
        app.router.add_post("/nonsense/v1/chat/completions", self._nonsense)
        self.runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
        await self.runner.setup()
        site = web.TCPSite(self.runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}"  # type: ignore[union-attr]

    async def _answers(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for character in TEXT:
            choice = {"index": 0, "delta": {"content": character}}
            await response.write(f"data: {json.dumps({'id': 'x', 'model': TEXT, 'choices': [choice]})}\n\n".encode())
        end = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], "usage": {"prompt_tokens": 1, "completion_tokens": 1}}  # fmt: skip # noqa: E501
        await response.write(f"data: {json.dumps(end)}\n\ndata: [DONE]\n\n".encode())
        return response

    async def _refuses(self, request: web.Request) -> web.Response:
        status = int(request.path.split("/")[1])
        return web.json_response({"error": {"message": TEXT, "code": TEXT, "param": TEXT}}, status=status)

    async def _nonsense(self, request: web.Request) -> web.Response:
        return web.json_response([TEXT])


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose ledger somebody else has written, and a task file of theirs."""
    place = tmp_path_factory.mktemp("home")
    with Ledger(place / "ledger.db") as ledger:
        message = {"role": "assistant", "content": TEXT}
        request = json.dumps({"messages": [{"role": "user", "content": TEXT}]})
        ledger.put("aa" + TEXT, TEXT, TEXT, request, usage=Usage(calls=1), reply={"message": message, "finish": "stop"})
        ledger.put("bb" + TEXT, TEXT, TEXT, request, usage=Usage(calls=1), error=TEXT)
    row = json.dumps({"id": TEXT, "input": TEXT, "answer": TEXT, TEXT: TEXT})
    (place / "[b]\x1b]0;title\x07.jsonl").write_text(row + "\n" + row + "\n" + TEXT + "\n", "utf-8")
    return place


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    with Hostile() as running:
        yield running.url


def shown(command: list[str], place: Path) -> str:
    environment = {**os.environ, "JIELONG_HOME": str(place), "JIELONG_LANG": "en", "COLORTERM": ""}
    with Terminal([sys.executable, *command], environment, 200, cwd=str(place)) as terminal:
        terminal.end(60)
        return terminal.raw


@pytest.fixture(scope="module")
def printed(place: Path) -> str:
    """What the stand-in sends to the terminal."""
    return shown(["-c", f"print({TEXT!r})"], place)


DOORS: dict[str, list[str]] = {
    "an answer in pieces": ["ask", "hi", "-m", "openai:m@{url}/answers/v1"],
    "a trace": ["ask", "hi", "-m", "openai:m@{url}/answers/v1 | cot", "--trace"],
    "an error with status 400": ["ask", "hi", "-m", "openai:m@{url}/400/v1"],
    "an error with status 401": ["ask", "hi", "-m", "openai:m@{url}/401/v1"],
    "an error with status 404": ["ask", "hi", "-m", "openai:m@{url}/404/v1"],
    "what is no reply": ["ask", "hi", "-m", "openai:m@{url}/nonsense/v1"],
    "a recipe": ["ask", "hi", "-m", "c\x1bcot"],
    "a ledger of somebody else": ["ledger", "show"],
    "a call of somebody else": ["ledger", "show", "aa"],
    "a failed call of somebody else": ["ledger", "show", "bb", "--json"],
    "the costs of somebody else": ["ledger", "cost"],
    "an exported ledger": ["ledger", "export"],
    "a task of somebody else": ["eval", "[b]\x1b]0;title\x07.jsonl", "-m", "openai:m@{url}/answers/v1"],
    "names of columns": ["eval", "[b]\x1b]0;title\x07.jsonl", "--input", "none", "-m", "mini"],
    "a file that is not there": ["eval", "\x1b]0;title\x07\x9b2J", "-m", "mini"],
    "what would be sent": ["ask", TEXT.replace("\x00", ""), "-m", "mini", "--show"],
}
OURS = re.compile(r"\x1b\[(?:\d{1,2}(;\d{1,2})*)?m|\x1b\[(?:2K|1A|\?25[lh])|\r")  # of rich: colours, and its own bar


@pytest.mark.parametrize("door", DOORS.values(), ids=DOORS)
def test_no_door_lets_a_command_through(place: Path, endpoint: str, printed: str, door: list[str]):
    assert all(attack in printed for attack in ATTACKS.values()), "these are no attacks"
    raw = shown(["-m", "jielong", *(word.format(url=endpoint) if "{url}" in word else word for word in door)], place)
    through = [f"<{n}" for n, attack in enumerate(ATTACKS.values()) if f"<{n}{attack}{n}>" in raw]
    assert not through
    assert re.search(r"\\(u00|x)1b", raw), "the text was not shown at all"
    left = OURS.sub("", raw).replace("\n", "").replace("\t", "")
    assert visible(left) == left
    assert "Traceback" not in raw


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
def test_each_command_is_shown_as_a_text(monkeypatch: pytest.MonkeyPatch, attack: str):
    """Also in pieces, and to both streams."""
    for write in (lambda text: [text], list):
        streams = {name: io.TextIOWrapper(io.BytesIO(), "utf-8") for name in ("stdout", "stderr")}
        for name, stream in streams.items():
            monkeypatch.setattr(stream, "isatty", lambda: True)
            monkeypatch.setattr(sys, name, stream)
        naive = io.StringIO()
        with plain_output():
            pieces: list[str] = write(attack)
            for piece in pieces:
                print(piece, end="", file=naive)
                print(piece, end="", flush=True)
                print(piece, end="", file=sys.stderr)
        assert naive.getvalue() == attack, "this is no attack"
        assert json.loads(visible(json.dumps(attack, ensure_ascii=False))) == attack
        for stream in streams.values():
            text = stream.buffer.getvalue().decode()  # type: ignore[attr-defined]
            assert text == visible(attack)
            assert text.isprintable()


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
def test_no_command_goes_through_tables(monkeypatch: pytest.MonkeyPatch, attack: str):
    import rich.console
    from rich.table import Table

    def tabled(make: Callable[[], rich.console.Console]) -> str:
        stream = io.TextIOWrapper(io.BytesIO(), "utf-8")
        monkeypatch.setattr(sys, "stdout", stream)
        table = Table("one")
        table.add_row(attack)
        out = make()
        out._force_terminal = True
        out.print(table)
        stream.flush()
        return stream.buffer.getvalue().decode()  # type: ignore[attr-defined]

    dangerous = [character for character in attack if visible(character) != character and character not in "\r\x0b\x0c\b\x07"]  # fmt: skip # noqa: E501
    naive = tabled(rich.console.Console)
    ours = tabled(lambda: console(stderr=False))
    if dangerous:
        assert any(character in naive for character in dangerous), "this is no attack"
    left = OURS.sub("", ours).replace("\n", "")
    assert visible(left) == left


def test_an_answer_in_a_file_is_the_models_own(place: Path, endpoint: str):
    import subprocess

    command = [sys.executable, "-m", "jielong", "ask", "hi", "-m", f"openai:m@{endpoint}/answers/v1"]
    done = subprocess.run(command, capture_output=True, check=True, env={**os.environ, "JIELONG_HOME": str(place)})
    assert done.stdout.decode() == TEXT + "\n"


def test_honest_texts_are_left_alone():
    text = "Zeilen\r\nmit\tTab, 茶，é, 👩‍👩‍👧, שלום, مرحبا‏, a\u200db"
    assert visible(text) == text
