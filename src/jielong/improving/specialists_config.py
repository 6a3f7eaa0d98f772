"""The settings of `jielong train specialists`: tasks to learn, tasks that nobody learns, how much, and how."""

from __future__ import annotations

from pydantic import Field, model_validator

from ..training.train_config import DocumentLoopConfig, Section, TrainingConfig


class TaskConfig(Section):
    """What any task says: its name, and its columns and its rule where they need to be named. `instruction` stands
    before every question, so that one network can tell the tasks apart."""

    name: str = Field(min_length=1, pattern=r"^[\w-][\w.-]*$")
    input: str | None = None
    answer: str | None = None
    rule: str | None = None
    instruction: str = ""


class LearntTaskConfig(TaskConfig):
    """`train` is learnt from and `test` measured on, each a task as `eval` reads it; without `test`, a part of `train`
    is held out. `limit`: how many items of `train` are read."""

    train: str
    test: str | None = None
    limit: int | None = Field(None, gt=0)


class UnseenTaskConfig(TaskConfig):
    """A task that nobody learns."""

    test: str


class ClassifierConfig(Section):
    """A classifier for each task whose answers are few labels, from `start` (an encoder, say), with a loop of its own:
    encoders want a learning rate of 0.00005 (large) to 0.0005 (small)."""

    start: str
    loop: DocumentLoopConfig


class SpecialistsConfig(TrainingConfig):
    """`tokens`: what a specialist learns of its task, in rows of `length` tokens. `test_items`: how many items of each
    task are measured at most."""

    start: str = "mini"
    tokens: int = Field(gt=0)
    length: int = Field(256, gt=1)
    test_items: int = Field(200, gt=1)
    tasks: tuple[LearntTaskConfig, ...] = Field(min_length=2)
    unseen: tuple[UnseenTaskConfig, ...] = ()
    classifier: ClassifierConfig | None = None
    loop: DocumentLoopConfig

    @model_validator(mode="after")
    def _names_are_different(self) -> SpecialistsConfig:
        names = [*(task.name for task in self.tasks), *(task.name for task in self.unseen)]
        if twice := {name for name in names if names.count(name) > 1}:
            raise ValueError(f"two tasks are called {min(twice)!r}; give each a name of its own")
        return self

    @model_validator(mode="after")
    def _whole_rows(self) -> SpecialistsConfig:
        if self.loop.batch_tokens % self.length:
            raise ValueError(f"loop.batch_tokens = {self.loop.batch_tokens} is no multiple of length {self.length}")
        return self
