"""The training loop: batches in, weights out. Killed at any moment and started again, it ends with the same weights."""

import ctypes
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeAlias

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from ..atomic_write import make_folder, unfinished
from ..errors import BadInput, TrainingFailed
from ..scope import note
from . import sharded_checkpoint, training_checkpoint
from .objective import Batch, Feed, Figures, Objective, micro_batches
from .optimizers import Optimizers, learning_rate_at, optimizers_for
from .precision import autocast, note_precision
from .processes import Processes, join_processes
from .train_config import LoopConfig
from .training_checkpoint import Progress
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
    samples: Callable[[int], Mapping[str, float]] | None = None,
    on_point: Callable[[CurvePoint], None] = lambda point: None,
    on_snapshot: Callable[[int], None] = lambda tokens: None,
    ends_after: Callable[[int], bool] = lambda steps: False,
) -> str:
    """Train the parameters of `network` that require gradients, in place; the SHA-256 of all its weights.

    Where `out` holds a checkpoint with this `digest`, goes on from it. `samples` is asked at each evaluation, with the
    steps done, for further figures; `on_snapshot` gets the tokens read so far.
    `ends_after` is asked after each step, with the steps done, whether the training ends there; it may put earlier
    weights back into the network before. Raises TrainingFailed when the loss is NaN, BadInput for a damaged checkpoint
    or one of another training.
    """
    make_folder(out)
    processes = join_processes(loop.shard)
    _prepare(network, loop)
    divided = processes.divide(network)
    optimizers, steps = optimizers_for(network, loop), feed.steps
    _note_late_checkpoint(loop, steps)
    checkpoint = _Checkpoint(out, network, optimizers, digest, processes)
    progress = checkpoint.load()
    curve = _Curve(CurveWriter(out / CURVE, progress.steps), on_point, progress) if processes.is_first else None
    compute_loss = torch.compile(objective.loss, dynamic=False) if loop.compile else objective.loss
    device = next(network.parameters()).device
    network.train()
    while not progress.ended and progress.steps < steps:
        step = progress.steps
        # Dropout resumes exactly, too, without a state to restore.
        torch.manual_seed((loop.seed << 32) + (processes.rank << 28) + step)
        batch = processes.batch(feed, step, network)
        tokens = progress.tokens + feed.tokens(batch)
        learning_rate = learning_rate_at(step, steps, loop)
        loss, figures = _accumulate_gradients(
            divided, _on_device(batch, device), objective, compute_loss, loop, processes
        )
        _update(network, optimizers, learning_rate, loop.max_grad_norm)
        ended = processes.decided(partial(ends_after, step + 1)) or step + 1 == steps
        before, progress = progress, Progress(step + 1, tokens, ended)
        evaluates = bool(evaluation or samples) and (progress.steps % loop.evaluate_every == 0 or ended)
        if progress.steps % loop.log_every == 0 or evaluates or ended:
            held_out = held_out_loss(network, evaluation, objective, loop) if evaluation and evaluates else None
            value = _checked(loss, progress.steps, loop, out)
            further = samples(step + 1) if samples and evaluates and processes.computes_whole_replies else {}
            if curve:
                curve.add(progress, value, figures, learning_rate, held_out, further)
        if loop.snapshot_between(before.tokens, tokens):
            on_snapshot(tokens)
        if progress.steps % loop.checkpoint_interval(steps) == 0 or ended:
            checkpoint.save(progress)
    return training_checkpoint.weights_digest(network)


class _Curve:
    """Adds points to the curve, with the speed since the one before."""

    def __init__(self, writer: CurveWriter, on_point: Callable[[CurvePoint], None], progress: Progress) -> None:
        self._writer, self._on_point = writer, on_point
        self._tokens, self._time = progress.tokens, time.perf_counter()

    def add(
        self,
        progress: Progress,
        loss: float,
        figures: Figures,
        learning_rate: float,
        held_out: float | None,
        further: Mapping[str, float],
    ) -> None:
        now, tokens = time.perf_counter(), progress.tokens
        speed = (tokens - self._tokens) / (now - self._time)
        values = {name: figure.item() for name, figure in figures.items()} | dict(further)
        point = CurvePoint(progress.steps, tokens, loss, learning_rate, speed, held_out, values)
        self._writer.add(point)
        self._on_point(point)
        self._tokens, self._time = tokens, time.perf_counter()


def _checked(loss: Tensor, step: int, loop: LoopConfig, out: Path) -> float:
    value = loss.item()  # waits for the device, so not in every step
    if value != value:
        raise TrainingFailed(
            f"step {step}: the loss is not a number; lower loop.learning_rate = {loop.learning_rate:g} "
            f"and delete {out / CHECKPOINT}"
        )
    return value


def _note_late_checkpoint(loop: LoopConfig, steps: int) -> None:
    if loop.checkpoint_interval(steps) >= steps > 1:
        every = f"loop.checkpoint_every = {loop.checkpoint_every}"
        note(f"{every}, and the training has {steps} steps: interrupted, it begins again")


def _accumulate_gradients(
    network: nn.Module,
    batch: Batch,
    objective: Objective,
    compute_loss: ComputeLoss,
    loop: LoopConfig,
    processes: Processes,
) -> tuple[Tensor, Figures]:
    """The loss and the figures of the batch; the gradients are added to the parameters'.

    Each micro-batch counts by its share of what the mean is over, those of other processes included. Means of equal
    weight would let a short reply in one micro-batch count as much as a long one in another, and the result would hang
    on how a batch is divided.
    """
    parts = processes.parts(batch, loop.gradient_accumulation)
    alone = len(parts) == processes.count == 1
    size = 1.0 if alone else max(objective.size(batch), 1e-6)
    device = next(network.parameters()).device
    sums: dict[str, Tensor] = {}
    for number, (part, counts) in enumerate(parts, 1):
        share = 1.0 if alone else objective.size(part) / size * counts
        with processes.without_exchange(network) if number < len(parts) else nullcontext():
            with autocast(loop, device):
                loss, figures = compute_loss(network, part)
            # The exchange is a mean over the processes, and what is wanted the sum.
            (loss * (share * processes.count)).backward()  # type: ignore[no-untyped-call]
        for name, value in {"": loss, **figures}.items():
            sums[name] = sums.get(name, 0) + value.detach() * share
    processes.exchange_undivided(network)
    total = processes.summed(sums)
    return total.pop(""), total


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
    # The model may be within an adapter, or beside a head.
    model = next((part for part in network.modules() if isinstance(part, PreTrainedModel)), None)
    if model and device.type == "cpu":
        model.set_attn_implementation("eager")  # plain products: 1.7 times faster here than the fused kernel
    if model and loop.gradient_checkpointing:
        new_name = getattr(model, "activation_checkpointing_enable", None)
        # The other form, with `use_reentrant`, needs an input with gradients.
        (new_name or model.gradient_checkpointing_enable)({"use_reentrant": False})


@dataclass(frozen=True)
class _Checkpoint:
    """In one file, or where the weights are divided among processes, in a folder to which each writes its share."""

    out: Path
    network: nn.Module
    optimizers: Optimizers
    digest: str
    processes: Processes

    def load(self) -> Progress:
        """That of the checkpoint, none where there is none."""
        file, divided = self.out / CHECKPOINT, self.out / sharded_checkpoint.NAME
        wrong = file if self.processes.shard else divided
        if wrong.exists():
            with_or_without = "without" if self.processes.shard else "with"
            raise BadInput(f"{wrong}: a checkpoint {with_or_without} loop.shard; set it as before, or delete it")
        if self.processes.shard:
            return sharded_checkpoint.load(self.out, self.network, self.optimizers, self.digest)
        if self.processes.is_first:
            for leftover in unfinished(file):
                leftover.unlink()  # by a process that was killed while it wrote
        if not file.exists():
            return Progress()
        return training_checkpoint.load(file, self.network, self.optimizers, self.digest)

    def save(self, progress: Progress) -> None:
        if self.processes.shard:
            sharded_checkpoint.save(self.out, self.network, self.optimizers, progress, self.digest, self.processes)
        elif self.processes.is_first:
            training_checkpoint.save(self.out / CHECKPOINT, self.network, self.optimizers, progress, self.digest)


def _on_device(batch: Batch, device: torch.device) -> dict[str, Tensor]:
    return {name: tensor.to(device, non_blocking=True) for name, tensor in batch.items()}
