# ruff: noqa: E501
"""What is no file, given as one: pipes that nobody fills, devices without end, folders, links to them."""

import os
from collections.abc import Callable
from pathlib import Path
from subprocess import DEVNULL, TimeoutExpired, run
from sys import executable

import pytest

from jielong.errors import BadInput, DamagedFile, JielongError
from jielong.models.local.checkpoint_folder import open_checkpoint
from jielong.models.mini import WEIGHTS
from jielong.models.scripted import load as load_scripted
from jielong.regular_files import read_regular_file
from jielong.runtime.ledger import Ledger
from jielong.tasks.load_task import load_task
from jielong.techniques.tools.tools_config import tools_config
from jielong.training.train_config import read_train_config

pytestmark = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")


def pipe(place: Path) -> None:
    os.mkfifo(place)


def device(place: Path) -> None:
    place.symlink_to("/dev/zero")


def null(place: Path) -> None:
    place.symlink_to("/dev/null")


def socket(place: Path) -> None:
    import socket

    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(place))


def folder(place: Path) -> None:
    place.mkdir()


def linked_pipe(place: Path) -> None:
    os.mkfifo(place.with_suffix(".pipe"))
    place.symlink_to(place.with_suffix(".pipe"))


def endless(place: Path) -> None:
    with place.open("wb") as file:
        file.truncate(1 << 40)  # a terabyte that takes no room


KINDS = {kind.__name__: kind for kind in (pipe, device, null, socket, folder, linked_pipe, endless)}


def checkpoint(name: str) -> Callable[[Path], object]:
    def read(place: Path) -> object:
        for file in WEIGHTS.iterdir():
            if file.name != name:
                (place.parent / file.name).symlink_to(file)
        place.rename(place.with_name(name))
        return open_checkpoint(f"{place.parent}?engine=numpy")

    return read


READERS: dict[str, tuple[str, Callable[[Path], object]]] = {
    "a task of JSON lines": ("task.jsonl", lambda place: load_task(str(place))),
    "a task as a table": ("task.csv", lambda place: load_task(str(place))),
    "the settings of a training": ("train.toml", read_train_config),
    "a script": ("script.jsonl", lambda place: load_scripted("scripted", str(place))),
    "the ledger": ("ledger.db", Ledger),
    "config.json": ("config", checkpoint("config.json")),
    "tokenizer_config.json": ("config", checkpoint("tokenizer_config.json")),
    "model.safetensors": ("weights", checkpoint("model.safetensors")),
}


@pytest.mark.parametrize("kind", ["pipe", "device", "linked_pipe"])
def test_a_naive_reader_hangs_or_reads_without_end(kind: str, tmp_path: Path) -> None:
    KINDS[kind](tmp_path / "task.jsonl")
    code = "import resource, sys; resource.setrlimit(resource.RLIMIT_AS, (1 << 30,) * 2); open(sys.argv[1]).read()"
    command = [executable, "-S", "-c", code, str(tmp_path / "task.jsonl")]
    try:
        status = run(command, check=False, timeout=0.6, stdin=DEVNULL, stderr=DEVNULL).returncode
    except TimeoutExpired:
        return
    assert status != 0


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("reader", READERS)
def test_what_is_no_file_is_one_error_at_once(kind: str, reader: str, tmp_path: Path) -> None:
    if kind in ("null", "endless") and reader in ("the ledger", "model.safetensors"):
        pytest.skip("SQLite and the header's own length decide")
    name, read = READERS[reader]
    KINDS[kind](tmp_path / name)
    with pytest.raises((JielongError, OSError)) as error:
        read(tmp_path / name)
    assert len(str(error.value).splitlines()) == 1


def test_tools_toml_as_a_pipe_or_deeper_than_any_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JIELONG_HOME", str(tmp_path))
    os.mkfifo(tmp_path / "tools.toml")
    with pytest.raises(BadInput, match="no file, but a pipe"):
        tools_config()
    (tmp_path / "tools.toml").unlink()
    (tmp_path / "tools.toml").write_text("a = " + "[" * 3000 + "]" * 3000)
    with pytest.raises(BadInput, match="not TOML"):
        tools_config()


def test_a_pipe_of_ones_own_shell_is_read(tmp_path: Path) -> None:
    code = "from pathlib import Path; from jielong.regular_files import read_regular_file as r; print(r(Path('/dev/stdin')))"
    done = run([executable, "-c", code], input=b"2+2?", capture_output=True, check=True)
    assert done.stdout.strip() == b"b'2+2?'"
    (tmp_path / "f").write_bytes(b"x" * 11)
    with pytest.raises(BadInput, match="more than 10 bytes"):
        read_regular_file(tmp_path / "f", 10)


@pytest.mark.parametrize(
    "wrong",
    [
        '{"messages": 5}', '{"messages": [{"role": 1, "content": ""}]}', "[]", '{"messages": [{"role": "user", "content": {}}]}',
        "[" * 5000, "not JSON", '{"messages": [{"role": "user", "content": [{"text": 1}]}]}',
    ],
)  # fmt: skip
def test_a_ledger_of_somebody_else_is_what_it_says_or_damaged(wrong: str, tmp_path: Path) -> None:
    import json
    import sqlite3

    file = tmp_path / "ledger.db"
    with Ledger(file):
        pass
    with sqlite3.connect(file) as db:
        for n, (reply, request, usage) in enumerate(((wrong, "{}", "{}"), (None, wrong, "{}"), (None, "{}", wrong))):
            db.execute("insert into calls(key, run, provider, request, reply, usage, at, state) values(?,'r','p',?,?,?,1,'failed')",
                       (f"k{n}", request, reply, usage))  # fmt: skip
    db.close()
    with pytest.raises((ValueError, TypeError, LookupError, AttributeError, RecursionError)):  # the naive reader
        value = json.loads(wrong)
        [message["content"][0]["text"].upper() for message in value["messages"]]
    damaged = 0
    for key in ("k0", "k1", "k2"):
        with Ledger(file, to_read=True) as ledger:
            try:
                [*ledger.rows(key=key)]
            except DamagedFile:
                damaged += 1
    assert damaged == 3
