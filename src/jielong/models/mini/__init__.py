"""mini: the model that ships inside the package. No network, no key, no torch; it knows the world in `world/`."""

from __future__ import annotations

import hashlib
from functools import cache

from ...contract import Model
from ...errors import BadInput
from ..llama_engine import fastest_engine
from ..local import Local
from ..local.checkpoint_folder import MINI, Checkpoint

WEIGHTS = MINI


def load(kind: str, rest: str) -> Model:
    """`mini`."""
    if rest:
        raise BadInput(f"mini:{rest}: there is one mini, written as mini")
    return Mini()


class Mini(Local):
    """The shipped checkpoint in our own runtime. An unset temperature is 0: the most likely reply.

    `module()` is the same network as a `LlamaForCausalLM` of transformers, in float32.
    """

    def __init__(self) -> None:
        super().__init__(Checkpoint("mini", WEIGHTS, "auto", "float32", fastest_engine()))

    @property
    def name(self) -> str:
        return "mini"

    def identity(self) -> str:
        return f"mini {_weights_hash()} {self.checkpoint.engine}"


@cache
def _weights_hash() -> str:
    digest = hashlib.sha256()
    for name in ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"):
        digest.update((WEIGHTS / name).read_bytes())
    return digest.hexdigest()
