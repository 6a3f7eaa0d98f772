"""Log-probability distillation: the student takes over the teacher's distribution of every token of a reply.

Hinton et al. 2015, for sequences Kim and Rush 2016; the divergences are those of GKD (Agarwal et al. 2024). The two may
read different prompts before the same reply: a student that reads the shorter one takes the longer one into its weights
(context distillation: Snell et al. 2022). Replies are given, the student's own are not sampled.
"""

from __future__ import annotations

from math import log

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..objective import Batch, Figures, Reference
from ..reply_logprobs import reply_logits

TEACHER = "teacher_"  # before the names of the teacher's rows in a batch


class Distillation:
    """Expects batches as `pad_replies` makes them, and the teacher's beside, their names after `teacher_`: row by row
    the same reply, so that both have equally many tokens.

    `beta`: 0 is KL(teacher ‖ student), which covers all that the teacher might say; 1 is KL(student ‖ teacher), which
    keeps to what it says mostly; between, the Jensen-Shannon divergence with this weight on the teacher. `temperature`
    divides both logits; the loss is not multiplied by its square, unlike Hinton's.
    """

    def __init__(self, teacher: Reference, *, beta: float = 0.0, temperature: float = 1.0) -> None:
        self._teacher, self._beta, self._temperature = teacher, beta, temperature

    def loss(self, network: nn.Module, batch: Batch) -> tuple[Tensor, Figures]:
        """The mean divergence in nats a reply token; `same_token`: how often both would choose the same."""
        taught = {name.removeprefix(TEACHER): value for name, value in batch.items() if name.startswith(TEACHER)}
        with torch.no_grad():
            teacher = torch.log_softmax(reply_logits(self._teacher, taught) / self._temperature, -1)
        student = torch.log_softmax(reply_logits(network, batch) / self._temperature, -1)
        same = (teacher.argmax(-1) == student.argmax(-1)).float().sum()
        tokens = max(1, len(student))
        return divergence(student, teacher, self._beta).sum() / tokens, {"same_token": same / tokens}

    def size(self, batch: Batch) -> float:
        return float(batch["reply_mask"].sum())


def divergence(student: Tensor, teacher: Tensor, beta: float) -> Tensor:
    """(tokens,), in nats, of log-probabilities (tokens, vocabulary)."""
    if beta == 0:
        return _kl(teacher, student)
    if beta == 1:
        return _kl(student, teacher)
    mixture = torch.logsumexp(torch.stack([student + log(1 - beta), teacher + log(beta)]), 0)
    return beta * _kl(teacher, mixture) + (1 - beta) * _kl(student, mixture)


def _kl(p: Tensor, q: Tensor) -> Tensor:
    return F.kl_div(q, p, reduction="none", log_target=True).sum(-1)
