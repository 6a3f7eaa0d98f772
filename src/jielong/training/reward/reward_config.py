"""The settings of a training on comparisons of replies."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, model_validator

from ..train_config import Section, TrainingConfig


class PairConfig(Section):
    """Comparisons: `source` is a data file (preference_data.py). `evaluation` is another one; without it, part number
    `fold` of `folds` is held out, by prompts. What is longer than `length` tokens loses the beginning of its prompt.
    `strict`: a row that cannot be learnt stops the training instead of being set aside."""

    source: Path
    evaluation: Path | None = None
    folds: int = Field(10, gt=1)
    fold: int = Field(0, ge=0)
    batch_pairs: int = Field(16, gt=0)
    epochs: int = Field(1, gt=0)
    length: int | None = Field(None, gt=1)
    strict: bool = False

    @model_validator(mode="after")
    def _known_fold(self) -> PairConfig:
        if self.fold >= self.folds:
            raise ValueError(f"fold = {self.fold}; with folds = {self.folds} they are numbered from 0")
        return self


class RewardConfig(TrainingConfig):
    """`centering` holds rewards near 0 (objectives/reward.py). `heads_only`: the network stays as it is. There is a
    head for each `standard` in the data."""

    data: PairConfig
    centering: float = Field(0.0, ge=0)
    heads_only: bool = False
