"""The training loop: rows in, weights out. Killed at any moment and started again, it ends with the same weights."""

from __future__ import annotations

import ctypes
import json
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import PreTrainedModel

from ..atomic_write import unfinished, write_whole
from ..errors import TrainingFailed
from . import training_checkpoint
from .optimizers import optimizers_for, rate_at
from .sequence_packing import Batch
from .train_config import Evaluation, LoopConfig

CURVE, CHECKPOINT = "curve.jsonl", "checkpoint.safetensors"


@dataclass(frozen=True)
class CurvePoint:
    """A point of the curves. `loss` is in nats a token; `held_out` is None where nothing was evaluated."""

    step: int
    tokens: int
    loss: float
    rate: float
    tokens_per_second: float
    held_out: float | None = None


@dataclass(frozen=True)
class Feed:
    """What the loop is fed: how many steps, the batch of each, and the batch that progress is judged on."""

    steps: int
    batch: Callable[[int], Batch]
    evaluation: tuple[Evaluation, Batch] | None


def train(
    network: nn.Module,
    feed: Feed,
    loop: LoopConfig,
    out: Path,
    digest: str,
    on_point: Callable[[CurvePoint], None],
    on_snapshot: Callable[[int], None],
) -> str:
    """Train `network` in place and return the SHA-256 of its weights.

    Where `out` holds a checkpoint of the same settings, goes on from it. Raises TrainingFailed when the loss is no
    number any more.
    """
    _keep_freed_memory()
    out.mkdir(parents=True, exist_ok=True)
    device = next(network.parameters()).device
    if device.type == "cpu" and isinstance(network, PreTrainedModel):
        network.set_attn_implementation("eager")  # plain products: 1.7 times faster here than the fused kernel
    optimizers = optimizers_for(network, loop)
    first = 0
    for left in unfinished(out / CHECKPOINT):
        left.unlink()  # by a process that was killed: one checkpoint is large
    if (out / CHECKPOINT).exists():
        first = training_checkpoint.load(out / CHECKPOINT, network, optimizers, digest)
    curve = Curve(out / CURVE, first)
    measured = torch.compile(_loss, dynamic=False) if loop.compile else _loss
    network.train()
    snapshots = loop.snapshot_steps
    started, since = time.perf_counter(), first
    for step in range(first, feed.steps):
        batch = feed.batch(step)
        rate = rate_at(step, feed.steps, loop)
        for optimizer in optimizers:
            for group in optimizer.param_groups:
                group["lr"] = rate
        with torch.autocast(device.type, torch.bfloat16, enabled=loop.bf16):
            loss = measured(network, *_on(device, batch))
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(network.parameters(), loop.clip)
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad()
        done, last = step + 1, step + 1 == feed.steps
        evaluates = feed.evaluation is not None and (done % loop.evaluate_every == 0 or last)
        if done % loop.log_every == 0 or evaluates or last:
            found = loss.item()
            if found != found:
                raise TrainingFailed(
                    f"step {done}: the loss is not a number; lower loop.rate = {loop.rate:g} and "
                    f"delete {out / CHECKPOINT}"
                )
            speed = (done - since) * loop.batch_tokens / (time.perf_counter() - started)
            held_out = held_out_loss(network, feed.evaluation[1], loop) if feed.evaluation and evaluates else None
            point = CurvePoint(done, done * loop.batch_tokens, found, rate, speed, held_out)
            curve.add(point)
            on_point(point)
            started, since = time.perf_counter(), done
        if done in snapshots:
            on_snapshot(done * loop.batch_tokens)
        if done % loop.checkpoint_every == 0 or last:
            training_checkpoint.save(out / CHECKPOINT, network, optimizers, done, digest)
    return training_checkpoint.digest_of(network)


def held_out_loss(network: nn.Module, batch: Batch, loop: LoopConfig, rows: int = 16) -> float:
    """Mean loss in nats on the tokens that count wholly (those of the assistant and of plain texts)."""
    device = next(network.parameters()).device
    total = count = 0.0
    network.eval()
    with torch.no_grad(), torch.autocast(device.type, torch.bfloat16, enabled=loop.bf16):
        for at in range(0, len(batch.ids), rows):
            part = Batch(*(array[at : at + rows] for array in vars(batch).values()))
            part.weights[part.weights < 1] = 0
            counted = float(part.weights.sum())
            total += _loss(network, *_on(device, part)).item() * counted
            count += counted
    network.train()
    return total / count


def _loss(network: nn.Module, ids: Tensor, targets: Tensor, weights: Tensor, places: Tensor, owners: Tensor) -> Tensor:
    """Weighted mean of the cross-entropy; a token attends to what is before it in its own document."""
    length = ids.shape[1]
    earlier = torch.ones(length, length, dtype=torch.bool, device=ids.device).tril()
    seen = (owners[:, None, :, None] == owners[:, None, None, :]) & earlier
    computed = (
        torch.get_autocast_dtype(ids.device.type) if torch.is_autocast_enabled(ids.device.type) else torch.float32
    )
    mask = torch.zeros(seen.shape, dtype=computed, device=ids.device).masked_fill(~seen, -1e30)
    logits = network(input_ids=ids, position_ids=places, attention_mask=mask, use_cache=False).logits
    losses = F.cross_entropy(logits.flatten(0, 1).float(), targets.flatten(), reduction="none")
    return (losses * weights.flatten()).sum() / weights.sum().clamp(min=1e-6)


def _on(device: torch.device, batch: Batch) -> tuple[Tensor, ...]:
    return tuple(torch.from_numpy(array).to(device, non_blocking=True) for array in vars(batch).values())


class Curve:
    """The points of a training, a line each; those after the checkpoint that is gone on from are taken back."""

    def __init__(self, file: Path, first: int) -> None:
        kept = [point for point in read_curve(file) if point.step <= first] if first else []
        write_whole(file, "".join(json.dumps(asdict(point)) + "\n" for point in kept))
        self._file = file

    def add(self, point: CurvePoint) -> None:
        with self._file.open("a") as opened:
            opened.write(json.dumps(asdict(point)) + "\n")


def read_curve(file: Path) -> list[CurvePoint]:
    """The points in `file`; a line that a kill cut short is left out."""
    points = []
    for line in file.read_text().splitlines() if file.exists() else ():
        try:
            points.append(CurvePoint(**json.loads(line)))
        except ValueError:
            continue
    return points


def _keep_freed_memory() -> None:
    """Tell glibc to keep what is freed: giving it back and asking again costs a third of the time at small sizes."""
    if sys.platform == "linux" and hasattr(ctypes.CDLL(None), "mallopt"):
        trim_threshold, mmap_threshold = -1, -3
        ctypes.CDLL(None).mallopt(mmap_threshold, 1 << 30)
        ctypes.CDLL(None).mallopt(trim_threshold, -1 & 0x7FFFFFFF)
