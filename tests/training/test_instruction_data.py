"""The three ways to instruction data give one form, which a training reads; nothing is asked without a bound."""

import itertools
import json
import random
from pathlib import Path

import anyio
import pytest

from jielong.contract import Request
from jielong.errors import BadInput, EndpointUnfit, NoAnswer
from jielong.models.mini import WEIGHTS
from jielong.models.scripted import Scripted
from jielong.runtime.budget import budget
from jielong.runtime.ledger import use_ledger
from jielong.scope import scope
from jielong.training.data.chat_tokenizer import ChatTokenizer
from jielong.training.data.data_sources import FileSource
from jielong.training.instructions import evol_instruct, self_instruct
from jielong.training.instructions.instruction_row import InstructionRow, write_instructions
from jielong.training.instructions.people import answered_rows
from jielong.training.instructions.self_instruct import read_list
from jielong.training.instructions.teacher import Seed, Synthesis, SynthesisOptions
from jielong.training.instructions.template_rows import KINDS, LabelledSet, template_rows

ROWS = {
    "sentiment": [{"text": "A fine film.", "label": "positive"}, {"text": "Dull.", "label": "negative"}],
    "topic": [{"text": "The team won again.", "label": "sports"}, {"text": "Shares fell.", "label": "business"}],
    "intent": [{"text": "Where is my card?", "label": "card arrival"}, {"text": "Close it.", "label": "close account"}],
    "acceptability": [{"sentence": "He go home.", "label": "no"}, {"sentence": "He goes home.", "label": "yes"}],
    "entailment": [{"premise": "A man sleeps.", "hypothesis": "He is awake.", "label": "contradiction"},
                   {"premise": "A man sleeps.", "hypothesis": "Somebody sleeps.", "label": "entailment"}],
    "paraphrase": [{"question1": "How old is he?", "question2": "What is his age?", "is_duplicate": "yes"}],
    "word_sense": [{"word": "bank", "sentence1": "The bank is shut.", "sentence2": "He sat on the bank.", "label": "no"}],
    "yes_no": [{"passage": "Ice is frozen water.", "question": "is ice water", "answer": True}],
    "reading": [{"context": "Rimo was born in Lana.", "question": "Where was Rimo born?", "answers": {"text": ["Lana"], "answer_start": [18]}}],
    "question_answering": [{"question": "What is the capital of France?", "answer": "Paris"}],
    "multiple_choice": [{"question": "Which is a fruit?", "choices": {"text": ["stone", "apple"], "label": ["A", "B"]}, "answer": "B"}],
    "completion": [{"ctx": "He opened the door and", "endings": ["went in.", "ate it."], "label": 0},
                   {"ctx": "She was thirsty and", "endings": ["slept.", "drank."], "label": 1}],
    "coreference": [{"text": "Ann called Eve, as she was late.", "pronoun": "she", "choices": "Ann|Eve", "answer": "Eve"}],
    "summarization": [{"article": "It rained for a week. The river rose.", "summary": "Rain made the river rise."}],
    "headline": [{"text": "It rained for a week.", "title": "A week of rain"}],
    "translation": [{"source": "Good morning.", "target": "早上好。"}],
    "data_to_text": [{"data": {"name": "Lana", "people": 300}, "text": "Lana has 300 people."}],
    "word_problem": [{"question": "Tom has 3 pens and buys 4. How many now?", "answer": 7}],
}  # fmt: skip
CHINESE = {
    "sentiment": [{"文本": "这部电影很好看。", "标签": "正面"}, {"文本": "太无聊了。", "标签": "负面"}],
    "reading": [{"材料": "李明出生在昆明。", "问题": "李明出生在哪里？", "答案": "昆明"}],
    "translation": [{"原文": "早上好。", "译文": "Good morning."}],
    "multiple_choice": [{"题目": "哪个是水果？", "选项": ["石头", "苹果"], "答案": "B"}],
}


def file_of(folder: Path, rows: object, name: str = "set.jsonl") -> Path:
    (folder / name).write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))  # type: ignore[attr-defined]
    return folder / name


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_task_has_templates_in_both_languages(kind: str, language: str, tmp_path: Path):
    made = template_rows(LabelledSet(file_of(tmp_path, ROWS[kind]), kind), each=8, written_in=language).rows
    assert len(made) >= 4 * len(ROWS[kind])
    for row in made:
        assert "{" not in row.instruction.replace('{"', "") + row.answer
        assert row.answer
        assert row.instruction
        assert row.origin["line"] in range(1, len(ROWS[kind]) + 1)
    assert len({row.instruction for row in made}) >= 4


@pytest.mark.parametrize("kind", CHINESE)
def test_chinese_sets_are_asked_in_chinese(kind: str, tmp_path: Path):
    made = template_rows(LabelledSet(file_of(tmp_path, CHINESE[kind]), kind), each=4).rows
    assert {row.language for row in made} == {"zh"}


def test_the_right_choice_and_the_names_of_labels_are_the_answers(tmp_path: Path):
    def answers(kind: str, rows: list[dict[str, object]], **more: object) -> set[str]:
        labelled = LabelledSet(file_of(tmp_path, rows), kind, **more)  # type: ignore[arg-type]
        made = template_rows(labelled, each=8).rows
        return {row.answer for row in made if row.origin["template"] != "reverse"}

    assert answers("multiple_choice", ROWS["multiple_choice"]) == {"apple"}
    assert answers("completion", ROWS["completion"]) == {"went in.", "drank."}
    assert answers("yes_no", ROWS["yes_no"]) == {"yes"}
    numbered = [{"text": "Fine.", "label": 1}, {"text": "Dull.", "label": 0}]
    assert answers("sentiment", numbered, labels={"1": "good", "0": "bad"}) == {"good", "bad"}


@pytest.mark.parametrize(
    ("kind", "rows", "words"),
    [
        ("sentiment", [{"text": "Fine.", "label": 1}], "labels are numbers (1); name them: --label 1=NAME"),
        ("sentiment", [{"body": "x", "stars": 1}], "no column for 'label' of sentiment; found body, stars; say --column label=NAME"),
        ("multiple_choice", [{"question": "x", "answer": "B"}], "needs choices"),
        ("multiple_choice", [{"question": "x", "choices": ["a", "b"], "answer": "Z"}], "set.jsonl:1: the answer 'Z' is none of the 2"),
        ("yes_no", [{"passage": "x", "question": "y", "answer": "maybe"}], "set.jsonl:1: the answer 'maybe' is neither yes nor no"),
        ("sentiment", [], "set.jsonl: no rows in it"),
        ("mood", [{"text": "x"}], "unknown kind of task 'mood'"),
    ],
)  # fmt: skip
def test_a_set_that_does_not_fit_is_one_line(kind: str, rows: list[object], words: str, tmp_path: Path):
    with pytest.raises(BadInput) as caught:
        template_rows(LabelledSet(file_of(tmp_path, rows), kind))
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_all_ways_have_one_form_and_a_training_reads_it(tmp_path: Path):
    rows = [
        *template_rows(LabelledSet(file_of(tmp_path, ROWS["topic"]), "topic")).rows,
        *answered_rows(file_of(tmp_path, [{"question": "What is 2 + 3?", "answer": "5"}], "qa.jsonl"))[0],
        *synthesize(teacher(random.Random(0)), 3).rows,
        *anyio.run(evol_instruct.evol_instruct, teacher(random.Random(1)), SEEDS, SynthesisOptions(2)).rows,
        InstructionRow("What is 2 + 3?", "5", "people"),  # a second time
    ]
    assert write_instructions(tmp_path / "rows.jsonl", rows) == len(rows) - 1
    written = [json.loads(line) for line in (tmp_path / "rows.jsonl").read_text().splitlines()]
    assert len({tuple(row) for row in written}) == 1
    assert {row["way"] for row in written} == {"templates", "people", "self_instruct", "evol_instruct"}
    with scope("training") as training:
        documents = FileSource(tmp_path / "rows.jsonl", ChatTokenizer.from_folder(WEIGHTS), 256).documents
    assert len(documents) == len(written)
    assert not training.notes


# ---- a teacher of known quality ----

SEEDS = [Seed("Name three rivers in Europe."), Seed("Explain how bread rises."), Seed("Write a line about rain.")]
WORDS = "river bread cloud engine violin desert market winter bridge garden letter planet window forest harbor candle".split()


def teacher(rng: random.Random, *, fails: bool = False) -> Scripted:
    """Proposes new tasks, a copy of the first one, a task about a picture; declines every fourth task."""
    numbers = itertools.count()

    def reply(request: Request) -> str:
        text = request.messages[-1].text
        if fails:
            raise NoAnswer("nothing")
        if "further tasks" in text:
            new = [f"- Tell {' '.join(rng.sample(WORDS, 5))} number {next(numbers)}." for _ in range(6)]
            return "\n".join(
                ["Here they are:", *new, "- Name three rivers in Europe!", "- Describe the picture below."]
            )
        if "Make the following task harder" in text or "Write a new task" in text:
            return f"Compare {' '.join(rng.sample(WORDS, 6))} in detail."
        return "I'm sorry, but I cannot help with that." if next(numbers) % 4 == 0 else f"It is a {rng.choice(WORDS)}."

    return Scripted(reply, identity=f"teacher {rng.random()}")


def synthesize(model: Scripted, wanted: int, **more: object) -> Synthesis:
    options = SynthesisOptions(wanted, **more)  # type: ignore[arg-type]
    return anyio.run(self_instruct.self_instruct, model, SEEDS, options)


def test_self_instruct_keeps_what_is_new_and_good_and_counts_the_rest():
    model = teacher(random.Random(0))
    result = synthesize(model, 20)
    assert len(result.rows) == 20
    assert result.proposed == len(result.rows) + sum(result.set_aside.values()) + result.lost_calls
    assert all(result.set_aside[reason] for reason in ("near", "cannot_see", "answer_refuses"))
    assert all("sorry" not in row.answer for row in result.rows)
    assert len({row.instruction for row in result.rows}) == 20


def test_the_planned_calls_are_never_exceeded():
    options = SynthesisOptions(12)
    declines = Scripted(
        lambda request: (
            "- Tell me about it please now." if "further tasks" in request.messages[-1].text else "I'm sorry, but no."
        )
    )
    planned = {plan.kind: plan.most for plan in self_instruct.planned_calls(SEEDS, options, declines)}
    assert synthesize(declines, 12).rows == []
    model = teacher(random.Random(3))
    synthesize(model, 12)
    proposals = sum("further tasks" in request.messages[-1].text for request in model.requests)
    assert proposals <= planned["propose"]
    assert len(model.requests) - proposals <= planned["answer"]


def test_a_run_that_is_repeated_pays_nothing(tmp_path: Path):
    def run(model: Scripted) -> list[str]:
        with use_ledger(tmp_path / "ledger.db"):
            return [row.instruction for row in synthesize(model, 10).rows]

    first, again = teacher(random.Random(5)), teacher(random.Random(5))
    assert run(first) == run(again)
    assert first.requests
    assert not again.requests


def test_a_budget_that_ends_leaves_what_there_is():
    async def run() -> Synthesis:
        with budget(calls=6):
            return await self_instruct.self_instruct(teacher(random.Random(0)), SEEDS, SynthesisOptions(40))

    result = anyio.run(run)
    assert result.stopped
    assert len(result.rows) < 40


def test_a_teacher_that_never_answers_is_found_out_at_once():
    model = teacher(random.Random(0), fails=True)
    with pytest.raises(EndpointUnfit, match="were all lost"):
        synthesize(model, 400)


def test_evolved_tasks_name_their_parents():
    model = teacher(random.Random(0))
    options = SynthesisOptions(100)
    result = anyio.run(evol_instruct.evol_instruct, model, SEEDS, options, 3)
    assert 0 < len(result.rows) <= 9
    assert {row.origin["parent"] for row in result.rows} - {seed.instruction for seed in SEEDS}
    assert len(model.requests) <= sum(plan.most for plan in evol_instruct.planned_calls(SEEDS, options, model, 3))


@pytest.mark.parametrize(("reply", "entries"), [
    ("- One thing.\n- Another\n  in two lines.", ["One thing.", "Another\nin two lines."]),
    ("Here:\n1. One.\n2) Two.\n(3) Three.", ["One.", "Two.", "Three."]),
    ("任务1：写诗。\n任务 2：画画。", ["写诗。", "画画。"]),
    ("1、写诗\n2、作文", ["写诗", "作文"]),
    ("* **Bold one**\n• Two", ["Bold one", "Two"]),
    ("No list at all.", []),
])  # fmt: skip
def test_lists_are_read_in_many_forms(reply: str, entries: list[str]):
    assert read_list(reply) == entries
