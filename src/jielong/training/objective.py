"""What training minimises and what it is fed: the two protocols that the loop knows."""

import copy
from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeAlias

from torch import Tensor, nn

Batch: TypeAlias = Mapping[str, Tensor]  # tensors that share their first dimension: the rows of the batch
Figures: TypeAlias = Mapping[str, Tensor]  # scalars for the curves, by name


class Objective(Protocol):
    """A loss. One that compares with a reference network holds it: `reference` of the network before training, which
    has the weights that the training begins from, also when it goes on from a checkpoint."""

    def loss(self, network: nn.Module, batch: Batch) -> tuple[Tensor, Figures]:
        """The mean loss over the batch (a scalar), and figures beside it. Raises KeyError for a batch of other kind."""

    def size(self, batch: Batch) -> float:
        """What the mean of `loss` is over (tokens, pairs …): micro-batches are combined in proportion to it."""


class Feed(Protocol):
    """Gives batch number `step`, from 0. To make resuming exact, a batch may depend on the step, the settings and the
    weights of `network`, the policy as it is before that step, and on nothing else."""

    steps: int
    digest: str  # differs where the batches differ; a checkpoint of another feed is refused

    def batch(self, step: int, network: nn.Module) -> Batch: ...

    def tokens(self, batch: Batch) -> int:
        """How many tokens the network reads of a batch: for the curves, and for when the weights are exported."""


Reference: TypeAlias = Callable[..., Any]  # is called as the network is, and gives what it gives, without gradients


def reference(network: nn.Module) -> Reference:
    """What the network computes now, before it is trained: a frozen copy, or of a network with a new adapter (which
    changes nothing yet) its base, with the adapter switched off for the time of a call, which takes no more memory.

    An adapter that was trained before is copied beside itself.
    """
    if not hasattr(network, "disable_adapter"):
        return frozen_copy(network)
    from .adapters import adapter_reference  # imports PEFT, which a training without adapter does without

    return adapter_reference(network)


def frozen_copy(network: nn.Module) -> nn.Module:
    """The weights as they are now, without gradients, in evaluation mode."""
    return copy.deepcopy(network).eval().requires_grad_(False)


def micro_batches(batch: Batch, count: int) -> list[dict[str, Tensor]]:
    """The rows of a batch in `count` parts, fewer where it has fewer rows."""
    parts = {name: tensor.chunk(count) for name, tensor in batch.items()}
    return [dict(zip(parts, tensors, strict=True)) for tensors in zip(*parts.values(), strict=True)]
