"""Specialists and generalist: what they learn and are measured on is apart, their tokens are equal, and the tables say
what happened."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")

from jielong.cli.train import train
from jielong.errors import BadInput, JielongError
from jielong.improving.specialists_config import SpecialistsConfig
from jielong.improving.specialists_data import read_tasks, read_unseen
from jielong.improving.specialists_result import Measured, Row, Table
from jielong.models.mini import WEIGHTS
from jielong.scope import scope
from jielong.stats import paired_difference
from jielong.training.data.chat_tokenizer import ChatTokenizer
from jielong.training.data.document_feed import DocumentFeed
from jielong.training.data.shown_documents import shown_documents
from jielong.training.train_config import TrainConfig
from tiny_encoder import write_encoder

LOOP = {"batch_tokens": 256, "learning_rate": 0.005}


def write_task(file: Path, rows: Sequence[tuple[str, str]]) -> str:
    file.write_text("".join(json.dumps({"input": question, "answer": answer}) + "\n" for question, answer in rows))
    return str(file)


def sums(numbers: Sequence[int]) -> list[tuple[str, str]]:
    return [(f"What follows {n}?", str(n + 1)) for n in numbers]


def sides(numbers: Sequence[int]) -> list[tuple[str, str]]:
    return [(f"Is {n} even or odd?", "odd" if n % 2 else "even") for n in numbers]


def settings(folder: Path, tasks: Sequence[dict[str, Any]], **more: Any) -> SpecialistsConfig:
    whole = {"out": folder / "out", "tokens": 512, "length": 64, "loop": LOOP, "tasks": tasks, **more}
    return SpecialistsConfig.model_validate(whole)


def questions(items: Sequence[Any]) -> set[str]:
    return {" ".join(item.input.casefold().split()) for item in items}


def test_without_a_test_of_its_own_a_part_of_a_task_is_held_out_and_no_question_is_on_both_sides(tmp_path: Path):
    rows = [*sums(range(60)), *sums(range(30)), ("what  FOLLOWS 31?", "32")]
    task = write_task(tmp_path / "a.jsonl", rows)
    other = write_task(tmp_path / "b.jsonl", rows[::-1])
    first, second = read_tasks(settings(tmp_path, [{"name": "a", "train": task}, {"name": "b", "train": other}]))
    assert not questions(first.train) & questions(first.test.items)
    assert len(first.test.items) == len(rows) // 3
    assert questions(first.test.items) == questions(second.test.items), "the order of the file decided"


def test_questions_of_the_test_are_left_out_of_what_is_learnt_and_counted(tmp_path: Path):
    learnt = write_task(tmp_path / "a.jsonl", [*sums(range(40)), (" what follows 3? ", "4")])
    test = write_task(tmp_path / "t.jsonl", sums(range(10)))
    with scope("reading") as reading:
        (task, _) = read_tasks(
            settings(tmp_path, [{"name": "a", "train": learnt, "test": test}, {"name": "b", "train": learnt}])
        )
    assert not questions(task.train) & questions(task.test.items)
    assert "a: 11 items to learn are also in the test, and are left out of the training" in reading.notes


def test_a_task_that_nobody_learns_is_measured_without_what_somebody_learns(tmp_path: Path):
    learnt = write_task(tmp_path / "a.jsonl", sums(range(40)))
    unseen = write_task(tmp_path / "u.jsonl", sums(range(20, 80)))
    config = settings(
        tmp_path,
        [{"name": "a", "train": learnt}, {"name": "b", "train": learnt}],
        unseen=[{"name": "u", "test": unseen}],
    )
    with scope("reading") as reading:
        tasks = read_tasks(config)
        (task,) = read_unseen(config, tasks)
    assert not questions(task.items) & {q for each in tasks for q in questions(each.train)}
    assert any(note.startswith("u: ") and "are not measured" in note for note in reading.notes)


def test_a_label_that_only_the_test_holds_is_a_label(tmp_path: Path):
    learnt = write_task(tmp_path / "a.jsonl", sides(range(40)))
    test = write_task(tmp_path / "t.jsonl", [*sides(range(50, 60)), ("Is x even or odd?", "neither")])
    (task, _) = read_tasks(
        settings(
            tmp_path, [{"name": "a", "train": learnt, "test": test, "rule": "label"}, {"name": "b", "train": learnt}]
        )
    )
    assert task.test.metric.labels == ("even", "odd", "neither")  # type: ignore[attr-defined]
    assert task.labels == ("even", "odd")


@pytest.mark.parametrize(
    ("rows", "labels"),
    [
        (sides(range(40)), ("even", "odd")),
        (sums(range(40)), ()),
        ([(f"What is {n}?", "a number") for n in range(40)], ()),
        (sides(range(3)), ()),
    ],
)
def test_a_classifier_is_for_answers_that_are_few_and_come_again(
    rows: list[tuple[str, str]], labels: tuple[str, ...], tmp_path: Path
):
    test = write_task(tmp_path / "t.jsonl", [("one", "even"), ("two", "odd"), ("three", "odd")])
    file = write_task(tmp_path / "a.jsonl", rows)
    (task, _) = read_tasks(
        settings(tmp_path, [{"name": "a", "train": file, "test": test}, {"name": "b", "train": file, "test": test}])
    )
    assert task.labels == labels


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tasks": [{"name": "a", "train": "A"}]}, "tasks: expected at least 2 of them"),
        ({"tasks": [{"name": "a", "train": "A"}, {"name": "a", "train": "A"}]}, "two tasks are called 'a'"),
        ({"tasks": [{"name": "a/b", "train": "A"}, {"name": "b", "train": "A"}]}, "tasks.0.name: expected"),
        (
            {"tasks": [{"name": "a", "train": "nothing.jsonl"}, {"name": "b", "train": "A"}]},
            "nothing.jsonl: no such file",
        ),
        ({"tasks": [{"name": "a", "train": "OPEN"}, {"name": "b", "train": "A"}]}, "a: 0 items to learn"),
        ({"tasks": [{"name": "a", "train": "A", "test": "A"}, {"name": "b", "train": "A"}]}, "a: 0 items to learn"),
        ({"unseen": [{"name": "u", "test": "ONE"}]}, "u: 1 items"),
        ({"length": 100}, "loop.batch_tokens = 256 is no multiple of length 100"),
        ({"tokens": 0}, "tokens: expected more than 0"),
        ({"classifier": {"start": "x"}}, "classifier.loop is missing"),
        ({"teacher": "x"}, "unknown setting 'teacher'"),
        ({"classifier": {"start": "nowhere", "loop": LOOP}}, "nowhere: no such folder"),
        ({"start": "nowhere"}, "nowhere: no such folder"),
    ],
)
def test_bad_settings_and_files_are_one_line(change: dict[str, Any], message: str, tmp_path: Path):
    files = {
        "A": write_task(tmp_path / "a.jsonl", sides(range(40))),
        "ONE": write_task(tmp_path / "one.jsonl", sums([77])),
        "OPEN": str(tmp_path / "open.jsonl"),
    }
    (tmp_path / "open.jsonl").write_text("".join(json.dumps({"input": f"Tell me of {n}."}) + "\n" for n in range(9)))
    tasks = [{"name": "a", "train": "A"}, {"name": "b", "train": "A"}]
    whole: dict[str, Any] = {
        "out": str(tmp_path / "out"),
        "tokens": 512,
        "length": 64,
        "loop": LOOP,
        "tasks": tasks,
        **change,
    }
    text = json.dumps(whole)
    for name, file in files.items():
        text = text.replace(f'"{name}"', json.dumps(file))
    with pytest.raises(JielongError) as caught:
        run(as_toml(json.loads(text)), tmp_path)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists(), "it began before it had looked at everything"


def as_toml(whole: dict[str, Any]) -> str:
    def value(each: Any) -> str:
        if isinstance(each, dict):
            return "{" + ", ".join(f"{name} = {value(part)}" for name, part in each.items()) + "}"
        return f"[{', '.join(map(value, each))}]" if isinstance(each, list) else json.dumps(each)

    return "".join(f"{name} = {value(each)}\n" for name, each in whole.items())


def run(toml: str, folder: Path, *arguments: str) -> None:
    (folder / "settings.toml").write_text(toml)
    train.main(["specialists", str(folder / "settings.toml"), *arguments], standalone_mode=False)


def test_the_generalist_reads_as_many_tokens_of_each_task(tmp_path: Path):
    """Also where the tasks' documents differ in length and number."""
    rows = {"follows": sums(range(200)), "even": sides(range(500, 540)) * 3, "thanks": [("Say thanks.", "thanks")] * 2}
    files = tuple(write_prompts(tmp_path / f"{name}.jsonl", part) for name, part in rows.items())
    stage = {"source": files, "tokens": 64 * 4 * 30, "length": 64}
    config = TrainConfig.model_validate({"out": tmp_path, "stages": [stage], "loop": LOOP})
    feed, tokenizer = DocumentFeed(config, chat := ChatTokenizer.from_folder(WEIGHTS)), chat.tokenizer
    assert feed.steps == 30
    texts = [tokenizer.decode(ids.tolist()) for step in range(30) for ids in feed.batch(step, None)["input_ids"]]  # type: ignore[arg-type]
    assert [sum(word in text for text in texts) for word in rows] == [40, 40, 40]


def test_every_source_of_a_stage_is_shown_and_none_may_hold_what_is_held_out(tmp_path: Path):
    first, second = (write_prompts(tmp_path / f"{n}.jsonl", sums(range(n, n + 5))) for n in (10, 20))
    stages = [{"source": [first, second], "tokens": 2560, "length": 64}]
    whole = {"out": tmp_path, "start": "mini", "stages": stages, "loop": LOOP}
    held_out = {"source": write_prompts(tmp_path / "held_out.jsonl", sums([21])), "length": 64, "rows": 1}
    feed = DocumentFeed(
        TrainConfig.model_validate({**whole, "evaluation": held_out}), ChatTokenizer.from_folder(WEIGHTS)
    )
    with pytest.raises(BadInput, match="1 of its 1 documents are trained on"):
        feed.evaluation()
    shown = shown_documents(TrainConfig.model_validate(whole), 10)
    assert {each.source for each in shown} == {first, second}


def write_prompts(file: Path, rows: Sequence[tuple[str, str]]) -> str:
    file.write_text("".join(json.dumps({"prompt": prompt, "completion": reply}) + "\n" for prompt, reply in rows))
    return str(file)


def measured(*scores: float | None) -> Measured:
    return Measured(tuple(scores))


def test_a_table_pairs_item_by_item_corrects_p_and_pools_what_was_learnt():
    rng = np.random.default_rng(0)
    a, b, c = ([*map(float, rng.integers(0, 2, 80))] for _ in range(3))
    rows = tuple(
        Row(name, name != "u", measured(*a), measured(*x), measured(*y))
        for name, x, y in (("s", b, c), ("t", c, b), ("u", a, b))
    )
    table = Table("per_task", 100, rows)
    first = table.compared()[0]
    expected = paired_difference(c, b)
    assert first.specialist == expected
    ps = [each.specialist.p for each in table.compared()]
    assert [each.specialist_p for each in table.compared()] >= ps
    pooled = table.pooled()
    assert pooled
    assert pooled.specialist.n == 160
    assert pooled.specialist.difference == pytest.approx(0)


def test_a_lost_item_is_no_zero():
    row = Row("s", True, measured(1, None, 0), measured(1, 1, None), measured(0, None, 1))
    (compared,) = Table("in_all", 1, (row,)).compared()
    assert compared.row.specialist.estimate.mean == 1
    assert compared.specialist.n == 1


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network of one layer that knows nothing, with mini's tokenizer."""
    import torch
    import transformers

    folder = tmp_path_factory.mktemp("start")
    torch.manual_seed(0)
    llama = transformers.LlamaConfig(
        vocab_size=1792, hidden_size=32, intermediate_size=64, num_hidden_layers=1, num_attention_heads=2,
        max_position_embeddings=128, bos_token_id=0, eos_token_id=1, pad_token_id=1,
    )  # fmt: skip
    transformers.LlamaForCausalLM(llama).save_pretrained(folder)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (folder / name).write_bytes((WEIGHTS / name).read_bytes())
    return folder


def test_from_a_file_of_settings_to_two_tables_and_again_without_training(
    start: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("JIELONG_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("JIELONG_LANG", "en")
    even = write_task(tmp_path / "even.jsonl", sides(range(60)))
    after = write_task(tmp_path / "after.jsonl", sums(range(60)))
    unseen = write_task(tmp_path / "unseen.jsonl", [(f"What comes before {n}?", str(n - 1)) for n in range(5, 15)])
    whole = {
        "out": str(tmp_path / "out"), "start": str(start), "tokens": 1024, "length": 64, "test_items": 10, "loop": LOOP,
        "tasks": [{"name": "even", "train": even}, {"name": "after", "train": after}],
        "unseen": [{"name": "before", "test": unseen}],
        "classifier": {"start": str(write_encoder(tmp_path / "encoder")), "loop": LOOP},
    }  # fmt: skip
    run(as_toml(whole), tmp_path, "--json")
    result = json.loads(capsys.readouterr().out)
    assert [(each["role"], each["task"], each["tokens"]) for each in result["trainings"]] == [
        ("specialist", "even", 1024), ("specialist", "after", 1024), ("generalist_per_task", "", 2048),
        ("generalist_in_all", "", 1024), ("classifier", "even", 1024),
    ]  # fmt: skip
    for table in result["tables"]:
        even_row, after_row, unseen_row = table["rows"]
        assert even_row["classifier"]["n"] == 10
        assert after_row["classifier"] is None
        assert (unseen_row["learnt"], unseen_row["n"]) == (False, 10)
        assert table["all_learnt"]["n"] == 20
        assert {"difference", "ci95", "p", "p_holm"} <= set(even_row["specialist_less_generalist"])
    assert json.loads((tmp_path / "out/specialists.json").read_text("utf-8")) == result
    run(as_toml(whole), tmp_path)
    out, error = capsys.readouterr()
    assert "Equal tokens for each task: 1,024 of its own task for a specialist, 2,048 in 2 tasks" in out
    assert "before (nobody learnt it)" in out
    assert "step " not in error, "it trained again"
