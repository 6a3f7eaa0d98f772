"""The one runner of (model, item) pairs: how many at once, in which order, under which budget, resumed where."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio
import pytest

from jielong import Request, Scripted
from jielong.contract import Usage
from jielong.errors import BadInput, BudgetExceeded, EndpointUnfit, Unsupported
from jielong.measuring.cost_forecast import BudgetLimits, CostForecast, ItemCost, mean_cost
from jielong.measuring.experiment import Experiment, Trial, fingerprint
from jielong.measuring.results import ItemResult
from jielong.runtime.ledger import Ledger
from jielong.tasks.item import Item
from jielong.tasks.metric import find_metric
from jielong.tasks.task import Task

MEMORY = Path(":memory:")


def task(n: int = 20) -> Task:
    items = tuple(Item(str(i), f"Say {i}.", (str(i),)) for i in range(n))
    return Task("say", items, find_metric("number"), "for a test", "a test")


def parrot(request: Request) -> str:
    return request.messages[-1].text.removeprefix("Say ").removesuffix(".")


class Received:
    """What an experiment handed out, in order of arrival."""

    def __init__(self) -> None:
        self.results: list[tuple[str, ItemResult]] = []

    def __call__(self, candidate: str, item: Item, result: ItemResult) -> None:
        assert item.id == result.id
        self.results.append((candidate, result))

    def ids(self) -> list[str]:
        return [result.id for _, result in self.results]


def trials(model: Any, items: tuple[Item, ...], candidate: str = "it") -> list[Trial[str]]:
    return [Trial(candidate, model, item) for item in items]


async def asked(experiment: Experiment, some: list[Trial[str]], received: Received, **options: Any) -> None:
    with experiment.open("test", "plan"):
        await experiment.ask(some, received, **options)
        experiment.finish()


def test_so_many_are_asked_at_once_and_no_more():
    whole, running, received = task(50), [0], Received()
    model = Scripted(parrot, seconds=lambda request: (running.append(model.running), 0.002)[1])
    experiment = Experiment(whole, concurrency=7, ledger=MEMORY)
    anyio.run(asked, experiment, trials(model, whole.items), received)
    assert sorted(received.ids(), key=int) == [item.id for item in whole.items]
    assert 4 <= max(running) <= 7


@pytest.mark.parametrize("concurrency", [1, 3, 64])
def test_the_samples_of_an_item_do_not_depend_on_the_others(concurrency: int):
    whole = task()
    model = Scripted(lambda request: str(request.sampling.seed))
    received = Received()
    anyio.run(asked, Experiment(whole, concurrency=concurrency, ledger=MEMORY), trials(model, whole.items), received)
    alone = Received()
    anyio.run(asked, Experiment(whole, ledger=MEMORY), trials(model, whole.items[7:8]), alone)
    assert {result.id: result.text for _, result in received.results}["7"] == alone.results[0][1].text


def test_a_candidate_that_is_not_wanted_any_more_is_asked_no_further():
    whole, model, received = task(), Scripted(parrot), Received()
    options = {"wanted": lambda candidate: len(received.results) < 5}
    anyio.run(
        lambda: asked(Experiment(whole, concurrency=1, ledger=MEMORY), trials(model, whole.items), received, **options)
    )
    assert received.ids() == ["0", "1", "2", "3", "4"]


def test_what_cannot_run_is_handed_to_who_wants_to_know_and_else_raised():
    whole = task(3)

    def reply(request: Request) -> str:
        raise Unsupported("no such thing here")

    refused: list[tuple[str, str]] = []
    note = {"cannot_run": lambda candidate, error: refused.append((candidate, str(error)))}
    anyio.run(lambda: asked(Experiment(whole, ledger=MEMORY), trials(Scripted(reply), whole.items), Received(), **note))
    assert refused == [("it", "no such thing here")] * 3
    with pytest.raises(Unsupported):
        anyio.run(asked, Experiment(whole, ledger=MEMORY), trials(Scripted(reply), whole.items), Received())


def test_an_endpoint_that_cannot_be_used_is_nobodys_to_handle():
    def reply(request: Request) -> str:
        raise EndpointUnfit("the account is empty")

    options = {"cannot_run": lambda candidate, error: pytest.fail("handled")}
    with pytest.raises(EndpointUnfit, match="empty"):
        anyio.run(
            lambda: asked(
                Experiment(task(), ledger=MEMORY), trials(Scripted(reply), task().items), Received(), **options
            )
        )


def test_a_spent_budget_ends_it_when_all_in_flight_has_come_back():
    whole, received = task(40), Received()
    model = Scripted(parrot, seconds=lambda request: 0.001)
    experiment = Experiment(whole, concurrency=8, limits=BudgetLimits(calls=21), ledger=MEMORY)
    with pytest.raises(BudgetExceeded):
        anyio.run(asked, experiment, trials(model, whole.items), received)
    assert len(received.results) == len(model.requests) == 21


def test_an_interrupted_experiment_goes_on_and_a_finished_one_is_new(tmp_path: Path):
    whole, file = task(), tmp_path / "ledger.db"
    first = Experiment(whole, limits=BudgetLimits(calls=5), ledger=file)
    with pytest.raises(BudgetExceeded):
        anyio.run(asked, first, trials(Scripted(parrot), whole.items), Received())
    again, model = Experiment(whole, ledger=file), Scripted(parrot)
    anyio.run(asked, again, trials(model, whole.items), Received())
    assert again.run == first.run
    assert len(model.requests) == len(whole.items) - 5
    third, model = Experiment(whole, ledger=file), Scripted(parrot)
    anyio.run(asked, third, trials(model, whole.items), Received())
    assert third.run != first.run
    assert model.requests == []  # the ledger has them all
    with Ledger(file) as ledger:
        assert len(list(ledger.rows())) == len(whole.items)


def test_equal_work_has_one_fingerprint_and_other_work_another():
    whole = task()
    of = [
        fingerprint("eval", whole, 0, ["m"]),
        fingerprint("eval", whole, 0, ["m", "n"]),
        fingerprint("eval", whole, 1, ["m"]),
        fingerprint("improve", whole, 0, ["m"]),
        fingerprint("eval", task(19), 0, ["m"]),
    ]
    assert len(set(of)) == len(of)
    assert fingerprint("eval", task(), 0, ["m"]) == of[0]


def test_stages_count_apart_and_together():
    whole, model, experiment = task(6), Scripted(parrot), Experiment(task(6), ledger=MEMORY)

    async def run() -> None:
        with experiment.open("test", "plan"):
            with experiment.stage("one", "part"):
                await experiment.ask(trials(model, whole.items[:2]), Received())
            with experiment.stage("two", "part"):
                await experiment.ask(trials(model, whole.items[2:]), Received())

    anyio.run(run)
    assert [experiment.usage(name).calls for name in ("one", "two", None)] == [2, 4, 6]
    assert experiment.usage("three") == Usage()


# ---- the forecast ----


def result(tokens: int, judging: int = 0, seconds: float = 1.0) -> ItemResult:
    usage, graded = Usage(calls=1, input_tokens=tokens), Usage(calls=1 if judging else 0, output_tokens=judging)
    return ItemResult("x", 1.0, "1", "1", None, usage, seconds, graded)


def test_a_mean_item_costs_its_grading_too():
    assert mean_cost([result(10, 6), result(20)]) == ItemCost(1.5, 18, 0.0, 1.0)
    assert mean_cost([]) == ItemCost()


def test_the_scarcest_budget_decides_and_what_is_reserved_is_left():
    forecast = CostForecast({"calls": 100.0, "tokens": 1000.0})
    assert forecast.affordable(ItemCost(calls=1, tokens=5)) == 100
    assert forecast.affordable(ItemCost(calls=1, tokens=50)) == 20
    assert forecast.affordable(ItemCost(calls=1, tokens=50), reserved=ItemCost(tokens=500)) == 10
    assert forecast.affordable(ItemCost(calls=1), reserved=ItemCost(calls=200)) == 0
    assert forecast.affordable(ItemCost()) > 10**6
    assert CostForecast({}).affordable(ItemCost(calls=9)) > 10**6
    assert (forecast.fraction(ItemCost(tokens=4000)), forecast.fraction(ItemCost(tokens=4))) == (0.25, 1.0)


def test_an_experiment_forecasts_what_is_left_of_a_share():
    whole = task(10)
    experiment = Experiment(whole, limits=BudgetLimits(calls=30), ledger=MEMORY)

    async def run() -> list[int]:
        with experiment.open("test", "plan"), experiment.stage("all", "part"):
            await experiment.ask(trials(Scripted(parrot), whole.items), Received())
            return [experiment.forecast(share).affordable(ItemCost(calls=1)) for share in (1.0, 0.5, 0.1)]

    assert anyio.run(run) == [20, 5, 0]


def test_no_model_is_nothing_to_measure():
    from jielong import evaluate

    with pytest.raises(BadInput, match="expected at least one model"):
        evaluate(task())
