"""The settings of a training, read from a TOML file: every name in it is known, every value is of its type."""

from __future__ import annotations

import hashlib
import tomllib
from bisect import bisect
from collections.abc import Mapping
from functools import reduce
from importlib.util import find_spec
from itertools import accumulate
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from ..errors import BadInput, MissingExtra
from ..regular_files import read_regular_file
from ..settings_error import settings_error


class Section(BaseModel):
    """A section of a file of settings: unknown names are refused, and values are not changed after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class NetworkConfig(Section):
    """A new network of the Llama architecture, its input and output embeddings tied."""

    layers: int = Field(gt=0)
    hidden: int = Field(gt=0)
    mlp: int = Field(gt=0)
    heads: int = Field(gt=0)
    positions: int = Field(1024, gt=0)
    rope_base: float = 10_000.0

    @model_validator(mode="after")
    def _even_heads(self) -> NetworkConfig:
        if self.hidden % self.heads or self.hidden // self.heads % 2:
            raise ValueError(f"hidden = {self.hidden} must be an even multiple of heads = {self.heads}")
        return self


class TokenizerConfig(Section):
    """mini's tokenizer, trained anew: how many tokens it has, and how many documents of the world it is trained on."""

    vocabulary: int = Field(gt=300)
    documents: int = Field(40_000, gt=0)


class Stage(Section):
    """A part of the training: where its documents come from, the length in tokens of the rows that they are packed
    into, and for how many tokens it lasts (positions of rows, filling included). Several sources take turns, row by
    row, so that each has as many tokens."""

    source: str | tuple[str, ...] = Field(min_length=1)
    tokens: int = Field(gt=0)
    length: int = Field(gt=1)

    @property
    def sources(self) -> tuple[str, ...]:
        return (self.source,) if isinstance(self.source, str) else self.source


class LoopConfig(Section):
    """`learning_rate` is the highest one. The schedule `wsd` decays over the last `decay` of all steps. With
    `gradient_accumulation` a step is computed in that many parts, which takes less memory. `bf16` counts where the
    hardware computes in it; elsewhere it would be slower than fp32, which is taken instead. Unless told, a tenth of all
    steps warms up, at most 100, and a checkpoint is written after each tenth or each 250 steps. `snapshots`: after how
    many tokens the weights are exported. `gradient_checkpointing` computes each layer twice, a third more work,
    and keeps its input alone. `shard` divides weights and optimizer among the processes that torchrun started."""

    learning_rate: float = Field(gt=0)
    optimizer: Literal["muon", "adamw"] = "adamw"
    schedule: Literal["cosine", "wsd"] = "cosine"
    warmup_steps: int | None = Field(None, ge=0)
    decay: float = Field(0.2, gt=0, le=1)
    weight_decay: float = Field(0.1, ge=0)
    max_grad_norm: float = Field(1.0, gt=0)
    gradient_accumulation: int = Field(1, gt=0)
    shard: bool = False
    gradient_checkpointing: bool = False
    bf16: bool = True
    compile: bool = False
    seed: int = 0
    log_every: int = Field(20, gt=0)
    evaluate_every: int = Field(500, gt=0)
    checkpoint_every: int | None = Field(None, gt=0)
    snapshots: tuple[int, ...] = ()

    def warmup(self, steps: int) -> int:
        """How many of all `steps` warm up."""
        return min(100, steps // 10) if self.warmup_steps is None else self.warmup_steps

    def checkpoint_interval(self, steps: int) -> int:
        """After how many of all `steps` a checkpoint is written, apart from that at the end."""
        return min(250, max(1, steps // 10)) if self.checkpoint_every is None else self.checkpoint_every

    def snapshot_between(self, before: int, after: int) -> bool:
        """Whether a step that led from `before` to `after` tokens reached one of the `snapshots`."""
        return any(before < tokens <= after for tokens in self.snapshots)


class DocumentLoopConfig(LoopConfig):
    """`batch_tokens`: the positions of the rows that a step reads, filling included."""

    batch_tokens: int = Field(gt=0)


class AdapterConfig(Section):
    """An adapter that is trained in place of the network's own weights.

    `kind` is one of PEFT's by its name (`lora`, `loha`, `ia3` …), `options` are further settings of that kind as PEFT
    calls them. `targets` are names of layers, such as `q_proj`, or the ends of their paths; without any, all linear
    layers but the output. The change is scaled by `alpha` / `rank`, or `alpha` / sqrt(`rank`) with `rslora`
    (Kalajdzievski 2023); unless told, `alpha` is what makes that factor 2. In `base_dtype` bfloat16 the network's own
    weights, which are not trained, take half the memory; the adapter's are fp32 in any case.
    """

    kind: str = "lora"
    rank: int = Field(16, gt=0)
    alpha: float | None = Field(None, gt=0)
    dropout: float = Field(0.0, ge=0, lt=1)
    targets: tuple[str, ...] = ()
    rslora: bool = False
    base_dtype: Literal["float32", "bfloat16"] = "float32"
    options: dict[str, Any] = {}

    @model_validator(mode="after")
    def _computable(self) -> AdapterConfig:
        if not find_spec("peft"):
            raise MissingExtra("[adapter]", "train")
        return self


class TrainingConfig(Section):
    """What the settings of every kind of training share. `start` is mini, a folder or ORG/NAME, or any of them with an
    adapter (`BASE+ADAPTER`), which is then trained on. Without `adapter` all weights are trained. `added_tokens` become
    tokens of their own, with embeddings that are trained."""

    out: Path
    start: str | None = None
    added_tokens: tuple[str, ...] = ()
    adapter: AdapterConfig | None = None
    loop: LoopConfig

    @property
    def digest(self) -> str:
        """SHA-256 of every setting that has an influence on the weights."""
        settings = self.model_dump_json(
            exclude={"out": True, "evaluation": True, "samples": True, "loop": _NO_INFLUENCE}
        )
        return hashlib.sha256(settings.encode()).hexdigest()


class Evaluation(Section):
    """The held-out documents, packed into `rows` rows of `length` tokens."""

    source: str
    length: int = Field(gt=1)
    rows: int = Field(64, gt=0)


class SamplesConfig(Section):
    """At each evaluation the network answers `items` of a task, greedily; the first `shown` replies are kept."""

    task: str
    items: int = Field(20, gt=0)
    shown: int = Field(3, ge=0)
    max_tokens: int = Field(256, gt=0)


class TrainConfig(TrainingConfig):
    """Pretraining and finetuning on documents."""

    network: NetworkConfig | None = None
    tokenizer: TokenizerConfig | None = None
    stages: tuple[Stage, ...] = Field(min_length=1)
    evaluation: Evaluation | None = None
    samples: SamplesConfig | None = None
    loop: DocumentLoopConfig

    @model_validator(mode="after")
    def _whole_rows(self) -> TrainConfig:
        tokens = self.loop.batch_tokens
        for stage in self.stages:
            if tokens % stage.length:
                raise ValueError(f"loop.batch_tokens = {tokens} is no multiple of length {stage.length}")
        return self

    @model_validator(mode="after")
    def _warmed_up_before_the_end(self) -> TrainConfig:
        if (warmup := self.loop.warmup_steps) and warmup >= self.steps:
            raise ValueError(
                f"loop.warmup_steps = {warmup}, and the training has {self.steps} steps: it would never leave the "
                "warm-up; set fewer, or leave it out"
            )
        return self

    @property
    def steps(self) -> int:
        return -(-sum(stage.tokens for stage in self.stages) // self.loop.batch_tokens)

    def stage_at(self, step: int) -> Stage:
        """The stage that step number `step` is in."""
        ends = list(accumulate(stage.tokens for stage in self.stages))
        return self.stages[min(bisect(ends, step * self.loop.batch_tokens), len(ends) - 1)]


_NO_INFLUENCE = {"shard", "log_every", "evaluate_every", "checkpoint_every", "snapshots"}


Config = TypeVar("Config", bound=Section)


def read_train_config(file: Path, overrides: Mapping[str, object] | None = None) -> TrainConfig:
    """`read_config` of a `TrainConfig`."""
    return read_config(file, TrainConfig, overrides)


def read_config(file: Path, kind: type[Config], overrides: Mapping[str, object] | None = None) -> Config:
    """The settings in `file`; `overrides` are dotted names and the values that replace the file's. Raises BadInput."""
    try:
        settings: dict[str, Any] = tomllib.loads(read_regular_file(file).decode())
    except FileNotFoundError:
        raise BadInput(f"{file}: no such file; expected a TOML file with the settings of a training") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, IsADirectoryError, RecursionError) as error:
        raise BadInput(f"{file}: not TOML ({error})") from None
    for dotted_name, value in (overrides or {}).items():
        *sections, name = dotted_name.split(".")
        reduce(lambda table, section: table.setdefault(section, {}), sections, settings)[name] = value
    try:
        return kind.model_validate(settings)
    except ValidationError as error:
        raise settings_error(file, kind, error) from None
