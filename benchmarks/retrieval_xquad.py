"""Full text, vectors and both together on XQuAD in English and Chinese, beside bm25s and LanceDB's full text.

    python benchmarks/retrieval_xquad.py --data DATA    # a folder with xquad, wikitext2, hotpotqa_distractor_sample

Each language alone (240 paragraphs, 1,190 questions), both in one index with WikiText's paragraphs beside them, and
the sample of HotpotQA (100 questions, two relevant paragraphs each among 1,000). nDCG@10, recall@5; the gain of the
hybrid over our own full text (Porter's stems) with a paired 95 % interval. Peers get the same paragraphs and questions;
for Chinese, bm25s gets our pairs of characters, as its own tokens are words between spaces.
"""

from __future__ import annotations

import argparse
import json
import re
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import numpy as np
from common import write

from jielong.documents.document import Chunk
from jielong.documents.language import language_of
from jielong.retrieval.embed_chunks import vectors_of
from jielong.retrieval.embedders import embedder
from jielong.retrieval.full_text import folded
from jielong.retrieval.memory_index import MemoryIndex
from jielong.retrieval.ranking_metrics import ndcg_at, recall_at

Question = tuple[str, set[str]]  # its text, and the names of the relevant paragraphs
Ranking = list[str]


def xquad(data: Path, language: str) -> tuple[dict[str, str], list[Question]]:
    paragraphs, questions = dict[str, str](), list[Question]()
    for article in json.loads((data / f"xquad/xquad.{language}.json").read_text("utf-8"))["data"]:
        for paragraph in article["paragraphs"]:
            name = f"{language}-{len(paragraphs)}"
            paragraphs[name] = paragraph["context"]
            questions += [(qa["question"], {name}) for qa in paragraph["qas"]]
    return paragraphs, questions


def hotpotqa(data: Path) -> tuple[dict[str, str], list[Question]]:
    paragraphs, questions = dict[str, str](), list[Question]()
    for line in (data / "hotpotqa_distractor_sample/hotpot_distractor_100.jsonl").read_text("utf-8").splitlines():
        row = json.loads(line)
        for title, sentences in zip(row["context"]["title"], row["context"]["sentences"], strict=True):
            paragraphs[f"hotpot {title}"] = f"{title}\n{''.join(sentences)}"
        questions.append((row["question"], {f"hotpot {title}" for title in row["supporting_facts"]["title"]}))
    return paragraphs, questions


def wikitext(data: Path) -> dict[str, str]:
    lines = [
        line.strip()
        for name in ("valid", "test")
        for line in (data / f"wikitext2/{name}.txt").read_text("utf-8").splitlines()
    ]
    texts = [
        re.sub(r" @(.)@ ", r"\1", line).replace("<unk>", "") for line in lines if len(line) > 200 and line[0] != "="
    ]
    return {f"wiki-{number}": text for number, text in enumerate(texts)}


async def ours(paragraphs: dict[str, str], questions: Sequence[Question], model: Any) -> list[Ranking]:
    # Names that tell nothing, as the words of a file's name are searched, too.
    names = {f"{number}": name for number, name in enumerate(paragraphs)}
    chunks = [
        Chunk(number, 0, len(paragraphs[name]), paragraphs[name], language=language_of(paragraphs[name]))
        for number, name in names.items()
    ]
    index = MemoryIndex(chunks, model)
    rankings = [[names[hit.chunk.document] for hit in await index.search(text, 10)] for text, _ in questions]
    index.close()
    return rankings


async def vectors(paragraphs: dict[str, str], questions: Sequence[Question]) -> list[Ranking]:
    names, model = list(paragraphs), embedder("wordllama")
    array, asked = (
        await vectors_of(model, list(paragraphs.values())),
        await vectors_of(model, [text for text, _ in questions]),
    )
    return [[names[place] for place in np.argsort(-row)[:10]] for row in asked @ array.T]


def bm25s(paragraphs: dict[str, str], questions: Sequence[Question]) -> list[Ranking]:
    import bm25s as peer

    tokens = partial(peer.tokenize, stopwords=None, show_progress=False, token_pattern=r"(?u)\b\w+\b")
    index = peer.BM25()
    index.index(tokens([folded(text) for text in paragraphs.values()]), show_progress=False)
    names = list(paragraphs)
    found, _ = index.retrieve(tokens([folded(text) for text, _ in questions]), k=10, show_progress=False)
    return [[names[place] for place in row] for row in found]


def lancedb(paragraphs: dict[str, str], questions: Sequence[Question]) -> list[Ranking]:
    import lancedb as peer
    from lancedb.index import FTS

    async def rank() -> list[Ranking]:
        with tempfile.TemporaryDirectory() as folder:
            table = await (await peer.connect_async(folder)).create_table(
                "t", [{"name": n, "text": t} for n, t in paragraphs.items()]
            )
            await table.create_index("text", config=FTS())
            rankings = []
            for text, _ in questions:
                rows = (
                    await table.query().nearest_to_text(re.sub(r"\W+", " ", text)).select(["name"]).limit(10).to_list()
                )
                rankings.append([row["name"] for row in rows])
            return rankings

    return anyio.run(rank)


def scores(rankings: Sequence[Ranking], questions: Sequence[Question]) -> np.ndarray:
    return np.array(
        [
            (ndcg_at(10, found, wanted), recall_at(5, found, wanted))
            for found, (_, wanted) in zip(rankings, questions, strict=True)
        ]
    )


def measure(name: str, paragraphs: dict[str, str], questions: Sequence[Question], peers: bool) -> dict[str, Any]:
    model = embedder("wordllama")
    ways: dict[str, Callable[[], list[Ranking]]] = {
        "full text": lambda: anyio.run(ours, paragraphs, questions, None),
        "hybrid": lambda: anyio.run(ours, paragraphs, questions, model),
    }
    if peers:
        ways |= {
            "vectors": lambda: anyio.run(vectors, paragraphs, questions),
            "bm25s": lambda: bm25s(paragraphs, questions),
            "LanceDB full text": lambda: lancedb(paragraphs, questions),
        }
    found = {way: scores(rank(), questions) for way, rank in ways.items()}
    result: dict[str, Any] = {"paragraphs": len(paragraphs), "questions": len(questions)}
    result |= {
        way: dict(zip(("ndcg_10", "recall_5"), each.mean(axis=0).round(4).tolist(), strict=True))
        for way, each in found.items()
    }
    gains = found["hybrid"][:, 0] - found["full text"][:, 0]
    half = 1.96 * gains.std(ddof=1) / len(gains) ** 0.5
    result["gain"] = {
        "ndcg_10": round(gains.mean(), 4),
        "ci95": [round(gains.mean() - half, 4), round(gains.mean() + half, 4)],
    }
    print(name, json.dumps(result), flush=True)
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--no-peers", action="store_true")
    given = parser.parse_args()
    (en, asked_en), (zh, asked_zh), (hotpot, asked_hotpot) = (
        xquad(given.data, "en"),
        xquad(given.data, "zh"),
        hotpotqa(given.data),
    )
    both, peers = en | zh | wikitext(given.data), not given.no_peers
    settings = {
        "en": (en, asked_en), "zh": (zh, asked_zh), "hotpotqa": (hotpot, asked_hotpot),
        "en in one index": (both, asked_en), "zh in one index": (both, asked_zh),
    }  # fmt: skip
    write("retrieval_xquad", {name: measure(name, *each, peers) for name, each in settings.items()})


if __name__ == "__main__":
    main()
