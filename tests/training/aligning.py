"""A tiny policy with mini's tokenizer, and questions that it gets paid for often though it knows nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

MINI = Path(__file__).parents[2] / "src/jielong/models/mini/weights"


def tiny_policy(folder: Path) -> Path:
    """A checkpoint of random weights in Hugging Face layout."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    from jielong.training.data.chat_tokenizer import ChatTokenizer
    from jielong.training.network_training import export_checkpoint

    chat = ChatTokenizer.from_folder(MINI)
    torch.manual_seed(0)
    size = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
    ids = {name: chat.special_id(name.replace("_id", "")) for name in ("bos_token_id", "eos_token_id", "pad_token_id")}
    config = LlamaConfig(
        vocab_size=chat.tokenizer.get_vocab_size(), max_position_embeddings=128, tie_word_embeddings=True, **ids, **size
    )
    export_checkpoint(LlamaForCausalLM(config), chat, folder)
    return folder


def questions(file: Path, rows: int = 12) -> Path:
    """Any reply with an `e` in it is right."""
    lines = [json.dumps({"input": f"Say something, number {i}.", "answer": "e"}) for i in range(rows)]
    file.write_text("\n".join(lines) + "\n")
    return file


def settings(start: Path, task: Path, out: Path, **changes: Any) -> dict[str, Any]:
    rollouts = {"rounds": 4, "prompts": 2, "replies": 4, "max_tokens": 6} | changes.pop("rollouts", {})
    return {
        "out": str(out), "start": str(start), "task": {"source": str(task), "rule": "contains"},
        "rollouts": rollouts,
        "loop": {"learning_rate": 0.01, "log_every": 1, "checkpoint_every": 1, "bf16": False, "seed": 3}, **changes,
    }  # fmt: skip
