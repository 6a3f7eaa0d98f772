"""Train mini from its world: `python recipes/mini.py --out DIR`; killed, it goes on from its last checkpoint.

Five layers of 192, 2.3 million parameters; AdamW, linear decay over the last 40 %, bf16 autocast on fp32 weights; the
words of the user count a tenth of the words of the assistant. About 25 minutes on two cores.
"""

import argparse
import hashlib
import json
import math
import os
import random
import time
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from torch.nn import functional as F
from transformers import LlamaConfig, LlamaForCausalLM

from jielong.models.mini import old_world as world

ROLES = ("<|begin|>", "<|end|>", "<|system|>", "<|user|>", "<|assistant|>")
TEMPLATE = (
    "<|begin|>{% for message in messages %}<|{{ message.role }}|>{{ message.content }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
VOCABULARY, LENGTH, BATCH, STEPS, RATE = 512, 256, 18, 3600, 2e-3
USER_WEIGHT, SEED = 0.1, 1


def tokenizer() -> Tokenizer:
    """Byte-level BPE with single digits, trained on the world's own words."""
    trained = Tokenizer(models.BPE())
    trained.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(r"\d| ?[A-Za-z']+| ?[^\sA-Za-z\d]|\s"), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    trained.decoder = decoders.ByteLevel()
    rng = random.Random(SEED)
    texts = (text for _ in range(30_000) for _, text in world.conversation(rng))
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=list(ROLES),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    trained.train_from_iterator(texts, trainer)
    return trained


class Stream:
    """Packed sequences of LENGTH + 1 tokens with their loss weights; a function of (seed, number of the batch)."""

    def __init__(self, tokens: Tokenizer) -> None:
        self.tokens = tokens
        self.digest = hashlib.sha256()

    def batch(self, number: int) -> tuple[torch.Tensor, torch.Tensor]:
        rng = random.Random(f"{SEED} {number}")
        rows, weights = [], []
        for _ in range(BATCH):
            ids: list[int] = []
            weight: list[float] = []
            while len(ids) <= LENGTH:
                ids.append(self.tokens.token_to_id("<|begin|>"))
                weight.append(0.0)
                for role, text in world.conversation(rng):
                    turn = self.tokens.encode(f"<|{role}|>{text}<|end|>").ids
                    ids += turn
                    counts = 1.0 if role == "assistant" else USER_WEIGHT
                    weight += [USER_WEIGHT] + [counts] * (len(turn) - 1)
            rows.append(ids[: LENGTH + 1])
            weights.append(weight[1 : LENGTH + 1])
        self.digest.update(json.dumps(rows).encode())
        return torch.tensor(rows), torch.tensor(weights)


def rate(step: int, steps: int) -> float:
    warm, decay = min(1.0, (step + 1) / 200), min(1.0, max(0.02, (1 - step / steps) / 0.4))
    return RATE * warm * decay


def export(model: LlamaForCausalLM, tokens: Tokenizer, folder: Path) -> None:
    """Hugging Face layout, bf16."""
    folder.mkdir(parents=True, exist_ok=True)
    weights = {k: v.to(torch.bfloat16).contiguous() for k, v in model.state_dict().items() if k != "lm_head.weight"}
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    config = model.config.to_dict() | {"architectures": ["LlamaForCausalLM"], "dtype": "bfloat16"}
    (folder / "config.json").write_text(json.dumps(config, indent=1, sort_keys=True) + "\n")
    tokens.save(str(folder / "tokenizer.json"))
    end = tokens.token_to_id("<|end|>")
    about = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": "<|begin|>",
        "eos_token": "<|end|>",
        "pad_token": "<|end|>",
        "model_max_length": 512,
        "clean_up_tokenization_spaces": False,
        "chat_template": TEMPLATE,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(about, indent=1) + "\n")
    (folder / "generation_config.json").write_text(json.dumps({"eos_token_id": end, "bos_token_id": 0}) + "\n")


def keep(model: LlamaForCausalLM, optimizer: torch.optim.Optimizer, step: int, file: Path) -> None:
    """Weights and moments in one file, renamed when it is whole."""
    tensors = {f"model {name}": tensor for name, tensor in model.state_dict().items() if name != "lm_head.weight"}
    for i, moments in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer {i} {name}": tensor for name, tensor in moments.items()}
    save_file(tensors, file.with_suffix(".new"), metadata={"step": str(step)})
    os.replace(file.with_suffix(".new"), file)


def go_on(model: LlamaForCausalLM, optimizer: torch.optim.Optimizer, file: Path) -> int:
    """Read what `keep` wrote; the number of the next step."""
    weights, moments = {}, {}
    with safe_open(file, "pt") as kept:
        for key in kept.keys():  # noqa: SIM118 — it is no mapping
            kind, *name = key.split()
            if kind == "model":
                weights[name[0]] = kept.get_tensor(key)
            else:
                moments.setdefault(int(name[0]), {})[name[1]] = kept.get_tensor(key)
        step = int(kept.metadata()["step"])
    model.load_state_dict(weights, strict=False)
    optimizer.load_state_dict({"state": moments, "param_groups": optimizer.state_dict()["param_groups"]})
    return step


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=STEPS)
    arguments = parser.parse_args()
    out: Path = arguments.out
    out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(SEED)
    tokens = tokenizer()
    config = LlamaConfig(
        vocab_size=tokens.get_vocab_size(),
        hidden_size=192,
        intermediate_size=512,
        num_hidden_layers=5,
        num_attention_heads=3,
        num_key_value_heads=3,
        head_dim=64,
        max_position_embeddings=512,
        rms_norm_eps=1e-5,
        tie_word_embeddings=True,
        bos_token_id=0,
        eos_token_id=1,
        use_cache=False,
    )
    model = LlamaForCausalLM(config)
    print(f"{model.num_parameters():,} parameters, vocabulary {tokens.get_vocab_size()}", flush=True)
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, betas=(0.9, 0.95), weight_decay=0.1)
    first, stream, kept = 0, Stream(tokens), out / "checkpoint.safetensors"
    if kept.exists():
        first = go_on(model, optimizer, kept)
        print(f"going on from step {first}", flush=True)
    started = time.monotonic()
    for step in range(first, arguments.steps):
        rows, weights = stream.batch(step)
        for group in optimizer.param_groups:
            group["lr"] = rate(step, arguments.steps)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            logits = model(rows[:, :-1]).logits
        losses = F.cross_entropy(logits.float().flatten(0, 1), rows[:, 1:].flatten(), reduction="none")
        loss = (losses * weights.flatten()).sum() / weights.sum()
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        if step % 100 == 99:
            seconds = time.monotonic() - started
            speed = (step + 1 - first) * BATCH * LENGTH / seconds
            print(f"step {step + 1} loss {loss.item():.4f} {speed:,.0f} tokens/s {seconds:.0f} s", flush=True)
        if step % 300 == 299 or step + 1 == arguments.steps:
            keep(model, optimizer, step + 1, kept)
            export(model, tokens, out / "weights")
    assert math.isfinite(loss.item())


if __name__ == "__main__":
    main()
