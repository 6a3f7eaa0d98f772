"""Transcripts in a page: every answer of every model as compressed JSON, which the page's script unpacks and shows.

Nothing that a model wrote becomes markup: the page holds base64 and shows texts as texts.
"""

import base64
import gzip
import json
from collections.abc import Iterable, Sequence
from typing import Any

from markupsafe import Markup

from ..measuring.results import ItemResult, ModelResult
from ..tasks.item import Item
from .html_page import fill_template, read_template
from .wording import Words

MAX_TEXT = 4_000  # characters of one text in the page; `items.jsonl` has it whole
MAX_BYTES = 24_000_000  # of all transcripts before compression
SCRIPT = "evaluation/transcripts.js"


def transcript_view(items: Sequence[Item], results: Sequence[ModelResult], words: Words) -> Markup:
    texts = words["viewer"]
    rows = list(_within(MAX_BYTES, (_row(item, i, results, texts) for i, item in enumerate(items))))
    data = {"models": [result.model for result in results], "items": rows, "words": texts}
    packed = gzip.compress(json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode(), 9, mtime=0)
    values = {
        "data": base64.b64encode(packed).decode(),
        "models": [result.model for result in results],
        "script": Markup(read_template(SCRIPT)),
        "words": texts,
        "left_out": texts["left_out"].format(n=len(items) - len(rows)) if len(rows) < len(items) else "",
    }
    return fill_template("evaluation/transcripts.html", values)


def _row(item: Item, i: int, results: Sequence[ModelResult], texts: dict[str, str]) -> list[Any]:
    """[id, question, accepted answers, [[score, text, what was extracted, error] of each model]]."""
    question = "\n\n".join(message.text for message in item.request().messages)
    answers = [_answer(result.answers[i], texts) for result in results]
    return [item.id, _cut(question, texts), _cut(" | ".join(item.accepted), texts), answers]


def _answer(answer: ItemResult, texts: dict[str, str]) -> list[Any]:
    score = None if answer.score is None else round(answer.score, 4)
    extracted = None if answer.extracted is None else _cut(answer.extracted, texts)
    return [score, _cut(answer.text, texts), extracted, answer.error]


def _cut(text: str, texts: dict[str, str]) -> str:
    rest = len(text) - MAX_TEXT
    return text if rest <= 0 else text[:MAX_TEXT] + " " + texts["cut"].format(n=f"{rest:,}")


def _within(size: int, rows: Iterable[list[Any]]) -> Iterable[list[Any]]:
    for row in rows:
        size -= len(json.dumps(row, ensure_ascii=False).encode())
        if size < 0:
            return
        yield row
