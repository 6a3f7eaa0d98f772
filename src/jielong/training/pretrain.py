"""From settings to a trained checkpoint: the network and tokenizer, the loop, the folder in Hugging Face layout."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer
from transformers import LlamaConfig, LlamaForCausalLM

from ..atomic_write import beside, write_whole
from ..errors import BadInput
from ..models.mini import tokenizer as mini_tokens
from . import training_loop as loops
from .conversation_tokens import Conversations
from .data_sources import DocumentSource, open_document_source
from .mini_documents import tokenizer_corpus
from .sequence_packing import Batch
from .train_config import TokenizerSettings, TrainConfig
from .training_checkpoint import weights_of

WEIGHTS = "weights"
HELD_OUT_SEED = 1_000_003


@dataclass(frozen=True)
class Trained:
    """`weights` is a folder in Hugging Face layout; `sha256` is of the fp32 weights."""

    weights: Path
    sha256: str


def pretrain(settings: TrainConfig, on_point: Callable[[loops.CurvePoint], None] = lambda point: None) -> Trained:
    """Train a new network from nothing. Goes on where an earlier run with the same settings was stopped."""
    if settings.network is None or settings.tokenizer is None:
        raise BadInput("pretraining begins from nothing: expected the sections [network] and [tokenizer]")
    tokenizer = _tokenizer(settings.out / "tokenizer.json", settings.tokenizer)
    torch.manual_seed(settings.loop.seed)
    told = settings.network
    config = LlamaConfig(
        vocab_size=tokenizer.get_vocab_size(),
        hidden_size=told.hidden,
        intermediate_size=told.mlp,
        num_hidden_layers=told.layers,
        num_attention_heads=told.heads,
        num_key_value_heads=told.heads,
        head_dim=told.hidden // told.heads,
        max_position_embeddings=told.positions,
        rope_parameters={"rope_type": "default", "rope_theta": told.rope_base},
        rms_norm_eps=1e-5,
        tie_word_embeddings=True,
        bos_token_id=tokenizer.token_to_id(mini_tokens.BEGIN),
        eos_token_id=tokenizer.token_to_id(mini_tokens.END),
        pad_token_id=tokenizer.token_to_id(mini_tokens.END),
    )
    network: Any = LlamaForCausalLM(config)
    network.to("cuda" if torch.cuda.is_available() else "cpu")
    about = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": mini_tokens.BEGIN,
        "eos_token": mini_tokens.END,
        "pad_token": mini_tokens.END,
        "model_max_length": told.positions,
        "clean_up_tokenization_spaces": False,
        "chat_template": mini_tokens.TEMPLATE,
    }
    return run(settings, network, tokenizer, about, on_point)


def run(
    settings: TrainConfig,
    network: Any,
    tokenizer: Tokenizer,
    about: dict[str, Any],
    on_point: Callable[[loops.CurvePoint], None],
) -> Trained:
    """The loop around a network with its tokenizer; snapshots and the end are exported."""
    special = {
        name: str(about[name]) for name in ("bos_token", "eos_token", "pad_token") if isinstance(about.get(name), str)
    }
    template = about.get("chat_template")
    chat = Conversations(tokenizer, template, special) if isinstance(template, str) else None
    sources: dict[tuple[str, int], DocumentSource] = {}

    def source(spec: str, length: int) -> DocumentSource:
        if (spec, length) not in sources:
            sources[spec, length] = open_document_source(spec, tokenizer, chat, length)
        return sources[spec, length]

    def batch(step: int) -> Batch:
        stage = settings.stage_at(step)
        rows = settings.loop.batch_tokens // stage.length
        return source(stage.source, stage.length).batch(step, rows, settings.loop.seed)

    judged = settings.evaluation
    evaluation = None
    if judged is not None:
        evaluation = judged, source(judged.source, judged.length).batch(0, judged.rows, HELD_OUT_SEED)

    def snapshot(tokens: int) -> None:
        export(network, tokenizer, about, settings.out / "snapshots" / str(tokens))

    data = [source(stage.source, stage.length).digest for stage in settings.stages]
    identity = hashlib.sha256(json.dumps([settings.digest, *data]).encode()).hexdigest()
    feed = loops.Feed(settings.steps, batch, evaluation)
    digest = loops.train(network, feed, settings.loop, settings.out, identity, on_point, snapshot)
    export(network, tokenizer, about, settings.out / WEIGHTS)
    return Trained(settings.out / WEIGHTS, digest)


def export(network: Any, tokenizer: Tokenizer, about: dict[str, Any], folder: Path) -> None:
    """Hugging Face layout, bf16 safetensors; every file is put in its place whole."""
    folder.mkdir(parents=True, exist_ok=True)
    weights = {name: value.to(torch.bfloat16) for name, value in weights_of(network).items()}
    with beside(folder / "model.safetensors") as unfinished:
        save_file(weights, unfinished, metadata={"format": "pt"})
    config = network.config.to_dict() | {"architectures": [type(network).__name__], "dtype": "bfloat16"}
    config["_name_or_path"] = ""
    with beside(folder / "tokenizer.json") as unfinished:
        tokenizer.save(str(unfinished))
    generation = {"bos_token_id": network.config.bos_token_id, "eos_token_id": network.config.eos_token_id}
    for name, said in (("config", config), ("tokenizer_config", about), ("generation_config", generation)):
        text = json.dumps(said, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
        write_whole(folder / f"{name}.json", text)


def _tokenizer(file: Path, told: TokenizerSettings) -> Tokenizer:
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        with beside(file) as unfinished:
            mini_tokens.train_tokenizer(tokenizer_corpus(told.documents), told.vocabulary).save(str(unfinished))
    return Tokenizer.from_file(str(file))
