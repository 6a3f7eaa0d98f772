"""The training loop: batches in, weights out. Killed at any moment and started again, it ends with the same weights."""

import ctypes
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from ..atomic_write import make_folder, unfinished
from ..errors import TrainingFailed
from ..scope import note
from . import training_checkpoint
from .objective import Batch, Feed, Figures, Objective, micro_batches
from .optimizers import Optimizers, learning_rate_at, optimizers_for
from .precision import autocast, note_precision
from .train_config import LoopConfig
from .training_output import CHECKPOINT, CURVE, CurvePoint, CurveWriter

EVALUATION_ROWS = 16
ComputeLoss: TypeAlias = Callable[[nn.Module, Batch], tuple[Tensor, Figures]]


def train(
    network: nn.Module,
    feed: Feed,
    objective: Objective,
    loop: LoopConfig,
    out: Path,
    digest: str,
    *,
    evaluation: Batch | None = None,
    on_point: Callable[[CurvePoint], None] = lambda point: None,
    on_snapshot: Callable[[int], None] = lambda tokens: None,
) -> str:
    """Train the parameters of `network` that require gradients, in place; the SHA-256 of all its weights.

    Where `out` holds a checkpoint with this `digest`, goes on from it. `on_snapshot` gets the tokens read so far.
    Raises TrainingFailed when the loss is NaN, BadInput for a damaged checkpoint or one of another training.
    """
    make_folder(out)
    _prepare(network, loop)
    optimizers = optimizers_for(network, loop)
    if loop.checkpoint_interval(feed.steps) >= feed.steps > 1:
        every = f"loop.checkpoint_every = {loop.checkpoint_every}"
        note(f"{every}, and the training has {feed.steps} steps: interrupted, it begins again")
    first_step = _resume(out / CHECKPOINT, network, optimizers, digest)
    curve, snapshot_steps = CurveWriter(out / CURVE, first_step), loop.snapshot_steps
    compute_loss = torch.compile(objective.loss, dynamic=False) if loop.compile else objective.loss
    device = next(network.parameters()).device
    network.train()
    last_time, last_step = time.perf_counter(), first_step
    for step in range(first_step, feed.steps):
        torch.manual_seed((loop.seed << 32) + step)  # dropout resumes exactly, too, without a state to restore
        learning_rate = learning_rate_at(step, feed.steps, loop)
        batch = _on_device(feed.batch(step, network), device)
        loss, figures = _accumulate_gradients(network, batch, objective, compute_loss, loop)
        _update(network, optimizers, learning_rate, loop.max_grad_norm)
        steps_done, at_end = step + 1, step + 1 == feed.steps
        evaluates = evaluation is not None and (steps_done % loop.evaluate_every == 0 or at_end)
        if steps_done % loop.log_every == 0 or evaluates or at_end:
            value = loss.item()  # waits for the device, so not in every step
            if value != value:
                raise TrainingFailed(
                    f"step {steps_done}: the loss is not a number; lower loop.learning_rate = {loop.learning_rate:g} "
                    f"and delete {out / CHECKPOINT}"
                )
            speed = (steps_done - last_step) * loop.batch_tokens / (time.perf_counter() - last_time)
            held_out = held_out_loss(network, evaluation, objective, loop) if evaluation and evaluates else None
            tokens, reported = steps_done * loop.batch_tokens, {name: figures[name].item() for name in figures}
            point = CurvePoint(steps_done, tokens, value, learning_rate, speed, held_out, reported)
            curve.add(point)
            on_point(point)
            last_time, last_step = time.perf_counter(), steps_done
        if steps_done in snapshot_steps:
            on_snapshot(steps_done * loop.batch_tokens)
        if steps_done % loop.checkpoint_interval(feed.steps) == 0 or at_end:
            training_checkpoint.save(out / CHECKPOINT, network, optimizers, steps_done, digest)
    return training_checkpoint.weights_digest(network)


def _accumulate_gradients(
    network: nn.Module,
    batch: Batch,
    objective: Objective,
    compute_loss: ComputeLoss,
    loop: LoopConfig,
) -> tuple[Tensor, Figures]:
    """The loss of the batch and the figures of its last micro-batch; the gradients are added to the parameters'.

    Each micro-batch counts by its share of what the mean is over. Means of equal weight would let a short reply in one
    micro-batch count as much as a long one in another, and the result would hang on how a batch is divided.
    """
    parts = micro_batches(batch, loop.gradient_accumulation)
    size = objective.size(batch) if len(parts) > 1 else 1.0
    device = next(network.parameters()).device
    total = torch.zeros((), device=device)
    figures: Figures = {}
    for part in parts:
        with autocast(loop, device):
            loss, figures = compute_loss(network, part)
        if len(parts) > 1:
            loss = loss * (objective.size(part) / max(size, 1e-6))
        loss.backward()  # type: ignore[no-untyped-call]
        total = total + loss.detach()
    return total, figures


def _update(network: nn.Module, optimizers: Optimizers, learning_rate: float, max_grad_norm: float) -> None:
    torch.nn.utils.clip_grad_norm_(network.parameters(), max_grad_norm)
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["lr"] = learning_rate
        optimizer.step()
        optimizer.zero_grad()


def held_out_loss(network: nn.Module, batch: Batch, objective: Objective, loop: LoopConfig) -> float:
    """The mean of the objective over a held-out batch, computed without gradients in parts of a few rows."""
    device = next(network.parameters()).device
    rows = len(next(iter(batch.values())))
    total = size = 0.0
    network.eval()
    with torch.no_grad(), autocast(loop, device):
        for part in micro_batches(_on_device(batch, device), -(-rows // EVALUATION_ROWS)):
            part_size = objective.size(part)
            total += objective.loss(network, part)[0].item() * part_size
            size += part_size
    network.train()
    return total / size


def _prepare(network: nn.Module, loop: LoopConfig) -> None:
    # Tell glibc to keep what is freed: giving it back and asking again costs a third of the time at small sizes.
    if sys.platform == "linux" and hasattr(ctypes.CDLL(None), "mallopt"):
        trim_threshold, mmap_threshold = -1, -3
        ctypes.CDLL(None).mallopt(mmap_threshold, 1 << 30)
        ctypes.CDLL(None).mallopt(trim_threshold, -1 & 0x7FFFFFFF)
    device = next(network.parameters()).device
    note_precision(loop, device)
    if device.type == "cpu" and isinstance(network, PreTrainedModel):
        network.set_attn_implementation("eager")  # plain products: 1.7 times faster here than the fused kernel


def _resume(checkpoint: Path, network: nn.Module, optimizers: Optimizers, digest: str) -> int:
    """The step to begin with: that of the checkpoint, 0 where there is none."""
    for leftover in unfinished(checkpoint):
        leftover.unlink()  # by a process that was killed while it wrote
    return training_checkpoint.load(checkpoint, network, optimizers, digest) if checkpoint.exists() else 0


def _on_device(batch: Batch, device: torch.device) -> dict[str, Tensor]:
    return {name: tensor.to(device, non_blocking=True) for name, tensor in batch.items()}
