"""`evaluate`: models on the items of a task, compared in pairs: accuracy with its interval, tokens, price, latency."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from ..contract import Model, Scorer, Usage
from ..errors import BadInput, JielongError
from ..recipe import load
from ..sync import run_sync
from ..tasks.item import Item
from ..tasks.load_task import load_task
from ..tasks.task import Task
from .existing_outputs import ExistingOutputs
from .experiment import Experiment, Trial
from .extraction import other_readings
from .judge import judge_of, with_judge
from .results import EvalReport, ItemResult, ModelResult, cluster_note, mean_score


async def compare(
    task: Task,
    models: Sequence[Model],
    *,
    seed: int = 0,
    concurrency: int = 64,
    judge: Scorer | None = None,
    ledger: Path | None = None,
    on_model: Callable[[int, Model], None] | None = None,
    on_answer: Callable[[], None] | None = None,
) -> EvalReport:
    """Measure all models on the same items with the same seed, the first one being what the others are compared with.
    The calls go to `ledger` (default: the one in JIELONG_HOME); a run that was interrupted continues."""
    if not models:
        raise BadInput("nothing to measure: expected at least one model (-m RECIPE)")
    task = with_judge(task.fitted(models), judge, seed)
    models = [model.for_items(task.items) if isinstance(model, ExistingOutputs) else model for model in models]
    experiment = Experiment(task, seed=seed, concurrency=concurrency, ledger=ledger, on_answer=on_answer)
    results: list[ModelResult] = []
    with experiment.open("eval", [model.name for model in models]):
        for i, model in enumerate(models):
            if on_model:
                on_model(i, model)
            results.append(await measure(experiment, model, must_run=i == 0))
        experiment.finish()
    return EvalReport(task, seed, experiment.run, tuple(results))


async def measure(experiment: Experiment, model: Model, *, must_run: bool = True) -> ModelResult:
    """One model on every item of the experiment's task. What it cannot run here is raised, or lost with the reason if
    it need not run."""
    items, answers = experiment.task.items, dict[str, ItemResult]()
    refusals: list[str] = []

    def receive(_: Model, item: Item, result: ItemResult) -> None:
        answers[item.id] = result

    def cannot_run(_: Model, error: JielongError) -> None:
        if must_run:
            raise error
        refusals.append(f"{type(error).__name__}: {error}")

    with experiment.stage(model.name, "model") as stage:
        trials = [Trial(model, model, item) for item in items]
        await experiment.ask(trials, receive, wanted=lambda _: not refusals, cannot_run=cannot_run)
    refused = {i.id: ItemResult(i.id, None, None, "", refusals[0], Usage(), 0.0) for i in items} if refusals else {}
    in_order = tuple(answers.get(item.id) or refused[item.id] for item in items)
    grouped = clusters(items)
    note = cluster_note(mean_score([answer.score for answer in in_order], grouped), grouped)
    readings = await other_readings(experiment.task.metric, items, in_order, grouped)
    return ModelResult(model.name, in_order, grouped, stage.usage, (*stage.notes, *([note] if note else [])), readings)


def clusters(items: Sequence[Item], among: Sequence[Item] | None = None) -> tuple[str, ...] | None:
    """The clusters of `items`, the same question twice being one; None where no items of the task (`among`) belong
    together."""
    every = [item.group() for item in among or items]
    return None if len(set(every)) == len(every) else tuple(item.group() for item in items)


def evaluate(
    task: str | Task,
    *models: str | Model,
    limit: int | None = None,
    seed: int = 0,
    concurrency: int = 64,
    judge: str | Model | None = None,
) -> EvalReport:
    """Measure models (or recipes) on a task, from synchronous code: `evaluate("mini:word_problems", "mini | cot")`."""
    loaded = load_task(task, limit=limit, seed=seed) if isinstance(task, str) else task
    built = [load(model) if isinstance(model, str) else model for model in models]
    grading = load(judge) if isinstance(judge, str) else judge
    scorer = judge_of(grading) if grading else None
    return run_sync(partial(compare, loaded, built, seed=seed, concurrency=concurrency, judge=scorer))
