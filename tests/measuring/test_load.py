"""Load tests against a stub that draws its own delays: what is timed, what counts, what is said."""

from __future__ import annotations

import math
import random
import re
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import anyio
import pytest

from jielong import load, self_refine
from jielong.contract import Usage
from jielong.errors import EndpointUnfit
from jielong.measuring.cost_forecast import BudgetLimits
from jielong.measuring.highest_rate import find_highest_rate
from jielong.measuring.load import LoadCall, LoadPlan, LoadWindow, schedule
from jielong.measuring.load_prompts import task_prompts, word_prompts
from jielong.measuring.load_results import LoadResult, LoadTarget
from jielong.measuring.load_test import load_test
from jielong.measuring.percentiles import percentile
from jielong.models.scripted import Scripted
from jielong.runtime.ledger import Ledger
from jielong.stats import quantile
from jielong.tasks.load_task import load_task
from load_stub import DelayedEndpoint, Delays, independent
from load_stub.server import Draw

BUSY = 0.05  # seconds
SHORT = LoadPlan(duration=1.0, warmup=0.2, patience=5.0)


def always(delays: Delays) -> Draw:
    return lambda n, arrived: delays


def run(
    draw: Draw, folder: Path, *, rate: float = 40.0, plan: LoadPlan = SHORT, limits: BudgetLimits | None = None
) -> tuple[LoadResult, DelayedEndpoint]:
    with DelayedEndpoint(draw) as endpoint:
        model = load(f"openai:stub@{endpoint.url}")
        report = anyio.run(
            partial(load_test, model, word_prompts(20, 8), [rate], plan, limits=limits, ledger=folder / "ledger.db")
        )
    result = report.results[0]
    late = max([result.lateness() if plan.concurrency > 1 else 0.0, *endpoint.late])
    if not limits and late > BUSY:
        pytest.skip(f"this machine is too busy to time anything: {late:.2f} s late")
    return result, endpoint


def test_percentiles_are_those_that_the_stub_drew(tmp_path: Path):
    result, endpoint = run(independent(1), tmp_path, rate=60, plan=LoadPlan(2.0, 0.0, 5.0))
    assert len(result.answered) == len(result.window.calls)
    drawn = endpoint.drawn[: len(result.answered)]
    slack = 0.02 + max(result.lateness(), quantile(endpoint.late, 0.99))  # what a busy machine adds to both sides
    for name, q in {"p50": 0.5, "p95": 0.95}.items():
        assert result.latency()[name].value == pytest.approx(quantile([d.whole for d in drawn], q), rel=0.02, abs=slack)
        assert result.first_token()[name].value == pytest.approx(quantile([d.first for d in drawn], q), abs=slack)


def test_a_stall_shows_in_every_call_that_fell_due_meanwhile(tmp_path: Path):
    begun: list[float] = []

    def draw(n: int, arrived: float) -> Delays:
        begun.append(arrived)
        stalls = (begun[0] + 0.3, begun[0] + 1.3)
        left = stalls[1] - arrived if stalls[0] <= arrived < stalls[1] else 0.0
        return Delays(left, left)

    result, _ = run(draw, tmp_path, rate=40, plan=LoadPlan(2.0, 0.0, 5.0))
    slow = [call for call in result.answered if call.ended and call.ended > 0.1]
    assert 20 <= len(slow) <= 60
    assert max(call.ended or 0.0 for call in slow) > 0.9


def test_times_count_from_the_schedule_even_when_this_client_holds_calls_back(tmp_path: Path):
    result, _ = run(
        always(Delays(0.2, 0.2)), tmp_path, rate=20, plan=replace(SHORT, duration=0.7, concurrency=1, patience=20)
    )
    assert result.window.most_in_flight == 1
    assert result.window.held_back > 0.3
    assert result.latency()["p95"].value > 0.7
    assert max(call.sent for call in result.window.calls) > 0.6


def test_a_thought_is_a_first_token_and_an_empty_role_chunk_is_none(tmp_path: Path):
    result, _ = run(always(Delays(0.1, 1.5, thought=True)), tmp_path)
    assert 0.09 < result.first_token()["p50"].value < 1.0


def test_tokens_are_those_that_the_endpoint_counts(tmp_path: Path):
    result, _ = run(always(Delays(0.05, 0.15, tokens=64, chunks=4)), tmp_path)
    assert 63 / 1.0 < result.speed()["p50"].value < 63 / 0.09  # a busy machine makes replies slower, never faster
    thought = {"completion_tokens_details": {"reasoning_tokens": 32}}
    hidden, _ = run(always(Delays(0.05, 0.15, tokens=64, usage=thought)), tmp_path)
    assert 31 / 1.0 < hidden.speed()["p50"].value < 31 / 0.09


def test_a_reply_in_one_piece_has_no_speed(tmp_path: Path):
    assert run(always(Delays(0.05, 0.05, chunks=1)), tmp_path)[0].speed() == {}


def test_an_endpoint_that_counts_no_tokens_gets_no_speed_and_no_price(tmp_path: Path):
    result, _ = run(always(Delays(0.01, 0.1, usage={"prompt_tokens": None, "completion_tokens": None})), tmp_path)
    assert (result.speed(), result.tokens_per_second(), result.usd_per_1000()) == ({}, None, None)


def test_calls_outside_the_window_load_the_server_and_do_not_count(tmp_path: Path):
    def slow_start(n: int, arrived: float) -> Delays:
        return Delays(3.0, 3.0) if n < 8 else Delays(0.02, 0.02)

    result, endpoint = run(slow_start, tmp_path, rate=40, plan=LoadPlan(1.0, 0.6, 5.0))
    assert len(endpoint.drawn) > len(result.window.calls) + 10
    assert result.latency()["p99"].value < 2.0
    assert all(0 <= call.at <= 1.0 for call in result.window.calls)


def test_failures_are_apart_in_their_own_words_and_not_tried_again(tmp_path: Path):
    def draw(n: int, arrived: float) -> Delays:
        return Delays(0.0, 0.0, status=503) if n % 3 == 0 else Delays(0.1, 0.1)

    result, _ = run(draw, tmp_path)
    failed = result.failures
    assert failed.total() + len(result.answered) == len(result.window.calls)
    assert failed.total() > 5
    assert "out of luck" in next(iter(failed))
    assert result.latency()["p50"].value > 0.09
    assert result.window.usage.retries == 0
    assert result.met(LoadTarget(1.0)).value == math.inf


def test_an_empty_reply_is_a_failure(tmp_path: Path):
    result, _ = run(always(Delays(0.01, 0.02, tokens=0)), tmp_path)
    assert result.failures == {"the reply is empty": len(result.window.calls)}


def test_a_call_without_an_answer_is_slower_than_all_others(tmp_path: Path):
    def draw(n: int, arrived: float) -> Delays:
        return Delays(30, 30) if n % 10 == 5 else Delays(0.05, 0.05)

    result, _ = run(draw, tmp_path, plan=replace(SHORT, patience=0.4))
    assert result.unanswered > 0
    assert result.latency()["p50"].value < math.inf
    assert result.latency()["p99"].value == math.inf
    assert result.to_json()["latency"]["p99"] is None


def test_prompts_differ_from_their_first_word_on_and_between_runs(tmp_path: Path):
    _, endpoint = run(always(Delays(0.0, 0.0)), tmp_path)
    openings = [" ".join(prompt.split()[:2]) for prompt in endpoint.prompts]
    assert len(set(openings)) == len(openings)
    assert not {next(word_prompts(20, 8)).messages[0].content for _ in range(2)} & set(endpoint.prompts)
    assert len(re.findall(r"\w+", endpoint.prompts[0])) == pytest.approx(26, abs=2)


def test_no_call_is_answered_from_the_ledger_and_all_are_in_it(tmp_path: Path):
    task = load_task("mini:word_problems", limit=2)
    model = Scripted("four words of reply")
    plan = LoadPlan(0.3, 0.0, 5.0)
    for _ in range(2):
        report = anyio.run(
            partial(load_test, model, task_prompts(task, 8), [60.0], plan, ledger=tmp_path / "ledger.db")
        )
        assert report.results[0].window.usage.cached_calls == 0
    with Ledger(tmp_path / "ledger.db") as ledger:
        assert len([*ledger.rows()]) == len(model.requests)


def test_a_budget_ends_the_load_and_what_came_back_is_told(tmp_path: Path):
    result, endpoint = run(
        always(Delays(0.02, 0.02)), tmp_path, plan=replace(SHORT, warmup=0.0), limits=BudgetLimits(calls=10)
    )
    assert len(endpoint.drawn) == 10
    assert "calls=10" in str(result.window.stopped)
    assert (len(result.answered), result.unanswered) == (10, 0)


def test_a_budget_in_tokens_ends_the_load_instead_of_holding_it_back(tmp_path: Path):
    result, _ = run(
        always(Delays(2.0, 2.0)), tmp_path, plan=replace(SHORT, warmup=0.0), limits=BudgetLimits(tokens=1_000)
    )
    assert "tokens=1000" in str(result.window.stopped)
    assert max(call.sent for call in result.window.calls) < 1.5


def test_an_endpoint_that_is_not_there_stops_the_command():
    with pytest.raises(EndpointUnfit, match="nothing answers"):
        anyio.run(partial(load_test, load("openai:stub@http://127.0.0.1:9/v1"), word_prompts(9, 8), [50.0], SHORT,
                          ledger=Path(":memory:")))  # fmt: skip


def test_the_price_counts_cached_tokens_once_and_unknown_is_not_0(tmp_path: Path):
    usages = {"prompt_tokens": 1_000_000, "prompt_tokens_details": {"cached_tokens": 600_000}}
    with DelayedEndpoint(always(Delays(0.0, 0.0, tokens=16, usage=usages))) as endpoint:
        report = anyio.run(partial(load_test, load(f"openai:gpt-4o@{endpoint.url}"), word_prompts(9, 8), [30.0], SHORT,
                                   ledger=tmp_path / "ledger.db"))  # fmt: skip
    result = report.results[0]
    assert result.usd_per_1000() is None  # nobody knows what an endpoint on this machine costs
    assert result.to_json()["usd_per_1000"] is None
    assert result.cached_share() == 0.6


def priced(usd: float | None, *, error: str | None = None, unsettled: int = 0) -> LoadCall:
    return LoadCall(0.5, 0, 0.1, 0.2, error, Usage(calls=1, usd=usd, input_tokens=9, unsettled_calls=unsettled), 5)


def test_a_price_of_1000_items_has_an_interval_and_failed_calls_are_paid_too():
    window = LoadWindow(1.0, 10.0, [priced(0.01 + 0.001 * i) for i in range(10)] + [priced(0.02, error="cut")])
    price = LoadResult(window).usd_per_1000()
    assert price
    assert price.mean == pytest.approx(1000 * (0.145 + 0.02) / 10)
    assert price.ci95
    assert price.ci95[0] < price.mean < price.ci95[1]
    assert LoadResult(replace(window, calls=[priced(0.01), priced(None)])).usd_per_1000() is None
    assert LoadResult(replace(window, calls=[priced(0.01), priced(0.0, unsettled=1)])).usd_per_1000() is None
    least = LoadResult(replace(window, calls=[priced(0.01), priced(0.0, error="cut", unsettled=1)]))
    assert least.usd_per_1000()
    assert least.usd_is_least


def test_a_technique_is_timed_as_a_whole(tmp_path: Path):
    model = Scripted("The answer is 4", seconds=0.05) | self_refine(rounds=1)
    report = anyio.run(partial(load_test, model, word_prompts(9, None), [20.0], SHORT, ledger=tmp_path / "ledger.db"))
    result = report.results[0]
    assert result.latency()["p50"].value > 0.09
    assert result.speed() == {}


def test_the_schedule_is_a_poisson_process():
    gaps = []
    last = 0.0
    for at, _ in zip(schedule(50.0, 3, 0.0), range(20_000), strict=False):
        gaps.append(at - last)
        last = at
    average = sum(gaps) / len(gaps)
    assert average == pytest.approx(1 / 50, rel=0.03)
    assert sum((gap - average) ** 2 for gap in gaps) / len(gaps) == pytest.approx(average**2, rel=0.06)


# --- percentiles and the highest rate, without a clock ----------------------------------------------------------------


def queue(drawn: random.Random, capacity: float, rate: float, duration: float, warmup: float = 5.0) -> LoadWindow:
    """The calls of a window at an M/M/1 server."""
    window, free = LoadWindow(rate, duration), -warmup
    for at in schedule(rate, drawn.randrange(2**40), -warmup):
        if at > duration:
            return window
        free = max(free, at) + drawn.expovariate(capacity)
        if at >= 0:
            window.calls.append(LoadCall(at, 0.0, free - at, free - at, None, Usage(), None))
    return window


@pytest.mark.parametrize(("load_share", "n"), [(0.0, 400), (0.5, 3000)])
def test_intervals_of_percentiles_cover_also_where_calls_wait_for_each_other(load_share: float, n: int):
    drawn, worlds, inside = random.Random(4), 60, 0
    for _ in range(worlds):
        if load_share:
            values = [call.ended or 0.0 for call in queue(drawn, 1 / load_share, 1.0, n, 200).calls]
            true = math.log(20) / (1 / load_share - 1)
        else:
            values, true = [drawn.expovariate(1) for _ in range(n)], math.log(20)
        low, high = percentile(values, 0.95).ci95
        inside += low <= true <= high
    assert inside / worlds > 0.88


def test_few_calls_leave_the_interval_open():
    assert percentile([0.1, 0.2, 0.3] * 10, 0.99).ci95[1] == math.inf
    assert percentile([0.2] * 500, 0.5).ci95 == (0.2, 0.2)
    assert percentile([0.1] * 50 + [math.inf] * 2, 0.95).value == 0.1


def search(measure: Callable[[float], LoadWindow], target: float, start: float = 10.0):
    async def of(rate: float) -> LoadResult:
        return LoadResult(measure(rate))

    return anyio.run(partial(find_highest_rate, of, LoadTarget(target), start))


def test_the_highest_rate_of_a_queue_is_where_theory_puts_it():
    drawn, capacity, share = random.Random(1), 150.0, 0.7
    found = search(lambda rate: queue(drawn, capacity, rate, 20.0), math.log(20) / (capacity * (1 - share)))
    assert found.rate == pytest.approx(capacity * share, rel=0.07)
    assert found.ci95
    assert found.ci95[0] < capacity * share < found.ci95[1]


def test_a_target_that_nothing_keeps_or_everything_keeps_is_told_so():
    slow = LoadWindow(1.0, 1.0, [LoadCall(0, 0, 2.0, 2.0, None, Usage(), None)] * 30)
    assert search(lambda rate: replace(slow, rate=rate), 1.0).kept is None
    found = search(lambda rate: replace(slow, rate=rate), 3.0)
    assert (found.rate, found.missed) == (None, None)
    assert found.kept
    assert found.kept > 1_000
