"""The score of a task and replies to read while a training runs; the training does not notice."""

import json
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("peft")

import jielong
from jielong.training.training_output import TrainResult, read_curve


@pytest.mark.parametrize("more", [{}, {"adapter": {"rank": 4, "dropout": 0.1}}], ids=["all weights", "adapter"])
def test_a_task_is_answered_at_each_evaluation_and_the_weights_are_the_same(more: dict[str, Any], tmp_path: Path):
    (tmp_path / "rows.jsonl").write_text('{"prompt": "Say the word.", "completion": "banana"}\n' * 8)
    (tmp_path / "task.jsonl").write_text('{"input": "Say the word.", "answer": "banana"}\n')
    digests = []
    for name, samples in (("with", {"task": str(tmp_path / "task.jsonl"), "max_tokens": 8}), ("without", None)):
        settings = {
            "out": tmp_path / name, "start": "mini", "samples": samples, **more,
            "stages": [{"source": str(tmp_path / "rows.jsonl"), "tokens": 1024, "length": 64}],
            "loop": {"batch_tokens": 64, "learning_rate": 0.003, "evaluate_every": 8, "bf16": False},
        }  # fmt: skip
        jielong.finetune(jielong.TrainConfig.model_validate(settings))
        digests.append(TrainResult.read(tmp_path / name).sha256)
    assert digests[0] == digests[1]
    assert [list(point.figures.values()) for point in read_curve(tmp_path / "with" / "curve.jsonl")][-1] == [1.0]
    lines = [json.loads(line) for line in (tmp_path / "with" / "samples.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [8, 16]
    assert lines[-1] == {"step": 16, "asked": "Say the word.", "reply": "banana", "score": 1.0}
