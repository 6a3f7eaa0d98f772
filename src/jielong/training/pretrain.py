"""Train a new network from nothing."""

from __future__ import annotations

from collections.abc import Callable

from ..contract import Model
from ..errors import MissingExtra
from ..models import local
from .check_config import check_pretraining
from .train_config import TrainConfig
from .training_output import WEIGHTS, CurvePoint


def pretrain(config: TrainConfig, on_point: Callable[[CurvePoint], None] = lambda point: None) -> Model:
    """A new Llama network and its tokenizer, trained on the documents of `config`; the model `local:OUT/weights`.

    Goes on where an earlier run with the same settings was stopped. `on_point` gets each point of the curves.
    Raises BadInput, MissingExtra, TrainingFailed.
    """
    network_config, tokenizer_config = check_pretraining(config)
    try:
        from .network_training import new_network, train_network
    except ImportError:
        raise MissingExtra("training", "train") from None
    network, chat = new_network(network_config, tokenizer_config, config)
    train_network(network, chat, config, on_point)
    return local.load("local", str(config.out / WEIGHTS))
