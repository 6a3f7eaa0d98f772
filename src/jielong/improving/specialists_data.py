"""What specialists learn and what they are measured on: the items of tasks, apart, and as conversations to learn."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ..atomic_write import write_whole
from ..errors import BadInput
from ..scope import note
from ..tasks.item import Item
from ..tasks.load_task import load_task
from ..tasks.metric import with_labels
from ..tasks.task import Task
from .specialists_config import LearntTaskConfig, SpecialistsConfig, TaskConfig

MOST_LABELS = 20  # different answers of a task that a classifier is trained for
MOST_HELD_OUT = 3  # one item in so many is held out at most, where a task has no test of its own


@dataclass(frozen=True)
class LearntTask:
    """`train` are the items that are learnt, `test` is what is measured. No question is in both."""

    name: str
    train: tuple[Item, ...]
    test: Task

    @property
    def labels(self) -> tuple[str, ...]:
        """The answers that occur, where they are few and come again and again; none otherwise."""
        counts = Counter(item.accepted[0] for item in self.train)
        few = 2 <= len(counts) <= min(MOST_LABELS, len(self.train) // 2)
        return tuple(sorted(counts)) if few and not any(item.choices for item in self.train) else ()

    def write(self, folder: Path) -> Path:
        """The conversations to learn, as a file of JSON lines."""
        file = folder / f"{self.name}.jsonl"
        rows = (json.dumps({"messages": conversation(item)}, ensure_ascii=False) for item in self.train)
        write_whole(file, "".join(f"{row}\n" for row in rows))
        return file


def conversation(item: Item) -> list[dict[str, str]]:
    """The item as it is asked, and its first accepted answer."""
    asked = [{"role": message.role, "content": message.text} for message in item.request().messages]
    return [*asked, {"role": "assistant", "content": item.accepted[0]}]


def read_tasks(config: SpecialistsConfig) -> list[LearntTask]:
    """The tasks to learn. Raises BadInput for a task without answers, or with too few items to learn and measure."""
    return [_read(task, config.test_items, config.loop.seed) for task in config.tasks]


def read_unseen(config: SpecialistsConfig, learnt: Sequence[LearntTask]) -> list[Task]:
    """The tasks that nobody learns, without questions that a learnt task holds."""
    known = {_question(item) for task in learnt for item in task.train}
    tasks = []
    for settings in config.unseen:
        task = _open(settings, settings.test, config.loop.seed).sample(config.test_items, config.loop.seed)
        items = tuple(item for item in task.items if _question(item) not in known)
        if shared := len(task.items) - len(items):
            note(f"{task.name}: {shared} items are also learnt, and are not measured")
        if len(items) < 2:
            raise BadInput(f"{task.name}: {len(items)} items that no task to learn holds are too few to measure")
        tasks.append(replace(task, items=items))
    return tasks


def _read(settings: LearntTaskConfig, test_items: int, seed: int) -> LearntTask:
    whole = _open(settings, settings.train, seed, settings.limit)
    learnt = [item for item in whole.items if item.accepted and not item.tools and not item.tests]
    if left := len(whole.items) - len(learnt):
        note(f"{whole.name}: {left} items have no answer that could be learnt, and are left out")
    if settings.test is None:
        test = replace(whole, items=_held_out(learnt, test_items, seed))
    else:
        test = _open(settings, settings.test, seed).sample(test_items, seed)
    # The labels are those of both: what a sample of one of them lacks is a label all the same.
    answers = [answer for item in (*learnt, *test.items) for answer in item.accepted]
    test = replace(test, metric=with_labels(test.metric, answers))
    measured = {_question(item) for item in test.items}
    train = tuple(item for item in learnt if _question(item) not in measured)
    if settings.test is not None and (shared := len(learnt) - len(train)):
        note(f"{whole.name}: {shared} items to learn are also in the test, and are left out of the training")
    if not train or len(test.items) < 2:
        raise BadInput(f"{whole.name}: {len(train)} items to learn and {len(test.items)} to measure are too few")
    return LearntTask(whole.name, train, test)


def _open(settings: TaskConfig, spec: str, seed: int, limit: int | None = None) -> Task:
    task = load_task(
        spec, input=settings.input, answer=settings.answer, rule=settings.rule, limit=limit, seed=seed
    )  # fmt: skip
    if task.rejected:
        note(f"{settings.name}: {len(task.rejected)} rows cannot be used; the first: {task.rejected[0]}")
    return replace(task.instructed(settings.instruction), name=settings.name)


def _held_out(items: Sequence[Item], most: int, seed: int) -> tuple[Item, ...]:
    """By the hash of the question, so that what is held out does not hang on the order of the file."""

    def place(item: Item) -> str:
        return hashlib.sha256(f"{seed} {_question(item)}".encode()).hexdigest()

    return tuple(sorted(items, key=place)[: min(most, len(items) // MOST_HELD_OUT)])


def _question(item: Item) -> str:
    """What may not be on both sides: the cluster, else the question without regard to case and spaces."""
    return " ".join(item.group().casefold().split())
