"""Questions that people asked and answers that annotators gave, and both as instruction data.

What an annotator does is a line, appended and never rewritten:

    {"id": "8c1f…", "question": "How do I boil an egg?", "answer": "For …", "did": "answered", "annotator": "anna",
     "saw_model": false, "time": "2026-01-31T10:00:00+00:00"}

`did` is answered, accepted (the model's answer as it is), unclear (nobody can answer this), looked (at the model's
answer), or undone. An answer that a person gives without having seen a model's is worth more as data: who has looked
once has seen it, also after an undo.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args

from ...errors import BadInput
from ...tasks.conversations import as_conversation, is_conversation, read_conversation
from ...tasks.data_files import read
from ...tasks.data_row import BadRow
from ...tasks.named_columns import is_nothing
from ..data.argilla_rows import plain_row
from .instruction_row import InstructionRow
from .novelty import rouge_tokens

Did: TypeAlias = Literal["answered", "accepted", "unclear", "looked", "undone"]
_QUESTIONS = ("question", "instruction", "prompt", "input", "query", "text", "问题", "指令", "提问")
_ANSWERS = ("answer", "response", "completion", "output", "model_answer", "答案", "回答", "输出")


@dataclass(frozen=True)
class Question:
    """`model_answer` is hidden from annotators until they ask for it; `place` is file and line."""

    text: str
    model_answer: str | None
    place: str

    @property
    def id(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()[:12]


@dataclass(frozen=True)
class Annotation:
    id: str
    question: str
    answer: str
    did: Did
    annotator: str
    saw_model: bool = False

    def record(self) -> dict[str, Any]:
        """The line of the file."""
        return {**vars(self), "time": datetime.now(UTC).isoformat(timespec="seconds")}


def read_questions(file: Path) -> tuple[list[Question], list[str]]:
    """The questions of a file, each once; and what is wrong with rows that hold none. Raises BadInput."""
    questions: dict[tuple[str, ...], Question] = {}
    bad: list[str] = []
    for row in read(file):
        place = f"{file}:{row.line}"
        try:
            if isinstance(row, BadRow):
                raise ValueError(row.why)
            fields = plain_row(row.fields)
            text, answer = _question(fields), _first(fields, _ANSWERS)
            questions.setdefault(tuple(rouge_tokens(text)) or (text,), Question(text, answer, place))
        except (TypeError, ValueError) as error:
            bad.append(f"{place}: {error}")
    if not questions:
        raise BadInput(bad[0] if bad else f"{file}: no questions in it")
    return list(questions.values()), bad


def read_annotations(file: Path) -> list[Annotation]:
    """Those that stand: of several of one annotator on one question the last, unless it was undone. Raises BadInput."""
    latest: dict[tuple[str, str], Annotation] = {}
    looked: set[tuple[str, str]] = set()
    for row in read(file) if file.exists() else ():
        place = f"{file}:{row.line}"
        if isinstance(row, BadRow):
            raise BadInput(f"{place}: {row.why}")
        annotation = _annotation(row.fields, place)
        key = (annotation.annotator.casefold(), annotation.id)
        looked |= {key} if annotation.saw_model else set()
        if annotation.did != "looked":
            latest.pop(key, None)
        if annotation.did not in ("looked", "undone"):
            latest[key] = replace(annotation, saw_model=key in looked)
    return list(latest.values())


def _annotation(fields: Mapping[str, Any], place: str) -> Annotation:
    names = ("id", "question", "answer", "did", "annotator")
    if missing := [name for name in names if not isinstance(fields.get(name), str)]:
        raise BadInput(f"{place}: no text in {', '.join(missing)}; expected a line that `jielong data annotate` wrote")
    if fields["did"] not in get_args(Did):
        raise BadInput(f"{place}: did is {fields['did']!r}; expected {', '.join(get_args(Did))}")
    values = {name: fields[name] for name in names}
    return Annotation(**values, saw_model=fields.get("saw_model") is True)


def annotated_rows(annotations: Iterable[Annotation]) -> list[InstructionRow]:
    """The answered questions as instruction data."""
    return [
        InstructionRow(
            each.question, each.answer, "people",
            origin={"annotator": each.annotator, "did": each.did, "saw_model": each.saw_model},
        )
        for each in annotations
        if each.did in ("answered", "accepted")
    ]  # fmt: skip


def answered_rows(file: Path) -> tuple[list[InstructionRow], Sequence[str]]:
    """Questions with their answers as any file holds them (also Argilla's and annotations) as instruction data; and
    what is wrong with the rows that hold none. Raises BadInput."""
    first = next(iter(read(file)), None)
    if first is not None and not isinstance(first, BadRow) and {"did", "annotator"} <= first.fields.keys():
        return annotated_rows(read_annotations(file)), []
    rows: list[InstructionRow] = []
    bad: list[str] = []
    for row in read(file):
        try:
            if isinstance(row, BadRow):
                raise ValueError(row.why)
            fields = plain_row(row.fields)
            question, answer = _question(fields), _first(fields, _ANSWERS) or _last_reply(fields)
            if answer is None:
                raise ValueError(f"no answer; expected one of {', '.join(_ANSWERS[:4])}")
            rows.append(InstructionRow(question, answer, "people", origin={"file": str(file), "line": row.line}))
        except (TypeError, ValueError) as error:
            bad.append(f"{file}:{row.line}: {error}")
    if not rows:
        raise BadInput(bad[0] if bad else f"{file}: no questions in it")
    return rows, bad


def _question(fields: Mapping[str, Any]) -> str:
    turns = as_conversation(fields.get("messages", fields.get("conversations")))
    if is_conversation(turns):
        asked = [turn["content"] for turn in read_conversation(turns) if turn["role"] == "user"]
        if len(asked) != 1:
            raise ValueError(f"{len(asked)} turns of the user; expected one question")
        return str(asked[0]).strip()
    text = _first(fields, _QUESTIONS)
    if text is None and (empty := [name for name in _QUESTIONS if name in fields]):
        raise ValueError(f"the {empty[0]} is empty")
    if text is None:
        raise ValueError(
            f"no question; found {', '.join(fields) or 'nothing'}; expected one of {', '.join(_QUESTIONS[:5])}"
        )
    more = _first(fields, ("input", "输入")) if "instruction" in fields or "指令" in fields else None
    return f"{text}\n\n{more}" if more else text


def _last_reply(fields: Mapping[str, Any]) -> str | None:
    turns = as_conversation(fields.get("messages", fields.get("conversations")))
    replies = (
        [t["content"] for t in read_conversation(turns) if t["role"] == "assistant"] if is_conversation(turns) else []
    )
    return str(replies[-1]).strip() or None if replies else None


def _first(fields: Mapping[str, Any], names: Sequence[str]) -> str | None:
    cell = next((fields[name] for name in names if not is_nothing(fields.get(name))), None)
    if cell is not None and not isinstance(cell, str | int | float):
        raise ValueError(f"expected a text, found {type(cell).__name__}")
    return None if cell is None or not str(cell).strip() else str(cell).strip()
