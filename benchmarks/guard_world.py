"""A world in which over-optimisation can be watched: texts of 16 tokens, a gold reward, proxies from noisy pairs.

The gold reward of a seed is a random network over the tokens of a text; a proxy is another one, fitted to pairs of the
first policy's texts, of which a quarter is labelled wrongly. The policy (1.19 M parameters) is trained by GRPO against
the proxy to the end; each look keeps the gold and proxy rewards of fresh texts: the trace on which guards are tried.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import DynamicCache, LlamaConfig, LlamaForCausalLM

from jielong.training.objective import frozen_copy
from jielong.training.objectives.policy_gradient import Grpo, group_advantages
from jielong.training.reply_logprobs import reply_logprobs
from jielong.training.train_config import LoopConfig
from jielong.training.training_loop import train

VOCABULARY, LENGTH, PROMPT = 64, 16, 2
GROUPS, REPLIES, NOISE = 4, 8, 0.25
Reward = Callable[[Tensor], Tensor]  # (rows, LENGTH) tokens → (rows,)


def new_policy(seed: int) -> Any:
    torch.manual_seed(seed)
    return LlamaForCausalLM(LlamaConfig(
        vocab_size=VOCABULARY, hidden_size=192, intermediate_size=768, num_hidden_layers=2, num_attention_heads=3,
        max_position_embeddings=32, tie_word_embeddings=True, attn_implementation="eager",
    ))  # fmt: skip


class TextScore(nn.Module):
    """A reward: embeddings, a convolution over three tokens, the mean, a hidden layer."""

    def __init__(self, width: int, scale: float) -> None:
        super().__init__()
        self.embedding = nn.Embedding(VOCABULARY, width)
        self.near = nn.Conv1d(width, 2 * width, 3, padding=1)
        self.hidden, self.out = nn.Linear(4 * width, 2 * width), nn.Linear(2 * width, 1)
        for parameter in self.parameters():
            parameter.data *= scale

    def forward(self, tokens: Tensor) -> Tensor:
        features = torch.tanh(self.near(self.embedding(tokens).transpose(1, 2)))
        pooled = torch.cat([features.mean(-1), features.amax(-1)], -1)
        return self.out(torch.tanh(self.hidden(pooled)))[:, 0]


@torch.no_grad()
def sample(policy: Any, prompts: Tensor, generator: torch.Generator) -> Tensor:
    """(rows, PROMPT) → (rows, LENGTH), at temperature 1; the two ids of a prompt are never drawn."""
    policy.eval()
    cache, ids, tokens = DynamicCache(config=policy.config), prompts, []
    for _ in range(LENGTH):
        logits = policy(input_ids=ids, past_key_values=cache, use_cache=True).logits[:, -1]
        ids = torch.multinomial(logits.softmax(-1), 1, generator=generator)
        tokens.append(ids)
    policy.train()
    return torch.cat(tokens, 1)


def prompts(rows: int, generator: torch.Generator) -> Tensor:
    return torch.randint(0, VOCABULARY, (rows, PROMPT), generator=generator)


def as_batch(asked: Tensor, texts: Tensor) -> dict[str, Tensor]:
    ids = torch.cat([asked, texts], 1)
    mask = torch.ones_like(ids)
    mask[:, :PROMPT] = 0
    return {"input_ids": ids, "attention_mask": torch.ones_like(ids), "reply_mask": mask}


def warmed_up(policy: Any, steps: int = 80) -> Any:
    """A first policy with habits: it has learnt to go on as a random Markov chain does."""
    generator = torch.Generator().manual_seed(1)
    chain = torch.softmax(1.5 * torch.randn(VOCABULARY, VOCABULARY, generator=generator), -1)
    optimizer = torch.optim.AdamW(policy.parameters(), 2e-3)
    for _ in range(steps):
        ids = [torch.randint(0, VOCABULARY, (32, 1), generator=generator)]
        for _ in range(PROMPT + LENGTH - 1):
            ids.append(torch.multinomial(chain[ids[-1][:, 0]], 1, generator=generator))
        rows = torch.cat(ids, 1)
        logits = policy(input_ids=rows).logits[:, :-1]
        nn.functional.cross_entropy(logits.flatten(0, 1), rows[:, 1:].flatten()).backward()
        optimizer.step()
        optimizer.zero_grad()
    return policy


def standardised(score: nn.Module, texts: Tensor) -> Reward:
    with torch.no_grad():
        values = score(texts)
        mean, deviation = values.mean(), values.std()
    return torch.no_grad()(lambda tokens: (score(tokens) - mean) / deviation)


def gold_reward(seed: int, texts: Tensor, scale: float = 2.0) -> Reward:
    torch.manual_seed(10_000 + seed)
    return standardised(TextScore(16, scale).eval().requires_grad_(False), texts)


def proxy_reward(seed: int, member: int, texts: Tensor, gold: Reward, pairs: int, epochs: int = 12) -> Reward:
    """Fitted to `pairs` pairs of `texts`; the better one by gold wins but for the share NOISE."""
    generator = torch.Generator().manual_seed(20_000 + 100 * seed + member)
    a, b = (torch.randint(0, len(texts), (pairs,), generator=generator) for _ in range(2))
    values = gold(texts)
    wins = (values[a] > values[b]) ^ (torch.rand(pairs, generator=generator) < NOISE)
    torch.manual_seed(30_000 + 100 * seed + member)
    score = TextScore(24, 1.0)
    optimizer = torch.optim.AdamW(score.parameters(), 3e-3, weight_decay=0.1)
    for _ in range(epochs):
        for part in torch.randperm(pairs, generator=generator).split(64):
            difference = score(texts[a[part]]) - score(texts[b[part]])
            nn.functional.binary_cross_entropy_with_logits(difference, wins[part].float()).backward()
            optimizer.step()
            optimizer.zero_grad()
    return standardised(score.eval().requires_grad_(False), texts)


@dataclass
class WorldFeed:
    """Groups of fresh texts of the policy as it is, with their advantages by the reward."""

    reward: Reward
    seed: int
    steps: int
    look_every: int
    on_look: Callable[[int, Any], None]
    digest: str = "world"

    def tokens(self, batch: dict[str, Tensor]) -> int:
        return batch["input_ids"].numel()

    def batch(self, step: int, network: Any) -> dict[str, Tensor]:
        if step % self.look_every == 0:
            self.on_look(step, network)
        generator = torch.Generator().manual_seed((self.seed << 20) + step)
        asked = prompts(GROUPS, generator).repeat_interleave(REPLIES, 0)
        texts = sample(network, asked, generator)
        advantages, _ = group_advantages(self.reward(texts).view(GROUPS, REPLIES), "grpo")
        return as_batch(asked, texts) | {"advantages": advantages.flatten()}


def run(
    policy: Any, reward: Reward, measured: dict[str, Reward], seed: int, steps: int, look_every: int, looks: int,
    rate: float, out: Path,
) -> list[dict[str, Any]]:  # fmt: skip
    """Train to the end; at each look the KL and each measured reward of `looks` fresh texts."""
    reference, trace = frozen_copy(policy), []

    def look(step: int, network: Any) -> None:
        generator = torch.Generator().manual_seed((7 << 40) + (seed << 20) + step)
        asked = prompts(looks, generator)
        texts = sample(network, asked, generator)
        batch = as_batch(asked, texts)
        with torch.no_grad():
            own, before = (reply_logprobs(each, batch).logprobs for each in (network, reference))
        values = {name: [round(float(v), 3) for v in measure(texts)] for name, measure in measured.items()}
        trace.append({"step": step, "kl": float((own - before).sum(-1).mean()), **values})

    feed = WorldFeed(reward, seed, steps, look_every, look)
    loop = LoopConfig(learning_rate=rate, bf16=False, weight_decay=0.0, schedule="wsd", decay=0.01, warmup_steps=5,
                      seed=seed, checkpoint_every=10_000, log_every=1000)  # fmt: skip
    train(policy, feed, Grpo(), loop, out, f"{seed} {time.time()}")
    look(steps, policy)
    return trace
