"""Checkpoint folders with a file missing, cut or wrong: one line that names it, with torch and without."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from jielong.models.llama_weights import read_safetensors
from jielong.models.mini import WEIGHTS

WITHOUT_TORCH = """
import sys
sys.modules["torch"] = None
from importlib import util
original = util.find_spec
util.find_spec = lambda name, package=None: None if name == "torch" else original(name, package)
import jielong.__main__ as m
m.main()
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """mini as a checkpoint of two shards with their index."""
    out = tmp_path / "checkpoint"
    out.mkdir()
    for file in WEIGHTS.glob("*.json"):
        (out / file.name).write_bytes(file.read_bytes())
    tensors = read_safetensors(WEIGHTS / "model.safetensors")
    names, places = sorted(tensors), {}
    for number, part in enumerate((names[::2], names[1::2]), 1):
        file_name = f"model-0000{number}-of-00002.safetensors"
        save_file({name: tensors[name] for name in part}, out / file_name, metadata={"format": "pt"})
        places |= dict.fromkeys(part, file_name)
    (out / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": places}))
    return out


def ask(folder: Path, engine: str, language: str = "en") -> subprocess.CompletedProcess[str]:
    code = WITHOUT_TORCH if engine != "torch" else "import jielong.__main__ as m; m.main()"
    spec = f"local:{folder}" + ("" if engine in ("torch", "none") else f"?engine={engine}")
    return subprocess.run(
        [sys.executable, "-c", code, "ask", "What is 2+2?", "-m", spec, "--max-tokens", "4"],
        capture_output=True, text=True, check=False,
        env={**os.environ, "JIELONG_HOME": str(folder.parent / "home"), "JIELONG_LANG": language},
    )  # fmt: skip


def _edit(file: str, change: Callable[[dict], object]) -> Callable[[Path], None]:  # type: ignore[type-arg]
    def edit(folder: Path) -> None:
        content = json.loads((folder / file).read_text())
        change(content)
        (folder / file).write_text(json.dumps(content))

    return edit


def _tensors(change: Callable[[dict], object]) -> Callable[[Path], None]:  # type: ignore[type-arg]
    """One file with all tensors, after a change."""

    def edit(folder: Path) -> None:
        tensors = {k: v for f in folder.glob("*.safetensors") for k, v in read_safetensors(f).items()}
        for file in [*folder.glob("*.safetensors"), folder / "model.safetensors.index.json"]:
            file.unlink()
        change(tensors)
        save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})

    return edit


def _delete(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


def _write(name: str, text: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).write_text(text) and None


def _cut(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).write_bytes((folder / name).read_bytes()[:-50]) and None


LFS = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 4\n"
SHARD = "model-00002-of-00002.safetensors"
FAULTS: dict[str, tuple[Callable[[Path], None], str]] = {
    "a shard is missing": (_delete(SHARD), SHARD),
    "the first shard is missing": (_delete("model-00001-of-00002.safetensors"), "model-00001-of-00002.safetensors"),
    "a shard is missing, and no index tells": (
        lambda folder: [(folder / name).unlink() for name in (SHARD, "model.safetensors.index.json")] and None, SHARD,
    ),
    "a shard is cut": (_cut(SHARD), SHARD),
    "a shard is a pointer of git-lfs": (_write(SHARD, LFS), SHARD),
    "the index is cut": (_cut("model.safetensors.index.json"), "model.safetensors.index.json"),
    "the index is a list": (_write("model.safetensors.index.json", "[]"), "model.safetensors.index.json"),
    "a tensor is missing": (
        _tensors(lambda tensors: tensors.pop("model.layers.1.mlp.up_proj.weight")), "model.layers.1.mlp.up_proj",
    ),
    "a tensor has another shape": (
        _tensors(lambda tensors: tensors.update({"model.norm.weight": np.zeros(7, np.float32)})), "model.norm",
    ),
    "a tensor holds whole numbers": (
        _tensors(lambda tensors: tensors.update({"model.norm.weight": np.zeros(256, np.int8)})), "model.norm",
    ),
    "config.json is missing": (_delete("config.json"), "config.json"),
    "config.json is cut": (_cut("config.json"), "config.json"),
    "config.json is a list": (_write("config.json", "[]"), "config.json"),
    "config.json lacks a setting": (
        _edit("config.json", lambda c: c.pop("num_attention_heads")), "num_attention_heads",
    ),
    "tokenizer.json is missing": (_delete("tokenizer.json"), "tokenizer.json"),
    "tokenizer.json is cut": (_cut("tokenizer.json"), "tokenizer"),
    "tokenizer_config.json is missing": (_delete("tokenizer_config.json"), "tokenizer_config.json"),
    "tokenizer_config.json is cut": (_cut("tokenizer_config.json"), "tokenizer"),
    "tokenizer_config.json is a list": (_write("tokenizer_config.json", "[1]"), "tokenizer"),
    "generation_config.json is cut": (_write("generation_config.json", '{"eos_token_id": '), "generation_config.json"),
    "generation_config.json is a list": (_write("generation_config.json", "[]"), "generation_config.json"),
    "generation_config.json has a text": (
        _write("generation_config.json", '{"do_sample": true, "temperature": "warm"}'), "generation_config.json",
    ),
    "the template is no template": (_write("chat_template.jinja", "{% for m in messages %}"), "template"),
}  # fmt: skip
# transformers has defaults of its own, and computes with whole numbers
HARMLESS = {"config.json lacks a setting": ("torch",), "a tensor holds whole numbers": ("torch",)}
ENGINES = ("torch", "none", "numpy", "onnx") if find_spec("torch") else ("none", "numpy")


# Loading torch takes seconds: what only its reader of weights can find is tried always, the rest in full runs.
FULL = os.environ.get("JIELONG_FULL") == "1"
WITH_TORCH = FAULTS if FULL else ("a shard is cut", "a tensor has another shape", *HARMLESS)
RUNS = [(fault, "none") for fault in FAULTS] + [(fault, "torch") for fault in WITH_TORCH if find_spec("torch")]


@pytest.mark.parametrize(("fault", "engine"), RUNS)
def test_a_faulty_checkpoint_is_one_line_that_names_the_file(folder: Path, fault: str, engine: str):
    damage, named = FAULTS[fault]
    damage(folder)
    done = ask(folder, engine)
    if engine in HARMLESS.get(fault, ()):
        assert "Traceback" not in done.stderr
        return
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith("jielong: ")
    assert done.stderr.count("\n") == 1, done.stderr
    assert named in done.stderr


@pytest.mark.parametrize("engine", ENGINES)
def test_a_whole_checkpoint_of_shards_runs(folder: Path, engine: str):
    done = ask(folder, engine)
    assert done.returncode == 0, done.stderr


def test_a_file_in_place_of_the_folder_is_said(tmp_path: Path, folder: Path):
    done = ask(folder / "model-00001-of-00002.safetensors", "none")
    assert done.returncode == 2
    assert str(folder) in done.stderr
    (tmp_path / "model.gguf").write_bytes(b"GGUF")
    assert "folder" in ask(tmp_path / "model.gguf", "none").stderr


def test_an_adapter_alone_is_said_to_be_one(folder: Path):
    for file in [*folder.glob("config.json"), *folder.glob("*.safetensors*")]:
        file.unlink()
    (folder / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": "ORG/BASE"}))
    (folder / "adapter_model.safetensors").write_bytes(b"")
    done = ask(folder, "none")
    assert done.returncode == 2
    assert "adapter" in done.stderr


def test_a_missing_shard_is_said_in_chinese(folder: Path):
    (folder / SHARD).unlink()
    done = ask(folder, "none", "zh")
    assert done.returncode == 2
    assert SHARD in done.stderr
    assert "缺少" in done.stderr
