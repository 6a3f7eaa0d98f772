"""A budget is never overspent, and a tenth of what a run needs still gives a verdict."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import anyio
import pytest

from jielong import Request, Scripted
from jielong.contract import Usage
from jielong.improving import budget_plan
from jielong.improving.improve_plan import prepare
from jielong.improving.improve_result import ImproveResult
from jielong.improving.improve_run import ImproveRun
from jielong.measuring.cost_forecast import BudgetLimits, CostForecast, ItemCost
from jielong.tasks.metric import find_metric

from . import virtual, worlds

USD_A_TOKEN = 1e-5


class Priced(Scripted):
    def usd(self, usage: Usage) -> float | None:
        return (usage.input_tokens + usage.output_tokens) * USD_A_TOKEN


def wordy(seconds: Callable[[Request], float] = lambda request: 0.0) -> Priced:
    """Helped by cot; replies are as long as those of real models beside what a call has to reserve."""

    def reply(request: Request) -> str:
        answer = worlds.reply(0, request, worlds.HELPERS["cot"](request))
        short = "Python expression" in request.messages[-1].text or worlds.ASIDE.search(request.messages[-1].text)
        return answer if short else "so " * (120 if worlds.HELPERS["cot"](request) else 40) + answer

    return Priced(reply, seconds=seconds)


def run(model: Scripted, items: int = 100, **budget: float) -> ImproveResult:
    whole = ImproveRun(prepare(worlds.task(items), [model], limits=BudgetLimits(**budget)), ledger=Path(":memory:"))
    anyio.run(whole.execute)
    return whole.result()


def width(outcome: ImproveResult) -> float:
    """Of the interval of cot's gain in the final."""
    found = next(c.ci95 for c in outcome.comparisons if c.recipe.endswith("| cot"))
    assert found
    return found[1] - found[0]


@pytest.fixture(scope="module")
def needed() -> tuple[ImproveResult, int]:
    model = wordy()
    return run(model), model.tokens


@pytest.mark.parametrize("kind", ["tokens", "usd"])
def test_a_tenth_of_the_budget_gives_a_verdict_and_is_kept(kind: str, needed: tuple[ImproveResult, int]):
    whole, tokens = needed
    model = wordy()
    limit = tokens // 10
    outcome = run(model, **{kind: limit if kind == "tokens" else limit * USD_A_TOKEN})
    assert model.tokens <= limit
    assert outcome.verdict.kind in ("improved", "nothing helped")
    assert len(outcome.finalists[0].answers) >= 2
    assert outcome.search_usage.calls > 0
    assert {note.key for note in outcome.notes} >= {"left_out", "final_cut"}
    assert outcome.comparisons[0].n < whole.comparisons[0].n
    assert width(outcome) > width(whole)


def timed(seconds: float | None = None) -> tuple[ImproveResult, float, Priced]:
    """A run on a clock of its own, four calls at once, with replies that take as long as they are; the seconds it took.

    Its answers are texts, as the candidates for numbers compute in processes that know no other clock.
    """
    model = wordy(lambda request: 6.0 if worlds.HELPERS["cot"](request) else 2.0)
    prepared = prepare(
        replace(worlds.task(100), metric=find_metric("exact")), [model], limits=BudgetLimits(seconds=seconds)
    )
    with virtual.virtual_time() as clock:
        whole, began = ImproveRun(prepared, concurrency=4, ledger=Path(":memory:")), clock()
        virtual.run(whole.execute, clock)
        return whole.result(), clock() - began, model


def test_a_tenth_of_the_time_gives_a_verdict_and_is_kept():
    whole, seconds, _ = timed()
    outcome, took, model = timed(seconds / 10)
    assert took <= seconds / 10
    assert model.running == 0
    assert outcome.verdict.kind == "improved"
    assert outcome.finalists[0].usage.calls > 0
    assert {note.key for note in outcome.notes} >= {"left_out", "final_cut"}
    assert outcome.comparisons[0].n < whole.comparisons[0].n
    assert width(outcome) > width(whole)


def test_a_time_that_ends_in_a_round_is_kept_and_told():
    """Far too little time even for tasting: calls in flight are cut off when it is over."""
    outcome, took, model = timed(7.0)
    assert took <= 7.0
    assert model.running == 0
    assert len(model.requests) > model.finished > 0
    assert (outcome.verdict.kind, outcome.stopped) == ("budget spent", "budget")
    assert "halved" not in {c.dropped.why for c in outcome.candidates if c.dropped}  # no round came to its end


def test_an_ample_budget_changes_nothing(needed: tuple[ImproveResult, int]):
    whole, tokens = needed
    outcome = run(wordy(), tokens=3 * tokens)
    assert outcome.verdict == whole.verdict
    assert outcome.stopped is None


@pytest.mark.parametrize("limit", [1, 1_500, 3_000, 6_000])
def test_a_budget_of_almost_nothing_is_kept_and_told(limit: int):
    model = wordy()
    outcome = run(model, tokens=limit)
    assert model.tokens <= limit
    if not outcome.finalists:
        assert (outcome.verdict.kind, outcome.stopped) == ("budget spent", "budget")


def test_a_time_that_is_over_leaves_what_was_found():
    outcome = run(wordy(), seconds=1e-9)
    assert (outcome.verdict.kind, outcome.stopped) == ("budget spent", "budget")


def test_dollars_are_announced_where_prices_are_known():
    plan = prepare(worlds.task(100), [wordy()]).plan
    assert plan.max_usd is not None
    assert plan.max_usd > plan.max_calls * 1024 * USD_A_TOKEN


def test_rounds_shrink_with_the_money_and_the_best_are_paid_first():
    forecast = CostForecast({"tokens": 1000.0})
    costs = {name: ItemCost(tokens=n) for name, n in {"plain": 1, "cheap": 1, "dear": 50, "dearest": 500}.items()}
    assert budget_plan.round_end(forecast, costs, ["plain", "cheap"], 0, (24, 48), (2, 1)) == 24
    assert budget_plan.round_end(forecast, costs, ["plain", "dearest"], 0, (24, 48), (2, 1)) == 0
    assert budget_plan.affordable(forecast, costs, "plain", ["dear", "cheap", "dearest"]) == ["dear", "cheap"]
    assert budget_plan.affordable(forecast, costs, "plain", ["dearest", "cheap"]) == ["dearest"]
    assert budget_plan.final(forecast, costs, "plain", ["dear", "cheap"], 100) == (["dear", "cheap"], 19)
    assert budget_plan.final(forecast, costs, "plain", ["cheap", "dearest"], 100) == (["cheap"], 100)
