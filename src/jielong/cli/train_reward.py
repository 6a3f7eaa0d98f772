"""`jielong train reward CONFIG.toml`: a reward model from comparisons, and how good it is on those held out."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from ..reporting.reward_table import reward_lines, reward_table
from ..reporting.terminal import print_json
from ..reporting.wording import words
from ..scope import scope
from .messages import language, localized
from .training_options import overrides, progress_bar, training_options


@click.command(help=localized("help.reward"))
@training_options
def reward(file: Path, out: str | None, assignments: tuple[str, ...], as_json: bool) -> None:
    from ..training.reward.reward_config import RewardConfig
    from ..training.reward.train_reward import train_reward
    from ..training.train_config import read_config

    config = read_config(file, RewardConfig, overrides(out, assignments))
    with scope("train") as training_scope, progress_bar(None, training_scope.notes) as show:
        report = train_reward(config, show)
    if as_json:
        print_json(asdict(report))
        return
    texts = words(language())
    reward_table(report, texts).print()
    for line in reward_lines(report, texts):
        print(line)
