"""Train on from a checkpoint: the same loop, the same data formats, other beginnings."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import torch
from tokenizers import Tokenizer

from ..errors import BadInput
from ..models.local.checkpoint_folder import Checkpoint, open_checkpoint
from ..models.local.transformers_engine import load_module
from ..models.mini import WEIGHTS
from .pretrain import Trained, run
from .train_config import TrainConfig
from .training_loop import CurvePoint


def finetune(settings: TrainConfig, on_point: Callable[[CurvePoint], None] = lambda point: None) -> Trained:
    """Train all weights of the checkpoint `settings.start` (mini, a folder, or ORG/NAME) in fp32.

    Raises BadInput, DamagedFile, MissingExtra, TrainingFailed.
    """
    if settings.start is None or settings.network or settings.tokenizer:
        raise BadInput('finetuning goes on from a checkpoint: expected start = "mini", a folder or ORG/NAME, '
                       "and no [network] or [tokenizer]")  # fmt: skip
    start = _checkpoint(settings.start)
    tokenizer = Tokenizer.from_file(str(start.folder / "tokenizer.json"))
    about = json.loads((start.folder / "tokenizer_config.json").read_text("utf-8"))
    if (template := start.folder / "chat_template.jinja").exists():
        about["chat_template"] = template.read_text("utf-8")
    torch.manual_seed(settings.loop.seed)
    network = load_module(start)
    positions = getattr(network.config, "max_position_embeddings", None)
    longest = max(stage.length for stage in settings.stages)
    if positions and longest > positions:
        raise BadInput(f"{settings.start} reads {positions} tokens, and a stage has rows of {longest}; shorten them")
    return run(settings, network, tokenizer, about, on_point)


def _checkpoint(start: str) -> Checkpoint:
    mini = Checkpoint("mini", WEIGHTS, "auto", "", "torch")
    return replace(
        mini if start == "mini" else open_checkpoint(start.removeprefix("local:")), dtype="float32", engine="torch"
    )
