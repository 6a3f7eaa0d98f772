"""Progress on standard error, with rate and time left; silent where there is no terminal."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from ..contract import Model
from ..reporting.terminal import console
from .messages import localized

if TYPE_CHECKING:
    from rich.progress import Progress as Bar
    from rich.progress import TaskID


class Progress:
    def __init__(self, models: int = 0, items: int = 0) -> None:
        self._models = models
        self._bar: Bar | None = None
        if sys.stderr.isatty():  # rich takes a tenth of a second to import, which scripts need not wait for
            self._bar, self._task = _bar(models * items)

    def __enter__(self) -> Progress:
        if self._bar:
            self._bar.start()
        return self

    def __exit__(self, *error: object) -> None:
        if self._bar:
            self._bar.stop()

    def model(self, number: int, model: Model) -> None:
        name = model.name if len(model.name) <= 48 else model.name[:47] + "…"
        if self._bar:
            self._bar.update(self._task, description=f"{number + 1}/{self._models} {name}")

    def stage(self, round: int, candidates: int, questions: int) -> None:
        """The next round of a search; 0 is the final."""
        words = localized(f"progress.{'round' if round else 'final'}", round=round, candidates=candidates)
        if self._bar:
            self._bar.reset(self._task, total=questions, description=words)

    def of(self, done: int, total: int) -> None:
        """So many of so many."""
        if self._bar:
            self._bar.update(self._task, completed=done, total=total)

    def step(self) -> None:
        if self._bar:
            speed = self._bar.tasks[0].speed
            self._bar.update(self._task, advance=1, rate=f"{speed:.1f}/s" if speed else "")


def _bar(total: int) -> tuple[Bar, TaskID]:
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(compact=True),
    )
    bar = Bar(*columns, console=console(stderr=True), redirect_stdout=False, redirect_stderr=False, transient=True)
    return bar, bar.add_task("", total=total, rate="")
