"""Which technique refuses which setting of the caller. Law 2 holds every technique and every stack to this table.

What is listed must be refused, and what is not listed must be taken: a new refusal is a new line here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jielong.contract import Model
from jielong.technique import WrappedModel

REFUSALS: tuple[tuple[str, Mapping[str, Any], frozenset[str]], ...] = (
    # the technique, the options with which it refuses, the settings as law 2 calls them
    ("self_consistency", {}, frozenset({"temperature 0"})),  # its samples would be copies of one
    ("best_of_n", {}, frozenset({"temperature 0"})),
    ("self_check", {}, frozenset({"temperature 0"})),
    ("brief", {"missing": "ask"}, frozenset({"schema", "logprobs", "forced tool"})),  # it may ask back instead
    ("outline", {}, frozenset({"schema", "logprobs"})),  # the reply is joined from several
    ("program_of_thought", {}, frozenset({"schema", "logprobs"})),  # the reply is what a program gave
    ("budget", {}, frozenset({"pictures"})),  # nobody can say beforehand how many tokens they are
)


def refused_by(model: Model) -> frozenset[str]:
    """What a stack refuses: all that one of its techniques does."""
    refused: frozenset[str] = frozenset()
    while (inner := getattr(model, "model", None)) is not None:
        name, given = _technique_of(model)
        for listed, options, settings in REFUSALS:
            if name == listed and options.items() <= given.items():
                refused |= settings
        model = inner
    return refused


def _technique_of(model: Model) -> tuple[str, Mapping[str, Any]]:
    if isinstance(model, WrappedModel):
        return model.technique.__name__, model.technique.all_options()
    return type(getattr(model, "limits", None)).__name__, {}  # `budget` is a class of its own
