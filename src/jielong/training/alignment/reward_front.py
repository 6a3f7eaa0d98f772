"""Several standards at once: a policy for each weighting of the rewards, and which of them no other one beats.

What a reward of one number hides is the exchange between its terms. Policies trained by several weightings show it:
each is scored by every term on held-out questions, and those on the Pareto front are the choices that there are.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from statistics import fmean

import anyio

from ... import call_context
from ...atomic_write import write_whole
from ...contract import Model
from ...errors import BadInput, SampleError
from ...recipe import build, load, parse
from ...runtime.home import home_folder
from ...runtime.ledger import use_ledger
from ...stats import Interval, mean
from ...sync import run_sync, unwrap_exception_group
from ...tasks.item import Item
from ..training_output import CurvePoint
from .align_config import AlignConfig
from .rewards import Rewards, ScorerOf, load_scorer
from .train_align import align, aligned_task, divided

FRONT = "front.json"


@dataclass(frozen=True)
class FrontPoint:
    """A policy: the weights of its rewards (none for the one before training), its mean score by each term with the
    95 % interval, and whether it is on the front."""

    weights: tuple[float, ...]
    recipe: str
    scores: tuple[float, ...]
    intervals: tuple[Interval | None, ...]
    on_front: bool


def align_front(
    config: AlignConfig,
    on_point: Callable[[CurvePoint], None] = lambda point: None,
    *,
    scorer_of: ScorerOf = load_scorer,
) -> list[FrontPoint]:
    """`align` once for each of `config.front`, in OUT/front-1, …; the policies and the one before training, written to
    OUT/front.json. Run again, it resumes. Raises as `align`."""
    if any(len(weights) != len(config.rewards) for weights in config.front):
        raise BadInput(f"front: expected {len(config.rewards)} weights in each, one for each of the rewards")
    task = aligned_task(config)
    _, held_out = divided(task, config)
    rewards = Rewards(config.rewards, task, scorer_of)
    models: list[tuple[tuple[float, ...], Model]] = [((), load(_recipe(config.start)))]
    for number, weights in enumerate(config.front, 1):
        terms = tuple(
            term.model_copy(update={"weight": weight}) for term, weight in zip(config.rewards, weights, strict=True)
        )
        one = config.model_copy(update={"rewards": terms, "front": (), "out": config.out / f"front-{number}"})
        models.append((weights, align(one, on_point, scorer_of=scorer_of)))
    with use_ledger(home_folder() / "ledger.db"):
        graded = [(weights, model, run_sync(_scores, config, model, held_out, rewards)) for weights, model in models]
    means = [tuple(fmean(column) for column in columns) for _, _, columns in graded]
    on_front = non_dominated(means)
    points = [
        FrontPoint(weights, model.name, its, tuple(mean(column).ci95 for column in columns), front)
        for (weights, model, columns), its, front in zip(graded, means, on_front, strict=True)
    ]
    write_whole(config.out / FRONT, json.dumps([asdict(point) for point in points], indent=1) + "\n")
    return points


def _recipe(start: str) -> str:
    return start if start == "mini" or start.startswith("local:") else f"local:{start}"


async def _scores(config: AlignConfig, model: Model, items: Sequence[Item], rewards: Rewards) -> list[list[float]]:
    """By each term, of one reply to each item as in the rollouts; a reply that was lost or has no grade is left out."""
    settings = config.rollouts
    assert settings
    asked = build(parse(f"policy | {settings.through}"), model) if settings.through else model
    found: list[tuple[float | None, ...]] = []

    async def one(number: int, item: Item) -> None:
        request = item.request().with_sampling(
            temperature=settings.temperature, max_tokens=settings.max_tokens, seed=config.loop.seed
        )
        try:
            with call_context.replace(path=("front", number)):
                reply = await asked.generate(request)
        except SampleError:
            return
        found.extend(grade.terms for grade in await rewards.grade(item, request, [reply]))

    with unwrap_exception_group():
        async with anyio.create_task_group() as tasks:
            for number, item in enumerate(items):
                tasks.start_soon(one, number, item)
    whole = [terms for terms in found if None not in terms]
    return [[float(terms[i] or 0.0) for terms in whole] for i in range(len(rewards.terms))]


def non_dominated(points: Sequence[Sequence[float]]) -> list[bool]:
    """Of each point whether no other one is as good everywhere and better somewhere."""
    return [
        not any(all(b >= a for a, b in zip(p, q, strict=True)) and tuple(p) != tuple(q) for q in points) for p in points
    ]


def hypervolume(points: Sequence[Sequence[float]], reference: Sequence[float]) -> float:
    """Of two standards: the area that the points dominate, above `reference` in both."""
    area, height = 0.0, reference[1]
    for x, y in sorted(((p[0], p[1]) for p in points), reverse=True):
        if x > reference[0] and y > height:
            area, height = area + (x - reference[0]) * (y - height), y
    return area
