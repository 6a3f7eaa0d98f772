"""`jielong train reward`: a model that grades replies, from comparisons of replies; its result is a `Scorer`."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ...errors import BadInput, MissingExtra
from ...scope import note
from ..data.preference_data import Preference, grouped_folds, read_preferences, without_shared_prompts
from ..training_output import CurvePoint
from .reward_config import PairConfig, RewardConfig
from .reward_report import RewardReport

ONE_HEAD = "reward"


def train_reward(config: RewardConfig, on_point: Callable[[CurvePoint], None] = lambda point: None) -> RewardReport:
    """Train a reward model on `config.data` and test it on what was held out; `reward:OUT/weights` loads it.

    Goes on where an earlier run with the same settings was stopped. Raises BadInput, MissingExtra, TrainingFailed.
    """
    if config.start is None:
        raise BadInput('a reward model goes on from a checkpoint: expected start = "mini", a folder or ORG/NAME')
    training, tested = divided(config.data)
    heads = head_names([*training, *tested])
    try:
        from .reward_network import train_reward_network
    except ImportError:
        raise MissingExtra("training", "train") from None
    return train_reward_network(config, heads, training, tested, on_point)


def divided(config: PairConfig) -> tuple[Sequence[Preference], Sequence[Preference]]:
    """The preferences to train on and those to test on; no prompt is in both. Raises BadInput."""
    data = read_preferences(config.source, strict=config.strict)
    for text in data.notes:
        note(text)
    if config.evaluation:
        other = read_preferences(config.evaluation, strict=config.strict)
        for text in other.notes:
            note(text)
        return data.preferences, without_shared_prompts(other.preferences, data.preferences, note)
    folds = grouped_folds(data.preferences, config.folds)
    if len(set(folds)) < config.folds:
        raise BadInput(
            f"{config.source}: {len(set(folds))} different prompts cannot be divided into {config.folds} parts; "
            "set fewer data.folds, or data.evaluation"
        )
    pairs = list(zip(data.preferences, folds, strict=True))
    return [each for each, fold in pairs if fold != config.fold], [each for each, fold in pairs if fold == config.fold]


def head_names(preferences: Sequence[Preference]) -> tuple[str, ...]:
    """One head for each standard. Raises BadInput where only some rows name theirs."""
    names = sorted({each.standard for each in preferences})
    if names == [""]:
        return (ONE_HEAD,)
    if "" in names:
        raise BadInput(
            f"some rows have a standard ({', '.join(names[1:4])}) and some have none; give each one, or none"
        )
    return tuple(names)
