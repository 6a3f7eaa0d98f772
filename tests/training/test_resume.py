"""A training that is killed and started again ends with the very weights of one that was left alone."""

import os
import random
from pathlib import Path

import pytest

pytest.importorskip("torch")

import jielong
from jielong.errors import BadInput
from training.killing import TINY, finished, killed, settings_for, train


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny trained checkpoint, and a file to finetune it on."""
    out = tmp_path_factory.mktemp("begun")
    train("pretrain", settings_for("pretrain", out))
    rows = [f'{{"prompt": "What is {i} + {i}?", "completion": "{2 * i}"}}' for i in range(300)]
    (out / "sums.jsonl").write_text("\n".join(rows))
    return out


@pytest.mark.parametrize("kind", ["pretrain", "finetune", "adapter"])
def test_killed_at_random_moments_the_weights_are_the_same(kind: str, begun: Path, tmp_path: Path):
    def settings_of(name: str) -> dict[str, object]:
        settings = settings_for(kind, tmp_path / name, begun / "weights")
        if kind != "pretrain":
            settings["stages"] = [{"source": str(begun / "sums.jsonl"), "tokens": 16_384, "length": 128}]
        return settings

    expected, seconds = finished(kind, settings_of("alone"))
    rng = random.Random(kind)
    for number in range(5 if os.environ.get("JIELONG_FULL") == "1" else 1):
        settings = settings_of(str(number))
        killed(kind, settings, rng.uniform(0.2, 1) * seconds)
        killed(kind, settings, rng.uniform(0.2, 1) * seconds)
        assert finished(kind, settings)[0] == expected


def test_a_finished_training_is_not_done_again(begun: Path):
    before = (begun / "checkpoint.safetensors").stat().st_mtime_ns
    first = train("pretrain", settings_for("pretrain", begun))
    assert train("pretrain", settings_for("pretrain", begun)) == first
    assert (begun / "checkpoint.safetensors").stat().st_mtime_ns == before


def test_a_checkpoint_of_other_settings_is_refused(begun: Path):
    settings = settings_for("pretrain", begun) | {"loop": TINY["loop"] | {"learning_rate": 0.001}}
    with pytest.raises(BadInput, match="other settings"):
        train("pretrain", settings)


def test_a_damaged_checkpoint_is_refused(begun: Path, tmp_path: Path):
    whole = (begun / "checkpoint.safetensors").read_bytes()
    flipped = whole[:-9] + bytes([whole[-9] ^ 1]) + whole[-8:]
    for bad, message in ((whole[: len(whole) // 2], "not a whole checkpoint"), (flipped, "damaged")):
        (tmp_path / "checkpoint.safetensors").write_bytes(bad)
        with pytest.raises(BadInput, match=message):
            train("pretrain", settings_for("pretrain", tmp_path))


def test_data_that_changed_since_is_refused(begun: Path, tmp_path: Path):
    data = tmp_path / "sums.jsonl"
    data.write_bytes((begun / "sums.jsonl").read_bytes())
    settings = settings_for("finetune", tmp_path / "out", begun / "weights")
    settings["stages"] = [{"source": str(data), "tokens": 4096, "length": 128}]
    train("finetune", settings)
    data.write_text(data.read_text().replace("What is 7", "How much is 7"))
    with pytest.raises(BadInput, match="other settings"):
        train("finetune", settings)


def test_finetuning_gives_a_model_that_answers(begun: Path, tmp_path: Path):
    rows = [f'{{"prompt": "Say the word number {i}.", "completion": "banana"}}' for i in range(40)]
    (tmp_path / "rows.jsonl").write_text("\n".join(rows))
    settings = {
        "out": tmp_path / "out",
        "start": "mini",
        "stages": [{"source": str(tmp_path / "rows.jsonl"), "tokens": 8_192, "length": 128}],
        "loop": {"batch_tokens": 512, "learning_rate": 0.001, "warmup_steps": 2},
    }
    model = jielong.finetune(jielong.TrainConfig.model_validate(settings))
    assert model.name == jielong.load(f"local:{tmp_path}/out/weights").name
    assert model.ask("Say the word number 7.") == "banana"
