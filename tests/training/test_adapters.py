"""Adapters: trained, compared with what they began as, exported; the troubles that people have with them."""

from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("peft")

from torch import nn

from jielong.errors import JielongError
from jielong.training.adapters import add_adapter
from jielong.training.objective import reference
from jielong.training.objectives.next_token import NextToken
from jielong.training.train_config import AdapterConfig
from jielong.training.training_checkpoint import all_weights, trained_weights
from jielong.training.training_loop import train
from training.test_objectives import LOOP, PolicyFeed, batch_of, network

IDS = torch.tensor([[5, 9, 11, 3, 8]])


def adapted(seed: int = 1, **changes: object) -> nn.Module:
    return add_adapter(network(**changes), AdapterConfig(rank=4), seed)


def logits(module: object) -> torch.Tensor:
    with torch.no_grad():
        return module(input_ids=IDS).logits  # type: ignore[operator]


def test_only_the_adapter_is_trained_and_kept(tmp_path: Path):
    policy = adapted(tie_word_embeddings=True)
    before = {name: value.clone() for name, value in all_weights(policy).items()}
    train(policy, PolicyFeed(6), NextToken(), LOOP, tmp_path, "x")
    changed = {name for name, value in all_weights(policy).items() if not torch.equal(value, before[name])}
    assert changed == set(trained_weights(policy))
    assert all(".lora_" in name for name in changed)


def test_the_reference_of_a_new_adapter_is_its_base_without_a_copy(tmp_path: Path):
    policy = adapted()
    size = sum(p.numel() for p in policy.parameters())
    before, base = logits(policy), reference(policy)
    train(policy, PolicyFeed(6), NextToken(), LOOP, tmp_path, "x")
    assert torch.allclose(logits(base), before, atol=1e-6)
    assert not torch.allclose(logits(policy), before)
    assert sum(p.numel() for p in policy.parameters()) == size
    assert all(p.requires_grad == (".lora_" in name) for name, p in policy.named_parameters())


def test_the_reference_of_a_trained_adapter_is_that_adapter(tmp_path: Path):
    policy = adapted()
    train(policy, PolicyFeed(6), NextToken(), LOOP, tmp_path / "first", "x")
    before = logits(policy.eval())
    begun = reference(policy)
    train(policy, PolicyFeed(6), NextToken(), LOOP, tmp_path / "second", "x")
    assert torch.allclose(logits(begun), before, atol=1e-6)
    assert not torch.allclose(logits(policy), before)


def test_gradients_do_not_notice_that_a_reference_was_asked_in_between():
    policy = adapted()
    losses = [NextToken().loss(policy, batch_of(tuple(range(8, 24))))[0]]
    losses[0].backward()
    alone = {name: p.grad.clone() for name, p in policy.named_parameters() if p.grad is not None}
    policy.zero_grad()
    loss, base = NextToken().loss(policy, batch_of(tuple(range(8, 24))))[0], reference(policy)
    logits(base)
    loss.backward()
    assert {name for name, p in policy.named_parameters() if p.grad is not None} == set(alone)
    assert all(torch.equal(p.grad, alone[name]) for name, p in policy.named_parameters() if p.grad is not None)


@pytest.mark.parametrize("with_adapter", [False, True])
def test_gradient_checkpointing_changes_no_weight(with_adapter: bool, tmp_path: Path):
    def trained(name: str, **changes: object) -> nn.Module:
        policy = network(num_hidden_layers=2, attention_dropout=0.2)
        policy = add_adapter(policy, AdapterConfig(rank=4, dropout=0.2), 1) if with_adapter else policy
        train(policy, PolicyFeed(4), NextToken(), LOOP.model_copy(update=changes), tmp_path / name, "x")
        assert policy.is_gradient_checkpointing == bool(changes)
        return policy

    twice, once = trained("twice", gradient_checkpointing=True), trained("once")
    for name, value in trained_weights(once).items():
        assert torch.allclose(value, trained_weights(twice)[name], atol=1e-6), name


def test_a_base_in_bf16_takes_half_the_memory_and_the_adapter_is_fp32(tmp_path: Path):
    policy = add_adapter(network().bfloat16(), AdapterConfig(rank=4), 1)
    assert {p.dtype for p in policy.parameters() if p.requires_grad} == {torch.float32}
    assert {p.dtype for p in policy.parameters() if not p.requires_grad} == {torch.bfloat16}
    before = {name: value.clone() for name, value in trained_weights(policy).items()}
    train(policy, PolicyFeed(4), NextToken(), LOOP, tmp_path, "x")
    assert all(not torch.equal(value, before[name]) for name, value in trained_weights(policy).items())


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"targets": ["q_proj", "v_porj"]}, "unknown adapter.targets: 'v_porj'; did you mean 'v_proj'?"),
        ({"kind": "lorra"}, "unknown kind of adapter 'lorra'; did you mean 'lora'?"),
        ({"kind": "prompt_tuning"}, "unknown kind of adapter 'prompt_tuning'"),
        ({"kind": "ia3", "rslora": True}, "adapter.rslora: ia3 has no such setting"),
        ({"options": {"use_dorra": True}}, "did you mean 'adapter.options.use_dora'"),
        ({"targets": ["mlp"]}, "PEFT refuses these settings"),
        ({"options": {"modules_to_save": ["lm_haed"]}}, "adapter.options.modules_to_save: 'lm_haed'; did you mean"),
        ({"options": {"exclude_modules": ["up_porj"]}}, "did you mean 'up_proj'"),
        ({"options": {"rank_pattern": {"q_porj": 8}}}, "did you mean 'q_proj'"),
        ({"options": {"layers_to_transform": [0, 3]}}, "no layer 3; expected 0 to 0"),
    ],
)
def test_a_setting_that_does_not_exist_is_one_line(config: dict[str, object], message: str):
    with pytest.raises(JielongError) as caught:
        add_adapter(network(), AdapterConfig.model_validate(config), 0)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
