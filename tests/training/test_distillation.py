"""Log-probability distillation: the divergences, prompts that differ, and what a student learns by it."""

import os

import pytest

torch = pytest.importorskip("torch")

from torch import nn

from jielong.training.distillation_training import TaughtReplies, TaughtReply
from jielong.training.objective import micro_batches
from jielong.training.objectives.distillation import Distillation, divergence


class Table(nn.Module):
    """A network whose logits after a token are a row of a table: it does not see the prompt."""

    def __init__(self, vocabulary: int, seed: int) -> None:
        super().__init__()
        self.rows = nn.Parameter(torch.randn(vocabulary, vocabulary, generator=torch.Generator().manual_seed(seed)))

    def forward(self, input_ids, attention_mask, position_ids, use_cache, logits_to_keep):
        return type("Output", (), {"logits": self.rows[input_ids][:, -logits_to_keep:]})


REPLIES = [
    TaughtReply([1], [1, 2, 3], [4, 5, 6, 7]),
    TaughtReply([1, 2, 3, 4, 5], [2], [3]),
    TaughtReply([5, 5], [1, 1], [2, 6]),
]


def brute_force(student, teacher, beta):
    """Of one place, by the definitions, in double precision."""
    p, q = teacher.double().exp(), student.double().exp()
    mix = beta * p + (1 - beta) * q
    if beta == 0:
        return float((p * (p.log() - q.log())).sum())
    if beta == 1:
        return float((q * (q.log() - p.log())).sum())
    return float(beta * (p * (p.log() - mix.log())).sum() + (1 - beta) * (q * (q.log() - mix.log())).sum())


@pytest.mark.parametrize("beta", [0.0, 0.3, 0.5, 1.0])
def test_the_divergence_is_the_definition(beta: float):
    student, teacher = (torch.log_softmax(torch.randn(20, 9), -1) for _ in range(2))
    exact = [brute_force(q, p, beta) for q, p in zip(student, teacher, strict=True)]
    assert divergence(student, teacher, beta).tolist() == pytest.approx(exact, abs=1e-6)


@pytest.mark.skipif(os.environ.get("JIELONG_FULL") != "1", reason="TRL takes long to import")
@pytest.mark.parametrize("beta", [0.0, 0.3, 1.0])
def test_loss_and_gradient_are_trls(beta: float):
    gkd = pytest.importorskip("trl.experimental.gkd")
    student, teacher = torch.randn(2, 7, 11, requires_grad=True), torch.randn(2, 7, 11)
    labels = torch.tensor([[-100, -100, 3, 4, 5, 6, 7], [-100, 1, -100, -100, 2, -100, -100]])
    theirs = gkd.GKDTrainer.generalized_jsd_loss(student, teacher, labels, beta=beta)
    (their_gradient,) = torch.autograd.grad(theirs, student)
    places = labels != -100
    p, q = (torch.log_softmax(each[places], -1) for each in (teacher, student))
    ours = divergence(q, p, beta).mean()
    (gradient,) = torch.autograd.grad(ours, student)
    assert ours.item() == pytest.approx(theirs.item(), abs=1e-5)
    assert torch.allclose(gradient, their_gradient, atol=1e-5)


def test_the_same_reply_is_compared_after_different_prompts():
    student, teacher = Table(9, 1), Table(9, 2)
    batch = TaughtReplies(REPLIES, 3, 1, 0, 0).batch(0, student)
    loss, figures = Distillation(teacher).loss(student, batch)
    pairs = []
    for each in REPLIES:
        for own, taught, _ in zip([each.prompt[-1], *each.reply], [each.teacher_prompt[-1], *each.reply], each.reply):
            pairs.append((student.rows[own].log_softmax(-1), teacher.rows[taught].log_softmax(-1)))
    exact = sum(brute_force(q.detach(), p.detach(), 0) for q, p in pairs) / len(pairs)
    assert loss.item() == pytest.approx(exact, abs=1e-5)
    assert len(pairs) == 7 == Distillation(teacher).size(batch)
    assert teacher.rows.grad is None
    assert 0 <= figures["same_token"] <= 1


def test_micro_batches_add_up():
    student, objective = Table(9, 1), Distillation(Table(9, 2), beta=0.5)
    batch = TaughtReplies(REPLIES, 3, 1, 0, 0).batch(0, student)
    whole = objective.loss(student, batch)[0].item()
    parts = [(objective.loss(student, part)[0].item(), objective.size(part)) for part in micro_batches(batch, 3)]
    assert sum(loss * size for loss, size in parts) / objective.size(batch) == pytest.approx(whole, abs=1e-6)


def test_a_student_like_its_teacher_has_nothing_to_learn():
    teacher = Table(9, 2)
    batch = TaughtReplies([TaughtReply([1], [1], [2, 3])] * 2, 2, 1, 0, 0).batch(0, teacher)
    assert Distillation(teacher).loss(teacher, batch)[0].item() == pytest.approx(0, abs=1e-6)


def test_every_reply_is_seen_before_any_again():
    feed = TaughtReplies([TaughtReply([i], [i], [i]) for i in range(1, 8)], 2, 3, 5, 0)
    seen = [int(row[0]) for step in range(feed.steps) for row in feed.batch(step, nn.Identity())["input_ids"]]
    assert feed.steps == 10
    assert [sorted(seen[start : start + 7]) for start in (0, 7)] == [list(range(1, 8))] * 2
    assert seen[:7] != seen[7:14]
