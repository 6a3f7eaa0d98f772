"""Trainings in processes of their own that are killed with SIGKILL and started again."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

_processes = multiprocessing.get_context("forkserver")
_processes.set_forkserver_preload(["jielong.training.network_training"])

TINY: dict[str, Any] = {
    "stages": [{"source": "mini:world/short", "tokens": 8_192, "length": 128},
               {"source": "mini:world", "tokens": 8_192, "length": 256}],
    "loop": {"batch_tokens": 1024, "learning_rate": 0.005, "optimizer": "muon", "schedule": "wsd", "warmup_steps": 3,
             "seed": 5, "checkpoint_every": 2, "evaluate_every": 6, "log_every": 3},
    "evaluation": {"source": "mini:world", "length": 256, "rows": 4},
}  # fmt: skip
NEW = {
    "network": {"layers": 2, "hidden": 64, "mlp": 128, "heads": 2, "positions": 256},
    "tokenizer": {"vocabulary": 700, "documents": 1500},
}


def settings_for(kind: str, out: Path, start: Path | None = None) -> dict[str, Any]:
    more = {"adapter": {"rank": 4, "dropout": 0.1}} if kind == "adapter" else {}
    return {**TINY, **more, "out": str(out), **(NEW if kind == "pretrain" else {"start": str(start)})}


def train(kind: str, settings: dict[str, Any], result: Connection | None = None) -> str:
    """The digest of the weights at the end. Runs in this process."""
    import torch

    from jielong.training.pretrain_and_finetune import finetune, pretrain
    from jielong.training.train_config import TrainConfig
    from jielong.training.training_output import TrainResult

    torch.set_num_threads(1)
    if kind == "align":
        from jielong.training.alignment.align_config import AlignConfig
        from jielong.training.alignment.train_align import align

        config: Any = AlignConfig.model_validate(settings)
        align(config)
    elif kind == "reward":
        from jielong.training.reward.reward_config import RewardConfig
        from jielong.training.reward.train_reward import train_reward

        config = RewardConfig.model_validate(settings)
        train_reward(config)
    else:
        run: Callable[[TrainConfig], Any] = pretrain if kind == "pretrain" else finetune
        config = TrainConfig.model_validate(settings)
        run(config)
    digest = TrainResult.read(config.out).sha256
    if result:
        result.send(digest)
    return digest


def finished(kind: str, settings: dict[str, Any]) -> tuple[str, float]:
    """The digest that an undisturbed training ends with, and its seconds."""
    receiver, sender = _processes.Pipe(False)
    process = _processes.Process(target=train, args=(kind, settings, sender))
    started = time.monotonic()
    process.start()
    sender.close()
    digest = receiver.recv()
    process.join()
    return digest, time.monotonic() - started


def killed(kind: str, settings: dict[str, Any], after: float) -> None:
    process = _processes.Process(target=train, args=(kind, settings))
    process.start()
    process.join(after)
    process.kill()
    process.join()
