"""What a training is told, read from a TOML file: every name in it is known, every value is of its type."""

from __future__ import annotations

import hashlib
import tomllib
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from ..errors import BadInput


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Network(_Section):
    """A new network of the Llama architecture, its input and output embeddings tied."""

    layers: int = Field(gt=0)
    hidden: int = Field(gt=0)
    mlp: int = Field(gt=0)
    heads: int = Field(gt=0)
    positions: int = Field(1024, gt=0)
    rope_base: float = 10_000.0

    @model_validator(mode="after")
    def _even_heads(self) -> Network:
        if self.hidden % self.heads or self.hidden // self.heads % 2:
            raise ValueError(f"hidden = {self.hidden} must be an even multiple of heads = {self.heads}")
        return self


class TokenizerSettings(_Section):
    vocabulary: int = Field(gt=300)
    documents: int = Field(40_000, gt=0)


class Stage(_Section):
    """A part of the training: where its documents come from, how long the rows are that they are packed into, and for
    how many tokens it lasts (places in rows, filling included)."""

    source: str
    tokens: int = Field(gt=0)
    length: int = Field(gt=1)


class LoopConfig(_Section):
    """`rate` is the highest learning rate. The schedule `wsd` decays over the last `decay` of all steps."""

    batch_tokens: int = Field(gt=0)
    rate: float = Field(gt=0)
    optimizer: Literal["muon", "adamw"] = "adamw"
    schedule: Literal["cosine", "wsd"] = "cosine"
    warmup_steps: int = Field(100, ge=0)
    decay: float = Field(0.2, gt=0, le=1)
    weight_decay: float = Field(0.1, ge=0)
    clip: float = Field(1.0, gt=0)
    bf16: bool = True
    compile: bool = False
    seed: int = 0
    log_every: int = Field(20, gt=0)
    evaluate_every: int = Field(500, gt=0)
    checkpoint_every: int = Field(250, gt=0)
    snapshots: tuple[int, ...] = ()

    @property
    def snapshot_steps(self) -> set[int]:
        """After how many steps the weights are exported: `snapshots` are tokens."""
        return {-(-tokens // self.batch_tokens) for tokens in self.snapshots}


class Evaluation(_Section):
    source: str
    length: int = Field(gt=1)
    rows: int = Field(64, gt=0)


class TrainConfig(_Section):
    """The whole of a training. `start` is a folder or recipe spec whose weights and tokenizer are trained on."""

    out: Path
    start: str | None = None
    network: Network | None = None
    tokenizer: TokenizerSettings | None = None
    stages: tuple[Stage, ...] = Field(min_length=1)
    evaluation: Evaluation | None = None
    loop: LoopConfig

    @model_validator(mode="after")
    def _whole_rows(self) -> TrainConfig:
        for stage in self.stages:
            if self.loop.batch_tokens % stage.length:
                raise ValueError(
                    f"loop.batch_tokens = {self.loop.batch_tokens} is no multiple of length {stage.length}"
                )
        return self

    @property
    def digest(self) -> str:
        """Of every setting that has an influence on the weights."""
        told = self.model_dump_json(exclude={"out": True, "evaluation": True, "loop": _NO_INFLUENCE})
        return hashlib.sha256(told.encode()).hexdigest()

    @property
    def steps(self) -> int:
        return -(-sum(stage.tokens for stage in self.stages) // self.loop.batch_tokens)

    def stage_at(self, step: int) -> Stage:
        """The stage that step number `step` is in."""
        reached = 0
        for stage in self.stages:
            reached += stage.tokens
            if step * self.loop.batch_tokens < reached:
                return stage
        return self.stages[-1]


_NO_INFLUENCE = {"log_every", "evaluate_every", "checkpoint_every", "snapshots"}


def read_train_config(file: Path, overrides: dict[str, object]) -> TrainConfig:
    """The settings in `file`; `overrides` are dotted names and values that take the place of the file's."""
    try:
        told = tomllib.loads(file.read_text("utf-8"))
    except FileNotFoundError:
        raise BadInput(f"{file}: no such file; expected a TOML file with the settings of a training") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, IsADirectoryError) as error:
        raise BadInput(f"{file}: not TOML ({error})") from None
    for dotted, value in overrides.items():
        *above, last = dotted.split(".")
        section = told
        for name in above:
            section = section.setdefault(name, {})
        section[last] = value
    try:
        return TrainConfig.model_validate(told)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "settings"
        raise BadInput(f"{file}: {where}: {first['msg']}" + _found(first["input"])) from None


def _found(value: object) -> str:
    return "" if isinstance(value, dict) else f", found {value!r}"
