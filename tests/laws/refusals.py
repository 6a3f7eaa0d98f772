"""Which technique refuses which setting of the caller. Law 2 holds every technique and every stack to this table.

What is listed must be refused, and what is not listed must be taken: a new refusal is a new line here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from jielong.contract import Model
from jielong.technique import WrappedModel

Options = Mapping[str, Any]


def always(options: Options) -> bool:
    return True


def has_copies(models: Sequence[Model]) -> bool:
    return len({model.name for model in models}) < len(models)


REFUSALS: tuple[tuple[str, Callable[[Options], bool], frozenset[str]], ...] = (
    # the technique, the options with which it refuses, the settings as law 2 calls them
    ("self_consistency", always, frozenset({"temperature 0"})),  # its samples would be copies of one
    ("best_of_n", always, frozenset({"temperature 0"})),
    ("self_check", always, frozenset({"temperature 0"})),
    *(
        (name, lambda options: has_copies(options["models"]), frozenset({"temperature 0"}))
        for name in ("delegate", "debate", "mixture_of_agents")
    ),
    ("cascade", lambda options: options["accept"] == "agreement", frozenset({"temperature 0"})),
    ("tree_of_thoughts", lambda options: options["samples"] > 1, frozenset({"temperature 0"})),
    # it may ask back instead
    ("brief", lambda options: options["missing"] == "ask", frozenset({"schema", "logprobs", "forced tool"})),
    ("outline", always, frozenset({"schema", "logprobs"})),  # the reply is joined from several
    ("program_of_thought", always, frozenset({"schema", "logprobs"})),  # the reply is what a program gave
    ("budget", always, frozenset({"pictures"})),  # nobody can say beforehand how many tokens they are
)


def refused_by(model: Model) -> frozenset[str]:
    """What a stack refuses: all that one of its techniques does."""
    refused: frozenset[str] = frozenset()
    while (inner := getattr(model, "model", None)) is not None:
        name, given = _technique_of(model)
        for listed, refuses, settings in REFUSALS:
            if name == listed and refuses(given):
                refused |= settings
        model = inner
    return refused


def _technique_of(model: Model) -> tuple[str, Options]:
    if isinstance(model, WrappedModel):
        return model.technique.__name__, model.technique.all_options()
    return type(getattr(model, "limits", None)).__name__, {}  # `budget` is a class of its own
