"""The parts of an alignment put together: network, rollouts, rewards, objective, guard."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ...models.local.checkpoint_folder import open_checkpoint
from ...models.mini import Mini
from ...scope import note
from ...tasks.item import Item
from ..data.preference_data import Preference
from ..data.preference_feed import PreferenceFeed, pair_batch, policy_pairs
from ..network_training import load_start_network, train_network
from ..objective import reference
from ..objectives.ppo import ActorCritic
from ..objectives.preference import PreferenceOptimisation
from ..reply_logprobs import without_dropout
from ..training_output import CurvePoint, TrainResult
from .advantages import advantages_of, objective_of
from .align_config import AlignConfig
from .guarded_training import GuardedTraining
from .rewards import Rewards
from .rollout_policy import EndpointPolicy, NetworkPolicy
from .rollouts import RolloutFeed, RolloutSampler


def align_by_rollouts(
    config: AlignConfig,
    items: Sequence[Item],
    held_out: Sequence[Item],
    rewards: Rewards,
    voters: Rewards | None,
    digest: str,
    on_point: Callable[[CurvePoint], None],
) -> TrainResult:
    """Train on rollouts to `items`; with `voters` under the guard, which looks at replies to `held_out`."""
    assert config.rollouts
    epochs = config.rollouts.epochs
    steps = config.rollouts.rounds * epochs
    start = load_start_network(config.start, config, config.rollouts.max_tokens)
    network = without_dropout(start.network)
    compared = reference(network) if config.kl_weight or voters else None
    module = ActorCritic(network) if config.method == "ppo" else network
    base = config.start.removeprefix("local:").partition("+")[0]
    folder = (Mini().checkpoint if base == "mini" else open_checkpoint(base)).folder
    policy: Any = NetworkPolicy(network, folder, config.loop, digest)
    if config.rollouts.endpoint:
        policy = EndpointPolicy(network, folder, config.rollouts.endpoint, config.out, digest)
    sampler = RolloutSampler(policy, config.rollouts, config.loop.seed)
    filler = start.chat.special_id("pad_token") or start.chat.special_id("eos_token") or 0
    feed = RolloutFeed(config, items, sampler, rewards, filler, digest, advantages_of(config, compared))
    guard = None
    if config.guard and voters and compared:
        guard = GuardedTraining(
            config.guard, config.guard.every * epochs, steps, config.out, module, compared, sampler, held_out,
            rewards, voters, filler,
        )  # fmt: skip
        guard.begin()
    # A training resumes where a round begins: the policy that sampled it is needed to learn from it.
    interval = config.loop.checkpoint_interval(steps)
    loop = config.loop.model_copy(update={"checkpoint_every": -(-interval // epochs) * epochs})
    return train_network(
        start, config.model_copy(update={"loop": loop}), feed, objective_of(config), module=module, on_point=on_point,
        ends_after=guard.ends_after if guard else lambda steps: False,
    )  # fmt: skip


def align_by_preferences(
    config: AlignConfig,
    training: Sequence[Preference],
    tested: Sequence[Preference],
    on_point: Callable[[CurvePoint], None],
) -> TrainResult:
    """Train on pairs of replies; the loss on `tested` is on the curve."""
    assert config.data
    data = config.data
    start = load_start_network(config.start, config, data.length or 1)
    network, filler = without_dropout(start.network), start.chat.special_id("pad_token") or 0
    length = data.length or int(getattr(network.config, "max_position_embeddings", None) or 4096)
    trained, held_out = (policy_pairs(pairs, start.chat, length, note) for pairs in (training, tested))
    feed = PreferenceFeed(trained, data.batch_pairs, data.epochs, config.loop.seed, filler)
    objective = PreferenceOptimisation(reference(network), config.kl_weight, config.loss, config.length_normalised)
    return train_network(start, config, feed, objective, evaluation=pair_batch(held_out, filler), on_point=on_point)
