"""Scripted models for techniques that mini was never taught: they do what the technique asks, with known chances."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from pathlib import Path

import techniques_crosswords
import techniques_experts
import techniques_words

from jielong.contract import Model, Request
from jielong.models import scripted
from jielong.models.scripted import Scripted
from jielong.tasks.task import Task
from jielong.world import arithmetic_game
from jielong.world.vocabulary import SampleRandom

GOOD_STEP, RIGHT_VALUE = 0.4, 0.9


def player() -> Model:
    """Plays the game of 24: a whole solution takes a good step two times in five; nine values of ten are right."""

    def reply(request: Request) -> str:
        text = request.messages[-1].text
        chance = random.Random(f"{request.sampling.seed} {text}")
        numbers = tuple(sorted(int(n) for n in re.findall(r"\d+", text.replace("24", ""))))
        if "sure or impossible" in text:
            right = chance.random() < RIGHT_VALUE
            return "sure" if arithmetic_game.reachable(numbers) == right else "impossible"
        if "next steps" in text:
            moves = arithmetic_game.moves(numbers)
            return "\n".join(move.text for move in chance.sample(moves, min(4, len(moves))))
        path: list[arithmetic_game.Move] = []
        while len(numbers) > 1:
            moves = arithmetic_game.moves(numbers)
            good = [move for move in moves if arithmetic_game.reachable(move.remaining)]
            path.append(chance.choice(good if good and chance.random() < GOOD_STEP else moves))
            numbers = path[-1].remaining
        rng = SampleRandom(0, "en", held_out=True)
        start = tuple(int(n) for n in re.findall(r"\d+", text.replace("24", "")))
        return "\n".join(
            [*(arithmetic_game.step_text(rng, m) for m in path), f"Answer: {arithmetic_game.expression(start, path)}"]
        )

    return Scripted(reply, name="scripted:player")


OTHERS = (techniques_crosswords, techniques_words, techniques_experts)
MODELS: dict[str, Callable[[], Model]] = {"player": player}
TASKS: dict[str, Callable[[], Task]] = {}
for _module in OTHERS:
    MODELS |= _module.MODELS
    TASKS |= _module.TASKS
IDENTITY = Path(__file__).read_text("utf-8") + "".join(module.IDENTITY for module in OTHERS)


def load(kind: str, rest: str) -> Model:
    """`scripted:NAME` of a model above, also within the options of a step; else a file of replies."""
    return MODELS[rest]() if rest in MODELS else scripted.load(kind, rest)
