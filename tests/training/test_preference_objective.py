"""DPO, IPO and the loss of reward models: TRL's on the same batch, and what users of comparable projects met."""

import pytest

torch = pytest.importorskip("torch")

from torch import Tensor, nn

from jielong.training.data.preference_data import Preference
from jielong.training.data.preference_feed import EncodedPair, PreferenceFeed, pair_batch
from jielong.training.data.sequence_packing import EncodedDocument
from jielong.training.objective import Batch, micro_batches, reference
from jielong.training.objectives.preference import PreferenceOptimisation, pair_accuracy
from jielong.training.objectives.reward import PairReward, pair_rewards
from jielong.training.reply_logprobs import without_dropout

REPLIES = [  # prompt, preferred reply, other reply: of uneven lengths
    ([5, 6, 7], [8, 9, 3], [10, 3]),
    ([11], [12, 13, 14, 15, 16, 17, 3], [18, 3]),
    ([20, 21], [22, 3], [23, 24, 25, 26, 27, 28, 29, 3]),
]


def document(prompt: list[int], reply: list[int]) -> EncodedDocument:
    return EncodedDocument([*prompt, *reply], [0.0] * len(prompt) + [1.0] * len(reply))


def pair(number: int, preference: float = 1.0, margin: float = 0.0) -> EncodedPair:
    prompt, chosen, rejected = REPLIES[number]
    source = Preference((), (), (), preference, margin)
    return EncodedPair(source, document(prompt, chosen), document(prompt, rejected))


def batch(preference: float = 1.0, margins: tuple[float, ...] = (0.0, 0.0, 0.0)) -> Batch:
    return pair_batch([pair(i, preference, margins[i]) for i in range(3)], 0)


def network(kind: str = "causal", heads: int = 1, seed: int = 0, **changes: object) -> nn.Module:
    from transformers import LlamaConfig, LlamaForCausalLM, LlamaForSequenceClassification

    torch.manual_seed(seed)
    size = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
    config = LlamaConfig(vocab_size=50, pad_token_id=0, **{**size, **changes})
    config.num_labels = heads
    return (LlamaForCausalLM if kind == "causal" else LlamaForSequenceClassification)(config)


def trl_rows(ours: Batch) -> dict[str, Tensor]:
    """TRL's order: first all preferred replies, then all others."""
    return {name: ours[name].transpose(0, 1).flatten(0, 1) for name in ("input_ids", "attention_mask", "reply_mask")}


def gradients(policy: nn.Module, loss: Tensor) -> list[Tensor]:
    policy.zero_grad()
    loss.backward()
    return [parameter.grad.clone() for parameter in policy.parameters() if parameter.grad is not None]


def trl_dpo(policy: nn.Module, before: nn.Module, rows: dict[str, Tensor], beta: float, kind: str) -> Tensor:
    """The loss of TRL's trainer, without its data loading: pinned are loss type, beta, reverse KL, no weighting."""
    from types import SimpleNamespace

    from trl.trainer.dpo_trainer import DPOTrainer
    from trl.trainer.utils import add_fused_lm_head

    for each in (policy, before):
        add_fused_lm_head(each, outputs=("log_probs", "entropy", "mean_logits", "is_top1"))
    accelerator = SimpleNamespace(device="cpu", gather_for_metrics=lambda x: x, gather=lambda x: x)
    trainer = SimpleNamespace(
        model=policy, ref_model=before, accelerator=accelerator, aux_loss_enabled=False, ld_alpha=None,
        precompute_ref_logps=False, f_divergence_type="reverse_kl", loss_types=[kind], loss_weights=[1.0], beta=beta,
        label_smoothing=0.0, use_weighting=False, args=SimpleNamespace(gradient_checkpointing_kwargs=None),
        _total_train_tokens=0, _tp_size=1, _metrics={"train": _Metrics(), "eval": _Metrics()},
    )  # fmt: skip
    inputs = {"input_ids": rows["input_ids"], "attention_mask": rows["attention_mask"],
              "completion_mask": rows["reply_mask"]}  # fmt: skip
    return DPOTrainer._compute_loss(trainer, policy, inputs, False)


class _Metrics(dict[str, list[float]]):
    def __missing__(self, key: str) -> list[float]:
        return self.setdefault(key, [])


@pytest.mark.parametrize(
    ("kind", "normalised", "trl_kind"),
    [("sigmoid", False, "sigmoid"), ("sigmoid", True, "sigmoid_norm"), ("ipo", False, "ipo")],
)
def test_loss_and_gradients_are_those_of_trl(kind: str, normalised: bool, trl_kind: str):
    pytest.importorskip("trl")
    policy, before = network(seed=1), network(seed=0)
    ours, objective = batch(), PreferenceOptimisation(reference(before), 0.3, kind, normalised)
    loss, _ = objective.loss(policy, ours)
    expected = trl_dpo(policy, before, trl_rows(ours), 0.3, trl_kind)
    assert loss.item() == pytest.approx(expected.item(), abs=1e-5)
    for own, its in zip(gradients(policy, loss), gradients(policy, expected), strict=True):
        assert torch.allclose(own, its, atol=1e-5)


@pytest.mark.parametrize("margins", [(0.0, 0.0, 0.0), (0.5, 0.0, 1.5)])
def test_loss_and_gradients_of_rewards_are_those_of_trl(margins: tuple[float, ...]):
    pytest.importorskip("trl")
    from types import SimpleNamespace

    from trl.trainer.reward_trainer import RewardTrainer

    policy, ours = network("reward"), batch(margins=margins)
    loss, _ = PairReward(centering=0.02).loss(policy, ours)
    rows = trl_rows(ours)
    accelerator = SimpleNamespace(device="cpu", gather_for_metrics=lambda x: x, gather=lambda x: x)
    trainer = SimpleNamespace(
        model=policy, accelerator=accelerator, args=SimpleNamespace(center_rewards_coefficient=0.02),
        _total_train_tokens=0, _tp_size=1, _metrics={"train": _Metrics(), "eval": _Metrics()},
    )  # fmt: skip
    inputs = {"input_ids": rows["input_ids"], "attention_mask": rows["attention_mask"], "margin": ours["margin"]}
    expected = RewardTrainer.compute_loss(trainer, policy, inputs)
    assert loss.item() == pytest.approx(expected.item(), abs=1e-5)
    for own, its in zip(gradients(policy, loss), gradients(policy, expected), strict=True):
        assert torch.allclose(own, its, atol=1e-5)


@pytest.mark.parametrize("of_reward", [False, True])
def test_parts_of_a_batch_add_up_to_the_whole(of_reward: bool):
    policy = network("reward" if of_reward else "causal", seed=1)
    objective = PairReward() if of_reward else PreferenceOptimisation(reference(network()), 0.3)
    whole = gradients(policy, objective.loss(policy, batch())[0])
    shares = [objective.loss(policy, part)[0] * objective.size(part) / 3 for part in micro_batches(batch(), 2)]
    for own, its in zip(gradients(policy, sum(shares)), whole, strict=True):  # two pairs, and one
        assert torch.allclose(own, its, atol=1e-6)


def test_the_first_margin_is_nothing_also_of_a_network_with_dropout():
    policy = without_dropout(network(attention_dropout=0.3)).train()
    loss, figures = PreferenceOptimisation(reference(policy), 0.1).loss(policy, batch())
    assert figures["margin"].item() == 0
    assert figures["accuracy"].item() == 0.5  # equal scores are no win
    assert loss.item() == pytest.approx(0.693147, abs=1e-6)


def test_a_tie_pulls_replies_together_from_either_side():
    before, losses = network(), []
    for flipped in (False, True):
        rows = batch(preference=0.5)
        if flipped:
            rows = {name: t.flip(1) if t.ndim == 3 else t for name, t in rows.items()}
        losses.append(PreferenceOptimisation(reference(before), 0.3).loss(network(seed=1), rows)[0].item())
    assert losses[0] == pytest.approx(losses[1], abs=1e-6)
    assert losses[0] > 0.693  # less is not to be had


def test_equal_scores_are_half_a_win_and_ties_are_not_counted():
    margins, preference = torch.tensor([1.0, 0.0, -1.0, 5.0]), torch.tensor([1.0, 1.0, 1.0, 0.5])
    assert pair_accuracy(margins, preference).item() == pytest.approx(0.5)
    assert pair_accuracy(torch.ones(2), torch.full((2,), 0.5)).item() == 0.5


@pytest.mark.parametrize("pad", [0, 3])  # 3 also ends every reply
def test_a_reward_depends_neither_on_the_batch_nor_on_padding(pad: int):
    policy = network("reward", heads=2).eval()
    policy.config.pad_token_id = pad
    together = pair_rewards(policy, pair_batch([pair(i) for i in range(3)], pad))
    alone = torch.cat([pair_rewards(policy, pair_batch([pair(i)], pad)) for i in range(3)])
    assert torch.allclose(together, alone, atol=1e-6)
    from jielong.models.local.reward_model import head_rewards

    rows = pair_batch([pair(i) for i in range(3)], pad)
    ids, mask = rows["input_ids"].flatten(0, 1), rows["attention_mask"].flatten(0, 1)
    padding = (mask == 0).sum(-1)
    left = torch.stack([row.roll(int(n)) for row, n in zip(ids, padding, strict=True)])
    left_mask = torch.stack([row.roll(int(n)) for row, n in zip(mask, padding, strict=True)])
    assert torch.allclose(head_rewards(policy, ids, mask), head_rewards(policy, left, left_mask), atol=1e-6)


def test_each_pair_teaches_the_head_of_its_standard_alone():
    policy = network("reward", heads=2)
    rows = dict(batch()) | {"head": torch.tensor([1, 1, 1])}
    PairReward().loss(policy, rows)[0].backward()
    assert not policy.score.weight.grad[0].any()
    assert policy.score.weight.grad[1].any()


def test_every_pair_comes_once_in_an_epoch_whatever_the_remainder():
    pairs = [pair(i % 3, preference=0.5 + i / 20) for i in range(10)]
    feed = PreferenceFeed(pairs, 4, 2, 7, 0)
    assert feed.steps == 6
    for epoch in (0, 1):
        seen = torch.cat([feed.batch(3 * epoch + step, nn.Linear(1, 1))["preference"] for step in range(3)])
        assert sorted(round(value, 3) for value in seen.tolist()) == [round(0.5 + i / 20, 3) for i in range(10)]


def test_a_policy_reads_pairs_with_one_prompt_and_sets_aside_what_is_too_long(tmp_path: object):
    from jielong.models.mini import Mini
    from jielong.training.data.chat_tokenizer import ChatTokenizer
    from jielong.training.data.preference_feed import policy_pairs

    def said(text: str) -> tuple[dict[str, str], ...]:
        return ({"role": "assistant", "content": text},)

    question = ({"role": "user", "content": "What is 2 + 2? "},)
    short = Preference(question, said("It is 4."), said("No."), place="file:1")
    long = Preference(question, said("It is 4."), said("No. " * 200), place="file:2")
    notes: list[str] = []
    (encoded,) = policy_pairs([short, long], ChatTokenizer.from_folder(Mini().checkpoint.folder), 64, notes.append)
    rows = pair_batch([encoded], 0)
    starts = rows["reply_mask"][0].argmax(-1)
    assert starts[0] == starts[1] > 3
    assert torch.equal(rows["input_ids"][0, 0, : starts[0]], rows["input_ids"][0, 1, : starts[0]])
    assert "1 of 2 rows were set aside: file:2: " in notes[0]
