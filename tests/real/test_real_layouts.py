"""Real files whose layout is not flat: what they ask is in the request, and what is not used is named."""

from pathlib import Path

import pytest

from jielong.tasks.load_task import load_task

pytestmark = pytest.mark.real


def request(task_file: Path, number: int = 0) -> str:
    return load_task(str(task_file)).items[number].request().messages[-1].text


@pytest.mark.parametrize(
    ("language", "asked"), [("en", "How many points did the Panthers"), ("zh", "黑豹队的防守丢了多少分")]
)
def test_every_question_of_xquad_comes_with_its_paragraph(language: str, asked: str, data: Path):
    task = load_task(str(data / "xquad" / f"xquad.{language}.json"))
    assert len(task.items) == 1190
    assert task.rejected == ()
    assert asked in request(data / "xquad" / f"xquad.{language}.json")
    assert all(any(gold in text for text in item.context) for item in task.items for gold in item.accepted)


def test_every_question_of_hotpotqa_comes_with_ten_documents(data: Path):
    task = load_task(str(data / "hotpotqa_distractor_sample" / "hotpot_distractor_100.jsonl"))
    assert {len(item.context) for item in task.items} <= set(range(2, 11))
    assert task.notes[0].endswith("columns that are not used: type, level, supporting_facts")


def test_the_results_of_routellm_are_prompts_and_their_results_are_named(data: Path):
    task = load_task(str(data / "routellm_mmlu_gsm8k" / "gsm8k" / "gsm8k_responses.csv"))
    assert (len(task.items), task.metric.name, task.rejected) == (1319, "judge", ())
    assert "mistralai/Mixtral-8x7B-Instruct-v0.1, gpt-4-1106-preview" in task.notes[0]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_alpacas_input_stands_behind_its_instruction(language: str, data: Path):
    task = load_task(str(data / "demo_instruct_pref" / f"alpaca_{language}_demo.json"))
    assert len(task.items) >= 999
    assert task.notes == ()


@pytest.mark.parametrize(
    "name", ["alpaca_en_demo", "alpaca_zh_demo", "glaive_toolcall_en_demo", "glaive_toolcall_zh_demo"]
)
def test_demonstrations_can_be_learnt_and_preferences_are_refused(name: str, data: Path):
    pytest.importorskip("torch")
    from jielong.models.mini import WEIGHTS
    from jielong.tasks.data_files import read
    from jielong.tasks.data_row import DataRow
    from jielong.training.data.chat_tokenizer import ChatTokenizer
    from jielong.training.data.document_rows import row_documents

    chat = ChatTokenizer.from_folder(WEIGHTS)
    rows = [row for row in read(data / "demo_instruct_pref" / f"{name}.json") if isinstance(row, DataRow)]
    assert len(rows) >= 300
    for row in rows[:100]:
        for document in row_documents(row.fields, chat, 100_000):
            assert any(document.weights)
            assert not all(document.weights)
    preferences = next(iter(read(data / "demo_instruct_pref" / "dpo_en_demo.json")))
    assert isinstance(preferences, DataRow)
    with pytest.raises(ValueError, match="chosen and rejected are preferences"):
        row_documents(preferences.fields, chat, 100_000)
