# ruff: noqa: E501
"""Checkpoints of somebody else: templates that run for ever, settings of other types, headers that lie."""

import json
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import pytest

from jielong.contract import Message, Request
from jielong.errors import DamagedFile, JielongError, Unsupported
from jielong.models import template_rendering
from jielong.models.chat_template import ChatTemplate
from jielong.models.llama_weights import read_weights
from jielong.models.local.checkpoint_folder import generation_defaults, open_checkpoint
from jielong.models.mini import WEIGHTS
from jielong.runtime.runtime import Runtime

REQUEST = Request((Message("user", "2+2?"),))
TEMPLATES = {
    "loops within loops": "{% for a in range(9999) %}{% for b in range(9999) %}{% for c in range(9999) %}{% endfor %}{% endfor %}{% endfor %}",
    "a text times ten thousand million": "{{ 'a' * 10000000000 }}",
    "a text that doubles itself": "{% set n = namespace(x='a') %}{% for i in range(60) %}{% set n.x = n.x ~ n.x %}{% endfor %}{{ n.x }}",
    "a macro that calls itself twice": "{% macro m(n) %}{{ m(n + 1) }}{{ m(n + 1) }}{% endmacro %}{{ m(0) }}",
    "a number to a power": "{{ 9 ** (9 ** 9) }}",
    "a format as wide as memory": "{{ '%1000000000d' % 1 }}{{ '{:>9000000000}'.format(1) }}",
    "spaces by a filter": "{{ 'a' | center(9000000000) }}",
    "indentation by a filter": "{{ messages | tojson(indent=900000000) }}",
    "a list times itself": "{% set n = namespace(x=[0, 0]) %}{% for i in range(60) %}{% set n.x = n.x + n.x %}{% endfor %}",
    "a range of a thousand million": "{% for a in range(1000000000) %}{% endfor %}",
    "parentheses 5,000 deep": "{{ " + "(" * 5000 + ")" * 5000 + " }}",
    "a template of a megabyte": "x" * 1_000_000,
    "an integer of 5,000 digits": "{{ " + "1" * 5000 + " }}",
    "attributes of Python": "{{ ''.__class__.__mro__[1].__subclasses__() }}",
}


def checkpoint(folder: Path, **files: Any) -> Path:
    for file in WEIGHTS.iterdir():
        if file.name not in files:
            (folder / file.name).symlink_to(file)
    for name, content in files.items():
        (folder / name).write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return folder


NAIVE_RENDERER = """
import json, os, resource, signal, sys
import jinja2

class Long(Exception): pass

def render(template):
    resource.setrlimit(resource.RLIMIT_AS, (600 << 20,) * 2)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.setitimer(signal.ITIMER_PROF, 0.2)
    try:
        text = jinja2.Environment().from_string(template).render(messages=[{"role": "user", "content": "2+2?"}])
        return 3 if len(text) > 200_000 else 4 if "<class" in text else 0
    except jinja2.TemplateError:
        return 0
    except BaseException:
        return 5

outcomes = {}
for name, template in json.load(sys.stdin).items():
    if not (child := os.fork()):
        os._exit(render(template))
    outcomes[name] = os.waitpid(child, 0)[1]
print(json.dumps(outcomes))
"""


@pytest.fixture(scope="module")
def naive_statuses() -> dict[str, int]:
    """Of plain Jinja for each template: 0 where it rendered or refused it, and not where it was killed after 0.2 s or
    600 MB, failed with an error that is not Jinja's, or gave a text that is too long or shows what Python holds."""
    templates = json.dumps({**TEMPLATES, "honest": "{{ messages[0].content }}"})
    command = [sys.executable, "-c", NAIVE_RENDERER]
    done = subprocess.run(command, input=templates, capture_output=True, text=True, check=True)
    statuses: dict[str, int] = json.loads(done.stdout)
    return statuses


@pytest.fixture(scope="module")
def renderings(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """The lines of each template's error, and the honest one rendered after all of them."""
    folders = tmp_path_factory.mktemp("templates")

    async def all_of_them() -> dict[str, list[str]]:
        lines = {}
        async with Runtime():
            for n, (name, template) in enumerate(TEMPLATES.items()):
                folder = folders / str(n)
                folder.mkdir()
                checkpoint(folder, **{"chat_template.jinja": template.encode()})
                with pytest.raises((Unsupported, DamagedFile)) as error:
                    ChatTemplate(folder).encode_request(REQUEST)
                lines[name] = str(error.value).splitlines()
            honest = folders / "honest"
            honest.mkdir()
            rendered = ChatTemplate(checkpoint(honest)).encode_request(REQUEST)
            assert rendered == ChatTemplate(WEIGHTS).encode_request(REQUEST)
        return lines

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(template_rendering, "SECONDS", 1.0)
        return anyio.run(all_of_them)


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_template_without_end_is_one_error_and_the_next_one_renders(
    name: str, naive_statuses: dict[str, int], renderings: dict[str, list[str]]
) -> None:
    assert naive_statuses[name] != 0
    assert naive_statuses["honest"] == 0
    assert len(renderings[name]) == 1


def config(**changes: Any) -> dict[str, Any]:
    return {**json.loads((WEIGHTS / "config.json").read_text()), **changes}


def header(entries: Any) -> bytes:
    data = json.dumps(entries).encode() if not isinstance(entries, bytes) else entries
    return struct.pack("<Q", len(data)) + data + b"\0" * 64


TENSOR = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}
FILES: dict[str, Callable[[], dict[str, Any]]] = {
    "a number of heads that is a text": lambda: {"config.json": config(num_attention_heads="4")},
    "a context of ten thousand million": lambda: {"config.json": config(max_position_embeddings=10**10)},
    "layers below zero": lambda: {"config.json": config(num_hidden_layers=-1)},
    "a width of 0": lambda: {"config.json": config(head_dim=0, num_attention_heads=0)},
    "a theta that is Infinity": lambda: {"config.json": config(rope_theta=float("inf"), rope_parameters=None)},
    "rope settings that are a list": lambda: {"config.json": config(rope_parameters=[1])},
    "a configuration that is a list": lambda: {"config.json": [1]},
    "a configuration nested 10,000 deep": lambda: {"config.json": b'{"a":' * 10_000},
    "end tokens that are objects": lambda: {"generation_config.json": {"eos_token_id": {}}},
    "a temperature that is NaN": lambda: {"generation_config.json": {"temperature": float("nan"), "do_sample": True}},
    "special tokens that are numbers of a list": lambda: {"tokenizer_config.json": {"bos_token": {"x": 1}}},
    "a tokenizer nested 100,000 deep": lambda: {"tokenizer.json": b"[" * 100_000},
    "a tokenizer that is a number": lambda: {"tokenizer.json": 7},
    "a header longer than the file": lambda: {"model.safetensors": struct.pack("<Q", 2**63) + b"{}"},
    "a header that is no object": lambda: {"model.safetensors": header([1])},
    "a tensor of a shape below zero": lambda: {"model.safetensors": header({"a": {**TENSOR, "shape": [-2]}})},
    "tensors that overlap": lambda: {"model.safetensors": header({"a": TENSOR, "b": {**TENSOR, "data_offsets": [4, 12]}})},
    "an end that is a list": lambda: {"model.safetensors": header({"a": {**TENSOR, "data_offsets": [0, [8]]}})},
    "an end of 400 digits": lambda: {"model.safetensors": header({"a": {**TENSOR, "data_offsets": [0, 10**400]}})},
    "a shape whose size overflows": lambda: {"model.safetensors": header({"a": {**TENSOR, "shape": [2**40, 2**40]}})},
    "a header nested 100,000 deep": lambda: {"model.safetensors": header(b'{"a":' * 100_000)},
    "an index that names files outside": lambda: {"model.safetensors.index.json": {"weight_map": {"a": "../../../etc/passwd", "b": 7}}},
}  # fmt: skip


def naive(folder: Path) -> None:
    """What a loader does that trusts the folder."""
    import numpy as np

    settings = json.loads((folder / "config.json").read_text())
    heads, width = settings["num_attention_heads"], settings["hidden_size"]
    assert width // heads > 0
    (settings.get("rope_parameters") or {}).get("rope_type")
    assert settings["num_hidden_layers"] > 0
    assert np.isfinite(float(settings.get("rope_theta") or 1.0))
    assert settings["max_position_embeddings"] * width < 1e11
    defaults = json.loads((folder / "generation_config.json").read_text())
    assert hash(defaults["eos_token_id"])
    assert defaults.get("temperature", 1.0) == defaults.get("temperature", 1.0)
    tokens = json.loads((folder / "tokenizer_config.json").read_text())
    assert isinstance(tokens["bos_token"], str)
    json.loads((folder / "tokenizer.json").read_text())["model"]
    for name in (
        set(json.loads((folder / "model.safetensors.index.json").read_text())["weight_map"].values())
        if (folder / "model.safetensors.index.json").exists()
        else ()
    ):
        (folder / name).resolve().relative_to(folder.resolve())
    data = (folder / "model.safetensors").read_bytes()
    length = int.from_bytes(data[:8], "little")
    np.empty(length, np.uint8)  # room for the header
    end = 0
    for name, entry in json.loads(data[8 : 8 + length]).items():
        if name != "__metadata__":
            start, stop = entry["data_offsets"]
            assert start >= end - (end if len(data) > 10_000 else 0)
            end = stop
            np.empty(stop - start if not isinstance(stop, list) else stop, np.uint8)
            np.frombuffer(data[8 + length + start : 8 + length + stop], np.uint8)[: 10**9].reshape(-1)
            assert all(size >= 0 for size in entry["shape"])
            assert np.prod([float(size) for size in entry["shape"]]) < 1e12


@pytest.mark.parametrize("name", FILES)
def test_a_checkpoint_that_lies_is_one_error(name: str, tmp_path: Path) -> None:
    folder = checkpoint(tmp_path, **FILES[name]())
    with pytest.raises(Exception):
        naive(folder)

    def load() -> None:
        open_checkpoint(f"{folder}?engine=numpy")
        generation_defaults(folder)
        ChatTemplate(folder)
        read_weights(folder)

    with pytest.raises(JielongError) as error:
        load()
    assert len(str(error.value).splitlines()) == 1
