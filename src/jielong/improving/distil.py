"""`distil`: train what a recipe gains into a student's weights, so that one plain call has it.

The teacher (any recipe) is asked questions of the task; what its check or its vote agrees with becomes fine-tuning data
after the prompt that the student will be asked with; and the student is measured before and after, beside the teacher,
on questions kept apart. All calls are in the ledger and the training keeps checkpoints: the same command resumes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path

from ..contract import Model, Usage
from ..errors import BadInput, MissingExtra
from ..measuring.cost_forecast import BudgetLimits
from ..measuring.evaluate import measure
from ..measuring.experiment import Experiment
from ..measuring.results import EvalReport, ModelResult
from ..recipe import load
from ..sync import run_sync
from ..tasks.load_task import load_task
from ..tasks.metric import require_replies
from ..tasks.task import Task
from ..technique import BoundTechnique
from ..training.train_config import Stage
from ..training.training_output import CurvePoint
from .data_splits import split_items
from .distil_data import (
    Collected,
    Keep,
    Learn,
    Match,
    Row,
    collect,
    gold_rows,
    input_techniques,
    prompt_messages,
    training_rows,
    voted,
    with_reply,
    without_test_questions,
    wrapped,
)
from .distil_result import DistilResult
from .distil_training import (
    RowLengths,
    check_overrides,
    checkpoint_of,
    probability_settings,
    train_on_probabilities,
    train_student,
    training_settings,
)

FEWEST_KEPT = 8


@dataclass(frozen=True)
class DistilSettings:
    """`keep`: replies that the check finds right, those that a vote of at least `agreement` agrees on, or all.
    `learn`: the whole reply, its answer alone, or the answer by gradual removal of the steps (`fading`).
    `match`: the words of the replies, or the teacher's probabilities of each of their tokens (`logprobs`)."""

    out: Path
    keep: Keep = "check"
    agreement: float = 0.5
    learn: Learn = "whole"
    match: Match = "text"
    epochs: float = 3.0
    control: bool = False
    seed: int = 0
    concurrency: int = 64
    limits: BudgetLimits = field(default_factory=BudgetLimits)
    overrides: Mapping[str, object] = field(default_factory=dict)
    ledger: Path | None = None


@dataclass(frozen=True)
class PreparedDistil:
    """`train` and `test` share no question and no cluster."""

    train: Task
    test: Task
    teacher: Model
    student: Model
    techniques: Sequence[BoundTechnique[object]]
    lengths: RowLengths
    settings: DistilSettings

    @property
    def max_calls(self) -> int:
        asked = (len(self.train.items) + len(self.test.items)) * self.teacher.max_calls()
        return asked + len(self.test.items) * self.student.max_calls() * (3 if self.settings.control else 2)


@dataclass(frozen=True)
class Watcher:
    """What is told of the progress."""

    on_model: Callable[[int, Model], None] = lambda number, model: None
    on_answer: Callable[[], None] | None = None
    on_point: Callable[[CurvePoint], None] = lambda point: None


def prepare(
    task: Task,
    teacher: Model,
    student: Model,
    settings: DistilSettings,
    *,
    test: Task | None = None,
    held_out: int = 200,
) -> PreparedDistil:
    """Check everything that can be wrong before a token is spent. Without a `test` task, `held_out` items of `task` are
    kept apart, but at most half of them. Raises BadInput, MissingExtra."""
    require_replies(task.metric)
    checkpoint_of(student)
    techniques = input_techniques(student)
    if settings.keep == "vote":
        voted(teacher)
    if settings.match == "logprobs":
        if settings.control:
            raise BadInput("--control has the steps of a training on text; leave it out with --match logprobs")
        if settings.learn != "whole":
            raise BadInput("--match logprobs learns whole replies; leave out --learn, or match their text")
        checkpoint_of(teacher, "teacher")
        input_techniques(teacher, "teacher")
    if test is None:
        share = 1 - min(0.5, held_out / max(1, len(task.items)))
        split = split_items(task.items, settings.seed, share=share, examples=0)
        train, test = replace(task, items=split.search), replace(task, items=split.final)
    else:
        train = replace(task, items=tuple(without_test_questions(task.items, test.items)))
    if not all(item.accepted or item.tests for item in test.items):
        raise BadInput("the questions that the student is measured on need answers; name a task that has them: --test")
    if settings.keep == "check" and not any(item.accepted or item.tests for item in train.items):
        raise BadInput("the questions have no answers to check replies by; keep what a vote agrees on: --keep vote")
    if settings.control and not any(item.accepted for item in train.items):
        raise BadInput("the control learns the task's own answers, and this task has none; leave out --control")
    if len(train.items) < FEWEST_KEPT:
        raise BadInput(f"{len(train.items)} questions to learn from; expected at least {FEWEST_KEPT}, better hundreds")
    if find_spec("torch") is None:
        raise MissingExtra("training", "train")
    check_overrides(student, settings.overrides)
    return PreparedDistil(train, test, teacher, student, techniques, RowLengths.of(student), settings)


@dataclass(frozen=True)
class TeachersPart:
    """What is known before the training."""

    before: ModelResult
    teacher: ModelResult
    collected: Collected
    teaching: Usage
    rows: list[list[Row]]
    teacher_rows: list[Row]  # the same replies after the teacher's own prompt, where its probabilities are learnt
    control_rows: list[Row]
    too_long: int
    run: str | None


async def ask_teacher(prepared: PreparedDistil, watcher: Watcher = Watcher()) -> TeachersPart:
    """Measure student and teacher on the held-out questions, then ask the teacher the others within what is left of the
    budget. Raises BudgetExceeded where it does not suffice for the measurement, BadInput for too little data."""
    settings, train = prepared.settings, prepared.train
    open_experiment = partial(
        Experiment, seed=settings.seed, concurrency=settings.concurrency, ledger=settings.ledger,
        on_answer=watcher.on_answer,
    )  # fmt: skip
    models = (prepared.student, prepared.teacher)
    with settings.limits.around_calls():
        measuring = open_experiment(prepared.test)
        with measuring.open("distil", [model.name for model in models]):
            measured = []
            for number, model in enumerate(models):
                watcher.on_model(number, model)
                measured.append(await measure(measuring, model))
        asking = open_experiment(train)
        plan = [prepared.teacher.name, settings.keep]
        with asking.open("distil data", plan), asking.stage(prepared.teacher.name, "model") as stage:
            watcher.on_model(2, prepared.teacher)
            collected = await collect(asking, prepared.teacher, train.items, settings.keep, settings.agreement)
    prompts = {item.id: await prompt_messages(train, item, prepared.techniques, settings.seed) for item in train.items}
    kept = [(reply, prompts[reply.item.id]) for reply in collected.kept]
    fitting = [(reply, prompt) for reply, prompt in kept if prepared.lengths.fits(with_reply(prompt, reply.text))]
    if len(fitting) < FEWEST_KEPT:
        raise BadInput(f"{len(fitting)} of {collected.asked} replies of the teacher were kept; expected {FEWEST_KEPT}")
    rows = training_rows([reply for reply, _ in fitting], [prompt for _, prompt in fitting], settings.learn)
    teacher_rows = []
    if settings.match == "logprobs":
        techniques = input_techniques(prepared.teacher, "teacher")
        for reply, _ in fitting:
            prompt = await prompt_messages(train, reply.item, techniques, settings.seed)
            teacher_rows.append(with_reply(prompt, reply.text))
    control = gold_rows(train.items, [prompts[item.id] for item in train.items]) if settings.control else []
    control = [row for row in control if prepared.lengths.fits(row)]
    too_long = len(kept) - len(fitting)
    return TeachersPart(
        measured[0], measured[1], collected, stage.usage, rows, teacher_rows, control, too_long, measuring.run
    )


@dataclass(frozen=True)
class Students:
    """The trained models, and how long each training was."""

    student: Model
    control: Model | None
    steps: int
    tokens: int


def train_students(prepared: PreparedDistil, taught: TeachersPart, watcher: Watcher = Watcher()) -> Students:
    """The student on the teacher's data and, where it is asked for, the control on the task's own answers in as many
    steps of the same size. Raises BadInput, MissingExtra, TrainingFailed."""
    settings, wrap = prepared.settings, partial(wrapped, techniques=prepared.techniques)
    if settings.match == "logprobs":
        pairs = list(zip(taught.rows[0], taught.teacher_rows, strict=True))
        trained, steps, tokens = train_on_probabilities(
            probability_settings(prepared.student, settings.out / "student", settings.overrides),
            checkpoint_of(prepared.student), prepared.teacher, pairs,
            (prepared.lengths, RowLengths.of(prepared.teacher)), settings.epochs, watcher.on_point,
        )  # fmt: skip
        return Students(wrap(trained), None, steps, tokens)
    config = training_settings(
        prepared.student, prepared.lengths, taught.rows, settings.out / "student", settings.epochs, settings.overrides,
        taught.control_rows,
    )  # fmt: skip
    checkpoint = checkpoint_of(prepared.student)
    student, control = train_student(checkpoint, config, taught.rows, watcher.on_point), None
    if settings.control:
        out, last = settings.out / "control", config.stages[-1]
        tokens = sum(stage.tokens for stage in config.stages)
        stage = Stage(source=str(out / "data.jsonl"), tokens=tokens, length=last.length)
        control_config = config.model_copy(update={"out": out, "stages": (stage,)})
        control = train_student(checkpoint, control_config, [taught.control_rows], watcher.on_point)
    return Students(wrap(student), control and wrap(control), config.steps, config.steps * config.loop.batch_tokens)


async def measure_students(
    prepared: PreparedDistil, taught: TeachersPart, students: Students, watcher: Watcher = Watcher()
) -> DistilResult:
    """The trained student and the control on the held-out questions."""
    settings = prepared.settings
    experiment = Experiment(
        prepared.test, seed=settings.seed, concurrency=settings.concurrency, ledger=settings.ledger,
        on_answer=watcher.on_answer,
    )  # fmt: skip
    models = [model for model in (students.student, students.control) if model]
    results = [taught.before, taught.teacher]
    with experiment.open("distil after", [model.name for model in models]):
        for number, model in enumerate(models, 2):
            watcher.on_model(number, model)
            results.append(await measure(experiment, model))
        experiment.finish()
    collected = taught.collected
    dropped = {name: getattr(collected, name) for name in ("lost", "no_answer", "wrong", "no_agreement")}
    return DistilResult(
        EvalReport(prepared.test, settings.seed, taught.run, tuple(results)),
        collected.asked, len(taught.rows[0]), {**dropped, "too_long": taught.too_long}, taught.teaching,
        students.steps, students.tokens, collected.stopped,
    )  # fmt: skip


def distil(
    task: str | Task,
    teacher: str | Model,
    student: str | Model,
    settings: DistilSettings,
    *,
    test: str | Task | None = None,
    held_out: int = 200,
    limit: int | None = None,
) -> DistilResult:
    """All of it, from synchronous code:

    distil("mini:word_problems", "mini | cot", "mini", DistilSettings(Path("build/distilled")), limit=1000)
    """
    loaded = load_task(task, limit=limit, seed=settings.seed) if isinstance(task, str) else task
    held = load_task(test, seed=settings.seed) if isinstance(test, str) else test
    asked, learning = (load(model) if isinstance(model, str) else model for model in (teacher, student))
    prepared = prepare(loaded, asked, learning, settings, test=held, held_out=held_out)
    taught = run_sync(partial(ask_teacher, prepared))
    students = train_students(prepared, taught)
    return run_sync(partial(measure_students, prepared, taught, students))
