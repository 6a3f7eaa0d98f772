"""The seams of training: objectives with a reference network, feeds that follow the policy, frozen parameters."""

from collections.abc import Mapping
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from torch import Tensor, nn
from torch.nn import functional as F

from jielong.training.data.sequence_packing import EncodedDocument, PackedRow, pack_batch
from jielong.training.objective import Batch, frozen_copy, micro_batches
from jielong.training.objectives.next_token import NextToken
from jielong.training.train_config import LoopConfig
from jielong.training.training_checkpoint import all_weights
from jielong.training.training_loop import train
from jielong.training.training_output import CurvePoint

LOOP = LoopConfig(learning_rate=0.01, bf16=False, warmup_steps=1, checkpoint_every=3, log_every=3)


def network(**changes: object) -> nn.Module:
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    size = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 2}
    return LlamaForCausalLM(LlamaConfig(vocab_size=50, **{**size, **changes}))


def batch_of(*documents: tuple[int, ...], weight: float = 1.0) -> Batch:
    rows = [PackedRow(32) for _ in documents]
    for row, ids in zip(rows, documents, strict=True):
        row.add(EncodedDocument(ids, [weight] * len(ids)))
    return {name: torch.from_numpy(array) for name, array in pack_batch(rows, 1).items()}


class PolicyFeed:
    """What follows a prompt, as the policy itself goes on greedily before each step."""

    digest = "policy"

    def __init__(self, steps: int, stop_at: int | None = None) -> None:
        self.steps, self._stop_at = steps, stop_at

    def batch(self, step: int, network: nn.Module) -> Batch:
        if step == self._stop_at:
            raise KeyboardInterrupt
        with torch.no_grad():
            logits = network(input_ids=torch.tensor([[5 + step % 7, 9, 11]])).logits[0]
        own = tuple(logits.argmax(-1).tolist())
        return batch_of((5 + step % 7, *own), tuple(range(8, 24)), (7, 8, 9))

    def tokens(self, batch: Batch) -> int:
        return batch["input_ids"].numel()


class WithReference:
    """Next-token loss and the divergence from a reference network, as in many preference objectives."""

    def __init__(self, reference: nn.Module) -> None:
        self.reference = reference

    def loss(self, network: nn.Module, batch: Batch) -> tuple[Tensor, Mapping[str, Tensor]]:
        loss, _ = NextToken().loss(network, batch)
        with torch.no_grad():
            expected = self.reference(input_ids=batch["input_ids"]).logits
        logits = network(input_ids=batch["input_ids"]).logits
        divergence = F.kl_div(
            F.log_softmax(logits, -1), F.log_softmax(expected, -1), log_target=True, reduction="batchmean"
        )
        return loss + 0.1 * divergence, {"divergence": divergence.detach()}

    def size(self, batch: Batch) -> float:
        return NextToken().size(batch)


def weights_equal(a: nn.Module, b: nn.Module) -> bool:
    return all(torch.equal(value, all_weights(b)[name]) for name, value in all_weights(a).items())


@pytest.mark.parametrize("with_reference", [False, True])
def test_a_training_with_its_own_policy_and_a_reference_resumes_exactly(with_reference: bool, tmp_path: Path):
    def run(out: Path, stop_at: int | None = None) -> nn.Module:
        policy = network(attention_dropout=0.2)  # chance in the network must be the same, too
        objective = WithReference(frozen_copy(policy)) if with_reference else NextToken()
        train(policy, PolicyFeed(10, stop_at), objective, LOOP, out, "x")
        return policy

    whole = run(tmp_path / "whole")
    for stop_at in (4, 8):
        with pytest.raises(KeyboardInterrupt):
            run(tmp_path / "stopped", stop_at)
    assert weights_equal(run(tmp_path / "stopped"), whole)


def test_a_reference_network_stays_what_the_training_began_with(tmp_path: Path):
    policy = network()
    objective, points = WithReference(frozen_copy(policy)), []
    train(policy, PolicyFeed(9), objective, LOOP, tmp_path, "x", on_point=points.append)
    assert weights_equal(objective.reference, network())
    assert not weights_equal(policy, network())
    assert [point.figures["divergence"] > 0 for point in points] == [True] * 3


def test_accumulated_gradients_are_those_of_the_whole_batch(tmp_path: Path):
    """The rows have 3, 15 and 31 targets: means of equal weight would differ."""

    class Uneven(PolicyFeed):
        def batch(self, step: int, network: nn.Module) -> Batch:
            return batch_of((5, 6, 7, 8), tuple(range(8, 24)), tuple(range(1, 33)))

    whole, divided = network(), network()
    losses: dict[str, list[float]] = {}
    for name, policy, parts in (("whole", whole, 1), ("divided", divided, 3)):
        loop, points = LOOP.model_copy(update={"gradient_accumulation": parts}), list[CurvePoint]()
        train(policy, Uneven(6), NextToken(), loop, tmp_path / name, "x", on_point=points.append)
        losses[name] = [point.loss for point in points]
    assert losses["whole"] == pytest.approx(losses["divided"], rel=1e-5)
    for name, value in all_weights(whole).items():
        assert torch.allclose(value, all_weights(divided)[name], atol=1e-5), name


def test_a_batch_is_divided_by_rows():
    batch = batch_of((1, 2), (3, 4), (5, 6))
    assert [len(part["input_ids"]) for part in micro_batches(batch, 2)] == [2, 1]
    assert [part["input_ids"][0, 0].item() for part in micro_batches(batch, 5)] == [1, 3, 5]


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_frozen_parameters_stay_and_are_not_in_the_checkpoint(optimizer: str, tmp_path: Path):
    from safetensors import safe_open

    policy = network()
    policy.requires_grad_(False)
    policy.model.layers[0].mlp.requires_grad_(True)
    loop = LOOP.model_copy(update={"optimizer": optimizer})
    train(policy, PolicyFeed(6), NextToken(), loop, tmp_path, "x")
    changed = {
        name for name, value in all_weights(policy).items() if not torch.equal(value, all_weights(network())[name])
    }
    assert changed == {f"model.layers.0.mlp.{part}_proj.weight" for part in ("gate", "up", "down")}
    with safe_open(tmp_path / "checkpoint.safetensors", "pt") as checkpoint:
        assert {key.split(" ")[1] for key in checkpoint.keys() if key.startswith("weights ")} == changed  # noqa: SIM118
