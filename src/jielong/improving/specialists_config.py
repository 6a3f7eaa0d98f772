"""The settings of `jielong train specialists`: tasks to learn, tasks that nobody learns, how much, and how."""

from __future__ import annotations

from pydantic import Field, model_validator

from ..training.train_config import DocumentLoopConfig, Section, TrainingConfig


class TaskConfig(Section):
    """A task as `eval` reads it: a file or a built-in one, with its columns and its rule where they need to be named.

    `train` is learnt from and `test` measured on; without `test`, a part of `train` is held out. `instruction` stands
    before every question, so that one network can tell the tasks apart.
    """

    name: str = Field(min_length=1, pattern=r"^[\w.-]+$")
    train: str
    test: str | None = None
    input: str | None = None
    answer: str | None = None
    rule: str | None = None
    instruction: str = ""
    limit: int | None = Field(None, gt=0)


class UnseenTask(Section):
    """A task that nobody learns."""

    name: str = Field(min_length=1, pattern=r"^[\w.-]+$")
    test: str
    input: str | None = None
    answer: str | None = None
    rule: str | None = None
    instruction: str = ""


class ClassifierConfig(Section):
    """A classifier for each task whose answers are few labels, from `start` (an encoder, say), with a loop of its own:
    encoders want a learning rate of about 0.00005."""

    start: str
    loop: DocumentLoopConfig


class SpecialistsConfig(TrainingConfig):
    """`tokens`: what a specialist learns of its task, in rows of `length` tokens. `test_items`: how many items of each
    task are measured at most."""

    start: str = "mini"
    tokens: int = Field(gt=0)
    length: int = Field(256, gt=1)
    test_items: int = Field(200, gt=1)
    tasks: tuple[TaskConfig, ...] = Field(min_length=2)
    unseen: tuple[UnseenTask, ...] = ()
    classifier: ClassifierConfig | None = None
    loop: DocumentLoopConfig

    @model_validator(mode="after")
    def _names_are_different(self) -> SpecialistsConfig:
        names = [task.name for task in (*self.tasks, *self.unseen)]
        if twice := {name for name in names if names.count(name) > 1}:
            raise ValueError(f"two tasks are called {min(twice)!r}; give each a name of its own")
        return self

    @model_validator(mode="after")
    def _whole_rows(self) -> SpecialistsConfig:
        if self.loop.batch_tokens % self.length:
            raise ValueError(f"loop.batch_tokens = {self.loop.batch_tokens} is no multiple of length {self.length}")
        return self
