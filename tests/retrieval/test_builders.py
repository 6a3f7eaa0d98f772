"""Builders: what they pay for, what they leave when they are killed, and several of them at once."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from jielong import budget
from jielong.errors import BudgetExceeded, EndpointGaveUp
from jielong.retrieval.build_index import BuildResult, build_index
from jielong.retrieval.index import Index
from jielong.runtime.ledger import use_ledger
from jielong.sync import run_sync
from retrieval.embedding_server import EmbeddingServer, embedding_server

BUILD = "import sys; from jielong.__main__ import main; sys.exit(main())"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("JIELONG_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def server() -> Iterator[EmbeddingServer]:
    with embedding_server() as started:
        yield started


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    """Eighty files, of one short text each."""
    folder = tmp_path / "notes"
    folder.mkdir()
    for number in range(80):
        (folder / f"{number}.txt").write_text(f"Note {number} is about subject{number} and its neighbour{number + 1}.")
    return folder


def build(folder: Path, embedder: str) -> BuildResult:
    return run_sync(build_index, "notes", [folder], embedder)


def start_build(folder: Path, embedder: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "jielong", "index", "build", str(folder), "--out", "notes", "--embedder", embedder]
    return subprocess.Popen(command, env=os.environ, stdout=subprocess.DEVNULL)


def found(query: str, k: int = 3) -> list[tuple[str, float]]:
    index = Index("notes")
    hits = run_sync(index.search, query, k)
    index.close()
    return [(hit.chunk.document, round(hit.score, 3)) for hit in hits]


def test_a_text_is_embedded_once_whatever_becomes_of_its_file(notes: Path, server: EmbeddingServer):
    assert build(notes, server.spec).embedded == 80
    (notes / "0.txt").rename(notes / "moved.txt")
    (notes / "copy.txt").write_text((notes / "1.txt").read_text())
    (notes / "2.txt").write_text("Something new.")
    result = build(notes, server.spec)
    assert (result.added, result.changed, result.removed, result.embedded) == (2, 1, 1, 1)
    assert len(server.texts) == 81
    assert found("subject0")[0][0] == "moved.txt"


def test_a_refused_batch_is_cut_and_a_long_text_is_embedded_whole(tmp_path: Path, server: EmbeddingServer):
    server.most_texts, server.most_characters = 10, 300
    folder = tmp_path / "long"
    folder.mkdir()
    for number in range(15):
        (folder / f"{number}.txt").write_text(f"word{number} " * 60)
    assert build(folder, server.spec).embedded == 15
    assert max(map(len, server.calls)) <= 10
    assert "".join(server.texts).count("word7 ") >= 58  # a cut may fall inside a word
    assert found("word7")[0][0] == "7.txt"


def test_a_budget_ends_a_build_and_the_next_one_goes_on(notes: Path, server: EmbeddingServer, home: Path):
    with pytest.raises(BudgetExceeded), budget(calls=2):
        build(notes, server.spec)
    paid = len(server.texts)
    assert 0 < paid < 80
    assert found("subject7")[0][0] == "7.txt"  # by the full text, meanwhile
    assert build(notes, server.spec).embedded == 80 - paid
    assert len(server.texts) == 80


def test_what_a_killed_build_paid_for_is_not_paid_again(notes: Path, server: EmbeddingServer, home: Path):
    server.seconds = 0.3
    process = start_build(notes, server.spec)
    while not server.calls:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    time.sleep(0.4)  # what was under way has come in
    server.seconds, before = 0.0, len(server.texts)
    with use_ledger(home / "ledger.db"):
        build(notes, server.spec)
    assert len(set(server.texts)) == 80
    assert len(server.texts) <= 80 + before  # only what was under way is paid twice
    assert found("subject7")[0][0] == "7.txt"


def test_nobody_waits_while_another_builder_waits_for_its_embedder(notes: Path, server: EmbeddingServer):
    server.seconds = 3.0
    process = start_build(notes, server.spec)
    index_file = notes.parent / "home" / "indexes" / "notes" / "index.db"
    while not (index_file.exists() and Index("notes").store.rows("select 1 from claims limit 1")):
        time.sleep(0.02)
    (notes / "late.txt").write_text("A note that came late.")
    began = time.monotonic()
    build(notes, "none")
    assert time.monotonic() - began < 2.5
    assert found("late")[0][0] == "late.txt"
    process.kill()
    process.wait()


def test_two_builders_share_the_work(notes: Path, server: EmbeddingServer):
    server.seconds, server.most_texts = 0.05, 8
    results: list[BuildResult] = []
    threads = [threading.Thread(target=lambda: results.append(build(notes, server.spec))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(result.embedded for result in results) == 80
    assert sorted(server.texts) == sorted(set(server.texts))


def test_the_old_vectors_answer_until_the_new_ones_are_all_there(notes: Path, server: EmbeddingServer):
    pytest.importorskip("wordllama")
    build(notes, "wordllama")
    before = found("subject7 and its neighbour")
    server.most_characters = 20  # refuses every text
    server.answer = {"error": {"message": "out of order"}}
    with pytest.raises(EndpointGaveUp):
        build(notes, server.spec)
    assert found("subject7 and its neighbour") == before
