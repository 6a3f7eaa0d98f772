"""Training speed: our loop beside a hand-written module in the manner of nanoGPT, and TRL's SFTTrainer with packing.

The same documents, sizes, batch, AdamW and bf16 autocast for all; nothing compiled. TRL runs with fused attention and
with plain products, and counts with the faster one; it (`pip install trl`) is left out where it is not installed. Each
runs in a process of its own.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from common import write
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn import functional as F

SIZES = {"1M": (4, 128, 352, 2), "3M": (6, 192, 512, 3), "10M": (8, 320, 864, 5)}  # layers, hidden, mlp, heads
LENGTH, ROWS, STEPS, WARM_UP = 256, 24, 24, 6
VOCABULARY = 1792
LEARNING_RATE = 1e-3


class Block(nn.Module):
    def __init__(self, hidden: int, mlp: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.before, self.after = nn.RMSNorm(hidden), nn.RMSNorm(hidden)
        self.qkv, self.out = nn.Linear(hidden, 3 * hidden, bias=False), nn.Linear(hidden, hidden, bias=False)
        self.gate_up, self.down = nn.Linear(hidden, 2 * mlp, bias=False), nn.Linear(mlp, hidden, bias=False)

    def forward(self, x: Tensor, mask: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
        rows, length, hidden = x.shape
        q, k, v = (
            part.view(rows, length, self.heads, -1).transpose(1, 2) for part in self.qkv(self.before(x)).chunk(3, -1)
        )
        attention = F.scaled_dot_product_attention(
            rotated(q, cosine, sine), rotated(k, cosine, sine), v, attn_mask=mask
        )
        x = x + self.out(attention.transpose(1, 2).reshape(rows, length, hidden))
        gate, up = self.gate_up(self.after(x)).chunk(2, -1)
        return x + self.down(F.silu(gate) * up)


def rotated(x: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
    a, b = x.chunk(2, -1)
    return torch.cat([a * cosine - b * sine, b * cosine + a * sine], -1).to(x.dtype)


class HandWritten(nn.Module):
    def __init__(self, layers: int, hidden: int, mlp: int, heads: int) -> None:
        super().__init__()
        self.embed, self.last = nn.Embedding(VOCABULARY, hidden), nn.RMSNorm(hidden)
        self.blocks = nn.ModuleList(Block(hidden, mlp, heads) for _ in range(layers))
        nn.init.normal_(self.embed.weight, std=0.02)
        self.width = hidden // heads

    def forward(self, ids: Tensor, position_ids: Tensor, mask: Tensor) -> Tensor:
        angles = position_ids[:, None, :, None] * 10000.0 ** (-torch.arange(0, self.width, 2) / self.width)
        cosine, sine = angles.cos(), angles.sin()
        x = self.embed(ids)
        for block in self.blocks:
            x = block(x, mask, cosine, sine)
        logits: Tensor = self.last(x) @ self.embed.weight.T
        return logits


def hand_written(size: str, folder: Path) -> float:
    batches = _batches(folder)
    network = HandWritten(*SIZES[size])
    optimizer = torch.optim.AdamW(network.parameters(), LEARNING_RATE, betas=(0.9, 0.95), weight_decay=0.1, fused=True)
    causal = torch.ones(LENGTH, LENGTH, dtype=torch.bool).tril()
    started = 0.0
    for step, batch in enumerate(batches):
        if step == WARM_UP:
            started = time.perf_counter()
        document_ids, weights = batch["document_ids"], batch["loss_weights"]
        mask = (document_ids[:, None, :, None] == document_ids[:, None, None, :]) & causal
        with torch.autocast("cpu", torch.bfloat16):
            logits = network(batch["input_ids"], batch["position_ids"], mask)
            losses = F.cross_entropy(logits.flatten(0, 1).float(), batch["targets"].flatten(), reduction="none")
            loss = (losses * weights.flatten()).sum() / weights.sum()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
    return (STEPS - WARM_UP) * ROWS * LENGTH / (time.perf_counter() - started)


def ours(size: str, folder: Path) -> float:
    from jielong.training.objectives.next_token import NextToken
    from jielong.training.train_config import LoopConfig
    from jielong.training.training_loop import train
    from jielong.training.training_output import CurvePoint

    class PreparedFeed:
        steps, digest, batches = STEPS, "", _batches(folder)

        def batch(self, step: int, network: nn.Module) -> dict[str, Tensor]:
            return self.batches[step]

        def tokens(self, batch: Mapping[str, Tensor]) -> int:
            return ROWS * LENGTH

    loop = LoopConfig(learning_rate=LEARNING_RATE, log_every=WARM_UP)
    points: list[CurvePoint] = []
    train(_llama(size), PreparedFeed(), NextToken(), loop, folder / "ours", "x", on_point=points.append)
    return (STEPS - WARM_UP) / sum(WARM_UP / point.tokens_per_second for point in points[1:])


def with_trl(size: str, folder: Path, attention: str = "sdpa") -> float:
    from datasets import Dataset
    from transformers import PreTrainedTokenizerFast, TrainerCallback
    from trl import SFTConfig, SFTTrainer

    marks: list[float] = []

    class Clock(TrainerCallback):  # type: ignore[misc]
        def on_step_end(self, args: Any, state: Any, control: Any, **rest: Any) -> None:
            marks.append(time.perf_counter())

    texts = [[int(i) for i in row if i != 1] for batch in _batches(folder) for row in batch["input_ids"]]
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_file=str(_tokenizer_file()), bos_token="<|begin|>", eos_token="<|end|>", pad_token="<|end|>"
    )
    config = SFTConfig(
        output_dir=str(folder / "trl"), max_steps=STEPS, per_device_train_batch_size=ROWS, max_length=LENGTH,
        packing=True, packing_strategy="wrapped", bf16=True, use_cpu=True, learning_rate=LEARNING_RATE,
        optim="adamw_torch_fused",
        gradient_checkpointing=False, report_to=[], save_strategy="no", logging_steps=1000, disable_tqdm=True,
        dataloader_num_workers=0,
    )  # fmt: skip
    data = Dataset.from_dict({"input_ids": texts * 2})
    network = _llama(size)
    network.set_attn_implementation(attention)
    trainer = SFTTrainer(network, config, train_dataset=data, processing_class=tokenizer, callbacks=[Clock()])
    trainer.train()
    return (STEPS - WARM_UP) * ROWS * LENGTH / (marks[-1] - marks[WARM_UP - 1])


def _llama(size: str) -> Any:
    from transformers import LlamaConfig, LlamaForCausalLM

    layers, hidden, mlp, heads = SIZES[size]
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=VOCABULARY, hidden_size=hidden, intermediate_size=mlp, num_hidden_layers=layers,
        num_attention_heads=heads, num_key_value_heads=heads, max_position_embeddings=LENGTH, tie_word_embeddings=True,
    )  # fmt: skip
    return LlamaForCausalLM(config)


def _tokenizer_file() -> Path:
    from jielong.models.mini import WEIGHTS

    return WEIGHTS / "tokenizer.json"


def _batches(folder: Path) -> list[dict[str, Tensor]]:
    from jielong.training.data.mini_documents import WorldSource

    source = WorldSource(Tokenizer.from_file(str(_tokenizer_file())), stage="main", length=LENGTH)
    batches = (source.batch(step, ROWS, 0) for step in range(STEPS))
    return [{name: torch.from_numpy(array) for name, array in batch.items()} for batch in batches]


RUNS = {
    "jielong": ours,
    "hand-written": hand_written,
    "trl": with_trl,
    "trl eager": partial(with_trl, attention="eager"),
}


def main() -> None:
    if len(sys.argv) == 3:
        with tempfile.TemporaryDirectory() as folder:
            print("\n" + json.dumps(RUNS[sys.argv[1]](sys.argv[2], Path(folder))))
        return
    figures: dict[str, Any] = {"tokens of a batch": ROWS * LENGTH}
    for size in SIZES:
        speeds: dict[str, float] = {}
        for name in RUNS:
            if not name.startswith("trl") or find_spec("trl"):
                speeds[name] = round(_alone(name, size))
        figures[size] = speeds | {
            f"times {peer}": round(speeds["jielong"] / max(speed for name, speed in speeds.items() if peer in name), 3)
            for peer in ("hand-written", "trl")
            if peer in speeds
        }
    write("loop", figures)


def _alone(name: str, size: str) -> float:
    command = [sys.executable, __file__, name, size]
    process = subprocess.run(command, capture_output=True, text=True, check=False)
    if process.returncode:
        raise RuntimeError(process.stderr[-2000:])
    return float(json.loads(process.stdout.splitlines()[-1]))


if __name__ == "__main__":
    main()
