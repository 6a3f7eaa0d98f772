"""Rows of a file of one's own as items: its columns are known by the names that people give them.

question, answer                        also 问题 and 答案, prompt, text, label, target, …
instruction + input, premise + hypothesis     columns that are one question together
context, choices or A, B, C, …          what else the question consists of
messages                                a conversation; its last turn is the answer, if nothing else is
"""

import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..bounded_json import read_json, read_literal
from ..contract import Message
from ..errors import BadInput
from .choices import ChoiceColumns, find_choice_columns, find_wrong_answers, number_base, right_letter, shuffled
from .code_tests import Tests
from .conversations import as_conversation, is_conversation, read_text, to_messages
from .data_row import DataRow
from .item import Item

Fields = Mapping[str, Any]

INPUTS = (
    "input question questions prompt problem query instruction text ctx goal question_stem stem sentence message q "
    "turns statement claim review content comment utterance headline messages conversation conversations dialogue "
    "问题 問題 题目 題目 题干 输入 提问 文本 指令 内容 句子 语句 陈述 评论 对话"
).split()
ANSWERS = (
    "answer answers possible_answers answerkey answer_key target label output solution gold expected "
    "expected_answer correct_answer correct_option correct cop correct_answer_num ideal final_decision answers_spans "
    "__expected reference reference_answer ground_truth response completion answer_idx answer_index category class "
    "答案 标准答案 参考答案 正确答案 标签 標籤 输出 回答 类别 a"  # `a` last, as it may be the first of the choices
).split()
CONTEXTS = "context contexts passage article document documents paragraph background 上下文 材料 背景 文章".split()
SYSTEMS = "system system_prompt".split()
TOGETHER = (  # columns that are one question; each with its name before it, but for the first kind
    ("instruction", "input"),
    ("instruction", "question"),
    ("premise", "hypothesis"),
    ("premise", "question"),
    ("sentence1", "sentence2"),
    ("question1", "question2"),
    ("text1", "text2"),
    ("question", "sentence"),
    ("指令", "输入"),
)
# Columns beside which another one says which items are not independent: those of one subject, or of one text.
CLUSTERS = (
    ({"cluster"}, "cluster"),
    ({"subject", "choices"}, "subject"),
    ({"options", "answer_index", "category"}, "category"),
    ({"title", "context", "answers"}, "title"),
)
# What spreadsheets and pandas write where there is nothing, or nothing that they could compute.
NOTHING = {"", "NaN", "nan", "<NA>", "#N/A", "#VALUE!", "#REF!", "#DIV/0!", "#NAME?", "#NUM!", "#NULL!"}


class NamedColumns:
    """Which column of a file is what. Raises BadInput where none is the question."""

    def __init__(self, spec: str, sample: Fields, input: str | None, answer: str | None) -> None:
        names = ", ".join(sample)
        for column, flag in ((input, "--input"), (answer, "--answer")):
            if column is not None and column not in sample:
                raise BadInput(f"{spec}: no column {column!r} for {flag}; the columns are {names}")
        # Reversed, so that of two columns that differ in case alone the first one counts.
        self._named = {_plain_name(column): column for column in reversed(list(sample))}
        self.questions = (input,) if input else self._questions()
        if not self.questions:
            look = "; the first line looks like data: is there no header?" if _no_header(sample) else ""
            raise BadInput(
                f"{spec}: which column is the question? the columns are {names}{look}; say --input COL --answer COL"
            )
        self.gold = answer or self._first(ANSWERS, without=self.questions)
        self.choices: ChoiceColumns = find_choice_columns(
            (column for column in sample if column not in self.questions), self.gold
        )
        self.wrong = find_wrong_answers(sample) if self.gold and not self.choices else ()
        ends = [name for name in self._named if name.rpartition("_")[2] in CONTEXTS]  # as in `flores_passage`
        self.context = self._first([*CONTEXTS, *ends], self.questions)
        self.system = self._first(SYSTEMS, self.questions)
        present = self._named.keys()
        self.cluster = next((self._named[name] for beside, name in CLUSTERS if beside <= present), None)
        self._base: int | None = None

    def _questions(self) -> tuple[str, ...]:
        for names in TOGETHER:
            if all(name in self._named for name in names):
                return tuple(self._named[name] for name in names)
        first = self._first(INPUTS, ())
        return (first,) if first else ()

    def _first(self, names: Iterable[str], without: Sequence[str]) -> str | None:
        columns = (self._named[name] for name in names if name in self._named)
        return next((column for column in columns if column not in without), None)

    @property
    def description(self) -> str:
        question = " + ".join(self.questions)
        return f"rows with {question}" + (f" and {self.gold}" if self.gold else "")

    def look_at(self, rows: Iterable[DataRow]) -> None:
        """Find out from all answers how the file counts its choices. Raises BadInput where that is not clear."""
        if not self.choices or self.gold is None:
            return
        answers: list[tuple[Any, Sequence[str]]] = []
        for row in rows:
            cell = row.fields.get(self.gold)
            try:
                choices = self.choices.read(row.fields)
            except ValueError:
                continue
            labels = [label.casefold() for label in self.choices.labels(row.fields)]
            if choices and not is_nothing(cell) and str(cell).casefold() not in labels:
                answers.append((int(cell) if isinstance(cell, float) and cell.is_integer() else cell, choices))
        try:
            self._base = number_base(answers, self.choices.columns)
        except ValueError as error:
            raise BadInput(str(error)) from None

    def item(self, row: Fields, subject: str) -> Item:
        """Raises ValueError where the row cannot be used."""
        choices = self.choices.read(row)
        question = self._question(row)
        accepted = () if self.gold is None else accepted_answers(self._several(row.get(self.gold)))
        if not isinstance(question, str):
            question, accepted = self._without_reply(question, accepted)
        if self.wrong and accepted and isinstance(question, str):
            wrong = [text for column in self.wrong for text in accepted_answers(row.get(column))]
            choices, letter = shuffled(question, accepted[0], wrong)
            accepted = (letter,)
        elif choices:
            labels = self.choices.labels(row)
            accepted = tuple(right_letter(text, choices, labels, self._base) for text in accepted)
        cluster = None if self.cluster is None or row.get(self.cluster) is None else str(row[self.cluster])
        code, name = row.get("tests"), row.get("id", row.get("_id", ""))
        tests = Tests("\n".join(code) if isinstance(code, list) else str(code)) if code else None
        context = read_context(row.get(self.context)) if self.context else ()
        return Item("" if name is None else str(name), question, accepted, choices, cluster, context, tests)

    def _several(self, cell: Any) -> Any:
        """The cell; what a CSV file holds as the text of a list or of SQuAD's object is read, if several are meant."""
        if isinstance(cell, str) and _plain_name(self.gold or "").endswith("answers") and cell.strip()[:1] in "[{":
            for read in (read_json, read_literal):
                try:
                    return read(cell)
                except ValueError:
                    continue
        return cell

    def _question(self, row: Fields) -> str | tuple[Message, ...]:
        cells = [as_conversation(row[column]) for column in self.questions]
        if is_conversation(cells[-1]):
            system = _system(row.get(self.system) if self.system else None)
            return (*system, *to_messages(cells[-1]))
        texts = [self._text(cell) for cell in cells]
        if not any(text.strip() for text in texts):
            raise ValueError("the question is empty")
        if len(texts) > 1 and self.questions[0].lower() not in ("instruction", "指令"):
            texts = [f"{column}: {text}" for column, text in zip(self.questions, texts, strict=True)]
            return "\n".join(texts)
        system = _system(row.get(self.system) if self.system else None)
        return "\n\n".join(text for text in (*(message.text for message in system), *texts) if text.strip())

    @staticmethod
    def _text(cell: Any) -> str:
        if is_nothing(cell):
            return ""
        if isinstance(cell, str | int | float):
            return str(cell)
        if isinstance(cell, list) and len(cell) > 1 and isinstance(cell[0], str):
            raise ValueError(f"{len(cell)} turns; expected one")
        if isinstance(cell, list) and cell:
            return read_text(cell, "user")
        raise ValueError(f"expected a text or a list of messages, found {type(cell).__name__}")

    def _without_reply(
        self, messages: tuple[Message, ...], accepted: tuple[str, ...]
    ) -> tuple[tuple[Message, ...], tuple[str, ...]]:
        """The messages up to the last question; the reply behind it is the answer, where no column has one."""
        if messages[-1].role != "assistant":
            return messages, accepted
        if self.gold is not None:
            raise ValueError("the last message is the assistant's, and there is an answer beside it; leave one out")
        if len(messages) == 1 or not messages[-1].text:
            raise ValueError("the assistant's message has no question before it, or no text")
        return messages[:-1], (messages[-1].text,)


def _plain_name(column: str) -> str:
    return re.sub(r"[ -]", "_", column.strip().lower())


def _no_header(sample: Fields) -> bool:
    return any(re.search(r"[?？]$|^-?\d+(?:\.\d+)?$|.{80}", column.strip()) for column in sample)


def _system(cell: Any) -> tuple[Message, ...]:
    return () if is_nothing(cell) else (Message("system", str(cell)),)


def is_nothing(cell: Any) -> bool:
    """Whether a cell holds nothing: it is empty, or says so in the words of a spreadsheet."""
    if isinstance(cell, float):
        return math.isnan(cell)
    return cell is None or cell == [] or cell == {} or (isinstance(cell, str) and cell.strip() in NOTHING)


def accepted_answers(cell: Any) -> tuple[str, ...]:
    """The texts that a cell accepts: one or several, or those within SQuAD's and TriviaQA's objects."""
    if is_nothing(cell):
        return ()
    if isinstance(cell, bool):
        return ("yes" if cell else "no",)
    if isinstance(cell, float) and cell.is_integer():
        return (str(int(cell)),)
    if is_conversation(cell):
        return accepted_answers(to_messages(cell)[-1].text)
    if isinstance(cell, list | tuple):
        return tuple(dict.fromkeys(text for one in cell for text in accepted_answers(one)))
    if isinstance(cell, Mapping):
        for names in (("text", "answer_start"), ("value", "aliases"), ("text",), ("spans",)):
            if all(name in cell for name in names):
                texts = (accepted_answers(cell[name]) for name in names if name != "answer_start")
                return tuple(dict.fromkeys(text for each in texts for text in each))
        return (json.dumps(cell, ensure_ascii=False),)
    return (str(cell),)


def read_context(cell: Any) -> tuple[str, ...]:
    """The documents of a cell: a text, several, HotpotQA's titles with sentences. Raises ValueError."""
    if is_nothing(cell):
        return ()
    if isinstance(cell, str):
        return (cell,)
    if isinstance(cell, Mapping) and "contexts" in cell:
        cell = cell["contexts"]
    if isinstance(cell, Mapping) and {"title", "sentences"} <= cell.keys():
        cell = list(zip(cell["title"], cell["sentences"], strict=True))
    if isinstance(cell, list):
        return tuple(_document(one) for one in cell)
    raise ValueError(f"the context is {type(cell).__name__}; expected a text or a list of texts")


def _document(cell: Any) -> str:
    if isinstance(cell, str):
        return cell
    if isinstance(cell, list | tuple) and len(cell) == 2 and isinstance(cell[1], list):
        return f"{cell[0]}\n{''.join(map(str, cell[1]))}"
    text = (
        next((cell[n] for n in ("text", "content", "passage", "body") if n in cell), None)
        if isinstance(cell, Mapping)
        else None
    )
    if isinstance(text, str):
        return f"{cell['title']}\n{text}" if cell.get("title") else text
    raise ValueError(f"a document of the context is {type(cell).__name__}; expected a text")
