"""From a network and its tokenizer to a trained checkpoint: feed, loop, snapshots, export in Hugging Face layout."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from transformers import LlamaConfig, LlamaForCausalLM

from ..atomic_write import temporary_beside, write_whole
from ..errors import BadInput
from ..models.local.checkpoint_folder import open_checkpoint
from ..models.local.transformers_engine import load_module
from ..models.mini import Mini
from .chat_tokenizer import ChatTokenizer
from .document_feed import DocumentFeed
from .mini_documents import trained_tokenizer
from .objectives.next_token import NextToken
from .precision import uses_bf16
from .train_config import NetworkConfig, TokenizerConfig, TrainConfig
from .training_checkpoint import all_weights
from .training_loop import train
from .training_output import CURVE, WEIGHTS, CurvePoint, TrainResult, read_curve


def new_network(
    network_config: NetworkConfig, tokenizer_config: TokenizerConfig, config: TrainConfig
) -> tuple[Any, ChatTokenizer]:
    """A Llama network with random weights by the seed of the settings, and a tokenizer trained on mini's world."""
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
    return network.to("cuda" if torch.cuda.is_available() else "cpu"), chat


def load_start_network(start: str, config: TrainConfig) -> tuple[Any, ChatTokenizer]:
    """The network (fp32) and tokenizer of mini, a folder or ORG/NAME. Raises BadInput, DamagedFile, MissingExtra."""
    checkpoint = Mini().checkpoint if start == "mini" else open_checkpoint(start.removeprefix("local:"))
    # fp32 master weights whatever the file holds: steps are too small for bf16 (see `precision`).
    network = load_module(replace(checkpoint, dtype="float32", engine="torch"))
    positions = getattr(network.config, "max_position_embeddings", None)
    longest = max(stage.length for stage in config.stages)
    if positions and longest > positions:
        raise BadInput(f"{start} reads {positions} tokens, and a stage has rows of {longest}; shorten them")
    return network, ChatTokenizer.from_folder(checkpoint.folder)


def train_network(
    network: Any, chat: ChatTokenizer, config: TrainConfig, on_point: Callable[[CurvePoint], None]
) -> TrainResult:
    """Train on the documents of `config`, next token by next token; snapshots and the end are exported."""
    feed, loop, out = DocumentFeed(config, chat), config.loop, config.out
    precision = "bf16" if uses_bf16(loop, network.device) else "fp32"  # other precision, other weights
    identity = hashlib.sha256(json.dumps([config.digest, feed.digest, precision]).encode()).hexdigest()

    def snapshot(tokens: int) -> None:
        export_checkpoint(network, chat, out / "snapshots" / str(tokens))

    evaluation = feed.evaluation()
    digest = train(
        network, feed, NextToken(), loop, out, identity, evaluation=evaluation, on_point=on_point, on_snapshot=snapshot
    )
    export_checkpoint(network, chat, out / WEIGHTS)
    points = read_curve(out / CURVE)
    result = TrainResult(out / WEIGHTS, digest, points[-1].loss if points else None)
    result.write(out)
    return result


def export_checkpoint(network: Any, chat: ChatTokenizer, folder: Path) -> None:
    """Hugging Face layout, bf16 safetensors; every file is put in its place whole."""
    weights = {name: value.to(torch.bfloat16) for name, value in all_weights(network).items()}
    with temporary_beside(folder / "model.safetensors") as unfinished:
        save_file(weights, unfinished, metadata={"format": "pt"})
    config = network.config.to_dict() | {"architectures": [type(network).__name__], "dtype": "bfloat16"}
    config["_name_or_path"] = ""
    with temporary_beside(folder / "tokenizer.json") as unfinished:
        chat.tokenizer.save(str(unfinished))
    generation = {"bos_token_id": network.config.bos_token_id, "eos_token_id": network.config.eos_token_id}
    for name, content in (("config", config), ("tokenizer_config", chat.config), ("generation_config", generation)):
        text = json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
        write_whole(folder / f"{name}.json", text)
