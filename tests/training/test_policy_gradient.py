"""GRPO, RLOO and PPO: TRL's losses and gradients on the same batch, the papers' formulas, exact KL."""

import os
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from torch import Tensor, nn

from jielong.training.objective import Batch, micro_batches
from jielong.training.objectives.policy_gradient import Grpo, Rloo, group_advantages, kl_of_tokens
from jielong.training.objectives.ppo import ActorCritic, Ppo, generalized_advantages, rewards_of_tokens
from jielong.training.reply_logprobs import EncodedReply, pad_replies, reply_logprobs

MINI = Path(__file__).parents[2] / "src/jielong/models/mini/weights"
LENGTHS = ((3, 5), (6, 1), (2, 9), (4, 4), (3, 7))  # of prompt and reply: uneven, and no multiple of anything
full = pytest.mark.skipif(os.environ.get("JIELONG_FULL") != "1", reason="imports TRL, which takes seconds")


def network(seed: int = 0, vocabulary: int = 40) -> Any:
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(seed)
    size = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
    return LlamaForCausalLM(LlamaConfig(vocab_size=vocabulary, pad_token_id=0, **size))


def rows(side: Any = "right", vocabulary: int = 40) -> dict[str, Tensor]:
    draw = torch.Generator().manual_seed(3)
    replies = [
        EncodedReply(*(torch.randint(1, vocabulary, (n,), generator=draw).tolist() for n in pair)) for pair in LENGTHS
    ]
    return dict(pad_replies(replies, 0, side))


def batch_with_old(policy: nn.Module, **changes: Tensor) -> dict[str, Tensor]:
    batch, draw = rows(), torch.Generator().manual_seed(9)
    with torch.no_grad():
        own = reply_logprobs(policy, batch).logprobs
    noise = 0.3 * torch.randn(own.shape, generator=draw)
    old, reference = own + noise, own - 0.5 * noise.flip(-1)
    advantages = torch.tensor([1.2, -0.7, 0.4, -1.1, 0.2])
    return batch | {"advantages": advantages, "old_logprobs": old, "reference_logprobs": reference} | changes


def gradients(policy: Any, loss: Tensor) -> dict[str, Tensor]:
    policy.zero_grad()
    loss.backward()
    return {name: p.grad.clone() for name, p in policy.named_parameters() if p.grad is not None}


# ---- against TRL ----


def prompt_and_reply(batch: Batch) -> dict[str, Tensor]:
    """The same rows as TRL lays them out: prompts padded on the left, replies on the right."""
    longest = [max(pair[i] for pair in LENGTHS) for i in (0, 1)]
    sides: dict[str, Tensor] = {}
    for name, length in zip(("prompt", "completion"), longest, strict=True):
        sides[f"{name}_ids"] = torch.zeros(len(LENGTHS), length, dtype=torch.int64)
        sides[f"{name}_mask"] = torch.zeros(len(LENGTHS), length, dtype=torch.int64)
    tensors = {n: torch.zeros(len(LENGTHS), longest[1]) for n in ("old_logprobs", "reference_logprobs") if n in batch}
    for row, (p, r) in enumerate(LENGTHS):
        sides["prompt_ids"][row, longest[0] - p :] = batch["input_ids"][row, :p]
        sides["prompt_mask"][row, longest[0] - p :] = 1
        sides["completion_ids"][row, :r] = batch["input_ids"][row, p : p + r]
        sides["completion_mask"][row, :r] = batch["reply_mask"][row, p : p + r]
        for name, tensor in tensors.items():
            tensor[row, :r] = batch[name][row, p : p + r]
    names = {"old_logprobs": "old_per_token_logps", "reference_logprobs": "ref_per_token_logps"}
    return sides | {names[name]: tensor for name, tensor in tensors.items()}


def trl_trainer(kind: str, policy: Any, out: Path, **settings: Any) -> Any:
    import trl
    from datasets import Dataset
    from transformers import PreTrainedTokenizerFast

    config = getattr(trl, f"{kind}Config")(
        output_dir=str(out), use_cpu=True, bf16=False, report_to=[], num_generations=2, per_device_train_batch_size=2,
        gradient_checkpointing=False, dataloader_pin_memory=False, **settings,
    )  # fmt: skip
    return getattr(trl, f"{kind}Trainer")(
        policy, reward_funcs=lambda completions, **_: [0.0] * len(completions), args=config,
        train_dataset=Dataset.from_list([{"prompt": "a"}]),
        processing_class=PreTrainedTokenizerFast.from_pretrained(MINI),
    )  # fmt: skip


@full
@pytest.mark.parametrize("temperature", [1.0, 0.7])
def test_grpo_is_trls_loss_and_gradient(temperature: float, tmp_path: Path):
    policy, theirs = network(), network()
    settings = {"temperature": temperature, "epsilon": 0.2, "epsilon_high": 0.25}
    trainer = trl_trainer(
        "GRPO", theirs, tmp_path, use_bias_correction_kl=True, max_completion_length=11, loss_type="grpo", **settings
    )
    trainer.beta, trainer.current_gradient_accumulation_steps = 0.1, 1  # at first 0: it would load a reference
    batch = batch_with_old(policy)
    given = prompt_and_reply(batch) | {"advantages": batch["advantages"]}
    given["num_items_in_batch"] = given["completion_mask"].sum()
    for per, loss_type in (("reply", "grpo"), ("token", "bnpo"), ("token", "dapo"), ("longest", "dr_grpo")):
        trainer.loss_type = loss_type
        expected = trainer._compute_loss(trainer.model, given)
        ours, _ = Grpo(temperature, 0.1, 0.2, 0.25, per, 11).loss(policy, batch)
        assert ours.item() == pytest.approx(expected.item(), abs=1e-5), loss_type
        other = gradients(trainer.model, expected)
        for name, gradient in gradients(policy, ours).items():
            assert torch.allclose(gradient, other[name], atol=1e-5), (loss_type, name)


@full
def test_rloo_is_trls_loss_and_gradient(tmp_path: Path):
    policy, theirs = network(), network()
    trainer = trl_trainer("RLOO", theirs, tmp_path, temperature=0.9, epsilon=0.2, beta=0.0)
    trainer.current_gradient_accumulation_steps = 1
    batch = batch_with_old(policy)
    given = prompt_and_reply(batch) | {"advantages": batch["advantages"]}
    given["old_logps"] = (given.pop("old_per_token_logps") * given["completion_mask"]).sum(-1)
    expected = trainer._compute_loss(trainer.model, given)
    ours, _ = Rloo(0.9, 0.2, 0.2).loss(policy, batch)
    assert ours.item() == pytest.approx(expected.item(), abs=1e-5)
    other = gradients(trainer.model, expected)
    for name, gradient in gradients(policy, ours).items():
        assert torch.allclose(gradient, other[name], atol=1e-5), name


# ---- advantages ----


def test_advantages_are_those_of_the_papers():
    rewards = torch.tensor([[1.0, 0.0, 0.0, 3.0], [0.2, 0.4, 0.9, 0.1]])
    deviation, mean = rewards.std(-1, keepdim=True), rewards.mean(-1, keepdim=True)
    assert torch.allclose(group_advantages(rewards, "grpo")[0], (rewards - mean) / (deviation + 1e-4), atol=1e-6)
    assert torch.allclose(group_advantages(rewards, "dr_grpo")[0], rewards - mean, atol=1e-6)
    others = torch.stack([(rewards.sum(-1) - rewards[:, i]) / 3 for i in range(4)], 1)
    assert torch.allclose(group_advantages(rewards, "rloo")[0], rewards - others, atol=1e-6)


@pytest.mark.parametrize("baseline", ["grpo", "dr_grpo", "rloo"])
def test_groups_without_variance_are_dead_and_teach_nothing(baseline: Any):
    rewards = torch.tensor([[0.3] * 5, [0.1 + 0.2, 0.3, 0.3, 0.3, 0.3], [0.0, 0.0, 0.0, 0.0, 1.0]], dtype=torch.float64)
    advantages, dead = group_advantages(rewards, baseline)
    assert dead.tolist() == [True, True, False]
    assert not advantages[:2].any()


@pytest.mark.parametrize("baseline", ["grpo", "dr_grpo", "rloo"])
def test_a_missing_reward_has_no_part_in_its_group(baseline: Any):
    whole = group_advantages(torch.tensor([[1.0, 0.0, 0.5]]), baseline)[0][0]
    nan = float("nan")
    missing, dead = group_advantages(torch.tensor([[1.0, nan, 0.0, 0.5], [nan, nan, nan, 1.0]]), baseline)
    assert torch.allclose(missing[0], torch.stack([whole[0], torch.tensor(0.0), whole[1], whole[2]]))
    assert dead.tolist() == [False, True]
    assert missing.isfinite().all()


# ---- what the means are over ----


@pytest.mark.parametrize("per", ["token", "reply", "longest"])
def test_a_row_without_counted_tokens_changes_nothing(per: Any):
    policy = network()
    batch = batch_with_old(policy)
    expected = Grpo(per=per, beta=0.1, longest=11).loss(policy, {name: t[:4] for name, t in batch.items()})[0]
    batch["reply_mask"] = batch["reply_mask"].clone()
    batch["reply_mask"][4] = 0
    assert Grpo(per=per, beta=0.1, longest=11).loss(policy, batch)[0].item() == pytest.approx(expected.item(), abs=1e-6)
    rloo = Rloo().loss(policy, {name: t[:4] for name, t in batch.items()})[0]
    assert Rloo().loss(policy, batch)[0].item() == pytest.approx(rloo.item(), abs=1e-6)


@pytest.mark.parametrize("objective", [Grpo(per="token"), Grpo(per="reply"), Grpo(per="longest", longest=9), Rloo()])
@pytest.mark.parametrize("parts", [2, 3, 5])
def test_micro_batches_make_the_loss_of_the_whole(objective: Any, parts: int):
    policy = network()
    batch = batch_with_old(policy)
    batch["reply_mask"] = batch["reply_mask"].clone()
    batch["reply_mask"][1] = 0
    whole = objective.loss(policy, batch)[0].item()
    shares = [(objective.loss(policy, part)[0].item(), objective.size(part)) for part in micro_batches(batch, parts)]
    assert sum(loss * size for loss, size in shares) / objective.size(batch) == pytest.approx(whole, abs=1e-6)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 1.7])
def test_without_an_update_the_ratio_is_one(temperature: float):
    policy = network()
    batch = rows() | {"advantages": torch.tensor([1.0, -1.0, 0.5, 0.0, 2.0])}
    with torch.no_grad():
        batch["old_logprobs"] = reply_logprobs(policy, batch, temperature=temperature).logprobs
    loss, figures = Grpo(temperature, per="reply").loss(policy, batch)
    assert loss.item() == pytest.approx(-0.5, abs=1e-6)  # less the mean advantage
    assert figures["clipped"] == 0


# ---- KL ----


class Table(nn.Module):
    """A policy over a vocabulary of four, of one token, so that every expectation can be summed."""

    def __init__(self, logits: list[float]) -> None:
        super().__init__()
        self.logits = nn.Parameter(torch.tensor(logits, dtype=torch.float64))

    def forward(self, input_ids: Tensor, **_: Any) -> Any:
        from types import SimpleNamespace

        return SimpleNamespace(logits=self.logits.expand(*input_ids.shape, -1))


def test_the_gradient_of_the_kl_term_is_that_of_the_exact_kl():
    policy, reference = (
        Table([0.3, -1.0, 0.8, 0.1]),
        torch.log_softmax(torch.tensor([1.0, 0.2, -0.5, 0.4]).double(), -1),
    )
    chances = torch.softmax(policy.logits, -1)
    exact = (chances * (chances.log() - reference)).sum()
    wanted = torch.autograd.grad(exact, policy.logits)[0]
    batch = dict(pad_replies([EncodedReply([0], [token]) for token in range(4)], 0))
    batch["reference_logprobs"] = torch.stack([torch.zeros(4).double(), reference], 1).float()
    batch["advantages"] = torch.zeros(4)
    got, value = torch.zeros(4).double(), 0.0
    for token, chance in enumerate(chances.detach()):  # the expectation over what the policy samples
        row = {name: tensor[token : token + 1] for name, tensor in batch.items()}
        loss, figures = Grpo(beta=1.0).loss(policy, row)
        got += chance * torch.autograd.grad(loss, policy.logits)[0]
        value += float(chance * figures["kl"])
    assert torch.allclose(got, wanted, atol=1e-6)
    assert value == pytest.approx(exact.item(), abs=1e-6)
    assert wanted.norm() > 0.1  # the plain log-ratio as a loss would give 0 here


def test_the_kl_of_a_token_is_never_negative():
    a, b = torch.randn(1000, generator=torch.Generator().manual_seed(0)), torch.zeros(1000)
    assert (kl_of_tokens(a, b) >= 0).all()


# ---- PPO against the paper, written out with loops ----


def test_ppo_is_the_papers_loss_written_out():
    model = ActorCritic(network())
    nn.init.normal_(model.value_head.weight, std=0.3)
    batch, draw = rows(), torch.Generator().manual_seed(4)
    with torch.no_grad():
        own, values = model(batch, 0.8)
    shape = own.shape
    old, old_values = own + 0.3 * torch.randn(shape, generator=draw), values + 0.4 * torch.randn(shape, generator=draw)
    paid = torch.tensor([1.0, -0.5, 0.3, 0.0, 2.0])
    reference = own + 0.2 * torch.randn(shape, generator=draw)
    mask = batch["reply_mask"]
    rewards = rewards_of_tokens(paid, old - reference, mask, 0.05)
    advantages, returns = generalized_advantages(rewards, old_values, mask, 0.9, 0.8)
    batch |= {"old_logprobs": old, "old_values": old_values, "advantages": advantages, "returns": returns}
    loss, _ = Ppo(0.8, 0.2, 0.2, 0.1).loss(model, batch)

    raw: dict[tuple[int, int], float] = {}
    target: dict[tuple[int, int], float] = {}
    for row, (p, r) in enumerate(LENGTHS):
        following = 0.0
        for t in range(p + r - 1, p - 1, -1):  # the last reward, then backwards
            reward = -0.05 * (old - reference)[row, t].item() + (paid[row].item() if t == p + r - 1 else 0.0)
            after = old_values[row, t + 1].item() if t < p + r - 1 else 0.0
            following = reward + 0.9 * after - old_values[row, t].item() + 0.9 * 0.8 * following
            raw[row, t], target[row, t] = following, following + old_values[row, t].item()
    mean = sum(raw.values()) / len(raw)
    deviation = (sum((a - mean) ** 2 for a in raw.values()) / (len(raw) - 1)) ** 0.5
    total = 0.0
    for (row, t), advantage in raw.items():
        a = (advantage - mean) / deviation
        logits = model.policy(input_ids=batch["input_ids"][row : row + 1, :t]).logits[0, -1] / 0.8
        chance = torch.log_softmax(logits, -1)[batch["input_ids"][row, t]].item()
        ratio = 2.718281828459045 ** (chance - old[row, t].item())
        policy = min(ratio * a, max(min(ratio, 1.2), 0.8) * a)
        value, before = values[row, t].item(), old_values[row, t].item()
        near = before + max(min(value - before, 0.2), -0.2)
        error = max((value - target[row, t]) ** 2, (near - target[row, t]) ** 2)
        total += -policy + 0.1 * 0.5 * error
    assert loss.item() == pytest.approx(total / len(raw), abs=1e-5)


def test_ppo_reads_the_same_rows_on_either_side_of_the_padding():
    model = ActorCritic(network())
    nn.init.normal_(model.value_head.weight)
    right, left = rows("right"), rows("left")
    for a, b in zip(model(right), model(left), strict=True):
        assert torch.allclose(a[right["reply_mask"].bool()], b[left["reply_mask"].bool()], atol=1e-5)
