"""`jielong train align`: a policy is trained on its own replies towards what rewards pay, under a guard if wanted."""

from __future__ import annotations

from collections.abc import Callable

from ...contract import Model
from ...errors import BadInput, MissingExtra
from ...models import local
from ...runtime.home import home_folder
from ...runtime.ledger import Ledger, use_ledger
from ...sync import run_sync
from ...tasks.item import Item
from ...tasks.load_task import load_task
from ...tasks.task import Task
from ..reward.train_reward import divided as divided_pairs
from ..training_output import CurvePoint
from .align_config import AlignConfig
from .rewards import Rewards, RewardTerm, ScorerOf, check_graders, load_scorer


def align(
    config: AlignConfig,
    on_point: Callable[[CurvePoint], None] = lambda point: None,
    *,
    scorer_of: ScorerOf = load_scorer,
) -> Model:
    """The checkpoint `config.start`, or an adapter for it, trained by `config.method`.

    Goes on where an earlier run with the same settings was stopped; replies that were paid for are in the ledger.
    `scorer_of` loads the scorer of a recipe. Raises BadInput, MissingExtra, TrainingFailed.
    """
    if config.method == "dpo":
        return _on_preferences(config, on_point)
    if config.loop.shard:
        raise BadInput("loop.shard divides the weights among processes, and rollouts need them whole; leave it out")
    task = aligned_task(config)
    training, held_out = divided(task, config)
    rewards = Rewards(config.rewards, task, scorer_of, config.combine, config.caution)
    run_sync(check_graders, rewards, task)
    guard = config.guard
    voters = Rewards([RewardTerm(by=guard.by)], task, scorer_of) if guard else None
    try:
        from .alignment_parts import align_by_rollouts
    except ImportError:
        raise MissingExtra("training", "train") from None
    ledger = home_folder() / "ledger.db"
    with Ledger(ledger) as opened:
        run = opened.begin(f"align {config.digest} {task.sha256}", f"align {task.name}")
    with use_ledger(ledger, run) as opened:
        result = align_by_rollouts(
            config, training, held_out, rewards, voters, f"{config.digest} {task.sha256}", on_point
        )
        opened.finish(run)
    return local.load("local", result.recipe.removeprefix("local:"))


def _on_preferences(config: AlignConfig, on_point: Callable[[CurvePoint], None]) -> Model:
    assert config.data
    training, tested = divided_pairs(config.data)
    try:
        from .alignment_parts import align_by_preferences
    except ImportError:
        raise MissingExtra("training", "train") from None
    result = align_by_preferences(config, training, tested, on_point)
    return local.load("local", result.recipe.removeprefix("local:"))


def aligned_task(config: AlignConfig) -> Task:
    """The questions of `config.task`. Raises BadInput."""
    settings = config.task
    if settings is None:
        raise BadInput("expected a section [task]")
    return load_task(
        settings.source, input=settings.input, answer=settings.answer, rule=settings.rule, limit=settings.items,
        seed=config.loop.seed,
    )  # fmt: skip


def divided(task: Task, config: AlignConfig) -> tuple[tuple[Item, ...], tuple[Item, ...]]:
    """The items to train on and those that are held out; no group of items is on both sides."""
    assert config.task
    groups = list(dict.fromkeys(item.group() for item in task.items))
    first = len(groups) - max(1, round(config.task.held_out * len(groups)))
    if first < 1:
        raise BadInput(f"{task.name}: {len(groups)} questions; expected two or more, as some are held out")
    kept = set(groups[:first])
    return tuple(i for i in task.items if i.group() in kept), tuple(i for i in task.items if i.group() not in kept)
