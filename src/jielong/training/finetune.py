"""Train on from a checkpoint: the same loop, the same data formats, other beginnings."""

from __future__ import annotations

from collections.abc import Callable

from ..contract import Model
from ..errors import MissingExtra
from ..models import local
from .check_config import check_finetuning
from .train_config import TrainConfig
from .training_output import WEIGHTS, CurvePoint


def finetune(config: TrainConfig, on_point: Callable[[CurvePoint], None] = lambda point: None) -> Model:
    """All weights of the checkpoint `config.start` (mini, a folder, or ORG/NAME) trained in fp32; `local:OUT/weights`.

        config = read_train_config(Path("politeness.toml"))
        jielong.finetune(config).ask("Where was Rimo born?")

    Goes on where an earlier run with the same settings was stopped. `on_point` gets each point of the curves.
    Raises BadInput, DamagedFile, MissingExtra, TrainingFailed.
    """
    start = check_finetuning(config)
    try:
        from .network_training import load_start_network, train_network
    except ImportError:
        raise MissingExtra("training", "train") from None
    network, chat = load_start_network(start, config)
    train_network(network, chat, config, on_point)
    return local.load("local", str(config.out / WEIGHTS))
