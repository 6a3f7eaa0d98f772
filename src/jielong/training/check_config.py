"""What can be wrong with settings, found before anything heavy is imported: a typing error is reported in a second."""

from __future__ import annotations

from ..errors import BadInput
from .data_sources import check_source
from .train_config import NetworkConfig, TokenizerConfig, TrainConfig


def check_pretraining(config: TrainConfig) -> tuple[NetworkConfig, TokenizerConfig]:
    """The sections that only pretraining has. Raises BadInput."""
    if config.network is None or config.tokenizer is None:
        raise BadInput("pretraining begins from nothing: expected the sections [network] and [tokenizer]")
    _check_sources(config)
    return config.network, config.tokenizer


def check_finetuning(config: TrainConfig) -> str:
    """The checkpoint to go on from. Raises BadInput."""
    if config.start is None or config.network or config.tokenizer:
        raise BadInput('finetuning goes on from a checkpoint: expected start = "mini", a folder or ORG/NAME, '
                       "and no [network] or [tokenizer]")  # fmt: skip
    _check_sources(config)
    return config.start


def _check_sources(config: TrainConfig) -> None:
    for stage in config.stages:
        check_source(stage.source)
    if config.evaluation:
        check_source(config.evaluation.source)
