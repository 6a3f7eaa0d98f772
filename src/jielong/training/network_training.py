"""From a network and its tokenizer to a trained checkpoint: feed, loop, snapshots, export in Hugging Face layout."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from tokenizers import AddedToken
from torch import nn
from transformers import LlamaConfig, LlamaForCausalLM

from ..atomic_write import temporary_beside, write_whole
from ..errors import BadInput
from ..models.local.checkpoint_folder import open_checkpoint, split_adapter
from ..models.local.transformers_engine import load_module
from .data.chat_tokenizer import ChatTokenizer
from .data.document_feed import DocumentFeed
from .data.mini_documents import trained_tokenizer
from .objective import Batch, Feed, Objective
from .objectives.next_token import NextToken
from .precision import uses_bf16
from .processes import is_divided, join_processes
from .task_samples import TaskSamples
from .train_config import NetworkConfig, TokenizerConfig, TrainConfig, TrainingConfig
from .training_checkpoint import all_weights, trained_weights
from .training_loop import train
from .training_output import ADAPTER, CURVE, WEIGHTS, CurvePoint, TrainResult, read_curve


@dataclass(frozen=True)
class StartNetwork:
    """Where a training begins: the network (a torch module with fp32 weights, within a PEFT model where an adapter is
    trained) and its tokenizer; the recipe of its base, empty for a new one; the hash of its files; whether the
    tokenizer is another one than the base's."""

    network: Any
    chat: ChatTokenizer
    recipe: str = ""
    digest: str = ""
    own_tokenizer: bool = False


def new_network(network_config: NetworkConfig, tokenizer_config: TokenizerConfig, config: TrainConfig) -> StartNetwork:
    """A Llama network with random weights by the seed of the settings, and a tokenizer trained on mini's world."""
    join_processes()  # on GPUs, it says which one this process has
    chat = trained_tokenizer(config.out / "tokenizer.json", tokenizer_config, network_config.positions)
    torch.manual_seed(config.loop.seed)
    llama_config = LlamaConfig(
        vocab_size=chat.tokenizer.get_vocab_size(),
        hidden_size=network_config.hidden,
        intermediate_size=network_config.mlp,
        num_hidden_layers=network_config.layers,
        num_attention_heads=network_config.heads,
        num_key_value_heads=network_config.heads,
        head_dim=network_config.hidden // network_config.heads,
        max_position_embeddings=network_config.positions,
        rope_parameters={"rope_type": "default", "rope_theta": network_config.rope_base},
        rms_norm_eps=1e-5,
        tie_word_embeddings=True,
        bos_token_id=chat.special_id("bos_token"),
        eos_token_id=chat.special_id("eos_token"),
        pad_token_id=chat.special_id("pad_token"),
    )
    network: Any = LlamaForCausalLM(llama_config)
    return StartNetwork(network.to("cuda" if torch.cuda.is_available() else "cpu"), chat)


def load_start_network(start: str, config: TrainingConfig, longest: int) -> StartNetwork:
    """mini, a folder or ORG/NAME, with a new adapter where `config` has one; or one of them with an adapter
    (`BASE+ADAPTER`) that is trained on. `longest`: the tokens of the longest row.

    Raises BadInput, DamagedFile, MissingExtra."""
    join_processes()  # on GPUs, it says which one this process has
    checkpoint = open_checkpoint(start.removeprefix("local:"))
    if checkpoint.adapter and config.adapter:
        raise BadInput(f"{start} has an adapter, which is trained on; leave out [adapter], or merge the one it has")
    # Weights that are trained are fp32 whatever the file holds: steps are too small for bf16 (see `precision`).
    dtype = config.adapter.base_dtype if config.adapter else "float32"
    network = load_module(replace(checkpoint, dtype=dtype, engine="torch"), trainable=True)
    positions = getattr(network.config, "max_position_embeddings", None)
    if positions and longest > positions:
        raise BadInput(f"{start} reads {positions} tokens, and the longest row has {longest}; shorten the rows")
    chat = ChatTokenizer.from_folder(checkpoint.tokenizer_folder)
    added = _add_tokens(network, chat, config.added_tokens)
    if config.adapter:
        from .adapters import add_adapter  # imports PEFT, which a training without adapter does without

        network = add_adapter(network, config.adapter, config.loop.seed, added)
    base = split_adapter(start.removeprefix("local:").partition("?")[0])[0]
    own_tokenizer = bool(added) or checkpoint.tokenizer_folder != checkpoint.folder
    return StartNetwork(network, chat, base, checkpoint.files_hash, own_tokenizer)


def _add_tokens(network: Any, chat: ChatTokenizer, tokens: Sequence[str]) -> list[int]:
    """The ids of new tokens; their embeddings begin as the mean of all others."""
    rows, vocabulary = network.get_input_embeddings().weight.shape[0], chat.tokenizer.get_vocab()
    if without := sorted(token for token, number in vocabulary.items() if number >= rows and token not in tokens):
        names = ", ".join(without[:3])
        raise BadInput(f"the tokenizer has tokens that the network lacks ({names}); name them in added_tokens")
    new = [token for token in tokens if vocabulary.get(token, rows) >= rows]
    chat.tokenizer.add_tokens([AddedToken(token, normalized=False) for token in new])
    if not new:
        return []
    if hasattr(network, "disable_adapter"):
        raise BadInput("added_tokens: an adapter that is trained on keeps the tokens it has; merge it first")
    means = [each.weight.detach().mean(0) for each in _embeddings(network)]
    vocabulary = chat.tokenizer.get_vocab()
    ids = [vocabulary[token] for token in new]
    if max(ids) >= rows:
        network.resize_token_embeddings(max(ids) + 1, mean_resizing=False)
    with torch.no_grad():
        for each, mean in zip(_embeddings(network), means, strict=True):
            each.weight[ids] = mean
    return ids


def _embeddings(network: Any) -> list[Any]:
    return [each for each in (network.get_input_embeddings(), network.get_output_embeddings()) if each is not None]


def train_network(
    start: StartNetwork,
    config: TrainingConfig,
    feed: Feed,
    objective: Objective,
    *,
    module: nn.Module | None = None,
    evaluation: Batch | None = None,
    samples: Callable[[int], Mapping[str, float]] | None = None,
    on_point: Callable[[CurvePoint], None] = lambda point: None,
    ends_after: Callable[[int], bool] = lambda steps: False,
) -> TrainResult:
    """Train the network of `start` and export it: its adapter alone where it has one, else all its weights; snapshots,
    too. `module` is what the loop trains where that is more than the network, such as one with a value head.

    For `ends_after` and what is raised see `training_loop.train`.
    """
    network, loop, out = start.network, config.loop, config.out
    precision = "bf16" if uses_bf16(loop, next(network.parameters()).device) else "fp32"  # it changes the weights
    parts = [config.digest, start.digest, feed.digest, precision]
    identity = hashlib.sha256(json.dumps(parts).encode()).hexdigest()

    def snapshot(tokens: int) -> None:
        export(start, out / "snapshots" / str(tokens))

    digest = train(
        network if module is None else module, feed, objective, loop, out, identity,
        evaluation=evaluation, samples=samples, on_point=on_point, on_snapshot=snapshot, ends_after=ends_after,
    )  # fmt: skip
    weights = out / (ADAPTER if _is_adapted(network) else WEIGHTS)
    recipe, points, processes = export(start, weights), read_curve(out / CURVE), join_processes()
    if processes.is_first:
        TrainResult(weights, digest, points[-1].loss if points else None, recipe).write(out)
    processes.wait_for_all()
    return TrainResult.read(out)


def train_on_documents(start: StartNetwork, config: TrainConfig, on_point: Callable[[CurvePoint], None]) -> TrainResult:
    """`train_network` on the documents of `config`, next token by next token."""
    feed = DocumentFeed(config, start.chat)
    samples = None
    if config.samples:
        folder = config.out / "tokenizer"
        export_tokenizer(start.chat, folder)
        samples = TaskSamples(start.network, folder, config.samples, config.out)
    evaluation = feed.evaluation()
    return train_network(start, config, feed, NextToken(), evaluation=evaluation, samples=samples, on_point=on_point)


def _is_adapted(network: nn.Module) -> bool:
    return hasattr(network, "disable_adapter")


def export(start: StartNetwork, folder: Path) -> str:
    """Write what was trained into `folder`; the recipe of it."""
    if not _is_adapted(start.network):
        export_checkpoint(start.network, start.chat, folder)
        return f"local:{folder}"
    from .adapters import export_adapter

    divided = trained_weights(start.network) if is_divided(start.network) else None
    if not join_processes().is_first:
        return f"local:{start.recipe}+{folder}"
    export_adapter(start.network, start.recipe, folder, divided)
    if start.own_tokenizer:
        export_tokenizer(start.chat, folder)
    return f"local:{start.recipe}+{folder}"


def export_checkpoint(network: Any, chat: ChatTokenizer, folder: Path, dtype: torch.dtype = torch.bfloat16) -> None:
    """Hugging Face layout, safetensors in `dtype`; every file is put in its place whole."""
    weights = {name: value.to(dtype) if value.is_floating_point() else value
               for name, value in all_weights(network).items()}  # fmt: skip
    if not join_processes().is_first:
        return
    with temporary_beside(folder / "model.safetensors") as unfinished:
        save_file(weights, unfinished, metadata={"format": "pt"})
    config = network.config.to_dict() | {"architectures": [type(network).__name__]}
    config["dtype"] = str(dtype).removeprefix("torch.")
    config["_name_or_path"] = ""
    # As it was: it may name several tokens that end a reply, without which a model never stops.
    contents = {"config": config}
    if (generation := getattr(network, "generation_config", None)) is not None:  # a classifier has none
        contents["generation_config"] = generation.to_diff_dict()
        contents["generation_config"].pop("transformers_version", None)
    for name, content in contents.items():
        _write_json(folder / f"{name}.json", content)
    export_tokenizer(chat, folder)


def export_tokenizer(chat: ChatTokenizer, folder: Path) -> None:
    with temporary_beside(folder / "tokenizer.json") as unfinished:
        chat.tokenizer.save(str(unfinished))
    _write_json(folder / "tokenizer_config.json", chat.config)


def _write_json(file: Path, content: Mapping[str, Any]) -> None:
    write_whole(file, json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False) + "\n")
