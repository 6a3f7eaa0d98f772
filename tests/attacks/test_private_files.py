"""Attacks by other users of the machine on prompts and answers: nothing that holds them can be read or led elsewhere.

The stand-in writes with `open`, `mkdir` and `sqlite3.connect`, as programs do.
"""

from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from jielong.atomic_write import make_folder, private_opener, temporary_beside, write_whole
from jielong.cli import group
from jielong.runtime.home import home_folder
from jielong.runtime.ledger import Ledger

OPEN_TO_OTHERS = 0o077


@pytest.fixture(params=[0o000, 0o022, 0o002], ids=["umask 000", "umask 022", "umask 002"])
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def others(place: Path) -> int:
    return stat.S_IMODE(place.lstat().st_mode) & OPEN_TO_OTHERS


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Everything that the commands write, under the widest umask."""
    place = tmp_path_factory.mktemp("written")
    tasks = "".join(f'{{"input": "What is {n} + {n}?", "answer": "{2 * n}"}}\n' for n in range(12))
    (place / "task.jsonl").write_text(tasks + "no JSON\n")
    before, umask = os.environ.get("JIELONG_HOME"), os.umask(0)
    os.environ["JIELONG_HOME"] = str(place / "home")
    try:
        task = str(place / "task.jsonl")
        for command in (
            ["ask", "What is 2 + 2?", "-m", "mini"],
            ["eval", task, "-m", "mini", "--limit", "6"],
            ["eval", task, "-m", "mini", "--limit", "6", "--out", str(place / "eval" / "deep")],
            ["improve", "mini:word_problems", "-m", "mini", "--limit", "4", "--budget-tokens", "20000"],
            ["prompts", "search", "mini:word_problems", "-m", "mini", "--limit", "8", "--budget-calls", "80",
             "--out", str(place / "prompts")],
        ):  # fmt: skip
            group.main(command, standalone_mode=False)
        yield place
    finally:
        os.umask(umask)
        os.environ.pop("JIELONG_HOME")
        if before is not None:
            os.environ["JIELONG_HOME"] = before


NAMES = [
    "home", "home/ledger.db", "home/rejects.jsonl", "home/.gitignore", "home/runs", "home/runs/*",
    "home/runs/*/outcome.json", "home/runs/*/report.html", "eval", "eval/deep", "eval/deep/report.json",
    "eval/deep/items.jsonl", "prompts", "prompts/prompts.json", "prompts/tried.jsonl", "prompts/recipe.txt",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_nothing_that_is_written_can_be_read_by_others(written: Path, tmp_path: Path, name: str):
    places = list(written.glob(name))
    assert places, "the command writes it no more"
    for place in places:
        before = os.umask(0)
        (tmp_path / "naive").mkdir() if place.is_dir() else (tmp_path / "naive").write_text("x")
        os.umask(before)
        assert others(tmp_path / "naive"), "this is no attack"
        assert not others(place)


def test_there_is_nothing_else(written: Path):
    everything = [place for place in written.rglob("*") if place.name != "task.jsonl"]
    assert [place for place in everything if others(place)] == []


@pytest.mark.parametrize("suffix", ["", "-wal", "-shm"], ids=["ledger", "write-ahead log", "shared memory"])
def test_a_ledger_is_private_from_the_start(tmp_path: Path, umask: int, suffix: str):
    naive = sqlite3.connect(tmp_path / "naive.db", isolation_level=None)
    naive.execute("pragma journal_mode = wal")
    naive.execute("create table calls(x)")
    assert others(Path(f"{tmp_path}/naive.db{suffix}")), "this is no attack"
    with Ledger(tmp_path / "ledger.db"):
        assert not others(Path(f"{tmp_path}/ledger.db{suffix}"))


@pytest.mark.parametrize("suffix", ["", "-wal", "-shm"], ids=["ledger", "write-ahead log", "shared memory"])
def test_a_ledger_that_was_open_to_others_is_closed(tmp_path: Path, suffix: str):
    with Ledger(tmp_path / "ledger.db"):
        for place in tmp_path.iterdir():
            place.chmod(0o666)
        assert others(Path(f"{tmp_path}/ledger.db{suffix}")), "this is no attack"
        with Ledger(tmp_path / "ledger.db"):
            assert not others(Path(f"{tmp_path}/ledger.db{suffix}"))


@pytest.mark.parametrize("mode", [0o777, 0o755, 0o750, 0o701])
def test_a_home_that_was_open_to_others_is_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: int):
    home = tmp_path / "home"
    home.mkdir()
    (home / "ledger.db").touch()
    home.chmod(mode)
    monkeypatch.setenv("JIELONG_HOME", str(home))
    assert others(home), "this is no attack"
    assert not others(home_folder())


def test_a_folder_that_holds_other_things_keeps_its_mode(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Whoever names their home folder, or /tmp, does not want that closed."""
    (tmp_path / "letters.txt").touch()
    tmp_path.chmod(0o1777)
    monkeypatch.setenv("JIELONG_HOME", str(tmp_path))
    home_folder()
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o1777
    with Ledger(tmp_path / "ledger.db"):
        assert not others(tmp_path / "ledger.db")


def test_a_folder_for_results_keeps_its_mode_and_the_files_in_it_are_private(tmp_path: Path, umask: int):
    tmp_path.chmod(0o755)
    (tmp_path / "report.json").write_text("{}")
    assert others(tmp_path / "report.json"), "this is no attack"
    write_whole(tmp_path / "report.json", "{}")
    assert not others(tmp_path / "report.json")
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o755


def test_a_file_is_private_before_it_is_in_its_place(tmp_path: Path, umask: int):
    (tmp_path / "naive").write_text("x")
    assert others(tmp_path / "naive"), "this is no attack"
    with temporary_beside(tmp_path / "file") as unfinished:
        assert not others(unfinished)
        unfinished.write_text("x")
        assert not others(unfinished)
    assert not others(tmp_path / "file")


def test_what_is_appended_to_is_private(tmp_path: Path, umask: int):
    (tmp_path / "naive").open("a").close()
    assert others(tmp_path / "naive"), "this is no attack"
    open(tmp_path / "curve.jsonl", "a", opener=private_opener).close()
    assert not others(tmp_path / "curve.jsonl")


def test_folders_above_are_private(tmp_path: Path, umask: int):
    (tmp_path / "naive" / "b").mkdir(parents=True)
    assert others(tmp_path / "naive"), "this is no attack"
    make_folder(tmp_path / "a" / "b")
    assert not others(tmp_path / "a")
    assert not others(tmp_path / "a" / "b")


@pytest.mark.parametrize("target", ["a file of the user's", "nothing yet"])
@pytest.mark.parametrize("name", [".report.json.{pid}", "report.json", ".report.json.tmp"])
def test_no_planted_link_is_written_through(tmp_path: Path, name: str, target: str):
    victim, link = tmp_path / "victim", tmp_path / name.format(pid=os.getpid())
    if "file" in target:
        victim.write_text("mine")
    link.symlink_to(victim)
    link.write_text("overwritten")
    assert victim.read_text() == "overwritten", "this is no attack"
    victim.write_text("mine")
    if "file" not in target:
        victim.unlink()
    write_whole(tmp_path / "report.json", "{}")
    assert victim.read_text() == "mine" if "file" in target else not victim.exists()
    assert (tmp_path / "report.json").read_text() == "{}"


def test_the_name_of_an_unfinished_file_cannot_be_foreseen(tmp_path: Path):
    names = set()
    for _ in range(20):
        with temporary_beside(tmp_path / "file") as unfinished:
            names.add(unfinished.name)
    assert len(names) == 20
