"""What a recipe gains goes into a student's weights: which replies are kept, what is learnt of them, what it brings."""

import json
import os
from functools import partial
from pathlib import Path

import anyio
import pytest

from jielong.contract import Message, Reply, Usage
from jielong.errors import BadInput
from jielong.improving.distil import DistilSettings, ask_teacher, distil, prepare
from jielong.improving.distil_data import KeptReply, training_rows, without_steps
from jielong.improving.distil_result import gain_kept
from jielong.measuring.cost_forecast import BudgetLimits
from jielong.measuring.results import ItemResult, ModelResult
from jielong.models.mini import Mini
from jielong.models.scripted import Scripted
from jielong.recipe import load
from jielong.tasks.item import Item
from jielong.tasks.metric import number
from jielong.tasks.task import Task
from jielong.training.data.document_rows import row_documents


def sums(n: int, answers: bool = True) -> Task:
    items = tuple(Item(str(i), f"What is {i} + {i}?", (str(2 * i),) if answers else ()) for i in range(n))
    return Task("sums", items, number, "", "sums")


def doubled(question: str) -> int:
    return 2 * int(question.split()[2])


def taught(task: Task, teacher, tmp_path: Path, student="mini", test: Task | None = None, **settings):
    settings = DistilSettings(tmp_path / "out", ledger=tmp_path / "ledger.db", **settings)
    prepared = prepare(task, teacher, load(student), settings, test=test, held_out=10)
    return anyio.run(partial(ask_teacher, prepared)), prepared


def test_replies_that_the_check_finds_wrong_are_not_learnt(tmp_path: Path):
    def reply(request):
        n = doubled(request.messages[-1].text)
        return f"It is {n if n % 3 else n + 1}."

    part, prepared = taught(sums(60), Scripted(reply), tmp_path)
    wrong = [item for item in prepared.train.items if int(item.accepted[0]) % 3 == 0]
    assert part.collected.wrong == len(wrong) > 0
    assert len(part.rows[0]) == len(prepared.train.items) - len(wrong)
    assert all(int(row["completion"][0]["content"].split()[-1][:-1]) % 3 for row in part.rows[0])


def test_the_student_learns_after_the_prompt_that_it_is_asked_with(tmp_path: Path):
    teacher = Scripted(lambda request: f"So it is {doubled(request.messages[-1].text)}.")
    plain, prepared = taught(sums(40), teacher, tmp_path)
    prompted, _ = taught(sums(40), teacher, tmp_path, "mini | cot")
    asked = plain.rows[0][0]["prompt"][0]["content"]
    assert asked == prepared.train.items[0].input
    assert prompted.rows[0][0]["prompt"][0]["content"].startswith(f"{asked}\n")
    (tokens,) = row_documents(plain.rows[0][0], prepared.lengths.chat, 512)
    prompt = [token for token, weight in zip(tokens.ids, tokens.weights, strict=True) if not weight]
    assert tuple(prompt) == Mini().encode(prepared.train.items[0].request())


def voters(clear: int):
    """Of the samples for a question nine in ten are right where its number is below `clear`, elsewhere all differ."""

    def reply(request):
        n, seed = doubled(request.messages[-1].text), request.sampling.seed
        return f"It is {n if n < 2 * clear and seed % 10 else 1000 + seed % 97}."

    return Scripted(reply) | load("mini | self_consistency(n=8, adaptive=false)").technique


def test_without_answers_what_the_vote_agrees_on_is_learnt(tmp_path: Path):
    test = Task(
        "others", tuple(Item(f"t{i}", f"What is {i} + {i}?", (str(2 * i),)) for i in range(500, 510)), number, "", ""
    )
    part, _ = taught(sums(40, answers=False), voters(25), tmp_path, test=test, keep="vote")
    assert [reply.item.id for reply in part.collected.kept] == [str(i) for i in range(25)]
    assert part.collected.no_agreement == 15
    assert all(reply.text == f"It is {2 * int(reply.item.id)}." for reply in part.collected.kept)


def test_questions_of_the_test_are_never_learnt(tmp_path: Path):
    prepared = prepare(sums(40), voters(25), load("mini"), DistilSettings(tmp_path), test=sums(10))
    assert [item.id for item in prepared.train.items] == [str(i) for i in range(10, 40)]


def test_fading_removes_steps_from_the_first_on_until_the_answer_is_left():
    text = "3*4=12. 12+5=17. 17*2=34. The answer is 34."
    kept = [KeptReply(Item("1", "?"), text, "34"), KeptReply(Item("2", "?"), "2+2=4. The answer is 4.", "4")]
    rows = training_rows(kept, [[], []], "fading")
    replies = [[row["completion"][0]["content"] for row in part] for part in rows]
    assert replies[0] == [text, "2+2=4. The answer is 4."]
    assert replies[1] == ["12+5=17. 17*2=34. The answer is 34.", "The answer is 4."]
    assert replies[-2:] == [["The answer is 34.", "The answer is 4."], ["34", "4"]]
    assert without_steps("第一步得12。第二步得3.5！答案是3.5。", 0.5) == "第二步得3.5！ 答案是3.5。"


@pytest.mark.parametrize(
    ("teacher", "student", "keep", "answers", "words"),
    [
        ("mini | cot", "mini", "vote", True, "needs a teacher that votes"),
        ("mini | cot", "mini | self_consistency(n=3)", "check", True, "add input alone"),
        ("mini | cot", "mini", "check", False, "need answers"),
        ("mini | cot", "openai:gpt-4o", "check", True, "expected mini or local:"),
        ("mini | self_consistency(n=3)", "mini", "vote", "test alone", "leave out --control"),
        ("mini | cot", "mini", "check", "misspelt", "learning_rat"),
    ],
)
def test_what_cannot_work_is_said_before_anything_is_asked(
    teacher, student, keep, answers, words, tmp_path, monkeypatch
):
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    overrides = {"loop.learning_rat": 0.1} if answers == "misspelt" else {}
    control, test = answers == "test alone", sums(60).first(50) if answers == "test alone" else None
    settings = DistilSettings(tmp_path, keep=keep, control=control, overrides=overrides)
    with pytest.raises(BadInput, match=words):
        prepare(sums(100, answers in (True, "misspelt")), load(teacher), load(student), settings, test=test)


def test_the_part_of_the_gain_and_its_interval():
    def result(right: int) -> ModelResult:
        scores = [ItemResult(str(i), float(i < right), None, "", None, Usage(), 0.0) for i in range(200)]
        return ModelResult("m", tuple(scores), None, Usage(), ())

    kept = gain_kept(result(20), result(120), result(100))
    assert kept.share == pytest.approx(0.8)
    assert kept.ci95
    assert 0.70 < kept.ci95[0] < 0.8 < kept.ci95[1] < 0.88
    assert gain_kept(result(20), result(10), result(100)).share is None


def test_examples_in_the_prompt_are_not_learnt(tmp_path: Path):
    """The turns of the assistant in a prompt are somebody else's."""
    teacher = Scripted(lambda request: f"It is {doubled(request.messages[-1].text)}.")
    student = 'mini | few_shot(examples=[["What is 1 + 1?", "It is 99."]])'
    part, prepared = taught(sums(40), teacher, tmp_path, student)
    (document,) = row_documents(part.rows[0][0], prepared.lengths.chat, 512)
    learnt = [token for token, weight in zip(document.ids, document.weights, strict=True) if weight]
    text = prepared.lengths.chat.tokenizer.decode(learnt)
    assert part.rows[0][0]["prompt"][1]["content"] == "It is 99."
    assert "99" not in text
    assert part.rows[0][0]["completion"][0]["content"].split()[-1] in text


def test_truncated_and_lost_replies_are_counted_and_not_learnt(tmp_path: Path):
    def reply(request):
        n = doubled(request.messages[-1].text) // 2
        if n % 10 == 1:
            return Reply(Message("assistant", f"It is {2 * n}."), finish="length")
        return "" if n % 10 == 2 else f"It is {2 * n}."

    part, prepared = taught(sums(60), Scripted(reply), tmp_path)
    cut = sum(int(item.id) % 10 in (1, 2) for item in prepared.train.items)
    assert part.collected.no_answer + part.collected.lost + part.collected.wrong == cut
    assert len(part.rows[0]) == len(prepared.train.items) - cut


def test_a_spent_budget_ends_the_asking_and_what_came_is_learnt(tmp_path: Path):
    teacher = Scripted(lambda request: f"It is {doubled(request.messages[-1].text)}.")
    part, prepared = taught(sums(60), teacher, tmp_path, concurrency=1, limits=BudgetLimits(calls=20 + 12))
    assert len(prepared.test.items) == 10
    assert part.collected.stopped
    assert part.collected.asked == len(part.rows[0]) == 12


@pytest.mark.parametrize("match", ["text", *(["logprobs"] if os.environ.get("JIELONG_FULL") == "1" else [])])
def test_a_student_is_trained_and_measured_beside_its_teacher(match: str, tmp_path: Path):
    pytest.importorskip("torch")
    settings = DistilSettings(
        tmp_path / "out", match=match, epochs=1, control=match == "text", ledger=tmp_path / "ledger.db",
        overrides={"loop.learning_rate": 0.001},
    )  # fmt: skip
    results = [distil("mini:word_problems/2", "mini | cot", "mini", settings, held_out=8, limit=24) for _ in range(2)]
    names = [result.model for result in results[0].report.results]
    assert names[:2] == ["mini", "mini | cot"]
    assert f"{tmp_path}/out/student/weights" in names[2]
    assert results[0].steps > 1
    documents = [json.loads(json.dumps(result.to_json())) for result in results]  # the second is all from the ledger
    for document in documents:
        for name in ("run", "results", "teaching"):
            document.pop(name)
    assert documents[0] == documents[1]
