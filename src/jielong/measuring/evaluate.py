"""Ask models the items of a task and count: accuracy with its interval, failures, tokens, price, latency.

Every item is asked under a path of its own, so its samples are the same whatever the other items are and in whatever
order they finish. With a ledger around, what an interrupted run has paid for is not paid again.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio

from .. import __version__, context
from ..context import sub_path
from ..contract import Model, Reply, Request, Step, Usage, require_answer
from ..errors import BadInput, SampleError, SandboxMissing, Unsupported
from ..recipe import load
from ..runtime.ledger import Ledger, home_folder, use_ledger
from ..scope import scope
from ..stats import Estimate, Paired, holm, mean, paired, quantile
from ..sync import run_sync, unwrap_exception_group
from ..tasks.bfcl import as_text
from ..tasks.load_task import load_task
from ..tasks.task import Item, Score, Task
from .judge import Judge, check_judged

MAX_TOKENS = {"code": 2048, "json": 2048, "judge": 2048}
DEFAULT_MAX_TOKENS = 1024


@dataclass(frozen=True)
class ItemResult:
    """What one model made of one item."""

    id: str
    score: float
    extracted: str | None
    text: str
    error: str | None  # why there is no answer: refused, truncated, the endpoint gave up
    usage: Usage
    seconds: float
    judging: Usage = field(default_factory=Usage)  # what grading the answer took; not part of `usage`
    steps: tuple[Step, ...] = ()  # what happened beneath it


@dataclass(frozen=True)
class ModelResult:
    """One model on one task."""

    model: str
    answers: tuple[ItemResult, ...]
    clusters: tuple[str, ...] | None
    usage: Usage
    notes: tuple[str, ...]

    @property
    def scores(self) -> list[float]:
        return [answer.score for answer in self.answers]

    @property
    def accuracy(self) -> Estimate:
        return mean(self.scores, self.clusters)

    @property
    def failed_extraction(self) -> int:
        """Replies that came, and held nothing that the answer rule looks for."""
        return sum(answer.error is None and answer.extracted is None for answer in self.answers)

    @property
    def failed(self) -> int:
        """Items without a reply."""
        return sum(answer.error is not None for answer in self.answers)

    def latency(self, q: float) -> float | None:
        seconds = [answer.seconds for answer in self.answers if answer.error is None]
        return quantile(seconds, q) if seconds else None

    def against(self, plain: ModelResult) -> Paired:
        return paired(plain.scores, self.scores, self.clusters)


@dataclass(frozen=True)
class EvalReport:
    task: Task
    seed: int
    run: str | None
    results: tuple[ModelResult, ...]
    settings: dict[str, Any] = field(default_factory=dict)
    skipped: tuple[tuple[str, str], ...] = ()  # recipes that the model cannot run, and why

    def comparisons(self) -> list[tuple[ModelResult, Paired, float]]:
        """Every other model against the first, with Holm's correction of p."""
        if not self.results:
            return []
        first, *others = self.results
        pairs = [other.against(first) for other in others]
        return list(zip(others, pairs, holm([pair.p for pair in pairs]), strict=True))

    def to_json(self) -> dict[str, Any]:
        return {
            "task": self.task.name,
            "task_sha256": self.task.sha256,
            "rule": self.task.rule,
            "seed": self.seed,
            "version": __version__,
            "run": self.run,
            "skipped": [{"model": model, "why": why} for model, why in self.skipped],
            **self.settings,
            "results": [_result_json(result) for result in self.results],
            "paired": [
                {
                    "a": self.results[0].model,
                    "b": other.model,
                    "difference": pair.difference,
                    "ci95": _interval(pair.ci95),
                    "p": pair.p,
                    "p_holm": corrected,
                }
                for other, pair, corrected in self.comparisons()
            ],
        }


def _interval(ci95: tuple[float, float] | None) -> list[float] | None:
    return None if ci95 is None else list(ci95)


def _result_json(result: ModelResult) -> dict[str, Any]:
    usage = result.usage
    return {
        "model": result.model,
        "n": len(result.answers),
        "mean": result.accuracy.mean,
        "ci95": _interval(result.accuracy.ci95),
        "failed_extraction": result.failed_extraction,
        "failed": result.failed,
        "usage": {
            "calls": usage.calls,
            "retries": usage.retries,
            "cached_calls": usage.cached_calls,
            "unsettled_calls": usage.unsettled_calls,
            "input_tokens": usage.input_tokens,
            "output_tokens": usage.output_tokens,
            "reasoning_tokens": usage.reasoning_tokens,
            "prompt_cached_tokens": usage.prompt_cached_tokens,
            "usd": usage.usd,
        },
        "latency": {"p50": result.latency(0.5), "p95": result.latency(0.95)},
        "notes": list(result.notes),
    }


async def measure(
    task: Task,
    model: Model,
    *,
    seed: int,
    concurrency: int = 64,
    judge: Judge | None = None,
    on_answer: Callable[[ItemResult], None] | None = None,
) -> ModelResult:
    """Ask `model` every item of `task`, `concurrency` items and calls at a time.

    An item whose reply failed, was refused or truncated scores 0 and says why. Any other error stops everything.
    """
    check_judged(task, judge)
    answers: dict[int, ItemResult] = {}
    todo = iter(enumerate(task.items))

    async def work() -> None:
        for i, item in todo:
            answers[i] = await ask_item(task, item, model, seed, judge)
            if on_answer:
                on_answer(answers[i])

    with context.replace(max_concurrency=concurrency):
        with scope(model.name, kind="model") as whole, unwrap_exception_group():
            async with anyio.create_task_group() as workers:
                for _ in range(min(concurrency, len(task.items))):
                    workers.start_soon(work)
    clusters = tuple(item.cluster or item.id for item in task.items) if any(i.cluster for i in task.items) else None
    in_order = tuple(answers[i] for i in range(len(task.items)))
    return ModelResult(model.name, in_order, clusters, whole.usage, tuple(whole.notes))


def item_request(task: Task, item: Item, seed: int) -> Request:
    """The request of an item, with the limit that its answer rule calls for."""
    return item.request().with_sampling(seed=seed, max_tokens=MAX_TOKENS.get(task.rule, DEFAULT_MAX_TOKENS))


async def ask_item(task: Task, item: Item, model: Model, seed: int, judge: Judge | None) -> ItemResult:
    """One model on one item. A sample that is lost scores 0; any other error is raised."""
    request = item_request(task, item, seed)
    started = time.monotonic()
    reply: Reply | None = None
    scored, error = Score(0.0, None), None
    with sub_path(item.id), scope(item.id, kind="item") as here:
        try:
            said = await model.generate(request)
            reply = as_text(said) if item.tools else require_answer(said)
        except SampleError as lost:
            error = f"{type(lost).__name__}: {lost}"
        seconds = max(time.monotonic() - started, _longest_call(here.steps))
    with sub_path(item.id), scope(f"{item.id}: grade", kind="grade") as grading:
        try:
            if reply:
                scored = await (judge.grade(request, reply) if judge else task.score(item, reply.text))
        except SampleError as lost:
            error = f"{type(lost).__name__}: {lost}"
    text, steps = reply.text if reply else "", tuple(here.steps)
    return ItemResult(item.id, scored.value, scored.extracted, text, error, here.usage, seconds, grading.usage, steps)


def _longest_call(steps: Sequence[Step]) -> float:
    """The seconds of the longest call when it was made: what a replay from the ledger would have taken at least."""
    return max((_longest_call(step.steps) if step.call is None else step.usage.seconds for step in steps), default=0.0)


def fingerprint(task: Task, models: Sequence[Model], seed: int, judge: Judge | None) -> str:
    """What makes two commands the same work: an interrupted run is continued by a command with its fingerprint."""
    said = [task.sha256, [item.id for item in task.items], task.rule, [model.name for model in models], seed]
    return hashlib.sha256(json.dumps([*said, judge.model.name if judge else None]).encode()).hexdigest()


async def compare(
    task: Task,
    models: Sequence[Model],
    *,
    seed: int = 0,
    concurrency: int = 64,
    judge: Judge | None = None,
    ledger: Path | None = None,
    around: AbstractContextManager[object] | None = None,
    skip_unsupported: bool = False,
    on_model: Callable[[int, Model], None] | None = None,
    on_answer: Callable[[ItemResult], None] | None = None,
) -> EvalReport:
    """Measure all models on the same items with the same seed, the first one being what the others are compared with.

    The calls go to `ledger` (default: the one in JIELONG_HOME); a run that was interrupted goes on. With
    `skip_unsupported` a later model that cannot do here what its recipe asks is named in `skipped` instead of ending it
    all.
    """
    if not models:
        raise BadInput("nothing to measure: expected at least one model (-m RECIPE)")
    file = ledger or home_folder() / "ledger.db"
    print_of_work = fingerprint(task, models, seed, judge)
    with Ledger(file) as opened:
        run = opened.begin(print_of_work, f"{task.name}: {', '.join(model.name for model in models)}")
    results: list[ModelResult] = []
    skipped: list[tuple[str, str]] = []
    with use_ledger(file, run) as opened, around or nullcontext():
        for i, model in enumerate(models):
            if on_model:
                on_model(i, model)
            asked = measure(task, model, seed=seed, concurrency=concurrency, judge=judge, on_answer=on_answer)
            try:
                results.append(await asked)
            except (Unsupported, SandboxMissing) as error:
                if i == 0 or not skip_unsupported:
                    raise
                skipped.append((model.name, str(error)))
        opened.finish(run)
    return EvalReport(task, seed, run, tuple(results), skipped=tuple(skipped))


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

    async def measured() -> EvalReport:
        asked = Judge(grading) if grading else None
        return await compare(loaded, built, seed=seed, concurrency=concurrency, judge=asked)

    return run_sync(measured)
