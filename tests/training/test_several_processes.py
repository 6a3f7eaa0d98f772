"""Several processes train as one does: the same losses, whatever their number and however a step is divided."""

import os
import socket
import time
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from safetensors.torch import load_file

from jielong.errors import BadInput
from jielong.training.training_output import CURVE, TrainResult, read_curve
from training.killing import _processes, settings_for, train
from training.process_members import member

FULL = os.environ.get("JIELONG_FULL") == "1"


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny trained checkpoint, and a file of replies whose lengths are uneven to finetune it on."""
    out = tmp_path_factory.mktemp("begun")
    settings = settings_for("pretrain", out)
    settings["stages"] = [{"source": "mini:world/short", "tokens": 8192, "length": 128}]
    train("pretrain", settings)
    rows = [f'{{"prompt": "Say {i} words.", "completion": "{"word " * (i % 23)}and {i}"}}' for i in range(300)]
    (out / "uneven.jsonl").write_text("\n".join(rows))
    return out


def settings_of(out: Path, begun: Path, steps: int, **loop: object) -> dict[str, Any]:
    settings = settings_for("finetune", out, begun / "weights")
    settings["stages"] = [{"source": str(begun / "uneven.jsonl"), "tokens": 1024 * steps, "length": 128}]
    settings["loop"] = {
        **settings["loop"],
        "log_every": 1,
        "warmup_steps": 1,
        "optimizer": "adamw",
        "bf16": False,
        **loop,
    }
    return settings | {"evaluation": None}


def start(
    out: Path, begun: Path, count: int, *, steps: int, more: dict[str, Any] | None = None, **loop: object
) -> list[Any]:
    settings = settings_of(out, begun, steps, **loop) | (more or {})
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    members = [_processes.Process(target=member, args=(rank, count, port, settings)) for rank in range(count)]
    for process in members:
        process.start()
    return members


def trained(
    out: Path, begun: Path, count: int, *, steps: int = 4, more: dict[str, Any] | None = None, **loop: object
) -> list[float]:
    """The losses of a finetuning by `count` processes."""
    members = start(out, begun, count, steps=steps, more=more, **loop)
    for process in members:
        process.join()
    assert [process.exitcode for process in members] == [0] * count
    return losses(out)


def losses(out: Path) -> list[float]:
    return [point.loss for point in read_curve(out / CURVE)]


CASES = [(2, {"gradient_accumulation": 4}), (2, {"shard": True})]
MORE = [
    (count, {"gradient_accumulation": parts, "shard": shard, "optimizer": optimizer})
    for count in (1, 2, 4)
    for parts in (1, 4)
    for shard in (False, True)
    for optimizer in ("adamw", "muon")
]


@pytest.mark.parametrize(("count", "loop"), [*CASES, *(MORE if FULL else [])])
def test_the_losses_are_those_of_one_process(count: int, loop: dict[str, Any], begun: Path, tmp_path: Path):
    alone = trained(tmp_path / "alone", begun, 1, **{k: v for k, v in loop.items() if k == "optimizer"})
    together = trained(tmp_path / "together", begun, count, **loop)
    # Muon orthogonalises its steps in bf16, which makes more of the rounding before.
    assert together == pytest.approx(alone, rel=1e-4 if loop.get("optimizer") == "muon" else 1e-5)
    assert len(alone) == 4
    assert TrainResult.read(tmp_path / "together").loss == together[-1]


def test_killed_with_its_shares_written_it_goes_on_with_another_number_of_processes(begun: Path, tmp_path: Path):
    alone = trained(tmp_path / "alone", begun, 1, steps=8)
    out = tmp_path / "together"
    members = start(out, begun, 2, steps=8, shard=True, checkpoint_every=2)
    while not (out / "checkpoint.json").exists():
        time.sleep(0.05)
        assert all(process.is_alive() for process in members) or (out / "checkpoint.json").exists()
    for process in members:
        process.kill()
        process.join()
    (out / "checkpoint-3").mkdir()  # one that was not written to its end
    counts = (3, 2) if FULL else (3,)
    together = trained(out, begun, counts[0], steps=8, shard=True, checkpoint_every=2)
    assert together == pytest.approx(alone, rel=1e-5)
    assert [folder.name for folder in out.glob("checkpoint-*")] == ["checkpoint-8"]
    with pytest.raises(BadInput, match="with loop.shard"):
        train("finetune", settings_of(out, begun, steps=8))


def test_an_adapter_of_divided_weights_is_exported(begun: Path, tmp_path: Path):
    pytest.importorskip("peft")
    settings = {"adapter": {"rank": 4, "base_dtype": "bfloat16"}}
    alone = trained(tmp_path / "alone", begun, 1, more=settings)
    together = trained(tmp_path / "together", begun, 2, shard=True, more=settings)
    assert together == pytest.approx(alone, rel=1e-5)
    first, second = (load_file(tmp_path / n / "adapter" / "adapter_model.safetensors") for n in ("alone", "together"))
    assert first.keys() == second.keys()
    for name, value in first.items():
        assert torch.allclose(value, second[name], atol=1e-4)
