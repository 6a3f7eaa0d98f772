"""Transcripts in a page: every answer of every model as compressed JSON lines, for the page's script to show.

Nothing that a model wrote becomes markup: the page holds base64 and shows texts as texts.
"""

import base64
import gzip
import io
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
    names = [result.model for result in results]
    packed, shown = _packed(
        {"models": names, "words": texts}, (_row(item, i, results, texts) for i, item in enumerate(items))
    )
    values = {
        "data": base64.b64encode(packed).decode(),
        "models": names,
        "script": Markup(read_template(SCRIPT)),
        "words": texts,
        "left_out": texts["left_out"].format(n=f"{len(items) - shown:,}") if shown < len(items) else "",
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


def _packed(head: dict[str, Any], rows: Iterable[list[Any]]) -> tuple[bytes, int]:
    """`head` and as many `rows` as a page can hold as gzipped JSON lines, and how many they are."""
    packed, size, shown = io.BytesIO(), 0, 0
    with gzip.GzipFile(fileobj=packed, mode="wb", compresslevel=9, mtime=0) as lines:
        lines.write(_line(head))
        for row in rows:
            line = _line(row)
            size += len(line)
            if size > MAX_BYTES:
                break
            lines.write(line)
            shown += 1
    return packed.getvalue(), shown


def _line(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
