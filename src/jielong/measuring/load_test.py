"""A load test: windows of load one after the other, written to the ledger and under one budget."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from .. import __version__
from ..contract import Model, Request
from ..runtime.home import home_folder
from ..runtime.ledger import Ledger, use_ledger
from .cost_forecast import BudgetLimits
from .highest_rate import MAX_WINDOWS, OVERLOADED, HighestRate, find_highest_rate
from .load import LoadCall, LoadPlan, send_load
from .load_results import LoadResult, LoadTarget

_HOPELESS = 0.5  # of a window's calls; when they have missed the target, the rest need not be sent


@dataclass(frozen=True)
class LoadReport:
    model: str
    run: str
    results: tuple[LoadResult, ...]
    highest_rate: HighestRate | None

    def to_json(self) -> dict[str, Any]:
        return {
            "model": self.model,
            "version": __version__,
            "run": self.run,
            "results": [result.to_json() for result in self.results],
            "highest_rate": self.highest_rate and self.highest_rate.to_json(),
        }


async def load_test(
    model: Model,
    requests: Iterator[Request],
    rates: Sequence[float],
    plan: LoadPlan,
    *,
    target: LoadTarget | None = None,
    windows: int = MAX_WINDOWS,
    limits: BudgetLimits | None = None,
    ledger: Path | None = None,
    on_answer: Callable[[], None] | None = None,
) -> LoadReport:
    """One window for each of `rates`, in calls a second; with a `target`, at most `windows` that look for the highest
    rate that keeps it, from `rates[0]` on. What a budget stops ends the test; what had come back is reported."""
    file = ledger or home_folder() / "ledger.db"
    with Ledger(file) as opened:  # a run of its own each time: no load is the same work as an earlier one
        run = opened.begin(uuid.uuid4().hex, f"loadtest {model.name}")
    results: list[LoadResult] = []

    async def measure(rate: float) -> LoadResult:
        # Another seed for each window, so that no two have their crowds at the same moments.
        shifted = replace(plan, seed=plan.seed + len(results))
        hopeless = None
        if target:
            shifted = replace(shifted, patience=min(plan.patience, max(1.0, OVERLOADED * target.seconds)))
            hopeless = _counting(target, _HOPELESS * rate * plan.duration)
        window = await send_load(model, requests, rate, shifted, on_answer=on_answer, hopeless=hopeless)
        results.append(LoadResult(window))
        return results[-1]

    highest: HighestRate | None = None
    with use_ledger(file, run) as opened, (limits or BudgetLimits()).around_calls():
        async with model:
            if target:
                highest = await find_highest_rate(measure, target, rates[0], windows=windows)
            else:
                for rate in rates:
                    if (await measure(rate)).window.stopped:
                        break
        opened.finish(run)
    return LoadReport(model.name, run, tuple(results), highest)


def _counting(target: LoadTarget, most: float) -> Callable[[LoadCall], bool]:
    missed = 0

    def hopeless(call: LoadCall) -> bool:
        nonlocal missed
        missed += target.missed(call)
        return missed > most

    return hopeless
