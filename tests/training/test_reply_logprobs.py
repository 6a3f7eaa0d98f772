"""Log-probabilities of replies: by either side of padding, beside the plain computation of each reply alone."""

import pytest

torch = pytest.importorskip("torch")

from torch import nn

from jielong.training.reply_logprobs import EncodedReply, pad_replies, reply_logits, reply_logprobs, without_dropout

REPLIES = [EncodedReply([5], [9, 11, 3]), EncodedReply([7, 8, 9, 12, 20], [4]), EncodedReply([6, 3], [8] * 9)]


def network(kind: str = "llama", **changes: object) -> nn.Module:
    from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    if kind == "gpt2":  # learnt positions: wrong ones are seen at once
        return GPT2LMHeadModel(GPT2Config(vocab_size=50, n_positions=64, n_embd=32, n_layer=2, n_head=2, **changes))
    size = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
    return LlamaForCausalLM(LlamaConfig(vocab_size=50, **{**size, **changes}))


def alone(policy: nn.Module, reply: EncodedReply, temperature: float = 1.0) -> tuple[list[float], list[float]]:
    ids = torch.tensor([[*reply.prompt, *reply.reply]])
    distributions = (policy(input_ids=ids).logits[0].double() / temperature).softmax(-1)
    start = len(reply.prompt)
    rows = distributions[start - 1 : -1]
    logprobs = [row[token].log().item() for row, token in zip(rows, reply.reply, strict=True)]
    return logprobs, [-(row * row.log()).sum().item() for row in rows]


@pytest.mark.parametrize("kind", ["llama", "gpt2"])
@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("temperature", [1.0, 0.7])
def test_each_reply_has_the_logprobs_that_it_has_alone(kind: str, side: str, temperature: float):
    policy = network(kind).eval()
    batch = pad_replies(REPLIES, 1, side)
    found = reply_logprobs(policy, batch, temperature=temperature, entropies=True)
    for row, reply in enumerate(REPLIES):
        logprobs, entropies = alone(policy, reply, temperature)
        mask = batch["reply_mask"][row].bool()
        assert found.logprobs[row][mask].tolist() == pytest.approx(logprobs, abs=1e-5)
        assert found.entropies[row][mask].tolist() == pytest.approx(entropies, abs=1e-5)
        assert not found.logprobs[row][~mask].any()
        assert not found.entropies[row][~mask].any()


def test_gradients_do_not_depend_on_the_side_of_the_padding():
    gradients = []
    for side in ("left", "right"):
        policy = network().eval()
        reply_logprobs(policy, pad_replies(REPLIES, 1, side)).logprobs.sum().backward()
        gradients.append([parameter.grad for parameter in policy.parameters()])
    for left, right in zip(*gradients, strict=True):
        assert torch.allclose(left, right, atol=1e-5)


def test_only_the_places_of_replies_are_computed():
    batch = pad_replies(REPLIES, 1)
    assert reply_logits(network().eval(), batch).shape == (3 + 1 + 9, 50)
    batch["reply_mask"][1:] = 0
    assert reply_logits(network().eval(), batch).shape == (3, 50)
    batch["reply_mask"][:] = 0  # a micro-batch in which every reply was set aside
    assert reply_logprobs(network().eval(), batch).logprobs.shape == batch["input_ids"].shape


def test_a_reply_without_a_token_is_refused():
    with pytest.raises(ValueError, match="reply 1: its reply has no token"):
        pad_replies([REPLIES[0], EncodedReply([3], [])], 1)


@pytest.mark.parametrize(("kind", "dropout"), [("llama", {"attention_dropout": 0.5}), ("gpt2", {"resid_pdrop": 0.5})])
def test_without_dropout_a_network_in_training_is_a_function(kind: str, dropout: dict[str, float]):
    policy, batch = network(kind, **dropout).train(), pad_replies(REPLIES, 1)
    noisy = [reply_logprobs(policy, batch).logprobs for _ in range(2)]
    assert not torch.equal(*noisy)
    still = [reply_logprobs(without_dropout(policy), batch).logprobs for _ in range(2)]
    assert torch.equal(*still)
