"""Documents: the main text of real pages beside trafilatura's own, and how fast files are read and cut.

    python benchmarks/documents.py --data DATA    # a folder with article_extraction, tinyshakespeare

Word F1 is of the multisets of words, the mean over pages, against the text of the article as people copied it, which
holds no title. Rates are in seconds of one core. A PDF of 300 pages of prose is made here.
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from common import ROOT, write

from jielong.documents.chunking import chunk
from jielong.documents.html_reader import read_html, read_xhtml
from jielong.documents.pdf_reader import PdfPages
from jielong.documents.read_document import document_of
from jielong.documents.text_builder import TextBuilder
from jielong.documents.text_reader import text_blocks


def f1(text: str, truth: str) -> float:
    found, right = (Counter(re.findall(r"\w+", each)) for each in (text, truth))
    return 2 * sum((found & right).values()) / max(1, sum(found.values()) + sum(right.values()))


def ours(page: bytes) -> str:
    into = TextBuilder()
    read_html(page, "", into)
    return into.text


def all_visible(page: bytes) -> str:
    into = TextBuilder()
    read_xhtml(page, into)
    return into.text


def trafilatura_alone(page: bytes) -> str:
    import trafilatura

    return str(trafilatura.extract(page, include_comments=False, favor_recall=True) or "")


def pages(data: Path) -> dict[str, Any]:
    folder = data / "article_extraction"
    truth = json.loads((folder / "ground-truth.json").read_text("utf-8"))
    files = sorted((folder / "html").iterdir())
    articles = [
        (gzip.decompress(file.read_bytes()), truth[file.name.partition(".")[0]]["articleBody"]) for file in files
    ]
    ways: dict[str, Callable[[bytes], str]] = {
        "ours": ours,
        "trafilatura alone": trafilatura_alone,
        "all visible text": all_visible,
    }
    figures: dict[str, Any] = {"pages": len(articles)}
    for name, way in ways.items():
        started = time.process_time()
        scores = [f1(way(page), body) for page, body in articles]
        seconds = time.process_time() - started
        figures[name] = {
            "word F1": round(sum(scores) / len(scores), 4),
            "seconds a page": round(seconds / len(scores), 3),
        }
    return figures


def rates(data: Path) -> dict[str, float]:
    text = (data / "tinyshakespeare" / "input.txt").read_text("utf-8")
    started = time.process_time()
    chunks = chunk(document_of("a.txt", text, text_blocks(text)), 256, lambda each: len(each) // 4 + 1)
    cut = time.process_time() - started
    sys.path.insert(0, str(ROOT / "tests"))
    from documents.made_files import pdf

    lines = [line for line in text.split("\n") if line][: 300 * 40]
    made = pdf([lines[40 * number : 40 * number + 40] for number in range(300)])
    started = time.process_time()
    PdfPages(made).read(0, 1e9)
    read = time.process_time() - started
    return {
        "MB of text a second into chunks": round(len(text) / 1e6 / cut, 2),
        "chunks": len(chunks),
        "pages of a PDF a second": round(300 / read, 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    data = parser.parse_args().data
    write("documents", {"article_extraction": pages(data), "rates": rates(data)})


if __name__ == "__main__":
    main()
