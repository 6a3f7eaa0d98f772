"""Instructions made by templates over labelled sets, as FLAN's are (Wei et al. 2021): each item of a set is asked in
one of several ways, sometimes the other way round. The templates are ours (templates_en.toml, templates_zh.toml).

How it differs: the labels of a set that is only numbered have to be named by its user, as nobody else knows them; the
language of the templates is that of the item, unless one is asked for.
"""

from __future__ import annotations

import hashlib
import random
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from ...errors import BadInput
from ...prompts import Language, fill, language
from ...registry import unknown_name
from ...tasks.choices import ChoiceColumns, find_choice_columns, number_base, right_letter
from ...tasks.data_files import read
from ...tasks.data_row import BadRow, DataRow
from ...tasks.named_columns import accepted_answers, is_nothing, read_context
from .instruction_row import InstructionRow

_TEXT = ("text", "sentence", "review", "content", "article", "document", "passage", "body", "message", "query",
         "comment", "文本", "句子", "内容", "评论", "正文")  # fmt: skip
_LABEL = (
    "label",
    "category",
    "class",
    "sentiment",
    "topic",
    "intent",
    "target",
    "answer",
    "gold_label",
    "标签",
    "类别",
    "情感",
)
_FIRST = ("sentence1", "text1", "text_1", "question1", "sentence_1", "句子1")
_SECOND = ("sentence2", "text2", "text_2", "question2", "sentence_2", "句子2")
_QUESTION = ("question", "query", "problem", "input", "问题", "题目")
_ANSWER = ("answer", "answers", "label", "target", "output", "correct_answer", "答案")
_CONTEXT = ("context", "passage", "article", "paragraph", "document", "text", "上下文", "短文", "材料")
# What each kind of task needs, with the usual names of its columns. The last field is what the prompts ask for.
KINDS: Mapping[str, Mapping[str, Sequence[str]]] = {
    "sentiment": {"text": _TEXT, "label": _LABEL},
    "topic": {"text": _TEXT, "label": _LABEL},
    "intent": {"text": _TEXT, "label": _LABEL},
    "acceptability": {"text": _TEXT, "label": _LABEL},
    "entailment": {
        "premise": ("premise", *_FIRST, "前提"), "hypothesis": ("hypothesis", *_SECOND, "假设"), "label": _LABEL,
    },
    "paraphrase": {"text_1": _FIRST, "text_2": _SECOND, "label": ("is_duplicate", *_LABEL)},
    "word_sense": {"word": ("word", "target_word", "词语"), "text_1": _FIRST, "text_2": _SECOND, "label": _LABEL},
    "yes_no": {"context": _CONTEXT, "question": _QUESTION, "answer": _ANSWER},
    "reading": {"context": _CONTEXT, "question": _QUESTION, "answer": _ANSWER},
    "question_answering": {"question": _QUESTION, "answer": _ANSWER},
    "multiple_choice": {"question": _QUESTION, "answer": _ANSWER},
    "completion": {"text": ("ctx", "premise", "context", *_TEXT), "answer": _ANSWER},
    "coreference": {"text": _TEXT, "pronoun": ("pronoun", "span2_text", "代词"), "answer": _ANSWER},
    "summarization": {"text": _TEXT, "summary": ("summary", "highlights", "abstract", "摘要", "target")},
    "headline": {"text": _TEXT, "title": ("title", "headline", "标题")},
    "translation": {"source": ("source", "src", "原文"), "target": ("target", "tgt", "translation", "译文")},
    "data_to_text": {
        "data": ("data", "facts", "triples", "meaning_representation", "mr", "数据"),
        "text": ("target", "text", "human_reference", "文本"),
    },
    "word_problem": {"question": _QUESTION, "answer": _ANSWER},
}  # fmt: skip
_CHOOSES = {"multiple_choice", "completion", "coreference"}
_YES_NO = {"en": ("no", "yes"), "zh": ("否", "是")}
_LANGUAGES = {"en": {"en": "English", "zh": "Chinese"}, "zh": {"en": "英语", "zh": "中文"}}
REVERSED = 0.2  # of the instructions of a kind that can be asked the other way round


@dataclass(frozen=True)
class LabelledSet:
    """A file and the kind of task in it. `labels` are names for what its label column holds, `columns` the names of
    columns that are not the usual ones, by field."""

    file: Path
    kind: str
    labels: Mapping[str, str] = field(default_factory=dict)
    columns: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class TemplateRows:
    rows: Sequence[InstructionRow]
    set_aside: Sequence[str]  # "file:line: what is wrong"


def template_rows(
    labelled: LabelledSet, *, each: int = 1, written_in: Language | None = None, limit: int | None = None, seed: int = 0
) -> TemplateRows:
    """`each` instructions for every item of a set, or for `limit` of them drawn by `seed`. Raises BadInput."""
    if labelled.kind not in KINDS:
        raise unknown_name("kind of task", labelled.kind, KINDS)
    rows = list(read(labelled.file))
    good = [row for row in rows if isinstance(row, DataRow)]
    bad = [f"{labelled.file}:{row.line}: {row.why}" for row in rows if isinstance(row, BadRow)]
    if not good:
        raise BadInput(bad[0] if bad else f"{labelled.file}: no rows in it")
    reader = _Reader(labelled, good)
    if limit is not None and limit < len(good):
        chosen = set(random.Random(seed).sample(range(len(good)), limit))
        good = [row for i, row in enumerate(good) if i in chosen]
    made: list[InstructionRow] = []
    for row in good:
        try:
            made += _instructions(reader.fields(row), labelled, row.line, each, written_in, reader, seed)
        except (KeyError, TypeError, ValueError) as error:
            bad.append(f"{labelled.file}:{row.line}: {error}")
    if not made:
        raise BadInput(f"{bad[0]}" + (f" (and {len(bad) - 1} more rows; none can be used)" if bad[1:] else ""))
    return TemplateRows(made, bad)


class _Reader:
    """Which columns of a file are the fields of its kind, and which labels or choices there are."""

    def __init__(self, labelled: LabelledSet, rows: Sequence[DataRow]) -> None:
        self.labelled, self.file = labelled, labelled.file
        names = {name.strip().lower(): name for row in rows for name in row.fields}
        self.columns = {field: self._column(field, usual, names) for field, usual in KINDS[labelled.kind].items()}
        self.gold = list(self.columns)[-1]
        taken = set(self.columns.values())
        self.choices = (
            find_choice_columns((name for name in names.values() if name not in taken), self.columns[self.gold])
            if labelled.kind in _CHOOSES else ChoiceColumns()
        )  # fmt: skip
        if labelled.kind in _CHOOSES and not self.choices:
            raise BadInput(f"{self.file}: {labelled.kind} needs choices: expected a column choices, or A, B, C, …")
        self.labels = self._labels(rows) if self.gold == "label" else ()
        self._base = self._number_base(rows)

    def _column(self, field: str, usual: Sequence[str], names: Mapping[str, str]) -> str:
        own = self.labelled.columns.get(field)
        found = own if own in names.values() else None if own else next((names[n] for n in usual if n in names), None)
        if found is None:
            raise BadInput(
                f"{self.file}: no column for {field!r} of {self.labelled.kind}; found {', '.join(names.values())}; "
                f"say --column {field}=NAME"
            )
        return found

    def _labels(self, rows: Sequence[DataRow]) -> tuple[str, ...]:
        """All labels of the set as they are to be written, in order of first use."""
        cells = dict.fromkeys(str(row.fields.get(self.columns["label"], "")).strip() for row in rows)
        cells.pop("", None)
        if unnamed := [cell for cell in cells if cell.lstrip("-").isdecimal() and cell not in self.labelled.labels]:
            said = " ".join(f"--label {cell}=NAME" for cell in sorted(unnamed)[:4])
            raise BadInput(f"{self.file}: labels are numbers ({', '.join(sorted(unnamed)[:8])}); name them: {said}")
        if len(cells) > 100:
            raise BadInput(
                f"{self.file}: {len(cells)} different labels; expected at most 100. Is {self.columns['label']!r} the "
                "column of labels?"
            )
        return tuple(dict.fromkeys(self.labelled.labels.get(cell, cell) for cell in cells))

    def _number_base(self, rows: Sequence[DataRow]) -> int | None:
        if not self.choices:
            return None
        answers = [(row.fields.get(self.columns[self.gold]), self._choices(row.fields)) for row in rows]
        try:
            return number_base(
                [(answer, choices) for answer, choices in answers if choices and not is_nothing(answer)],
                self.choices.columns,
            )
        except ValueError as error:
            raise BadInput(f"{self.file}: {error}") from None

    def _choices(self, fields: Mapping[str, Any]) -> tuple[str, ...]:
        try:
            return self.choices.read(fields)
        except ValueError:
            return ()

    def fields(self, row: DataRow) -> dict[str, str]:
        """The texts of the fields. Raises ValueError where one is empty or not understood."""
        texts = {}
        for name, column in self.columns.items():
            cell = row.fields.get(column)
            if is_nothing(cell):
                raise ValueError(f"{column} is empty")
            if name == "context":
                texts[name] = "\n\n".join(read_context(cell))
            elif name == self.gold and self.choices:
                choices = self.choices.read(row.fields)
                letter = right_letter(cell, choices, self.choices.labels(row.fields), self._base)
                texts[name] = choices[ord(letter) - ord("A")]
            elif name == "label":
                texts[name] = self.labelled.labels.get(str(cell).strip(), str(cell).strip())
            elif isinstance(cell, bool) or name == self.gold:
                texts[name] = accepted_answers(cell)[0]
            else:
                texts[name] = cell.strip() if isinstance(cell, str) else _lines(cell)
        return texts | self._listed(row)

    def _listed(self, row: DataRow) -> dict[str, str]:
        """The choices of the row, separated by lines; `_instructions` writes them."""
        options = self.choices.read(row.fields) if self.choices else self.labels
        return {"options": "\n".join(options)} if options else {}


def _instructions(
    fields: dict[str, str],
    labelled: LabelledSet,
    line: int,
    each: int,
    written_in: Language | None,
    reader: _Reader,
    seed: int,
) -> Iterator[InstructionRow]:
    """`each` of the templates of the kind, drawn by the item and the seed."""
    shown = next(iter(fields.values()))
    chosen = written_in or language(shown)
    words = _catalogue(chosen)[labelled.kind]
    options = fields.pop("options", "").split("\n")
    listed = {"options": _in_one_sentence(options, chosen), "lettered": _lettered(options)}
    values = {**fields, **listed, **_of_kind(labelled.kind, fields, chosen)}
    rng = random.Random(hashlib.sha256(f"{seed} {labelled.kind} {sorted(fields.items())}".encode()).hexdigest())
    ways = [(prompt, f"{{{reader.gold}}}") for prompt in words["prompts"]]
    backwards = [
        (prompt, words.get("reverse_output", "{" + next(iter(reader.columns)) + "}"))
        for prompt in words.get("reverse", ())
    ]
    rng.shuffle(ways)
    if backwards and rng.random() < REVERSED:
        ways.insert(0, rng.choice(backwards))
    for prompt, output in ways[:each]:
        place = {
            "file": str(labelled.file),
            "line": line,
            "template": words["prompts"].index(prompt) if prompt in words["prompts"] else "reverse",
        }
        yield InstructionRow(fill(prompt, values), fill(output, values), "templates", labelled.kind, place)


def _of_kind(kind: str, fields: Mapping[str, str], chosen: Language) -> dict[str, str]:
    if kind == "yes_no":
        answer = fields["answer"].strip().lower()
        if answer not in (*_YES_NO["en"], *_YES_NO["zh"], "true", "false", "1", "0"):
            raise ValueError(f"the answer {answer[:40]!r} is neither yes nor no")
        return {
            "answer": _YES_NO[chosen][answer in ("yes", "是", "true", "1")],
            "question": fields["question"].rstrip("?？") + ("？" if chosen == "zh" else "?"),
        }
    if kind == "translation":
        return {"target_language": _LANGUAGES[chosen][language(fields["target"])]}
    return {}


def _in_one_sentence(options: Sequence[str], chosen: Language) -> str:
    if chosen == "zh":
        return "、".join(options)
    return ", ".join(options[:-1]) + (" or " if options[1:] else "") + options[-1]


def _lettered(options: Sequence[str]) -> str:
    return "\n".join(f"{chr(ord('A') + i)}. {option}" for i, option in enumerate(options))


def _lines(cell: Any) -> str:
    """Facts as data files hold them: a mapping, or a list of texts or triples."""
    if isinstance(cell, Mapping):
        return "\n".join(f"{name}: {value}" for name, value in cell.items())
    if isinstance(cell, list):
        return "\n".join(" | ".join(map(str, each)) if isinstance(each, list) else str(each) for each in cell)
    return str(cell)


@cache
def _catalogue(chosen: Language) -> dict[str, dict[str, Any]]:
    return tomllib.loads(files(__package__).joinpath(f"templates_{chosen}.toml").read_text("utf-8"))
