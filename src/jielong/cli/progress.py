"""Progress on standard error, with rate and time left; silent where there is no terminal."""

from __future__ import annotations

from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from ..contract import Model
from ..measuring.evaluate import ItemResult
from .messages import localized


class Progress:
    def __init__(self, models: int = 0, items: int = 0) -> None:
        columns = (
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(compact=True),
        )
        console = Console(stderr=True)
        self._bar = Bar(*columns, console=console, transient=True, disable=not console.is_terminal)
        self._models = models
        self._task = self._bar.add_task("", total=models * items, rate="")

    def __enter__(self) -> Progress:
        self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, e: BaseException | None, tb: TracebackType | None) -> None:
        self._bar.stop()

    def model(self, number: int, model: Model) -> None:
        name = model.name if len(model.name) <= 48 else model.name[:47] + "…"
        self._bar.update(self._task, description=f"{number + 1}/{self._models} {name}".replace("[", r"\["))

    def race(self, round: int, candidates: int, questions: int) -> None:
        """The next round of a race; 0 is the final."""
        words = localized(f"progress.{'round' if round else 'final'}", round=round, candidates=candidates)
        self._bar.reset(self._task, total=questions, description=words)

    def answer(self, answer: ItemResult) -> None:
        self.step()

    def step(self) -> None:
        speed = self._bar.tasks[0].speed
        self._bar.update(self._task, advance=1, rate=f"{speed:.1f}/s" if speed else "")
