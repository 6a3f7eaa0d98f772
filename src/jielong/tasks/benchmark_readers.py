"""Rows of well-known files as items, where the names of their columns do not say what is what (named_columns.py).

A file is recognised by its columns, so no name or folder is needed; which reader took it is said in the task's source.
"""

import hashlib
import random
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..answers import RULES, boxed
from ..contract import Reply
from . import bfcl, metric
from .choices import find_choice_columns, labels_of, read_choices, right_letter, shuffled
from .code_tests import Tests
from .expression_check import GAME24
from .item import Item
from .metric import CheckMetric, Metric, Score
from .named_columns import accepted_answers

Fields = Mapping[str, Any]


@dataclass(frozen=True)
class Reader:
    """`columns` identify the file; `item` raises ValueError or KeyError on a row that it cannot use."""

    name: str
    columns: frozenset[str]
    metric: Metric | None  # None: inferred from the answers
    item: Callable[[Fields, str], Item]


def _gsm8k(row: Fields, subject: str) -> Item:
    _, mark, gold = str(row["answer"]).rpartition("####")
    if not mark:
        raise ValueError('the answer has no "####"')
    return Item("", str(row["question"]), (gold.strip(),))


def _letter(answer: object, choices: tuple[str, ...]) -> str:
    text = str(answer).strip()
    if re.fullmatch(r"\d+", text) and int(text) < len(choices):
        return chr(ord("A") + int(text))
    if re.fullmatch(r"[A-J]", text):
        return text
    raise ValueError(f"the answer {text[:20]!r} is neither a letter nor an index")


def _four_choices(name: str, question: str, columns: Sequence[str], answer: str) -> Reader:
    def item(row: Fields, subject: str) -> Item:
        choices = tuple(str(row[column]) for column in columns)
        return Item("", str(row[question]), (_letter(row[answer], choices),), choices, subject)

    return Reader(name, frozenset({question, *columns, answer}), metric.choice, item)


def _arc(row: Fields, subject: str) -> Item:
    """As AI2 published it; the hub's form has a column for each thing."""
    question = row["question"]
    choices = read_choices(question["choices"])
    letter = right_letter(row["answerKey"], choices, labels_of(question["choices"]), None)
    return Item(str(row.get("id", "")), str(question["stem"]), (letter,), choices)


def _mc1(row: Fields, subject: str) -> Item:
    """TruthfulQA on the hub: the texts of the choices, and 1 for the right one."""
    texts, labels = list(map(str, row["mc1_targets"]["choices"])), list(row["mc1_targets"]["labels"])
    wrong = [text for text, label in zip(texts, labels, strict=True) if not label]
    choices, letter = shuffled(str(row["question"]), texts[labels.index(1)], wrong)
    return Item("", str(row["question"]), (letter,), choices)


def _big_bench(row: Fields, subject: str) -> Item:
    scores = {str(text): float(score) for text, score in row["target_scores"].items()}
    if list(scores.values()).count(1.0) != 1:
        raise ValueError(f"expected one choice of score 1, found {list(scores.values())}")
    choices = tuple(scores)
    return Item("", str(row["input"]), (chr(ord("A") + choices.index(max(scores, key=scores.__getitem__))),), choices)


def _math(row: Fields, subject: str) -> Item:
    answer = boxed(str(row["solution"]))
    if answer is None:
        raise ValueError(r"the solution has no \boxed{…}")
    return Item("", str(row["problem"]), (answer,))


def _mgsm(row: Fields, subject: str) -> Item:
    return Item("", str(row["question"]), accepted_answers(row["answer_number"]))


def _truthfulqa(row: Fields, subject: str) -> Item:
    best = str(row["Best Answer"]).strip()
    wrong = [text.strip() for text in str(row["Incorrect Answers"]).split(";") if text.strip()]
    if not best or not wrong:
        raise ValueError("no best answer or no incorrect ones")
    choices, letter = shuffled(str(row["Question"]), best, wrong)
    return Item("", str(row["Question"]), (letter,), choices)


def _boolq(row: Fields, subject: str) -> Item:
    answer = row["answer"]
    if not isinstance(answer, bool):
        raise ValueError(f"the answer is {answer!r}, expected true or false")
    question = f"{str(row['question']).strip().capitalize().rstrip('?')}? Answer yes or no."
    context = (str(row["passage"]),)
    return Item("", question, ("yes" if answer else "no",), (), str(row.get("title", "")) or None, context)


def _aqua(row: Fields, subject: str) -> Item:
    choices = tuple(re.sub(r"^\s*[A-J]\s*\)\s*", "", str(option)) for option in row["options"])
    return Item("", str(row["question"]), (_letter(row["correct"], choices),), choices)


def _multiarith(row: Fields, subject: str) -> Item:
    return Item("", str(row["sQuestion"]).strip(), tuple(f"{solution:g}" for solution in row["lSolutions"]))


def _humaneval(row: Fields, subject: str) -> Item:
    prompt, entry = str(row["prompt"]), str(row["entry_point"])
    tests = Tests(f"{row['test']}\ncheck({entry})", prompt, entry)
    return Item(str(row["task_id"]), f"Complete this Python function.\n\n```python\n{prompt}```", (), tests=tests)


def _mbpp(row: Fields, subject: str) -> Item:
    asserts = [str(line) for line in row["test_list"]]
    setup = str(row.get("test_setup_code") or "\n".join(row.get("test_imports") or ()))
    question = (
        f"{row['text'] if 'text' in row else row['prompt']}\n\nYour code should pass these tests:\n\n"
        + "\n".join(asserts)
    )
    return Item(str(row["task_id"]), question, (), tests=Tests("\n".join([setup, *asserts])))


def _game24(row: Fields, subject: str) -> Item:
    numbers = str(row["Puzzles"]).split()
    puzzle = f"Use {', '.join(numbers)}, each exactly once, with + - * / and brackets to make 24. Go step by step"
    question = f'{puzzle} and end with a line "Answer: " and the expression.'
    return Item(str(row["Rank"]), question, (" ".join(map(str, map(int, numbers))),))


def _any_of(row: Fields, subject: str) -> Item:
    """One answer, or several that are as good. A rhyme is another word than the one that it rhymes with."""
    question, rhymes = str(row["input"]), row.get("other_rhymes")
    answer = row["target"] if "target" in row else row["output"]
    accepted = dict.fromkeys(map(str, [answer, *(rhymes or row.get("possible_translations", ()))]))
    return Item("", question, tuple(text for text in accepted if rhymes is None or text != question))


def _cause(row: Fields, subject: str) -> Item:
    pair = [str(row["cause"]), str(row["effect"])]
    random.Random(hashlib.sha256("".join(pair).encode()).hexdigest()).shuffle(pair)
    return Item("", f"Sentence 1: {pair[0]} Sentence 2: {pair[1]}", (str(row["cause"]),))


def _same_list(item: Item, reply: Reply) -> Score:
    """The same things in any order."""
    extracted = RULES["exact"](reply.text)
    return Score(float(extracted is not None and _things(extracted) == _things(item.accepted[0])), extracted)


def _things(text: str) -> list[str]:
    return sorted(thing.strip().lower() for thing in text.rstrip(" .").split(","))


_SAME_LIST = CheckMetric("same_list", _same_list)
READERS = (
    Reader("gsm8k", frozenset({"question", "answer"}), metric.number, _gsm8k),
    _four_choices("mmlu", "question", ("choice0", "choice1", "choice2", "choice3"), "answer"),
    _four_choices("mmlu as published, or c-eval", "question", ("A", "B", "C", "D"), "answer"),
    _four_choices("cmmlu", "Question", ("A", "B", "C", "D"), "Answer"),
    Reader("arc", frozenset({"question", "answerKey"}), metric.choice, _arc),
    Reader("truthfulqa of the hub", frozenset({"question", "mc1_targets"}), metric.choice, _mc1),
    Reader("big-bench", frozenset({"input", "target_scores"}), metric.choice, _big_bench),
    Reader("math", frozenset({"problem", "level", "solution"}), metric.number, _math),
    Reader("mgsm", frozenset({"question", "answer", "answer_number"}), metric.number, _mgsm),
    Reader("bbh", frozenset({"input", "target"}), None, _any_of),
    Reader("truthfulqa", frozenset({"Question", "Best Answer", "Incorrect Answers"}), metric.choice, _truthfulqa),
    Reader("boolq", frozenset({"question", "passage", "answer"}), metric.yes_no, _boolq),
    Reader("aqua", frozenset({"question", "options", "correct"}), metric.choice, _aqua),
    Reader("multiarith", frozenset({"sQuestion", "lSolutions"}), metric.number, _multiarith),
    Reader("bfcl", bfcl.COLUMNS, bfcl.FUNCTION_CALLS, bfcl.item),
    Reader("humaneval", frozenset({"task_id", "prompt", "entry_point", "test"}), metric.code, _humaneval),
    Reader("mbpp", frozenset({"task_id", "text", "test_list"}), metric.code, _mbpp),
    Reader("mbpp, sanitized", frozenset({"task_id", "prompt", "test_list"}), metric.code, _mbpp),
    Reader("game of 24", frozenset({"Rank", "Puzzles", "Solved rate"}), GAME24, _game24),
    Reader("rhymes", frozenset({"input", "output", "other_rhymes"}), metric.exact, _any_of),
    Reader("translations", frozenset({"input", "output", "possible_translations"}), metric.exact, _any_of),
    Reader("cause and effect", frozenset({"cause", "effect"}), metric.exact, _cause),
    Reader("members of a category", frozenset({"input", "output", "category_items"}), _SAME_LIST, _any_of),
)


def recognise(row: Fields) -> Reader | None:
    """The reader whose columns this row has: the most specific one, unless there are choices that it does not read."""
    fitting = [reader for reader in READERS if reader.columns <= row.keys() and _in_form(reader, row)]
    reader = max(fitting, key=lambda reader: len(reader.columns), default=None)
    return None if reader is None or find_choice_columns(row.keys() - reader.columns, None) else reader


def _in_form(reader: Reader, row: Fields) -> bool:
    """Whether a cell is as in the benchmark itself, where other files have columns of these names."""
    if reader.name == "gsm8k":
        return "####" in str(row["answer"])
    return reader.name != "arc" or isinstance(row["question"], Mapping)
