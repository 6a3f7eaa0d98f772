"""Examples put before the question, as turns of the conversation (in-context learning: Brown et al. 2020)."""

import random
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import TypeAlias

from ..contract import Message, Request
from ..errors import BadInput
from ..tasks.load_task import load_task
from ..technique import adds_input

Examples: TypeAlias = Sequence[Sequence[str]]


@adds_input
def few_shot(request: Request, *, examples: Examples = (), file: Path | None = None, k: int = 4) -> Request:
    """Show solved examples first: given as [[question, answer], …], or `k` drawn from a task file.

    The draw is the same for every request; a request's own question is never among its examples. The examples come
    after the system message and before the conversation.
    """
    question = request.messages[-1].text
    pairs = [pair for pair in _pairs(examples, file) if pair[0] != question]
    chosen = pairs if examples else random.Random(k).sample(pairs, min(k, len(pairs)))
    turns = tuple(turn for q, a in chosen for turn in (Message("user", q), Message("assistant", a)))
    system = 1 if request.messages[0].role == "system" else 0
    return replace(request, messages=(*request.messages[:system], *turns, *request.messages[system:]))


def _pairs(examples: Examples, file: Path | None) -> tuple[tuple[str, str], ...]:
    if bool(examples) == (file is not None):
        raise BadInput("few_shot needs either examples=[[question, answer], …] or file=…")
    if file is not None:
        return _from_file(file)
    for example in examples:
        if len(example) != 2:
            raise BadInput(f"few_shot: an example is [question, answer], found {len(example)} texts")
    return tuple((question, answer) for question, answer in examples)


@lru_cache(maxsize=16)
def _from_file(file: Path) -> tuple[tuple[str, str], ...]:
    task = load_task(str(file))
    return tuple((item.request().messages[-1].text, item.accepted[0]) for item in task.items if item.accepted)
