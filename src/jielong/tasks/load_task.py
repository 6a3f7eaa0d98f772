"""From what a person types to a task: a built-in name, a file or folder, or `hub:ORG/NAME`.

Rows that cannot be used are named by file and line and set aside; the rest goes on, unless `strict`.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeAlias

from .. import registry
from ..atomic_write import write_whole
from ..errors import BadInput, MissingExtra
from . import data_files
from .answer_equality import infer_rule, same
from .benchmark_readers import READERS, Fields, Reader, recognise
from .bfcl import with_answers
from .choices import look_like_choices
from .data_row import BadRow, DataRow, WatchedRow
from .item import Item, identified
from .metric import Metric, answer_rule, find_metric, with_labels
from .named_columns import NamedColumns, is_nothing
from .task import Task

DOCUMENTS = "context"
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
    source = re.split("[:/]", spec, maxsplit=1)[0]
    if source in registry.names("tasks") and (not spec.startswith(f"{source}/") or not Path(spec).exists()):
        built_in: Task = registry.find("tasks", source)(spec, limit, seed)
        return built_in
    notes: list[str] = []
    rows = list(_source_rows(spec, notes.append))
    sample = _sample(row.fields for _, _, row in rows if isinstance(row, DataRow))
    if not sample:
        reasons = (f"{file}:{row.line}: {row.why}" for file, _, row in rows if isinstance(row, BadRow))
        raise BadInput(f"{spec}: no row that can be used ({next(reasons, 'it is empty')})")
    reader = recognise(sample) if input is None and answer is None else None
    reader = reader or _named(spec, rows, sample, input, answer)
    used: set[str] = set()
    read, bad = _items(spec, reader, rows, used)
    items = [item for item, _ in read]
    problems = tuple(f"{file}:{row.line}: {row.why}" for file, row in bad)
    if bad and (strict or not items):
        more = f" (and {len(bad) - 1} more)" if len(bad) > 1 else ""
        raise BadInput(f"{problems[0]}{more}; mend the file" + (", or leave out --strict" if strict else ""))
    if rejects and bad:
        _set_aside(rejects, bad)
    metric, why = _metric(reader, items, chosen, sample)
    gold = {text for item in items for text in item.accepted}
    notes += [*_unused(spec, sample, used, gold), *_contradictions(spec, read)]
    documents = _documents(spec)
    if documents:
        notes.append(
            f"{spec}: the documents in {documents} are shown to no model by themselves; context(files=[…]) does"
        )
    source = f"{spec}, read as {reader.name}"
    task = Task(spec, identified(items), metric, why, source, problems, tuple(notes), documents)
    return task.sample(limit, seed)


def _documents(spec: str) -> Path | None:
    """The folder `context` in the task's folder, or beside its file."""
    path = Path(spec)
    folder = (path if path.is_dir() else path.parent) / DOCUMENTS
    return folder if not spec.startswith("hub:") and folder.is_dir() else None


def _source_rows(spec: str, note: Callable[[str], None]) -> Iterator[SourceRow]:
    if spec.startswith("hub:"):
        yield from ((spec, "", DataRow(n, dict(f))) for n, f in enumerate(_hub(spec[4:]), 1))
        return
    for file in _files(spec):
        yield from ((str(file), _subject(file), row) for row in with_answers(file, data_files.read(file, note)))


def _sample(rows: Iterable[Fields]) -> Fields:
    """Every column of a file that ever holds something, with the first cell that does."""
    sample: dict[str, Any] = {}
    for fields in rows:
        for column, cell in fields.items():
            if column not in sample and not is_nothing(cell):
                sample[column] = cell
    return sample


def _named(spec: str, rows: Iterable[SourceRow], sample: Fields, input: str | None, answer: str | None) -> Reader:
    """A reader for columns that are known by their names. Raises BadInput."""
    columns = NamedColumns(spec, sample, input, answer)
    columns.look_at(row for _, _, row in rows if isinstance(row, DataRow))
    return Reader(columns.description, frozenset(), None, columns.item)


def _unused(spec: str, sample: Fields, used: set[str], gold: set[str]) -> list[str]:
    """A note that names the columns that no item holds. Raises BadInput where one of them looks like choices."""
    unused = [column for column in sample if column not in used and column]
    if choices := look_like_choices(unused, gold):
        raise BadInput(
            f"{spec}: the column {choices[0]!r} looks like choices and is not understood; name it `choices` and write "
            "a|b|c, or give it another name"
        )
    return [f"{spec}: columns that are not used: {', '.join(unused)}"] if unused else []


def _files(spec: str) -> list[Path]:
    path = Path(spec)
    if not path.exists():
        expected = "a task is a file, a folder, a built-in (mini:word_problems) or hub:ORG/NAME"
        raise BadInput(f"{spec}: no such file; {expected}")
    if not path.is_dir():
        return [path]
    if files := sorted(file for file in path.iterdir() if file.suffix.lower() in data_files.KINDS):
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


def _items(
    spec: str, reader: Reader, rows: Sequence[SourceRow], used: set[str]
) -> tuple[list[tuple[Item, str]], list[tuple[str, BadRow]]]:
    """The items of the rows that can be used, each with its place, and the other rows by their file."""
    read = [row if isinstance(row, BadRow) else _item(reader, row, subject, used) for _, subject, row in rows]
    with_gold = any(isinstance(item, Item) and _has_gold(item) for item in read)
    usable: list[tuple[Item, str]] = []
    bad: list[tuple[str, BadRow]] = []
    for (file, _, row), item in zip(rows, read, strict=True):
        if isinstance(row, DataRow) and isinstance(item, Item) and with_gold and not _has_gold(item):
            item = _bad(row, "has no answer, and other rows have one")
        if isinstance(item, Item):
            usable.append((item, str(row.line) if file == spec else f"{file}:{row.line}"))
        else:
            bad.append((file, item))
    return usable, sorted(bad, key=lambda entry: entry[1].line)


def _contradictions(spec: str, read: Sequence[tuple[Item, str]]) -> list[str]:
    """A note where one question occurs with answers of which none is the same."""
    first_seen: dict[object, tuple[Item, str]] = {}
    found = []
    for item, place in read:
        if item.accepted and not item.tools:
            other, other_place = first_seen.setdefault((item.input, item.choices, item.context), (item, place))
            if other is not item and not any(same("exact", a, b) for a in item.accepted for b in other.accepted):
                text = item.input if isinstance(item.input, str) else item.input[-1].text
                both = f"{other.accepted[0][:40]}; {item.accepted[0][:40]}"
                found.append(f"lines {other_place} and {place}: {text[:60]!r} ({both})")
    first = f"questions that occur with different answers: {len(found)}; the first: {found[0]}" if found else ""
    return [f"{spec}: {first}"] if found else []


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


def _item(reader: Reader, row: DataRow, subject: str, used: set[str]) -> Item | BadRow:
    try:
        return reader.item(WatchedRow(row.fields, used), subject)
    except KeyError as error:
        return _bad(row, f"the column {error} is missing")
    except (ValueError, TypeError) as error:
        return _bad(row, str(error))
    except Exception as error:  # a row may hold anything at any place, and costs itself alone
        return _bad(row, f"{type(error).__name__}: {str(error)[:200]}")


def _bad(row: DataRow, why: str) -> BadRow:
    return BadRow(row.line, why, json.dumps(row.fields, ensure_ascii=False, default=str))


def _set_aside(file: Path, bad: Sequence[tuple[str, BadRow]]) -> None:
    lines = [json.dumps({"file": name, **asdict(row)}, ensure_ascii=False) for name, row in bad]
    write_whole(file, "\n".join(lines) + "\n")
