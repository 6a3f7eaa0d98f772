"""From what a person types to a task: a built-in name, a file or folder, or `hub:ORG/NAME`.

Rows that cannot be used are named by file and line and set aside; the rest goes on, unless `strict`.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeAlias

from .. import registry
from ..contract import Message
from ..errors import BadInput, MissingExtra
from . import data_files
from .answer_equality import infer_rule
from .benchmark_readers import READERS, Fields, Reader, recognise
from .bfcl import with_answers
from .choices import check_answer, read_choices
from .code_tests import Tests
from .data_files import BadRow, DataRow
from .item import Item, identified
from .metric import Metric, answer_rule, find_metric, with_labels
from .task import Task

INPUTS = (
    "input question questions prompt problem query instruction text sentence message q 问题 题目 输入 提问 文本"
).split()
ANSWERS = (
    "answer answers target label output solution gold expected expected_answer correct_answer reference "
    "reference_answer ground_truth category class a 答案 标准答案 参考答案 正确答案 标签 输出 类别"
).split()

SourceRow: TypeAlias = tuple[str, str, DataRow | BadRow]  # file, subject, row


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
    """The task that `spec` names, with at most `limit` items drawn by `seed`. `input` and `answer` name columns. Bad
    rows go to the file `rejects`. Raises BadInput, UnknownName, MissingExtra."""
    chosen = find_metric(rule) if rule is not None else None
    if limit is not None and limit < 1:
        raise BadInput(f"limit {limit}: expected at least 1 item")
    source, colon, _ = spec.partition(":")
    if colon and source in registry.names("tasks"):
        built_in: Task = registry.find("tasks", source)(spec, limit, seed)
        return built_in
    if spec.startswith("hub:"):
        rows: list[SourceRow] = [(spec, "", DataRow(n, dict(f))) for n, f in enumerate(_hub(spec[4:]), 1)]
    else:
        rows = [(str(f), _subject(f), row) for f in _files(spec) for row in with_answers(f, data_files.read(f))]
    first = next((row.fields for _, _, row in rows if isinstance(row, DataRow)), None)
    if first is None:
        reasons = (f"{file}:{row.line}: {row.why}" for file, _, row in rows if isinstance(row, BadRow))
        raise BadInput(f"{spec}: no row that can be used ({next(reasons, 'it is empty')})")
    reader = recognise(first) if input is None and answer is None else None
    reader = reader or _columns(spec, first, input, answer)
    items, bad = _items(reader, rows)
    problems = tuple(f"{file}:{row.line}: {row.why}" for file, row in bad)
    if bad and (strict or not items):
        more = f" (and {len(bad) - 1} more)" if len(bad) > 1 else ""
        raise BadInput(f"{problems[0]}{more}; mend the file" + (", or leave out --strict" if strict else ""))
    if rejects and bad:
        _set_aside(rejects, bad)
    metric, why = _metric(reader, items, chosen, first)
    task = Task(spec, identified(items), metric, why, f"{spec}, read as {reader.name}", problems)
    return task.sample(limit, seed)


def _files(spec: str) -> list[Path]:
    path = Path(spec)
    if not path.exists():
        expected = "a task is a file, a folder, a built-in (mini:word_problems) or hub:ORG/NAME"
        raise BadInput(f"{spec}: no such file; {expected}")
    if not path.is_dir():
        return [path]
    if files := sorted(file for file in path.iterdir() if file.suffix in data_files.KINDS):
        return files
    raise BadInput(f"{spec}: no {', '.join(data_files.KINDS)} file in this folder")


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


def _items(reader: Reader, rows: Sequence[SourceRow]) -> tuple[list[Item], list[tuple[str, BadRow]]]:
    """The items of the rows that can be used, and the others by their file."""
    read = [row if isinstance(row, BadRow) else _item(reader, row, subject) for _, subject, row in rows]
    with_gold = any(isinstance(item, Item) and _has_gold(item) for item in read)
    usable: list[Item] = []
    bad: list[tuple[str, BadRow]] = []
    for (file, _, row), item in zip(rows, read, strict=True):
        if isinstance(row, DataRow) and isinstance(item, Item) and with_gold and not _has_gold(item):
            item = _bad(row, "has no answer, and other rows have one")
        if isinstance(item, Item):
            usable.append(item)
        else:
            bad.append((file, item))
    return usable, sorted(bad, key=lambda entry: entry[1].line)


def _metric(reader: Reader, items: Sequence[Item], chosen: Metric | None, first: Fields) -> tuple[Metric, str]:
    """How the items are graded, and a sentence that says why."""
    gold = [text for item in items for text in item.accepted]
    if chosen:
        # The rule named may be the one that the file's own check stands on: then the check grades.
        of_reader = reader.metric if reader.metric and answer_rule(reader.metric) == chosen.name else None
        return of_reader or with_labels(chosen, gold), "as asked for"
    if reader.metric:
        return reader.metric, f"as usual for {reader.name}"
    rule, why = infer_rule(gold, choices=any(i.choices for i in items), tests=any(i.tests for i in items))
    if rule == "judge" and not (gold or reader in READERS):
        why = f"no column of answers was found among {', '.join(first)} (--answer COL names one)"
    return with_labels(find_metric(rule), gold), why


def _has_gold(item: Item) -> bool:
    return bool(item.accepted or item.tests)


def _item(reader: Reader, row: DataRow, subject: str) -> Item | BadRow:
    try:
        return reader.item(row.fields, subject)
    except (KeyError, ValueError, TypeError) as error:
        return _bad(row, f"the column {error} is missing" if isinstance(error, KeyError) else str(error))


def _bad(row: DataRow, why: str) -> BadRow:
    return BadRow(row.line, why, json.dumps(row.fields, ensure_ascii=False, default=str))


def _set_aside(file: Path, bad: Sequence[tuple[str, BadRow]]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    lines = [json.dumps({"file": name, **asdict(row)}, ensure_ascii=False) for name, row in bad]
    file.write_text("\n".join(lines) + "\n")


def _columns(spec: str, first: Fields, input: str | None, answer: str | None) -> Reader:
    """A reader of the general form: `input` and `answer`, under these or other usual names."""
    columns = ", ".join(first)
    for column, flag in ((input, "--input"), (answer, "--answer")):
        if column is not None and column not in first:
            raise BadInput(f"{spec}: no column {column!r} for {flag}; the columns are {columns}")
    # Reversed, so that of two columns that differ in case alone the first one counts.
    lowered = {column.strip().lower().replace(" ", "_"): column for column in reversed(list(first))}
    question = input or next((lowered[name] for name in INPUTS if name in lowered), None)
    if question is None:
        raise BadInput(f"{spec}: which column is the question? the columns are {columns}; say --input COL --answer COL")
    gold = answer or next((lowered[name] for name in ANSWERS if name in lowered and lowered[name] != question), None)

    def item(row: Fields, subject: str) -> Item:
        choices = read_choices(row.get(lowered.get("choices", "choices")))
        accepted = () if gold is None else _accepted(row.get(gold), choices)
        for text in accepted if choices else ():
            check_answer(text, choices)
        cluster = str(row["cluster"]) if row.get("cluster") is not None else None
        context, code = row.get("context") or (), row.get("tests")
        context = (context,) if isinstance(context, str) else tuple(map(str, context))
        tests = Tests("\n".join(code) if isinstance(code, list) else str(code)) if code else None
        return Item(str(row.get("id", "")), _input(row[question]), accepted, choices, cluster, context, tests)

    return Reader(f"rows with {question}" + (f" and {gold}" if gold else ""), frozenset(), None, item)


def _input(cell: Any) -> str | tuple[Message, ...]:
    if isinstance(cell, str) and cell.strip():
        return cell
    if isinstance(cell, str):
        raise ValueError("the question is empty")
    if isinstance(cell, list) and cell and all(isinstance(m, dict) and {"role", "content"} <= m.keys() for m in cell):
        return tuple(Message(message["role"], str(message["content"])) for message in cell)
    raise ValueError(f"expected a text or a list of messages, found {type(cell).__name__}")


def _accepted(cell: Any, choices: tuple[str, ...]) -> tuple[str, ...]:
    if cell is None or cell == "" or cell == []:
        return ()
    if isinstance(cell, bool):
        return ("yes" if cell else "no",)
    if isinstance(cell, int) and choices and 0 <= cell < len(choices):
        return (chr(ord("A") + cell),)
    if isinstance(cell, list):
        return tuple(text for one in cell for text in _accepted(one, choices))
    return (json.dumps(cell, ensure_ascii=False) if isinstance(cell, dict) else str(cell),)
