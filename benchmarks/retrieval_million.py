"""A million chunks: how fast an index is built, what it takes on disk and in memory, and how long queries take.

    python benchmarks/retrieval_million.py build --chunks 1000000 --home HOME --data DATA    # an hour on a busy core
    python benchmarks/retrieval_million.py query --home HOME --data DATA [--lance]

A build that is stopped can be queried as far as it came, but has no vectors. Queries are timed by the clock, one after
another, in a process that may use two threads. With a table of LanceDB beside the array (`query --lance` makes it),
they go there.

Text: sentences of WikiText and XQuAD in English at random, five to a chunk, a hundred chunks to a file. In their rarest
words and numbers some letters are changed, so that rare words are as many as in a real text of this size. Vectors:
wordllama's own of 20,000 chunks; each other chunk has the vector of one of these, with noise. Everything is written by
the code that writes files. Queries: words and names (two or three rare ones together), and whole questions of XQuAD.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import resource
import shutil
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from common import write

from jielong.documents.document import Chunk
from jielong.retrieval.chunk_store import ChunkStore, IndexedFile, text_hash, vector_path
from jielong.retrieval.embedders import embedder
from jielong.retrieval.full_text import match_terms
from jielong.retrieval.full_text_search import Filter, FullTextSearch
from jielong.retrieval.index import Index, index_folder
from jielong.retrieval.lance_vectors import table_folder, update_table
from jielong.retrieval.vector_file import VectorFile, unit
from jielong.sync import run_sync

NAME, CHUNKS_A_FILE, SENTENCES, SAMPLE = "million", 100, 5, 20_000


def sentences(data: Path) -> list[list[str]]:
    """Words of each sentence."""
    lines = [
        line for name in ("valid", "test") for line in (data / f"wikitext2/{name}.txt").read_text("utf-8").splitlines()
    ]
    lines += [
        p["context"]
        for a in json.loads((data / "xquad/xquad.en.json").read_text("utf-8"))["data"]
        for p in a["paragraphs"]
    ]
    text = [re.sub(r" @(.)@ ", r"\1", line).replace("<unk>", "") for line in lines if len(line) > 100]
    return [words for line in text for part in re.split(r"(?<=[.?!]) ", line) if len(words := part.split()) > 5]


def texts(data: Path, count: int) -> Iterator[str]:
    rng = random.Random(0)
    pool = sentences(data)
    frequency = Counter(word for words in pool for word in words)

    def changed(word: str) -> str:
        if frequency[word] > 3 or rng.random() < 0.3:
            return word
        place, letter = rng.randrange(len(word)), rng.choice("aeiorstn" if word[-1].isalpha() else "0123456789")
        return word[:place] + letter + word[place + 1 :]

    for _ in range(count):
        yield " ".join(changed(word) for words in rng.choices(pool, k=SENTENCES) for word in words)


def questions(data: Path, count: int) -> list[str]:
    articles = json.loads((data / "xquad/xquad.en.json").read_text("utf-8"))["data"]
    found = [q["question"] for a in articles for p in a["paragraphs"] for q in p["qas"]]
    return random.Random(1).sample(found, count)


def build(data: Path, count: int) -> dict[str, Any]:
    folder = index_folder(NAME)
    folder.mkdir(parents=True, exist_ok=True)
    store, pool = ChunkStore(folder / "index.db"), list[Chunk]()
    began, used, hashes, sample = time.monotonic(), time.process_time(), list[bytes](), list[str]()
    for number, text in enumerate(texts(data, count)):
        place = number % CHUNKS_A_FILE
        pool.append(
            Chunk(f"{number // CHUNKS_A_FILE}.txt", 1000 * place, 1000 * place + len(text), text, language="en")
        )
        hashes.append(text_hash(text))
        if len(sample) < SAMPLE:
            sample.append(text)
        if len(pool) == CHUNKS_A_FILE or number == count - 1:
            store.put_file(IndexedFile(pool[0].document, str(number), len(pool), "en"), pool)
            pool = []
        if number % 50_000 == 49_999:
            print(
                number + 1, f"{time.monotonic() - began:.0f} s, {time.process_time() - used:.0f} s of CPU", flush=True
            )
    text_seconds, text_cpu = time.monotonic() - began, time.process_time() - used
    result = {"chunks": count, "text_seconds": text_seconds, "text_cpu_seconds": text_cpu}
    return result | embed(store, sample, hashes) | {"bytes": sizes(), "peak_mb": peak_mb()}


def embed(store: ChunkStore, sample: list[str], hashes: list[bytes]) -> dict[str, Any]:
    began = time.process_time()
    model = embedder("wordllama")
    real = unit(np.array(run_sync(model.embed, sample).vectors, np.float32))
    rate = len(sample) / (time.process_time() - began)
    rng = np.random.default_rng(0)
    store.rows(
        "insert or ignore into embedders(name, dimensions, next_row) values('wordllama', 256, ?)", (len(hashes),)
    )
    array = VectorFile(vector_path(store, 1), 256)
    for start in range(0, len(hashes), 10_000):
        rows = np.arange(start, min(start + 10_000, len(hashes)))
        own = real[rows % len(real)]
        noise = rng.normal(0, 0.03, own.shape).astype(np.float32) * (rows >= len(real))[:, None]
        array.write(start, unit(own + noise))
        store.many("insert or ignore into vectors values(1, ?, ?)", [(hashes[row], int(row)) for row in rows])
    store.set("embedder", "wordllama")
    store.set("state", "complete")
    store.close()
    return {"embedded_a_cpu_second": rate}


def sizes() -> dict[str, int]:
    return {
        file.name: sum(
            each.stat().st_size for each in ([file] if file.is_file() else file.rglob("*")) if each.is_file()
        )
        for file in index_folder(NAME).iterdir()
    }


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def percentiles(seconds: list[float]) -> dict[str, float]:
    return {"p50_ms": 1000 * float(np.percentile(seconds, 50)), "p95_ms": 1000 * float(np.percentile(seconds, 95))}


def timed(work: Any) -> tuple[float, Any]:
    began = time.perf_counter()
    result = work()
    return time.perf_counter() - began, result


def keywords(store: ChunkStore, count: int) -> list[str]:
    """Two or three words that stand in one chunk and begin with a capital or hold a digit, but for the first."""
    rng, found = random.Random(2), []
    last = store.rows("select max(id) from chunks")[0][0]
    while len(found) < count:
        text = store.rows("select text from chunks where id = ?", (rng.randint(1, last),))[0][0]
        names = re.findall(r"(?<=[a-z] )[A-Z0-9]\w{3,}", text)
        if len(names) >= 3:
            found.append(" ".join(rng.sample(names, rng.choice((2, 3)))))
    return found


def update_lance() -> dict[str, float]:
    """Seconds for a table of all vectors, and its size."""
    store, began = ChunkStore(index_folder(NAME) / "index.db"), time.perf_counter()
    array = VectorFile(vector_path(store, 1), 256)
    update_table(array, store.rows("select next_row from embedders")[0][0])
    store.close()
    return {"seconds": time.perf_counter() - began, "bytes": sizes()[table_folder(array.file).name]}


def query(data: Path, count: int, lance: bool) -> dict[str, Any]:
    table = update_lance() if lance else None
    began = time.process_time()
    index = Index(NAME)
    text = FullTextSearch(index.store)
    run_sync(index.search, "warm up", 10)
    result: dict[str, Any] = {
        "open_cpu_seconds": time.process_time() - began,
        "chunks": index.store.rows("select count(*) from chunks")[0][0],
    }
    words, asked = keywords(index.store, count), questions(data, count)

    def kept(terms: list[str]) -> list[int]:
        return list(text.scores(terms, 10, Filter()))

    for name, queries in (("keywords", words), ("questions", asked)):
        times = [timed(lambda query=query: kept(match_terms(query))) for query in queries]
        result[f"text_{name}"] = percentiles([seconds for seconds, _ in times])
        hybrid = [timed(lambda query=query: run_sync(index.search, query, 10)) for query in queries]
        result[f"hybrid_{name}"] = percentiles([seconds for seconds, _ in hybrid])
        print(name, result[f"text_{name}"], result[f"hybrid_{name}"], flush=True)
    ranked = "select rowid from spaced where spaced match ? and rank match 'bm25(0.5, 1.0)' order by rank limit 10"
    whole = [
        timed(lambda query=query: [n for (n,) in index.store.rows(ranked, (" OR ".join(match_terms(query)),))])
        for query in asked[: count // 4]
    ]
    pruned = [kept(match_terms(query)) for query in asked[: count // 4]]
    result["exhaustive"] = percentiles([seconds for seconds, _ in whole])
    shared = [len(set(a) & set(b)) / max(1, len(a)) for (_, a), b in zip(whole, pruned, strict=True)]
    result["recall_10_of_exhaustive"] = float(np.mean(shared))
    index.close()
    if table:
        shutil.rmtree(table_folder(vector_path(ChunkStore(index_folder(NAME) / "index.db"), 1)))
        result |= {"lance": table}
    return result | {"peak_mb": peak_mb()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("build", "query"))
    parser.add_argument("--chunks", type=int, default=1_000_000)
    parser.add_argument("--queries", type=int, default=200)
    parser.add_argument("--lance", action="store_true")
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    given = parser.parse_args()
    os.environ["JIELONG_HOME"] = str(given.home)
    building = given.what == "build"
    result = build(given.data, given.chunks) if building else query(given.data, given.queries, given.lance)
    print(json.dumps(result, indent=1))
    write(f"retrieval_million_{given.what}{'_lance' * given.lance}", result)


if __name__ == "__main__":
    main()
