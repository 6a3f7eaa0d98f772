"""The network of a reward model: a checkpoint under new heads, trained by pairs and tested on those held out."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import nn

from ...atomic_write import write_whole
from ...models.local.checkpoint_folder import Checkpoint, folder_hash, open_checkpoint
from ...models.local.reward_model import RewardTexts
from ...models.local.transformers_engine import load_module
from ...models.mini import Mini
from ...regular_files import read_regular_file
from ...scope import note
from ..data.chat_tokenizer import ChatTokenizer
from ..data.preference_data import Preference
from ..data.preference_feed import EncodedPair, PreferenceFeed, pair_batch, reward_pairs
from ..network_training import StartNetwork, export_checkpoint, train_network
from ..objectives.reward import PairReward, pair_rewards
from ..training_output import WEIGHTS, CurvePoint
from .reward_baselines import Floats
from .reward_config import RewardConfig
from .reward_report import RewardReport, reward_report

TESTED_TOGETHER = 16  # pairs


def train_reward_network(
    config: RewardConfig,
    heads: Sequence[str],
    training: Sequence[Preference],
    tested: Sequence[Preference],
    on_point: Callable[[CurvePoint], None],
) -> RewardReport:
    """See `reward.train_reward`."""
    checkpoint = _checkpoint(str(config.start))
    texts = RewardTexts(checkpoint, config.data.length)
    network = _with_heads(checkpoint, heads, config)
    filler = network.config.pad_token_id or 0
    trained_pairs, tested_pairs = (reward_pairs(each, texts, heads, note) for each in (training, tested))
    feed = PreferenceFeed(trained_pairs, config.data.batch_pairs, config.data.epochs, config.loop.seed, filler)
    chat, digest = ChatTokenizer.from_folder(checkpoint.folder), folder_hash(checkpoint.folder)
    start = StartNetwork(network, chat, str(config.start).removeprefix("local:"), digest)
    objective = PairReward(config.centering)
    held_out = pair_batch(tested_pairs, filler)
    train_network(start, config, feed, objective, evaluation=held_out, on_point=on_point)
    rewards = tested_rewards(network, tested_pairs, filler)
    weights = config.out / WEIGHTS
    if hasattr(network, "merge_and_unload"):  # `reward:` reads whole checkpoints
        export_checkpoint(network.merge_and_unload(), chat, weights)
    if (ends := checkpoint.folder / "generation_config.json").exists():  # which token ends a reply; also when graded
        write_whole(weights / ends.name, read_regular_file(ends).decode())
    known, unknown = ([pair.source for pair in pairs] for pairs in (trained_pairs, tested_pairs))
    report = reward_report(f"reward:{weights}", heads, known, unknown, rewards)
    report.write(weights, config.out)
    rows = [
        {"place": pair.source.place, "head": heads[pair.head], "preference": pair.source.preference,
         "chosen": chosen, "rejected": rejected}
        for pair, (chosen, rejected) in zip(tested_pairs, rewards.tolist(), strict=True)
    ]  # fmt: skip
    write_whole(config.out / "rewards.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    return report


def _checkpoint(start: str) -> Checkpoint:
    return Mini().checkpoint if start == "mini" else open_checkpoint(start.removeprefix("local:"))


def _with_heads(checkpoint: Checkpoint, heads: Sequence[str], config: RewardConfig) -> Any:
    """fp32; the heads' weights are random by the seed, those of the rest are trained as `config` says."""
    torch.manual_seed(config.loop.seed)
    network = load_module(replace(checkpoint, dtype="float32", engine="torch"), new_labels=heads)
    head = getattr(network, "score", None) or network.classifier
    if config.heads_only:
        network.requires_grad_(False)
        head.requires_grad_(True)
    if config.adapter:
        from ..adapters import add_adapter  # imports PEFT, which a training without adapter does without

        network = add_adapter(network, config.adapter, config.loop.seed)
    return network


def tested_rewards(network: nn.Module, pairs: Sequence[EncodedPair], filler: int) -> Floats:
    """(pairs, 2): the rewards of both replies, in fp32, without dropout."""
    device = next(network.parameters()).device
    network.eval()
    parts = [pairs[i : i + TESTED_TOGETHER] for i in range(0, len(pairs), TESTED_TOGETHER)]
    with torch.no_grad():
        batches = ({k: v.to(device) for k, v in pair_batch(part, filler).items()} for part in parts)
        rewards = [pair_rewards(network, batch).cpu().numpy() for batch in batches]
    values: Floats = np.concatenate(rewards).astype(np.float64)
    return values
