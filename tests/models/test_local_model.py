"""local: models agree with transformers, alone and in a batch; damaged checkpoints are told in one line."""

import asyncio
import json
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import anyio
import pytest

from jielong import Message, Request, Sampling, load
from jielong.contract import OpenWeights, Reply, ToolSpec
from jielong.errors import BadInput, DamagedFile, UnknownName, Unsupported
from jielong.events import Delta
from jielong.models.continuous_batching import Batcher
from jielong.models.llama_engine import fastest_engine

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
tokenizers = pytest.importorskip("tokenizers")

TEMPLATE = "{{ bos_token }}{% for m in messages %}[{{ m.role }}] {{ m.content }}\n{% endfor %}[assistant] "
PROMPTS = [
    "one",
    "one two three four five six seven",
    "a b c",
    "the quick brown fox",
    "x",
    "one two",
    "q r s t u",
    "z z",
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random Llama of 0.2M parameters with a byte-level tokenizer and a chat template."""
    out = tmp_path_factory.mktemp("checkpoint")
    torch.manual_seed(0)
    config = transformers.LlamaConfig(
        vocab_size=300, hidden_size=64, intermediate_size=128, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=256, bos_token_id=0, eos_token_id=1, initializer_range=0.3,
    )  # fmt: skip
    transformers.LlamaForCausalLM(config).save_pretrained(out)
    bytes_ = tokenizers.pre_tokenizers.ByteLevel.alphabet()
    tokenizer = tokenizers.Tokenizer(tokenizers.models.BPE())
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = tokenizers.decoders.ByteLevel()
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=300, special_tokens=["<s>", "</s>"], initial_alphabet=bytes_, show_progress=False
    )
    tokenizer.train_from_iterator(PROMPTS, trainer)
    tokenizer.save(str(out / "tokenizer.json"))
    about = {"tokenizer_class": "PreTrainedTokenizerFast", "bos_token": "<s>", "eos_token": "</s>"}
    (out / "tokenizer_config.json").write_text(json.dumps({**about, "chat_template": TEMPLATE}))
    return out


def asked(text: str, **sampling: object) -> Request:
    return Request((Message("user", text),), Sampling(**{"max_tokens": 24, **sampling}))  # type: ignore[arg-type]


async def all_of(spec: str, requests: list[Request]) -> list[Reply]:
    model, replies = load(spec), {}

    async def one(i: int, request: Request) -> None:
        replies[i] = await model.generate(request)

    async with anyio.create_task_group() as tasks:
        for i, request in enumerate(requests):
            tasks.start_soon(one, i, request)
    return [replies[i] for i in range(len(requests))]


ENGINES = ("torch", "onnx", "numpy")


@pytest.mark.parametrize("engine", ENGINES)
def test_greedy_text_is_that_of_transformers_in_a_batch_of_mixed_lengths(folder: Path, engine: str):
    replies = anyio.run(all_of, f"local:{folder}?engine={engine}", [asked(p, temperature=0) for p in PROMPTS])
    model = transformers.AutoModelForCausalLM.from_pretrained(folder)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    for prompt, reply in zip(PROMPTS, replies, strict=True):
        ids = tokenizer.apply_chat_template([{"role": "user", "content": prompt}], return_dict=False)
        generated = model.generate(torch.tensor([ids]), max_new_tokens=24, do_sample=False, pad_token_id=1)[0][
            len(ids) :
        ]
        assert reply.text == tokenizer.decode(generated, skip_special_tokens=True)
        assert reply.usage.input_tokens == len(ids)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_sample_is_the_same_alone_and_in_a_batch(folder: Path, engine: str):
    requests = [asked(p, temperature=1.0, seed=i) for i, p in enumerate(PROMPTS)]
    together = anyio.run(all_of, f"local:{folder}?engine={engine}", requests)
    alone = [anyio.run(all_of, f"local:{folder}?engine={engine}", [request])[0] for request in requests]
    assert [r.text for r in together] == [r.text for r in alone]
    assert len({r.text for r in together}) > 4


@pytest.mark.parametrize("engine", ENGINES)
def test_logprobs_equal_a_plain_forward_pass(folder: Path, engine: str):
    local = load(f"local:{folder}?engine={engine}")
    logprobs_of_reply = anyio.run(local.logprobs, asked("one two"), "three four")
    model = transformers.AutoModelForCausalLM.from_pretrained(folder)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    prompt = tokenizer.apply_chat_template([{"role": "user", "content": "one two"}], return_dict=False)
    reply_tokens = tokenizer.encode("three four", add_special_tokens=False)
    with torch.no_grad():
        logprobs = torch.log_softmax(model(torch.tensor([[*prompt, *reply_tokens]])).logits[0].double(), -1)
    expected = [logprobs[len(prompt) - 1 + i, token].item() for i, token in enumerate(reply_tokens)]
    assert [t.logprob for t in logprobs_of_reply] == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("engine", ENGINES)
def test_texts_read_together_have_the_logprobs_that_each_has_alone(folder: Path, engine: str):
    local = load(f"local:{folder}?engine={engine}")
    pairs = [(asked(prompt), continuation) for prompt in PROMPTS for continuation in PROMPTS]
    alone = [anyio.run(local.logprobs, *pair) for pair in pairs]

    async def all_at_once() -> list[Any]:
        return await asyncio.gather(*(local.logprobs(*pair) for pair in pairs))

    for together, single in zip(anyio.run(all_at_once), alone, strict=True):
        assert [t.token for t in together] == [t.token for t in single]
        assert [t.logprob for t in together] == pytest.approx([t.logprob for t in single], abs=1e-5)


def test_an_error_while_texts_are_read_together_reaches_everybody():
    class Broken:
        max_rows, context = 4, 100

        def logits(self, texts: Sequence[Any], adapters: Sequence[str]) -> list[Any]:
            time.sleep(0.05)
            raise MemoryError("no room")

    batcher, errors = Batcher(cast(Any, Broken())), list[BaseException]()

    def read() -> None:
        try:
            batcher.logits([1, 2], 1)
        except MemoryError as error:
            errors.append(error)

    threads = [threading.Thread(target=read) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert len(errors) == 10


@pytest.mark.skipif("onnx" not in ENGINES, reason="ONNX Runtime is not installed")
def test_heads_that_onnx_runtime_cannot_compute_are_refused_in_one_line(folder: Path, tmp_path: Path):
    config = transformers.LlamaConfig(
        vocab_size=300, hidden_size=64, intermediate_size=128, num_hidden_layers=1, num_attention_heads=8,
    )  # fmt: skip
    shutil.copytree(folder, tmp_path / "small")
    transformers.LlamaForCausalLM(config).save_pretrained(tmp_path / "small")
    with pytest.raises(Unsupported, match="these have 8; use engine=numpy"):
        load(f"local:{tmp_path / 'small'}?engine=onnx").ask("one")


def test_the_stream_is_the_reply_and_stop_texts_never_show(folder: Path):
    async def streamed(request: Request) -> tuple[str, Reply]:
        async with load(f"local:{folder}").stream(request) as events:
            received = [event async for event in events]
        assert isinstance(received[-1], Reply)
        return "".join(e.text for e in received if isinstance(e, Delta)), received[-1]

    text, reply = anyio.run(streamed, asked("one", temperature=1.0, seed=3))
    assert text == reply.text
    stop = reply.text[8:10]
    text, reply = anyio.run(streamed, asked("one", temperature=1.0, seed=3, stop=(stop,)))
    assert text == reply.text
    assert stop not in text


def test_max_tokens_truncates(folder: Path):
    reply = anyio.run(load(f"local:{folder}").generate, asked("one", temperature=0, max_tokens=3))
    assert (reply.finish, reply.usage.output_tokens) == ("length", 3)


def test_cancelling_frees_the_row(folder: Path, monkeypatch: pytest.MonkeyPatch):
    """The engine is held within its first step until the caller is gone: that row must not take a second one."""
    local = load(f"local:{folder}")
    engine = local._loaded.batcher()._engine  # type: ignore[attr-defined]
    stepping, gone = threading.Event(), threading.Event()
    stepped: list[list[int]] = []
    released: list[int] = []

    def step(rows: Sequence[int], tokens: Sequence[int], really: Any = engine.step) -> Any:
        stepped.append(list(rows))
        stepping.set()
        assert gone.wait(60)
        return really(rows, tokens)

    def release(row: int, really: Any = engine.release) -> None:
        released.append(row)
        really(row)

    monkeypatch.setattr(engine, "step", step)
    monkeypatch.setattr(engine, "release", release)

    async def cancelled() -> str:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(local.generate, asked("one", temperature=1.0, seed=1, max_tokens=200))
            assert await anyio.to_thread.run_sync(stepping.wait, 60)
            tasks.cancel_scope.cancel()
        gone.set()
        return (await local.generate(asked("one", temperature=0))).text

    text = anyio.run(cancelled)
    (first,) = stepped[0]
    assert [rows for rows in stepped if first in rows] == [[first]]
    assert released[0] == first
    assert text == anyio.run(local.generate, asked("one", temperature=0)).text


def test_what_it_cannot_do_is_refused(folder: Path):
    with pytest.raises(Unsupported, match="no tools"):
        anyio.run(load(f"local:{folder}").generate, Request((Message("user", "x"),), tools=(ToolSpec("t"),)))


@pytest.mark.parametrize("engine", ENGINES)
def test_a_schema_binds_even_a_model_that_knows_nothing(folder: Path, engine: str):
    schema = {"type": "object", "properties": {"n": {"enum": [1, 2]}}, "required": ["n"], "additionalProperties": False}
    local = load(f"local:{folder}?engine={engine}")
    reply = anyio.run(local.generate, replace(asked("x", temperature=1.0, seed=2), schema=schema))
    assert json.loads(reply.text)["n"] in (1, 2)


def test_damaged_and_missing_checkpoints_are_told_at_once(folder: Path, tmp_path: Path):
    with pytest.raises(BadInput, match="no such folder"):
        load(f"local:{tmp_path}/nothing")
    with pytest.raises(DamagedFile, match=r"config.json is missing"):
        load(f"local:{tmp_path}")
    for file in folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    whole = (tmp_path / "model.safetensors").read_bytes()
    (tmp_path / "model.safetensors").write_bytes(whole[:-100])
    with pytest.raises(DamagedFile, match="should have"):
        load(f"local:{tmp_path}")
    (tmp_path / "model.safetensors").unlink()
    (tmp_path / "pytorch_model.bin").write_bytes(b"x")
    with pytest.raises(DamagedFile, match=r"no \.safetensors file"):
        load(f"local:{tmp_path}")
    with pytest.raises(UnknownName, match="did you mean 'cuda'"):
        load(f"local:{folder}?device=cudaa")


def test_without_torch_a_plain_llama_is_run_by_mini_s_engine_and_others_are_refused(folder: Path, tmp_path: Path):
    for file in folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    config = json.loads((folder / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | {"attention_bias": True}))
    code = """
import sys
sys.modules["torch"] = None
from importlib import util
original = util.find_spec
util.find_spec = lambda name, package=None: None if name == "torch" else original(name, package)
import anyio
from jielong import Message, Request, Sampling, load
from jielong.errors import MissingExtra
local = load("local:" + sys.argv[1])
print(local.identity().split()[2])
print(bool(anyio.run(local.generate, Request((Message("user", "one"),), Sampling(max_tokens=9))).text))
try:
    load("local:" + sys.argv[2])
except MissingExtra as error:
    print(error)
"""
    command = [sys.executable, "-c", code, str(folder), str(tmp_path)]
    process = subprocess.run(command, capture_output=True, text=True, check=False)
    assert process.returncode == 0, process.stderr
    engine, answered, refusal = process.stdout.splitlines()
    assert (engine, answered) == (fastest_engine(), "True")
    assert "[local]" in refusal


def test_the_engine_is_part_of_who_the_model_is(folder: Path):
    identities = {load(f"local:{folder}?engine={engine}").identity() for engine in ENGINES}
    assert len(identities) == len(ENGINES)


def test_open_weights_are_exclusive_while_they_are_changed(folder: Path):
    local = load(f"local:{folder}?engine=torch")
    assert isinstance(local, OpenWeights)
    embedding = local.module().get_input_embeddings().weight
    request, replies = asked("one", temperature=0), []

    async def generate() -> None:
        replies.append((await local.generate(request)).text)

    async def change_weights_below_a_request() -> None:
        async with anyio.create_task_group() as tasks:
            with local.exclusive(), torch.no_grad():
                tasks.start_soon(generate)
                for _ in range(10):
                    await anyio.lowlevel.checkpoint()  # the request reaches the batcher and has to wait there
                embedding.mul_(-1)
        await generate()  # with the changed weights
        with local.exclusive(), torch.no_grad():
            embedding.mul_(-1)
        await generate()

    anyio.run(change_weights_below_a_request)
    first, changed, restored = replies
    assert first == changed != restored
