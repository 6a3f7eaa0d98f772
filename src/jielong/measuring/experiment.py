"""The one runner of (model, item) pairs: what measures, searches or judges stands on it and says which pairs come next.

It asks so many at once, in a run of the ledger that an interrupted one continues, under one budget whose remaining
items it can forecast. Every item is asked under a path of its own, so its samples are the same whatever the other items
are and in whatever order they finish.
"""

import hashlib
import json
import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeAlias, TypeVar

import anyio
from filelock import FileLock, Timeout

from .. import call_context
from ..answers.thoughts import without_thoughts_of
from ..atomic_write import PRIVATE_FILE
from ..call_context import sub_path
from ..contract import Model, Reply, Request, Step, Usage, require_answer
from ..errors import (
    BadInput,
    BudgetExceeded,
    EndpointUnfit,
    JielongError,
    MissingExtra,
    SampleError,
    SandboxMissing,
    Truncated,
    Unsupported,
)
from ..faults import fault
from ..runtime.home import home_folder
from ..runtime.ledger import Ledger, use_ledger
from ..scope import Scope, scope
from ..sync import unwrap_exception_group
from ..tasks.bfcl import calls_as_text
from ..tasks.item import Item
from ..tasks.metric import AskingMetric, Score
from ..tasks.task import Task
from .cost_forecast import BudgetLimits, CostForecast, ItemCost, usage_cost
from .results import ItemResult

Candidate = TypeVar("Candidate")
Json: TypeAlias = Any

FIRST_LOST = 20  # so many lost items before any reply, or all of them, and the endpoint cannot be used
CANNOT_RUN = (Unsupported, SandboxMissing, MissingExtra, BadInput)  # what this model or machine cannot do


@dataclass(frozen=True, slots=True)
class Trial(Generic[Candidate]):
    """One item for one model; `candidate` is what the caller knows the model by."""

    candidate: Candidate
    model: Model
    item: Item


class Experiment:
    """`with experiment.open(…):` around everything, `with experiment.stage(…):` around each part, `ask` inside."""

    def __init__(
        self,
        task: Task,
        *,
        seed: int = 0,
        concurrency: int = 64,
        limits: BudgetLimits | None = None,
        ledger: Path | None = None,
        on_answer: Callable[[], None] | None = None,
    ) -> None:
        self.task, self.seed, self.concurrency = task, seed, concurrency
        self.limits = limits or BudgetLimits()
        self.ledger = ledger or home_folder() / "ledger.db"
        self.on_answer = on_answer
        self.run: str | None = None
        self.margin = ItemCost()  # of the budget, that a last call may leave unused
        self.notes: dict[str, dict[str, None]] = {}  # by the name of the model, in order of first mention
        self._stages: dict[str, Scope] = {}
        self._started = time.monotonic()
        self._lost: list[str] = []  # the words of lost items, until a first reply comes
        self._answered = False

    # ---- the run in the ledger, and its parts ----

    @contextmanager
    def open(self, kind: str, plan: Json) -> Iterator[Ledger]:
        """The ledger's run of this work, with the budget around. Equal `kind`, `plan`, task and seed are the same work:
        it continues where it was interrupted. `finish()` says that it came to its end."""
        work = fingerprint(kind, self.task, self.seed, plan)
        with self._alone(work):
            # Opened twice: `use_ledger` wants the run's name at its start, and only an open ledger knows it.
            with Ledger(self.ledger) as ledger:
                self.run = ledger.begin(work, f"{kind} {self.task.name}")
            self._started = time.monotonic()
            with use_ledger(self.ledger, self.run) as self._open_ledger, self.limits.around_calls():
                yield self._open_ledger

    @contextmanager
    def _alone(self, work: str) -> Iterator[None]:
        """Of two processes at the same work the second waits, and then finds its answers in the ledger: both at once
        would pay for every call twice."""
        if str(self.ledger) == ":memory:":
            yield
            return
        lock = FileLock(f"{self.ledger}.{work[:16]}.lock", mode=PRIVATE_FILE)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            logging.getLogger(__name__).warning("another process is doing the same work; waiting until it has ended")
            lock.acquire()
        try:
            yield
        finally:
            lock.release()

    def finish(self) -> None:
        """The next run of the same work is a new one."""
        assert self.run
        self._open_ledger.finish(self.run)

    @contextmanager
    def stage(self, name: str, kind: str) -> Iterator[Scope]:
        """A part of the work whose usage is counted apart."""
        with scope(name, kind=kind) as self._stages[name]:
            yield self._stages[name]

    def usage(self, stage: str | None = None) -> Usage:
        """What a stage has spent, or all of them."""
        return sum((each.usage for name, each in self._stages.items() if stage in (None, name)), Usage())

    # ---- asking ----

    async def ask(
        self,
        trials: Sequence[Trial[Candidate]],
        receive: Callable[[Candidate, Item, ItemResult], None],
        *,
        wanted: Callable[[Candidate], bool] = lambda candidate: True,
        cannot_run: Callable[[Candidate, JielongError], None] | None = None,
    ) -> None:
        """Ask all of them, `concurrency` items and calls at a time, in this order; each result goes to `receive`. A
        trial is left out if its candidate is not `wanted` any more when its turn comes. A candidate that this model or
        machine cannot run goes to `cannot_run`; without it the error is raised. Raises BudgetExceeded once what is in
        flight has come back, and EndpointUnfit when no reply comes at all."""
        # The workers share one iterator: whoever is free takes the next trial, so the order is kept and nobody waits.
        pending = iter(trials)
        exceeded: list[BudgetExceeded] = []

        async def work() -> None:
            for trial in pending:
                # What is in flight has been set aside in the budget: it comes back and counts.
                if exceeded:
                    return
                if wanted(trial.candidate):
                    try:
                        result = await self._answer(trial, min(FIRST_LOST, len(trials)))
                    except BudgetExceeded as error:
                        exceeded.append(error)
                    except CANNOT_RUN as error:
                        # An account that is refused is no fault of this candidate: all others would meet the same.
                        if cannot_run is None or isinstance(error, EndpointUnfit):
                            raise
                        cannot_run(trial.candidate, error)
                    else:
                        receive(trial.candidate, trial.item, result)
                if self.on_answer:
                    self.on_answer()

        with call_context.replace(max_concurrency=self.concurrency), unwrap_exception_group():
            async with anyio.create_task_group() as workers:
                for _ in range(min(self.concurrency, len(trials))):
                    workers.start_soon(work)
        if exceeded:
            raise exceeded[0]

    async def _answer(self, trial: Trial[Any], patience: int) -> ItemResult:
        result, notes = await ask_item(self.task, trial.item, trial.model, self.seed)
        self.notes.setdefault(trial.model.name, {}).update(notes)
        if result.score is not None:
            self._answered = True
        elif not self._answered:
            # Endpoints find new words for an empty account: eight attempts for each of a thousand items take an hour.
            self._lost.append(str(result.error))
            if len(self._lost) >= patience:
                raise EndpointUnfit(f"the first {len(self._lost)} items were all lost: {self._lost[-1]}")
        return result

    # ---- the forecast ----

    def forecast(self, share: float = 1.0) -> CostForecast:
        """What is left of this share of each budget. Seconds count from the start of this process's run."""
        spent = usage_cost(self.usage()) + ItemCost(seconds=self.elapsed())
        left = {
            kind: max(0.0, limit - getattr(self.margin, kind)) * share - getattr(spent, kind)
            for kind, limit in self.limits.given().items()
        }
        return CostForecast(left)

    def elapsed(self) -> float:
        return time.monotonic() - self._started


def item_request(task: Task, item: Item, seed: int) -> Request:
    """The request of an item, with the limit that its metric calls for."""
    return item.request().with_sampling(seed=seed, max_tokens=task.metric.max_tokens)


def most_calls(task: Task, model: Model) -> int:
    """The most provider calls that asking all items takes, grading apart."""
    metric = task.metric
    each = [metric.calls(item) if isinstance(metric, AskingMetric) else model.max_calls() for item in task.items]
    return sum(each)


async def ask_item(task: Task, item: Item, model: Model, seed: int) -> tuple[ItemResult, Mapping[str, None]]:
    """One model on one item, with notes. A SampleError or an exception that nobody expected is the result's `error`;
    other errors of the tree are raised."""
    started = time.monotonic()
    reply: Reply | None = None
    answer: Reply | None = None
    score, value, error = Score(0.0, None), None, None
    # The result holds the steps: a stage that held those of a hundred thousand items, too, would take them twice.
    with sub_path(item.id), scope(item.id, kind="item", step=False) as asking:
        asking.turns = []
        try:
            if isinstance(task.metric, AskingMetric):
                reply = await task.metric.ask(model, item)
            else:
                reply = await model.generate(item_request(task, item, seed))
            if not (item.tools and reply.finish == "tool_calls"):
                reply = require_answer(reply)
            if (answer := without_thoughts_of(reply)) is None:
                raise Truncated("the reply ends within a thought", reply)
        except SampleError as failure:
            # What came and is no answer (truncated, declined) is the model's own doing, and wrong. Where nothing came,
            # nothing is known of what the model would have said.
            reply, error = getattr(failure, "reply", None), f"{type(failure).__name__}: {failure}"
            value = None if failure.lost else 0.0
        except JielongError:
            raise
        except Exception as unexpected:
            reply, error = None, f"Fault: {fault(unexpected)}"
        queued = asking.seconds_queued()
        seconds = max(time.monotonic() - started - queued, _longest_call(asking.steps))
    with sub_path(item.id), scope(f"{item.id}: grade", kind="grade", step=False) as grading:
        if answer is not None:
            try:
                score = await task.metric.score(item, answer)
                value = _checked_value(score)
            except SampleError as failure:  # of the judge: the answer is there, and nobody knows what it is worth
                error = f"not graded: {type(failure).__name__}: {failure}"
            except JielongError:
                raise
            except Exception as unexpected:
                error = f"not graded: Fault: {fault(unexpected)}"
    text = "" if reply is None else calls_as_text(reply)  # with its thoughts, and what came of a truncated one
    result = ItemResult(
        item.id, value, score.extracted, text, error, asking.usage, seconds, grading.usage, tuple(asking.steps), queued,
        dict(score.parts),
    )  # fmt: skip
    return result, asking.notes | grading.notes


def _checked_value(score: Score) -> float:
    """A metric may be a plugin's: what it gives is averaged, written and compared."""
    if not (isinstance(score.value, int | float) and 0 <= score.value <= 1):
        raise ValueError(f"a score of {score.value!r}; expected a number from 0 to 1")
    return float(score.value)


def _longest_call(steps: Iterable[Step]) -> float:
    """The seconds of the longest call when it was made: what a replay from the ledger would have taken at least."""
    return max((_longest_call(step.steps) if step.call is None else step.usage.seconds for step in steps), default=0.0)


def fingerprint(kind: str, task: Task, seed: int, plan: Json) -> str:
    """What makes two commands the same work: an interrupted run is continued by a command with its fingerprint."""
    # Another judge is other work, and the hash of the task knows nothing of judges.
    facts = [kind, task.sha256, str(getattr(task.metric, "judge", "")), seed, plan]
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
