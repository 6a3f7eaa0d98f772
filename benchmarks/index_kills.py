"""Builds of an index that are killed at ten moments aimed at the gaps, beside a second builder: what is found after.

    python benchmarks/index_kills.py

An index of 60 files is built; then a third of them is changed, some go, some come. A build that is killed by SIGKILL
at the moment, and another one that starts at the same time, bring it up to date; a last build finishes what is left.
The search results must be those of an index that was built at once; `paid_twice` counts texts whose call was under way
when the kill came, or had come back and was in no ledger yet.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from common import ROOT, write

sys.path.insert(0, str(ROOT / "tests"))
from retrieval.embedding_server import EmbeddingServer, embedding_server

KILLED = """
import os, sys
from jielong.__main__ import main
from jielong.retrieval import embed_chunks
from jielong.retrieval.chunk_store import ChunkStore
from jielong.retrieval.vector_file import VectorFile

owner, name, when, count = {place!r}
owner = {{"store": ChunkStore, "array": VectorFile, "work": embed_chunks._Work, "module": embed_chunks}}[owner]
original, calls = getattr(owner, name), 0

def die():
    os.kill(os.getpid(), 9)

def replaced(*arguments):
    global calls
    calls += when != "gone" or arguments[1] in {{"50.txt", "51.txt", "52.txt", "53.txt", "54.txt", "55.txt"}}
    if calls < count:
        return original(*arguments)
    if when == "before":
        die()
    if when == "half":
        array, row, vectors = arguments
        original(array, row, vectors[: len(vectors) // 2])
        die()
    result = original(*arguments)
    die()

setattr(owner, name, replaced)
sys.exit(main())
"""
MOMENTS = {  # what is called, when the kill comes, at which call
    "while a file is replaced, before it is committed": ("store", "_remove", "after", 2),
    "a file was replaced": ("store", "put_file", "after", 3),
    "while a file is taken out, before it is committed": ("store", "_remove", "gone", 1),
    "texts are claimed": ("work", "_claim", "after", 1),
    "texts are claimed, their call is about to go out": ("module", "vectors_of", "before", 1),
    "vectors have come, nothing is written": ("work", "_store", "before", 1),
    "room was made for vectors, none is written": ("array", "write", "before", 1),
    "half of the vectors are written": ("array", "write", "half", 1),
    "vectors are written, and named nowhere": ("array", "write", "after", 1),
    "all is there but the word that it is complete": ("store", "set", "before", 2),
}
QUERIES = ("subject7", "what is note 12 about", "neighbour", "fresh news of subject41", "a note that came late")


def fill(folder: Path, changed: bool) -> None:
    folder.mkdir(exist_ok=True)
    for number in range(60):
        words = "has fresh news of" if changed and number % 3 == 0 else "is about"
        (folder / f"{number}.txt").write_text(f"Note {number} {words} subject{number} and its neighbour{number + 1}.")
    if changed:
        for number in range(50, 56):
            (folder / f"{number}.txt").unlink()
        for number in range(4):
            (folder / f"late{number}.txt").write_text(f"A note that came late, number {number}, of subject{number}.")


def build(folder: Path, home: Path, server: EmbeddingServer, place: Any = None) -> subprocess.Popen[bytes]:
    program = ["-c", KILLED.format(place=place)] if place else ["-m", "jielong"]
    command = [sys.executable, *program, "index", "build", str(folder), "--out", "kills", "--embedder", server.spec]
    environment = {**os.environ, "JIELONG_HOME": str(home)}
    return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)


def found(home: Path) -> list[list[tuple[str, float]]]:
    from jielong.retrieval.index import Index
    from jielong.sync import run_sync

    os.environ["JIELONG_HOME"] = str(home)
    index = Index("kills")
    results = [[(hit.chunk.document, round(hit.score, 4)) for hit in run_sync(index.search, q, 10)] for q in QUERIES]
    index.close()
    return results


def main() -> None:
    rows = []
    with tempfile.TemporaryDirectory() as folder, embedding_server() as server:
        root, server.most_texts = Path(folder), 8
        fill(root / "docs", False)
        assert build(root / "docs", root / "before", server).wait() == 0
        fill(root / "docs", True)
        assert build(root / "docs", root / "clean", server).wait() == 0
        expected = found(root / "clean")
        for number, (moment, place) in enumerate(MOMENTS.items()):
            home = root / f"home{number}"
            shutil.copytree(root / "before", home)
            os.unlink(home / "ledger.db") if number % 2 else None  # with the ledger, and with the index alone
            server.calls.clear()
            # The one to be killed comes first, so that there is something left to do at its moment.
            builders = [build(root / "docs", home, server, place), build(root / "docs", home, server)]
            codes = [builder.wait() for builder in builders]
            assert build(root / "docs", home, server).wait() == 0
            twice = len(server.texts) - len(set(server.texts))
            rows.append(
                {
                    "moment": moment,
                    "killed": codes[0] == -9,
                    "second": codes[1],
                    "same": found(home) == expected,
                    "paid_twice": twice,
                }
            )
            print(rows[-1], flush=True)
    same = sum(row["same"] and row["killed"] for row in rows)
    write("index_kills", {"same_results": same, "of": len(rows), "moments": rows})


if __name__ == "__main__":
    main()
