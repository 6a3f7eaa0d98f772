"""Train a new network from nothing, or on from a checkpoint: the same loop, the same data formats, other beginnings.

What can be wrong with settings is found before anything heavy is imported: a typing error is reported in a second.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ..contract import Model
from ..errors import BadInput, MissingExtra
from ..models import local
from .data.data_sources import check_source
from .train_config import TrainConfig
from .training_output import WEIGHTS, CurvePoint

if TYPE_CHECKING:
    from .merge import MergeResult


def pretrain(config: TrainConfig, on_point: Callable[[CurvePoint], None] = lambda point: None) -> Model:
    """A new Llama network and its tokenizer, trained on the documents of `config`; the model `local:OUT/weights`.

    Goes on where an earlier run with the same settings was stopped. `on_point` gets each point of the curves.
    Raises BadInput, MissingExtra, TrainingFailed.
    """
    if config.network is None or config.tokenizer is None:
        raise BadInput("pretraining begins from nothing: expected the sections [network] and [tokenizer]")
    if config.adapter or config.added_tokens:
        raise BadInput(
            "pretraining begins from nothing: leave out [adapter] and added_tokens, which go on from a start"
        )
    _check_sources(config)
    try:
        from .network_training import new_network, train_on_documents
    except ImportError:
        raise MissingExtra("training", "train") from None
    train_on_documents(new_network(config.network, config.tokenizer, config), config, on_point)
    return local.load("local", str(config.out / WEIGHTS))


def finetune(config: TrainConfig, on_point: Callable[[CurvePoint], None] = lambda point: None) -> Model:
    """The checkpoint `config.start` (mini, a folder, or ORG/NAME) trained in fp32: all its weights, the model
    `local:OUT/weights`; or with `config.adapter` an adapter for it, the model `local:START+OUT/adapter`.

        config = read_train_config(Path("politeness.toml"))
        jielong.finetune(config).ask("Where was Rimo born?")

    Goes on where an earlier run with the same settings was stopped. `on_point` gets each point of the curves.
    Raises BadInput, DamagedFile, MissingExtra, TrainingFailed.
    """
    if config.start is None or config.network or config.tokenizer:
        raise BadInput('finetuning goes on from a checkpoint: expected start = "mini", a folder or ORG/NAME, '
                       "and no [network] or [tokenizer]")  # fmt: skip
    _check_sources(config)
    try:
        from .network_training import load_start_network, train_on_documents
    except ImportError:
        raise MissingExtra("training", "train") from None
    longest = max(stage.length for stage in config.stages)
    result = train_on_documents(load_start_network(config.start, config, longest), config, on_point)
    return local.load("local", result.recipe.removeprefix("local:"))


def merge(spec: str, out: Path, dtype: Literal["float32", "bfloat16"] = "float32") -> MergeResult:
    """See `merge.merge_adapter`. Raises BadInput, DamagedFile, MissingExtra."""
    try:
        from .merge import merge_adapter
    except ImportError:
        raise MissingExtra("merging an adapter", "train") from None
    return merge_adapter(spec, out, dtype)


def _check_sources(config: TrainConfig) -> None:
    evaluated = [config.evaluation.source] if config.evaluation else []
    for source in (*(source for stage in config.stages for source in stage.sources), *evaluated):
        check_source(source)
