"""`improve`: which techniques help this model on this task, by how much, at what price.

All candidates are compared on the search split (successive_halving.py); the few that are left and the plain model meet
on items that the search never saw (verdict.py). What is spent stays within the budget (budget_plan.py). Everything that
an interrupted run has paid for is in the ledger: the same command resumes it.
"""

from ..contract import Model
from ..measuring.cost_forecast import BudgetLimits
from ..measuring.judge import judge_of
from ..recipe import load
from ..sync import run_sync
from ..tasks.load_task import load_task
from ..tasks.task import Task
from .improve_plan import prepare
from .improve_result import ImproveResult
from .improve_run import ImproveRun


def improve(
    task: str | Task,
    *models: str | Model,
    limit: int | None = None,
    seed: int = 0,
    concurrency: int = 64,
    judge: str | Model | None = None,
    budget_usd: float | None = None,
    budget_tokens: int | None = None,
    budget_seconds: float | None = None,
) -> ImproveResult:
    """Find out which techniques help the models on `task`, from synchronous code. Ctrl-C gives what is known so far,
    with the verdict "interrupted". Raises BadInput, UnknownName, MissingKey."""
    loaded = load_task(task, limit=limit, seed=seed) if isinstance(task, str) else task
    grading = load(judge) if isinstance(judge, str) else judge
    limits = BudgetLimits(tokens=budget_tokens, usd=budget_usd, seconds=budget_seconds)
    prepared = prepare(loaded, models, seed=seed, judge=judge_of(grading) if grading else None, limits=limits)
    run = ImproveRun(prepared, concurrency=concurrency)
    try:
        run_sync(run.execute)
    except KeyboardInterrupt:
        run.stopped = "interrupted"
    return run.result()
