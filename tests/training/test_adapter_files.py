"""Adapters as files: merged, loaded by others, damaged, of another base, with tokens of their own."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
peft = pytest.importorskip("peft")

import anyio
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, models

from jielong import Message, Request, Sampling, load
from jielong.errors import BadInput, JielongError
from jielong.models.local.checkpoint_folder import open_checkpoint, split_adapter
from jielong.models.local.local_adapters import shares_base
from jielong.models.local.transformers_engine import load_module
from jielong.scope import scope
from jielong.training import training_checkpoint
from jielong.training.adapters import add_adapter, export_adapter
from jielong.training.data.chat_tokenizer import ChatTokenizer
from jielong.training.merge import merge_adapter
from jielong.training.network_training import export, export_checkpoint, load_start_network
from jielong.training.train_config import AdapterConfig, TrainingConfig
from jielong.training.training_checkpoint import Progress, weights_digest
from training.test_objectives import network

IDS = torch.tensor([[5, 9, 11, 3, 8]])
EMBEDDINGS = ["embed_tokens", "lm_head"]
CHAT = ChatTokenizer(
    Tokenizer(models.WordLevel({f"w{i}": i for i in range(50)}, unk_token="w0")), {"eos_token": "w1", "pad_token": "w1"}
)


def logits(module: Any) -> torch.Tensor:
    with torch.no_grad():
        return module.eval()(input_ids=IDS).logits


def base_in(folder: Path, **changes: Any) -> Path:
    export_checkpoint(network(**changes), CHAT, folder, torch.float32)
    return folder


def adapter_on(base: Path, folder: Path, size: float = 0.3, **settings: Any) -> tuple[Path, torch.Tensor]:
    """An adapter with some effect in `folder`, and what the base computes with it."""
    adapted = add_adapter(load_module(open_checkpoint(str(base))), AdapterConfig.model_validate(settings), 0)
    torch.manual_seed(3)
    with torch.no_grad():
        for parameter in adapted.parameters():
            if parameter.requires_grad:
                parameter += size * torch.randn_like(parameter)
    export_adapter(adapted, str(base), folder)
    return folder, logits(adapted)


@pytest.mark.parametrize(
    ("tied", "settings"),
    [
        (False, {"rank": 4}),
        (True, {"rank": 4}),
        (False, {"rank": 4, "rslora": True, "alpha": 16}),
        (True, {"rank": 4, "targets": ["q_proj", *EMBEDDINGS]}),
        (True, {"rank": 4, "targets": ["q_proj", "embed_tokens"]}),
        (True, {"rank": 4, "targets": ["q_proj", "lm_head"]}),
        (True, {"rank": 4, "targets": ["q_proj"], "options": {"modules_to_save": EMBEDDINGS}}),
        (True, {"rank": 4, "targets": ["q_proj"], "options": {"modules_to_save": ["lm_head"]}}),
        (True, {"rank": 4, "targets": ["q_proj"], "options": {"trainable_token_indices": [3, 9]}}),
        (False, {"rank": 4, "targets": ["q_proj"], "options": {"trainable_token_indices": {"embed_tokens": [3, 9], "lm_head": [3]}}}),  # noqa: E501
        (False, {"rank": 4, "options": {"use_dora": True}}),
        (False, {"rank": 4, "targets": ["v_proj", "layers.0.mlp.up_proj"], "options": {"rank_pattern": {"v_proj": 2}}}),
        (False, {"kind": "loha", "rank": 4}),
        (False, {"kind": "lokr", "rank": 4}),
        (False, {"kind": "ia3", "targets": ["k_proj", "down_proj"], "options": {"feedforward_modules": ["down_proj"]}}),
        (False, {"kind": "oft", "rank": 0, "options": {"r": 0, "oft_block_size": 4}} | {"rank": 4}),
        (False, {"kind": "vera", "rank": 4, "targets": ["q_proj", "k_proj"]}),
        (False, {"kind": "hra", "rank": 4}),
        (False, {"kind": "fourierft", "options": {"n_frequency": 20}}),
    ],
    ids=str,
)  # fmt: skip
def test_merged_reloaded_and_in_peft_it_computes_the_same(tied: bool, settings: dict[str, Any], tmp_path: Path):
    from transformers import AutoModelForCausalLM

    base = base_in(tmp_path / "base", tie_word_embeddings=tied)
    adapter, expected = adapter_on(base, tmp_path / "adapter", **settings)
    scale = logits(load_module(open_checkpoint(str(base)))).sub(expected).abs().max()
    assert scale > 0.001
    result = merge_adapter(f"local:{base}+{adapter}", tmp_path / "merged")
    assert result.difference < 1e-5 * max(1, scale)
    assert torch.allclose(
        logits(load_module(open_checkpoint(str(result.weights)))), expected, atol=1e-5 * max(1, scale)
    )
    assert torch.allclose(logits(load_module(open_checkpoint(f"{base}+{adapter}"))), expected, atol=1e-6)
    elsewhere = peft.PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base), adapter)
    assert torch.allclose(logits(elsewhere), expected, atol=1e-6)


def test_a_merge_in_bf16_says_what_is_lost(tmp_path: Path):
    base = base_in(tmp_path / "base")
    adapter, _ = adapter_on(base, tmp_path / "adapter", size=0.001, rank=4)
    with scope("merge") as here:
        coarse = merge_adapter(f"local:{base}+{adapter}", tmp_path / "coarse", "bfloat16")
    fine = merge_adapter(f"local:{base}+{adapter}", tmp_path / "fine")
    assert fine.difference < 1e-6 < coarse.difference
    assert any("of what the adapter changes is lost in bfloat16" in text for text in here.notes)


def change(name: str, edit: Callable[[Any], Any]) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        if name.endswith(".json"):
            settings = json.loads((folder / name).read_text())
            (folder / name).write_text(json.dumps(edit(settings)))
        else:
            save_file(edit(load_file(folder / name)), folder / name)

    return apply


def renamed(old: str, new: str) -> Callable[[Any], Any]:
    return lambda weights: {key.replace(old, new): value for key, value in weights.items()}


WEIGHTS, CONFIG = "adapter_model.safetensors", "adapter_config.json"


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (change(WEIGHTS, renamed("model.layers", "language_model.layers")), "holds 14 weights of layers that the base lacks"),  # noqa: E501
        (change(WEIGHTS, renamed("base_model.model.", "base_model.model.module.")), "holds 14 weights"),
        (change(WEIGHTS, renamed("base_model.model.", "")), "holds 14 weights"),
        (change(WEIGHTS, renamed("layers.0", "layers.7")), "holds 14 weights"),
        (change(WEIGHTS, lambda weights: {k: v for k, v in weights.items() if "q_proj" not in k}), "lacks 2 weights"),
        (change(WEIGHTS, lambda weights: {k: v[..., :-1].contiguous() for k, v in weights.items()}), "no adapter for this base"),  # noqa: E501
        (change(CONFIG, lambda settings: settings | {"r": 8}), "no adapter for this base"),
        (change(CONFIG, lambda settings: settings | {"r": 10**12}), "no adapter for this base"),
        (change(CONFIG, lambda settings: settings | {"r": "4"}), "no adapter for this base"),
        (change(CONFIG, lambda settings: settings | {"target_modules": "(("}), "no adapter for this base"),
        (change(CONFIG, lambda settings: settings | {"target_modules": ["c_attn"]}), "no adapter for this base"),
        (change(CONFIG, lambda settings: settings | {"peft_type": "LORRA"}), "no adapter for this base"),
        (change(CONFIG, lambda settings: settings | {"megatron_config": {"a": 1}, "megatron_core": "os"}), "no configuration"),  # noqa: E501
        (change(CONFIG, lambda settings: []), "adapter_config.json"),
        (lambda folder: (folder / WEIGHTS).rename(folder / "adapter_model.bin"), "other formats can run code"),
        (lambda folder: (folder / WEIGHTS).write_bytes((folder / WEIGHTS).read_bytes()[:-7]), "bytes and should have"),
        (lambda folder: (folder / CONFIG).unlink(), "no adapter_config.json"),
    ],
)  # fmt: skip
def test_an_adapter_that_is_none_of_this_base_is_one_line(damage: Callable[[Path], None], message: str, tmp_path: Path):
    base = base_in(tmp_path / "base")
    adapter, _ = adapter_on(base, tmp_path / "adapter", rank=4)
    damage(adapter)
    with pytest.raises(JielongError) as caught:
        load_module(open_checkpoint(f"{base}+{adapter}"))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_quantised_base_takes_no_merge(tmp_path: Path):
    base = base_in(tmp_path / "base")
    adapter, _ = adapter_on(base, tmp_path / "adapter", rank=4)
    change("config.json", lambda settings: settings | {"quantization_config": {"quant_method": "gptq", "bits": 4}})(
        base
    )
    with pytest.raises(BadInput, match="is quantised .gptq."):
        merge_adapter(f"local:{base}+{adapter}", tmp_path / "merged")


def test_an_adapter_without_effect_is_not_merged(tmp_path: Path):
    base = base_in(tmp_path / "base")
    adapter, _ = adapter_on(base, tmp_path / "adapter", size=0.0, rank=4)
    with pytest.raises(BadInput, match="changes nothing"):
        merge_adapter(f"local:{base}+{adapter}", tmp_path / "merged")


@pytest.mark.parametrize("tied", [False, True])
def test_added_tokens_come_back_with_the_adapter_and_without_the_base(tied: bool, tmp_path: Path):
    base = base_in(tmp_path / "base", tie_word_embeddings=tied)
    settings = {
        "out": "x",
        "adapter": {"rank": 4},
        "loop": {"learning_rate": 1},
        "added_tokens": ["<think>", "</think>"],
    }
    start = load_start_network(str(base), TrainingConfig.model_validate(settings), 32)
    torch.manual_seed(3)
    with torch.no_grad():
        for parameter in start.network.parameters():
            if parameter.requires_grad:
                parameter += 0.3 * torch.randn_like(parameter)
    training_checkpoint.save(tmp_path / "checkpoint", start.network, [], Progress(1), "x")
    again = load_start_network(str(base), TrainingConfig.model_validate(settings), 32).network
    training_checkpoint.load(tmp_path / "checkpoint", again, [], "x")
    assert weights_digest(again) == weights_digest(start.network)
    recipe = export(start, tmp_path / "adapter")
    assert start.chat.tokenizer.token_to_id("</think>") == 51
    assert (tmp_path / "adapter" / WEIGHTS).stat().st_size < 30_000
    ids = torch.tensor([[5, 50, 11, 51, 8]])
    with torch.no_grad():
        expected = start.network.eval()(input_ids=ids).logits
        again = load_module(open_checkpoint(recipe.removeprefix("local:")))(input_ids=ids).logits
        merge_adapter(recipe, tmp_path / "merged")
        merged = load_module(open_checkpoint(str(tmp_path / "merged")))(input_ids=ids).logits
    assert torch.allclose(again, expected, atol=1e-6)
    assert torch.allclose(merged, expected, atol=1e-5)
    assert Tokenizer.from_file(str(tmp_path / "merged" / "tokenizer.json")).token_to_id("<think>") == 50


def test_tokens_of_the_tokenizer_alone_are_named_and_can_be_added(tmp_path: Path):
    base = base_in(tmp_path / "base")
    tokenizer = Tokenizer.from_file(str(base / "tokenizer.json"))
    tokenizer.add_tokens(["<think>"])
    tokenizer.save(str(base / "tokenizer.json"))
    settings = {"out": "x", "loop": {"learning_rate": 1}}
    with pytest.raises(BadInput, match=r"tokens that the network lacks .<think>."):
        load_start_network(str(base), TrainingConfig.model_validate(settings), 32)
    settings["added_tokens"] = ["<think>", "</think>"]
    start = load_start_network(str(base), TrainingConfig.model_validate(settings), 32)
    export(start, tmp_path / "all weights")
    again = load_start_network(str(tmp_path / "all weights"), TrainingConfig.model_validate(settings), 32)
    assert again.network.config.vocab_size == 52
    assert [again.chat.tokenizer.token_to_id(token) for token in ("<think>", "</think>")] == [50, 51]


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("saved", ["embeddings of a larger vocabulary", "modules_to_save", "tokenizer alone"])
def test_adapters_as_others_save_them(saved: str, tied: bool, tmp_path: Path):
    """PEFT adds the embeddings to the file where the vocabulary grew, TRL the tokenizer in any case."""
    base, folder = base_in(tmp_path / "base", tie_word_embeddings=tied), tmp_path / "adapter"
    module = load_module(open_checkpoint(str(base)))
    ids = IDS
    if saved != "tokenizer alone":
        ids = torch.tensor([[5, 50, 11, 51, 8]])
        module.resize_token_embeddings(52)
    whole = EMBEDDINGS if saved == "modules_to_save" else None
    adapted = peft.get_peft_model(
        module, peft.LoraConfig(r=4, target_modules=["q_proj"], modules_to_save=whole, task_type="CAUSAL_LM")
    )
    with torch.no_grad():
        for parameter in adapted.parameters():
            if parameter.requires_grad or parameter.shape[0] == 52:
                parameter += 0.1 * torch.randn_like(parameter)
        expected = adapted.eval()(input_ids=ids).logits
    adapted.save_pretrained(folder, save_embedding_layers=saved.startswith("embeddings"))
    tokenizer = Tokenizer.from_str(CHAT.tokenizer.to_str())
    tokenizer.add_tokens([] if saved == "tokenizer alone" else ["<think>", "</think>"])
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(json.dumps(CHAT.config))
    with torch.no_grad():
        again = load_module(open_checkpoint(f"{base}+{folder}"))(input_ids=ids).logits
        merge_adapter(f"{base}+{folder}", tmp_path / "merged")
        merged = load_module(open_checkpoint(str(tmp_path / "merged")))(input_ids=ids).logits
    assert torch.allclose(again, expected, atol=1e-6)
    assert torch.allclose(merged, expected, atol=1e-5)
    assert shares_base(folder, base) == (saved == "tokenizer alone")


@pytest.mark.parametrize(
    "settings", [{"rank": 4}, {"rank": 4, "options": {"use_dora": True}}, {"kind": "loha", "rank": 4}], ids=str
)
def test_it_generates_what_peft_generates(settings: dict[str, Any], tmp_path: Path):
    base = base_in(tmp_path / "base", bos_token_id=2, eos_token_id=1)
    adapter, _ = adapter_on(base, tmp_path / "adapter", **settings)
    expected = load_module(open_checkpoint(f"{base}+{adapter}")).generate(
        torch.tensor([[5]]), max_new_tokens=12, do_sample=False, pad_token_id=1
    )[0, 1:]
    request = Request((Message("user", "w5"),), Sampling(max_tokens=12, temperature=0))
    reply = anyio.run(load(f"local:{base}+{adapter}").generate, request)
    assert reply.text.split() == [f"w{token}" for token in expected.tolist() if token != 1]
    assert reply.text != anyio.run(load(f"local:{base}").generate, request).text


@pytest.mark.parametrize("targets", [[], ["c_attn", "wte"], ["c_fc", "lm_head"]])
def test_merged_where_layers_are_transposed_and_embeddings_tied(targets: list[str], tmp_path: Path):
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(0)
    sizes = {"n_embd": 32, "n_layer": 1, "n_head": 2, "n_positions": 64, "bos_token_id": 1, "eos_token_id": 1}
    export_checkpoint(GPT2LMHeadModel(GPT2Config(vocab_size=50, **sizes)), CHAT, tmp_path / "base", torch.float32)
    adapter, expected = adapter_on(tmp_path / "base", tmp_path / "adapter", rank=4, targets=targets)
    merge_adapter(f"{tmp_path / 'base'}+{adapter}", tmp_path / "merged")
    assert torch.allclose(logits(load_module(open_checkpoint(str(tmp_path / "merged")))), expected, atol=1e-5)


def test_what_is_written_is_what_vllm_reads(tmp_path: Path):
    base = base_in(tmp_path / "base")
    adapter, _ = adapter_on(base, tmp_path / "adapter", rank=4, rslora=True)
    settings = json.loads((adapter / CONFIG).read_text())
    assert settings["base_model_name_or_path"] == str(base)
    assert (type(settings["r"]), type(settings["lora_alpha"]), settings["use_rslora"]) == (int, int, True)
    names = {name.rpartition(".")[2] for name in settings["target_modules"]}
    assert names == {f"{name}_proj" for name in ("q", "k", "v", "o", "gate", "up", "down")}
    assert not {"modules_to_save", "use_dora"} & settings.keys()
    name = re.compile(r"base_model\.model\.model\.layers\.0\.\w+\.\w+_proj\.lora_[AB]\.weight")
    assert all(name.fullmatch(key) for key in load_file(adapter / WEIGHTS))


def test_a_plus_may_be_part_of_a_name(tmp_path: Path):
    for name in ("c++", "c++/base", "lora+"):
        (tmp_path / name).mkdir()
    base, adapter = str(tmp_path / "c++" / "base"), str(tmp_path / "lora+")
    assert split_adapter(base) == (base, "")
    assert split_adapter(f"{base}+{adapter}") == (base, adapter)
    assert split_adapter("ORG/NAME+other/lora") == ("ORG/NAME", "other/lora")
    assert split_adapter(f"mini+{adapter}") == ("mini", adapter)
