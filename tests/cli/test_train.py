"""`jielong train` as its user types it: settings from a file, curves to look at, going on after Ctrl-C."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch")

import anyio

from jielong import Message, Request, load
from jielong.cli.train import train
from jielong.training.training_output import CURVE, read_curve

CONFIG = """
out = "OUT"

[network]
layers = 1
hidden = 32
mlp = 64
heads = 2
positions = 128

[tokenizer]
vocabulary = 640
documents = 1000

[[stages]]
source = "mini:world/short"
tokens = 20_480
length = 128

[evaluation]
source = "mini:world/short"
length = 128
rows = 4

[loop]
batch_tokens = 512
learning_rate = 0.01
log_every = 5
evaluate_every = 10
checkpoint_every = 5
"""


COMMAND = ("-m", "jielong")
WITHOUT_TORCH = ("-c", "import sys; sys.modules['torch'] = None; from jielong.__main__ import main; main()")


def start(*arguments: str, home: Path, command: tuple[str, ...] = COMMAND) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, *command, "train", *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "JIELONG_HOME": str(home), "JIELONG_LANG": "en"},
    )  # fmt: skip


def run(*arguments: str, home: Path, command: tuple[str, ...] = COMMAND) -> tuple[int, str, str]:
    process = start(*arguments, home=home, command=command)
    out, error = process.communicate()
    return process.returncode, out, error


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, object]]:
    folder = tmp_path_factory.mktemp("trained")
    (folder / "tiny.toml").write_text(CONFIG.replace("OUT", str(folder / "out")))
    code, out, error = run("pretrain", str(folder / "tiny.toml"), "--json", home=folder)
    assert code == 0, error
    assert "held-out" in error
    return folder, json.loads(out)


def test_a_trained_network_answers_and_its_curves_are_a_page(trained: tuple[Path, dict[str, object]]):
    folder, said = trained
    page = (folder / "out" / "curves.html").read_text("utf-8")
    assert "<svg" in page
    assert not re.search(r"(src|href)\s*=\s*[\"']?(https?:)?//|@import|url\((?!#)|<script", page)
    reply = anyio.run(load(f"local:{said['weights']}").generate, Request((Message("user", "What is 2 + 2?"),)))
    assert reply.usage.output_tokens > 0


def test_the_same_command_goes_on_after_ctrl_c(trained: tuple[Path, dict[str, object]]):
    """Stopped at its second held-out loss, when a checkpoint is there and most steps are not done."""
    folder, said = trained
    command = ("pretrain", str(folder / "tiny.toml"), "--out", str(folder / "again"), "--json")
    process = start(*command, home=folder)
    assert process.stderr
    for line in process.stderr:
        if line.startswith("step 20,"):
            process.send_signal(signal.SIGINT)
            break
    process.communicate()
    assert process.returncode != 0
    assert not (folder / "again" / "weights").exists()
    stopped_at = read_curve(folder / "again" / CURVE)[-1].step
    assert 20 <= stopped_at < 40
    code, out, error = run(*command, home=folder)
    assert code == 0, error
    assert "Resuming from the checkpoint" in error
    assert "step 10," not in error, "it began again"
    assert json.loads(out)["sha256"] == said["sha256"]


def test_finetuning_teaches_what_the_file_says(
    trained: tuple[Path, dict[str, object]], capsys: pytest.CaptureFixture[str]
):
    folder, _ = trained
    rows = [json.dumps({"prompt": f"Say the word number {n}.", "completion": "banana"}) for n in range(40)]
    (folder / "rows.jsonl").write_text("\n".join(rows))
    (folder / "fine.toml").write_text(
        f"""
out = "{folder}/fine"
start = "mini"
[[stages]]
source = "{folder}/rows.jsonl"
tokens = 4_096
length = 64
[loop]
batch_tokens = 256
learning_rate = 0.001
warmup_steps = 2
"""
    )
    train.main(["finetune", str(folder / "fine.toml"), "--json"], standalone_mode=False)
    assert json.loads(capsys.readouterr().out)["loss"] < 0.2
    tuned = load(f"local:{folder}/fine/weights")
    assert anyio.run(tuned.generate, Request((Message("user", "Say the word number 7."),))).text == "banana"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("pretrain", "nothing.toml"), "no such file"),
        (("pretrain", "CONFIG", "--set", "loop.learning_rate=fast"), "loop.learning_rate: "),
        (("pretrain", "CONFIG", "--set", "loop.speed=1"), "unknown setting 'loop.speed'; "),
        (("pretrain", "CONFIG", "--set", "loop.batch_tokens=100"), "no multiple of length 128"),
        (("pretrain", "CONFIG", "--set", "evaluation.source=nowhere.jsonl"), "no such source"),
        (("finetune", "CONFIG"), "expected start ="),
    ],
)
def test_bad_settings_are_one_line_before_torch_is_imported(arguments: tuple[str, ...], said: str, tmp_path: Path):
    (tmp_path / "tiny.toml").write_text(CONFIG)
    filled = [str(tmp_path / "tiny.toml") if argument == "CONFIG" else argument for argument in arguments]
    code, out, error = run(*filled, "--out", str(tmp_path / "out"), home=tmp_path, command=WITHOUT_TORCH)
    assert (code, out) == (2, ""), error
    assert said in error
    assert error.count("\n") == 1
