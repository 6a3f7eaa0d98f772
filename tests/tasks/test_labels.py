"""A column of labels, a column of choices, and the instruction that a bare text needs."""

import json
from collections.abc import Sequence
from pathlib import Path

import anyio
import pytest

from grading import reply
from jielong.contract import Message
from jielong.errors import BadInput
from jielong.tasks.choices import read_choices
from jielong.tasks.item import Item
from jielong.tasks.load_task import load_task
from jielong.tasks.metric import LabelMetric, find_metric
from jielong.tasks.task import Task

TICKETS = [("My card was charged twice.", "billing"), ("The page stays white.", "technical"), ("Thank you!", "other")]


def tickets(folder: Path, rows: Sequence[tuple[str, str]] = TICKETS * 10) -> Task:
    file = folder / "tickets.csv"
    file.write_text("text,label\n" + "".join(f'"{text} ({i})",{label}\n' for i, (text, label) in enumerate(rows)))
    return load_task(str(file))


def mean(task: Task, text: str) -> float:
    async def scores() -> list[float]:
        return [(await task.metric.score(item, reply(text))).value for item in task.items]

    return sum(anyio.run(scores)) / len(task.items)


def test_a_column_of_few_distinct_answers_is_a_set_of_labels(tmp_path: Path) -> None:
    task = tickets(tmp_path)
    assert isinstance(task.metric, LabelMetric)
    assert task.metric.labels == ("billing", "technical", "other")
    assert task.why_metric == "all 30 answers are 3 labels"


def test_who_names_every_label_or_always_the_same_gains_nothing(tmp_path: Path) -> None:
    task = tickets(tmp_path)
    assert mean(task, "It could be billing, technical or other.") == 0
    assert mean(task, "billing") == pytest.approx(1 / 3)
    same = tickets(tmp_path, [("a and a", "same"), ("a and b", "not the same")] * 10)
    assert mean(same, "not the same") == 0.5
    assert mean(same, "The two are the same.") == 0.5


def test_two_animals_are_compared_by_the_one_that_is_meant(tmp_path: Path) -> None:
    task = tickets(tmp_path, [("cow or cat?", "cow"), ("cat or cow?", "cow"), ("cat or fly?", "cat")] * 5)
    assert mean(task, "cow, cat") == 0
    assert mean(task, "The cow is bigger than the cat.") == pytest.approx(2 / 3)


def test_the_labels_of_a_rule_that_was_asked_for_are_the_answers(tmp_path: Path) -> None:
    file = tmp_path / "two.jsonl"
    file.write_text('{"input": "a", "answer": "valid"}\n{"input": "b", "answer": "invalid"}\n')
    assert load_task(str(file)).metric.name == "contains"
    metric = load_task(str(file), rule="label").metric
    assert isinstance(metric, LabelMetric)
    assert metric.labels == ("valid", "invalid")
    with pytest.raises(BadInput, match="needs the labels"):
        anyio.run(find_metric("label").score, Item("", "?", ("a",)), reply("a"))


def test_a_bare_text_gets_a_proposal_of_what_to_answer_with(tmp_path: Path) -> None:
    task = tickets(tmp_path)
    proposal = task.proposed_instruction()
    assert proposal == (
        "Classify the text below. Answer with exactly one of these labels and nothing else: billing, technical, other."
    )
    instructed = task.instructed(proposal)
    assert instructed.proposed_instruction() is None
    assert instructed.items[0].request().messages[0].text == f"{proposal}\n\nMy card was charged twice. (0)"
    assert instructed.sha256 != task.sha256


def test_a_question_that_names_its_labels_needs_no_instruction(tmp_path: Path) -> None:
    rows = [(f"{text} Billing, technical or other?", label) for text, label in TICKETS * 5]
    assert tickets(tmp_path, rows).proposed_instruction() is None


def test_chinese_texts_get_a_chinese_proposal(tmp_path: Path) -> None:
    task = tickets(tmp_path, [("我被多扣了一次钱", "退款"), ("包裹还没到", "物流")] * 5)
    assert task.proposed_instruction() == "请对下面的文本分类。只回答以下标签中的一个，不要写别的：退款、物流。"


def test_an_instruction_joins_the_system_message_of_a_conversation() -> None:
    chat = (Message("system", "Be brief."), Message("user", "Hello"))
    first, second = Item("", chat, instruction="Classify.").request().messages
    assert (first.role, first.text) == ("system", "Classify.\n\nBe brief.")
    assert second == chat[1]
    assert Item("", chat[1:], instruction="Classify.").request().messages[0].text == "Classify."
    assert Item("", chat).request().messages == chat


@pytest.mark.parametrize(
    "cell",
    [
        ["red", "green", "blue"],
        "red|green|blue",
        " red | green | blue ",
        '["red", "green", "blue"]',
        "['red', 'green', 'blue']",
        '{"A": "red", "B": "green", "C": "blue"}',
        {"text": ["red", "green", "blue"], "label": ["A", "B", "C"]},
        "A) red\nB) green\nC) blue",
        "(A) red|(B) green|(C) blue",
    ],
)
def test_choices_are_read_as_files_write_them(cell: object) -> None:
    assert read_choices(cell) == ("red", "green", "blue")


@pytest.mark.parametrize("cell", ["red, green, blue", "red", "[1, 2", ["red"], "red||blue", 5])
def test_choices_that_are_not_understood_are_refused(cell: object) -> None:
    with pytest.raises(ValueError, match=r"not understood; expected a list, a\|b\|c or JSON"):
        read_choices(cell)


def test_a_choices_column_of_a_csv_makes_questions_of_choice(tmp_path: Path) -> None:
    file = tmp_path / "colours.csv"
    rows = ["question,choices,answer", "Colour of grass?,red|green|blue,green", "Colour of blood?,red|green|blue,A"]
    file.write_text("\n".join([*rows, "Colour of the sky?,red|green|blue,pink", "Which?,red,red"]))
    task = load_task(str(file))
    assert task.metric.name == "choice"
    assert [item.choices for item in task.items] == [("red", "green", "blue")] * 2
    assert "(B) green" in task.items[0].request().messages[0].text
    assert mean(task, "green") == 0.5
    assert mean(task, "(B)") == 0.5
    assert mean(task, "It is red, not green.") == 0.5
    assert "'pink' is none of the 3 choices" in task.rejected[0]
    assert "'red' are not understood" in task.rejected[1]


def test_an_index_is_the_choice_that_it_counts(tmp_path: Path) -> None:
    file = tmp_path / "colours.jsonl"
    file.write_text(json.dumps({"question": "Grass?", "choices": ["red", "green"], "answer": 1}))
    assert load_task(str(file)).items[0].accepted == ("B",)
