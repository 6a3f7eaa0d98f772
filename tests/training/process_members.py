"""What one of several processes of a training runs, in a module that a new process can import."""

from __future__ import annotations

import os
from typing import Any

from training.killing import train


def member(rank: int, count: int, port: int, settings: dict[str, Any]) -> None:
    """One of the processes that torchrun would start."""
    os.environ |= {"RANK": str(rank), "WORLD_SIZE": str(count), "LOCAL_RANK": str(rank), "MASTER_ADDR": "127.0.0.1",
                   "MASTER_PORT": str(port)}  # fmt: skip
    train("finetune", settings)
    if count > 1:
        import torch

        torch.distributed.destroy_process_group()
