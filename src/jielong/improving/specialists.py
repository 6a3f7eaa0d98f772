"""Specialists against one generalist: for each task a network that learnt it alone, and one that learnt all of them.

Two comparisons, as they answer two questions: at equal tokens for each task (what does it cost a network to do
everything?) and at equal tokens in all (is a training better spent on one task?). Beside them stands a classifier for
each task whose answers are few labels. Tasks that nobody learnt show what is left of the rest.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias

from ..atomic_write import write_whole
from ..errors import MissingExtra
from ..measuring.evaluate import compare
from ..measuring.results import ModelResult, lost_reasons
from ..models.local.checkpoint_folder import open_checkpoint
from ..recipe import load
from ..runtime.runtime import Runtime
from ..scope import note
from ..sync import run_sync
from ..tasks.task import Task
from ..training.pretrain_and_finetune import finetune
from ..training.train_config import Stage, TrainConfig
from ..training.training_output import CurvePoint
from .specialists_config import SpecialistsConfig
from .specialists_data import LearntTask, read_tasks, read_unseen
from .specialists_result import Measured, Row, SpecialistsResult, Table, Training

RESULT = "specialists.json"
PER_TASK, IN_ALL = "per_task", "in_all"
OnTraining: TypeAlias = Callable[[str, int], Callable[[CurvePoint], None]]  # name, tokens -> what gets its points


def train_specialists(
    config: SpecialistsConfig, on_training: OnTraining = lambda name, tokens: lambda point: None
) -> SpecialistsResult:
    """Train everything below `config.out`, measure it, and write `OUT/specialists.json`.

    A folder for each training, which goes on where it was stopped. Raises BadInput, MissingExtra, TrainingFailed.
    """
    for start in [config.start, *([config.classifier.start] if config.classifier else [])]:
        if start != "mini":
            open_checkpoint(start.removeprefix("local:"))
    learnt = read_tasks(config)
    unseen = read_unseen(config, learnt)
    files = [task.write(config.out / "data") for task in learnt]
    tokens, count = config.tokens, len(learnt)
    trainings = [
        *(_finetuned(config, "specialist", task.name, [file], tokens, on_training)
          for task, file in zip(learnt, files, strict=True)),
        _finetuned(config, f"generalist_{PER_TASK}", "", files, tokens * count, on_training),
        _finetuned(config, f"generalist_{IN_ALL}", "", files, tokens, on_training),
        *(_classifier(config, task, on_training) for task in learnt if config.classifier and task.labels),
    ]  # fmt: skip
    scores = _Scores(config, learnt, unseen, trainings)
    tables = (
        Table(PER_TASK, tokens * count, scores.rows(PER_TASK)),
        Table(IN_ALL, tokens, scores.rows(IN_ALL)),
    )
    result = SpecialistsResult(config.start, tokens, tuple(trainings), tables)
    write_whole(config.out / RESULT, json.dumps(result.to_json(), ensure_ascii=False, indent=1) + "\n")
    return result


def _finetuned(
    config: SpecialistsConfig, role: str, task: str, files: Sequence[Path], tokens: int, on_training: OnTraining
) -> Training:
    folder = config.out / role / task if task else config.out / role
    settings = TrainConfig(
        out=folder, start=config.start, adapter=config.adapter, loop=config.loop,
        stages=(Stage(source=tuple(map(str, files)), tokens=tokens, length=config.length),),
    )  # fmt: skip
    model = finetune(settings, on_training(f"{role} {task}".strip(), tokens))
    return Training(role, task, model.name, tokens)


def _classifier(config: SpecialistsConfig, task: LearntTask, on_training: OnTraining) -> Training:
    try:
        from ..training.classification import LabelConfig, LabelledText, train_classifier
    except ImportError:
        raise MissingExtra("training", "train") from None
    assert config.classifier
    settings = LabelConfig(
        out=config.out / "classifier" / task.name, start=config.classifier.start, tokens=config.tokens,
        loop=config.classifier.loop,
    )  # fmt: skip
    texts = [LabelledText(item.request(), item.accepted[0]) for item in task.train]
    result = train_classifier(texts, settings, on_training(f"classifier {task.name}", config.tokens))
    return Training("classifier", task.name, result.recipe, config.tokens)


def start_recipe(start: str) -> str:
    return start if start == "mini" or start.startswith("local:") else f"local:{start}"


class _Scores:
    """Every model on the tasks that concern it. One model at a time is in memory."""

    def __init__(
        self, config: SpecialistsConfig, learnt: Sequence[LearntTask], unseen: Sequence[Task],
        trainings: Sequence[Training],
    ) -> None:  # fmt: skip
        self._learnt, self._unseen = learnt, unseen
        self._seed = config.loop.seed
        everything = [*(task.test for task in learnt), *unseen]
        self._start = self._measure(start_recipe(config.start), everything)
        self._of: dict[tuple[str, str], dict[str, ModelResult]] = {}
        for training in trainings:
            own = [task.test for task in learnt if task.name == training.task]
            tasks = {"specialist": [*own, *unseen], "classifier": own}.get(training.role, everything)
            self._of[training.role, training.task] = self._measure(training.recipe, tasks)

    def _measure(self, recipe: str, tasks: Sequence[Task]) -> dict[str, ModelResult]:
        async def measure() -> dict[str, ModelResult]:
            async with Runtime():
                model = load(recipe)
                return {task.name: (await compare(task, [model], seed=self._seed)).results[0] for task in tasks}

        results = run_sync(measure)
        for name, result in results.items():
            if result.lost:
                why, _ = lost_reasons(result.answers).most_common(1)[0]
                note(f"{name}: {result.lost} of {len(result.answers)} items were lost with {recipe}: {why}")
        return results

    def rows(self, kind: str) -> tuple[Row, ...]:
        generalist = self._of[f"generalist_{kind}", ""]

        def row(task: str, specialists: Sequence[str], classifier: ModelResult | None) -> Row:
            return Row(
                task, task in specialists, Measured.of([self._start[task]]),
                Measured.of([self._of["specialist", name][task] for name in specialists]),
                Measured.of([generalist[task]]), Measured.of([classifier]) if classifier else None,
            )  # fmt: skip

        names = [task.name for task in self._learnt]
        classifiers = {name: self._of.get(("classifier", name), {}).get(name) for name in names}
        learnt = (row(name, [name], classifiers[name]) for name in names)
        return (*learnt, *(row(task.name, names, None) for task in self._unseen))
