"""From what a person types to a task: a built-in name, a file or folder, or `hub:ORG/NAME`.

Rows that cannot be used are named by file and line and set aside; the rest goes on, unless `strict`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ..contract import Message
from ..errors import BadInput, MissingExtra
from ..registry import unknown_name
from . import data_files
from .answer_equality import infer_rule
from .benchmark_readers import READERS, Fields, Reader, recognise
from .bfcl import with_answers
from .code_tests import Tests
from .data_files import BadRow, DataRow
from .mini_tasks import built_in
from .task import Item, Task, identified

RULES = ("number", "choice", "exact", "contains", "json", "code", "yes_no", "judge")
INPUTS = (
    "input question questions prompt problem query instruction text sentence message q 问题 题目 输入 提问 文本"
).split()
ANSWERS = (
    "answer answers target label output solution gold expected expected_answer correct_answer reference "
    "reference_answer ground_truth category class a 答案 标准答案 参考答案 正确答案 标签 输出 类别"
).split()


def load_task(
    spec: str,
    *,
    input: str | None = None,
    answer: str | None = None,
    rule: str | None = None,
    limit: int | None = None,
    seed: int = 0,
    strict: bool = False,
    rejects: Path | None = None,
) -> Task:
    """The task that `spec` names, with at most `limit` items drawn by `seed`.

    `input` and `answer` name columns. Bad rows go to the file `rejects`. Raises BadInput, UnknownName, MissingExtra.
    """
    if rule is not None and rule not in RULES:
        raise unknown_name("answer rule", rule, RULES)
    if limit is not None and limit < 1:
        raise BadInput(f"limit {limit}: expected at least 1 item")
    if spec.startswith("mini:"):
        return built_in(spec, limit, seed)
    if spec.startswith("hub:"):
        read: list[tuple[str, str, DataRow | BadRow]] = [
            (spec, "", DataRow(n, dict(f))) for n, f in enumerate(_hub(spec[4:]), 1)
        ]
    else:
        read = [
            (str(file), _subject(file), row)
            for file in _files(spec)
            for row in with_answers(file, data_files.read(file))
        ]
    return _task(spec, read, input, answer, rule, strict, rejects).sample(limit, seed)


def _files(spec: str) -> list[Path]:
    path = Path(spec)
    if path.is_dir():
        files = sorted(file for file in path.iterdir() if file.suffix in data_files.KINDS)
        if not files:
            raise BadInput(f"{spec}: no {', '.join(data_files.KINDS)} file in this folder")
        return files
    if not path.exists():
        raise BadInput(
            f"{spec}: no such file; a task is a file, a folder, a built-in (mini:word_problems) or hub:ORG/NAME"
        )
    return [path]


def _subject(file: Path) -> str:
    return file.stem.removesuffix("_dev").removesuffix("_test").removesuffix("_val")


def _hub(rest: str) -> Iterator[Fields]:
    try:
        from datasets import load_dataset
    except ImportError:
        raise MissingExtra(f"hub:{rest}", "data") from None
    name, _, split = rest.partition("@")
    path, _, config = name.partition(":")
    try:
        yield from load_dataset(path, config or None, split=split or "test")
    except (OSError, ValueError, KeyError) as error:
        raise BadInput(f"hub:{rest}: {str(error).splitlines()[0]}; written as hub:ORG/NAME[:CONFIG][@SPLIT]") from None


def _task(
    spec: str,
    read: Sequence[tuple[str, str, DataRow | BadRow]],
    input: str | None,
    answer: str | None,
    rule: str | None,
    strict: bool,
    rejects: Path | None,
) -> Task:
    first = next((row.fields for _, _, row in read if isinstance(row, DataRow)), None)
    if first is None:
        found = next(
            (f"{file}:{row.line}: {row.why}" for file, _, row in read if isinstance(row, BadRow)), "it is empty"
        )
        raise BadInput(f"{spec}: no row that can be used ({found})")
    reader = recognise(first) if input is None and answer is None else None
    reader = reader or _columns(spec, first, input, answer)
    usable: list[tuple[str, DataRow, Item]] = []
    bad: list[tuple[str, BadRow]] = []
    for file, subject, row in read:
        used = row if isinstance(row, BadRow) else _item(reader, row, subject)
        if isinstance(used, BadRow):
            bad.append((file, used))
        elif isinstance(row, DataRow):
            usable.append((file, row, used))
    if any(_has_gold(item) for _, _, item in usable):
        bad += [
            (file, _bad(row, "has no answer, and other rows have one"))
            for file, row, item in usable
            if not _has_gold(item)
        ]
        usable = [each for each in usable if _has_gold(each[2])]
    items = [item for _, _, item in usable]
    bad.sort(key=lambda each: each[1].line)
    said = tuple(f"{file}:{row.line}: {row.why}" for file, row in bad)
    if bad and (strict or not items):
        more = f" (and {len(bad) - 1} more)" if len(bad) > 1 else ""
        raise BadInput(f"{said[0]}{more}; mend the file" + (", or leave out --strict" if strict else ""))
    if rejects and bad:
        _set_aside(rejects, bad)
    gold = [text for item in items for text in item.accepted]
    inferred = infer_rule(gold, choices=any(i.choices for i in items), tests=any(i.tests for i in items))
    chosen, why = (
        (rule, "as asked for") if rule else (reader.rule, f"as usual for {reader.name}") if reader.rule else inferred
    )
    if chosen == "judge" and not (rule or gold or reader in READERS):
        why = f"no column of answers was found among {', '.join(first)} (--answer COL names one)"
    check = reader.check if chosen == reader.rule else None
    return Task(spec, identified(items), chosen, why, f"{spec}, read as {reader.name}", said, check)


def _has_gold(item: Item) -> bool:
    return bool(item.accepted or item.tests)


def _item(reader: Reader, row: DataRow, subject: str) -> Item | BadRow:
    try:
        return reader.item(row.fields, subject)
    except KeyError as missing:
        why = f"the column {missing} is missing"
    except (ValueError, TypeError) as error:
        why = str(error)
    return _bad(row, why)


def _bad(row: DataRow, why: str) -> BadRow:
    return BadRow(row.line, why, json.dumps(row.fields, ensure_ascii=False, default=str))


def _set_aside(file: Path, bad: Sequence[tuple[str, BadRow]]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    lines = [json.dumps({"file": f, "line": r.line, "why": r.why, "text": r.text}, ensure_ascii=False) for f, r in bad]
    file.write_text("\n".join(lines) + "\n")


def _columns(spec: str, first: Fields, input: str | None, answer: str | None) -> Reader:
    """A reader of the general form: `input` and `answer`, under these or other usual names."""
    found = ", ".join(first)
    for named, flag in ((input, "--input"), (answer, "--answer")):
        if named is not None and named not in first:
            raise BadInput(f"{spec}: no column {named!r} for {flag}; the columns are {found}")
    lowered = {column.strip().lower().replace(" ", "_"): column for column in reversed(list(first))}
    question = input or next((lowered[name] for name in INPUTS if name in lowered), None)
    if question is None:
        raise BadInput(f"{spec}: which column is the question? the columns are {found}; say --input COL --answer COL")
    gold = answer or next((lowered[name] for name in ANSWERS if name in lowered and lowered[name] != question), None)

    def item(row: Fields, subject: str) -> Item:
        choices = tuple(str(choice) for choice in row.get("choices") or ())
        context = row.get("context") or ()
        tests = row.get("tests")
        return Item(
            str(row.get("id", "")),
            _input(row[question]),
            () if gold is None else _accepted(row.get(gold), choices),
            choices,
            str(row["cluster"]) if row.get("cluster") is not None else None,
            (context,) if isinstance(context, str) else tuple(map(str, context)),
            Tests("\n".join(tests) if isinstance(tests, list) else str(tests)) if tests else None,
        )

    return Reader(f"rows with {question}" + (f" and {gold}" if gold else ""), frozenset(), None, item)


def _input(said: Any) -> str | tuple[Message, ...]:
    if isinstance(said, str):
        if not said.strip():
            raise ValueError("the question is empty")
        return said
    if isinstance(said, list) and said and all(isinstance(m, dict) and {"role", "content"} <= m.keys() for m in said):
        return tuple(Message(message["role"], str(message["content"])) for message in said)
    raise ValueError(f"expected a text or a list of messages, found {type(said).__name__}")


def _accepted(said: Any, choices: tuple[str, ...]) -> tuple[str, ...]:
    if said is None or said == "" or said == []:
        return ()
    if isinstance(said, bool):
        return ("yes" if said else "no",)
    if isinstance(said, int) and choices and 0 <= said < len(choices):
        return (chr(ord("A") + said),)
    if isinstance(said, list):
        return tuple(text for one in said for text in _accepted(one, choices))
    return (json.dumps(said, ensure_ascii=False) if isinstance(said, dict) else str(said),)


def known() -> list[str]:
    """The readers of well-known files, for help texts."""
    return [reader.name for reader in READERS]
