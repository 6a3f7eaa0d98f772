"""Training in several processes, as torchrun starts them: each computes its share of every batch.

Every process has the whole batch and takes its rows, so that which rows a step reads does not hang on the number of
processes. The weights are in each of them (DDP), or with `loop.shard` divided among them (FSDP2: `fully_shard`).
"""

from __future__ import annotations

import atexit
import os
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, cast

import torch
import torch.distributed as dist
from safetensors.torch import load, save
from torch import Tensor, nn
from torch.distributed.fsdp import FSDPModule, fully_shard
from torch.distributed.tensor import DTensor
from torch.nn.parallel import DistributedDataParallel

from .objective import Batch, Feed, micro_batches

LONGEST_WAIT = timedelta(hours=6)  # for a process that makes rollouts, or exports, while the others wait


@dataclass(frozen=True)
class Processes:
    """Of the training that this process is part of. `shard`: the weights are divided among the processes."""

    rank: int = 0
    count: int = 1
    shard: bool = False

    @property
    def is_first(self) -> bool:
        """Whether this is the one that writes what is written once."""
        return self.rank == 0

    @property
    def computes_whole_replies(self) -> bool:
        """Whether this process generates: the first, or where weights are divided every one, all the same replies."""
        return self.is_first or self.shard

    # ---- the network ----

    def divide(self, network: nn.Module) -> nn.Module:
        """What the loss is computed with. Where the weights are divided, `network` itself is changed."""
        if self.count == 1:
            return network
        if not self.shard:
            device = next(network.parameters()).device
            return DistributedDataParallel(network, device_ids=[device] if device.type == "cuda" else None)
        # What an adapter trains beside a frozen base is little, and of another dtype than a base in bf16, with which it
        # cannot be divided: every process holds it.
        weights = list(network.parameters())
        is_frozen = not all(weight.requires_grad for weight in weights)
        kept = {weight for weight in weights if weight.requires_grad and is_frozen}
        names = {name for part in network.modules() for name in getattr(part, "_no_split_modules", None) or ()}
        for part in list(network.modules()):
            if type(part).__name__ in names:
                fully_shard(part, ignored_params=kept)
        return cast(nn.Module, fully_shard(network, ignored_params=kept))

    def without_exchange(self, module: nn.Module) -> AbstractContextManager[object]:
        """Inside, a backward pass keeps its gradients to itself: those of a step are exchanged once."""
        return module.no_sync() if isinstance(module, DistributedDataParallel) else nullcontext()

    def exchange_undivided(self, network: nn.Module) -> None:
        """Where the others are divided, the gradients of weights that every process holds, once a step."""
        for weight in network.parameters() if self.shard and self.count > 1 else ():
            if weight.grad is not None and not isinstance(weight.grad, DTensor):
                dist.all_reduce(weight.grad)
                weight.grad /= self.count

    # ---- the batch ----

    def batch(self, feed: Feed, step: int, network: nn.Module) -> Batch:
        """Batch `step`, the same in every process. Where each has all weights, the first makes it: rollouts of the
        policy are then made once."""
        if self.count == 1 or self.shard:
            return feed.batch(step, network)
        content = bytearray(save(_apart(feed.batch(step, network)))) if self.is_first else b""
        size = torch.tensor(len(content))
        dist.broadcast(size, 0)
        buffer = torch.frombuffer(content, dtype=torch.uint8) if content else torch.empty(int(size), dtype=torch.uint8)
        dist.broadcast(buffer, 0)
        return load(buffer.numpy().tobytes())

    def parts(self, batch: Batch, count: int) -> list[tuple[dict[str, Tensor], bool]]:
        """The micro-batches of this process, `count` at most, and whether each counts: all processes compute equally
        many, as they wait for each other, and one without rows of its own computes some that do not count."""
        parts = micro_batches(batch, count * self.count)
        own = [(part, True) for part in parts[self.rank :: self.count]]
        return own + [(parts[0], False)] * (-(-len(parts) // self.count) - len(own))

    def summed(self, values: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The sums over all processes."""
        if self.count == 1 or not values:
            return dict(values)
        stacked = torch.stack([value.detach().double() for value in values.values()])
        dist.all_reduce(stacked)
        return dict(zip(values, stacked, strict=True))

    # ---- agreement ----

    def decided(self, decide: Callable[[], bool]) -> bool:
        """What the first process decides; the others do not ask."""
        if self.count == 1:
            return decide()
        flag = torch.tensor(int(self.is_first and decide()))
        dist.broadcast(flag, 0)
        return bool(flag)

    def wait_for_all(self) -> None:
        if self.count > 1:
            dist.barrier()


def join_processes(shard: bool = False) -> Processes:
    """Those that torchrun started; this process alone without it. On GPUs each process takes its own."""
    count = int(os.environ.get("WORLD_SIZE", "1"))
    if count == 1:
        return Processes()
    if not dist.is_initialized():
        if torch.cuda.is_available():
            torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
        backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
        dist.init_process_group(backend, timeout=LONGEST_WAIT)
        atexit.register(_leave)
    return Processes(dist.get_rank(), count, shard)


def _leave() -> None:
    if dist.is_initialized():
        dist.destroy_process_group()


def _apart(batch: Batch) -> dict[str, Tensor]:
    """On the CPU, each in memory of its own, as safetensors wants them."""
    return {k: v.detach().cpu().clone(memory_format=torch.contiguous_format) for k, v in batch.items()}


def whole(tensor: Tensor) -> Tensor:
    """The tensor on the CPU; of a divided one all of it, for which every process has to ask."""
    complete = cast(Any, tensor).full_tensor() if isinstance(tensor, DTensor) else tensor
    return cast(Tensor, complete.detach().cpu().contiguous())


def is_divided(network: nn.Module) -> bool:
    return any(isinstance(part, FSDPModule) for part in network.modules())
