"""Budgets: not one token over, at any concurrency, in any nesting, from any thread."""

from __future__ import annotations

import random
import threading
from pathlib import Path

import anyio
import pytest

from jielong import call_context
from jielong.contract import Image, Message, Model, Reply, Request, Sampling, Text
from jielong.errors import BadInput, BudgetExceeded, EndpointGaveUp
from jielong.models.scripted import Scripted
from jielong.runtime.budget import BudgetState, CallCost, budget, reserve
from jielong.runtime.ledger import use_ledger
from jielong.runtime.provider import AttemptFailed
from jielong.techniques.self_consistency import self_consistency

pytestmark = pytest.mark.anyio


def asked(text: str = "How much?", *, max_tokens: int | None = 20, seed: int | None = None) -> Request:
    return Request((Message("user", text),), Sampling(max_tokens=max_tokens, seed=seed, temperature=1.0))


def rambling(seconds: float = 0.001) -> Scripted:
    """Replies of 1 to 20 words that take a random time."""
    words = random.Random(7)
    return Scripted(lambda _: "word " * words.randint(1, 20), seconds=lambda _: words.uniform(0, seconds))


async def all_at_once(model: Model, requests: list[Request]) -> tuple[list[Reply], list[BudgetExceeded]]:
    replies: list[Reply] = []
    refused: list[BudgetExceeded] = []

    async def one(request: Request) -> None:
        try:
            replies.append(await model.generate(request))
        except BudgetExceeded as error:
            refused.append(error)

    async with anyio.create_task_group() as tasks:
        for request in requests:
            tasks.start_soon(one, request)
    return replies, refused


async def test_a_thousand_concurrent_requests_spend_not_one_token_over() -> None:
    model = rambling()
    with budget(tokens=5_000) as state:
        replies, refused = await all_at_once(model, [asked(f"How much is {i}?") for i in range(1_000)])
    assert len(replies) + len(refused) == 1_000
    assert refused
    assert replies
    assert model.tokens == state.tokens <= 5_000
    assert state.tokens > 5_000 - 200, "it stopped long before the budget was used"
    assert state.in_flight == state.reserved_tokens == 0


async def test_a_budget_that_is_enough_for_all_refuses_none() -> None:
    """Calls wait for what those in flight give back: reservations are several times what the calls then cost."""
    model = rambling()
    requests = [asked(f"How much is {i}?") for i in range(200)]
    cost = sum(len(request.messages[0].text.split()) + 20 for request in requests)
    replies, refused = [], []
    with budget(tokens=cost + 200):
        replies, refused = await all_at_once(model, requests)
    assert (len(replies), refused) == (200, [])


async def test_calls_are_counted_before_they_are_made() -> None:
    model = rambling()
    with budget(calls=17) as state:
        replies, refused = await all_at_once(model, [asked(str(i)) for i in range(100)])
    assert (len(replies), len(refused), len(model.requests), state.calls) == (17, 83, 17, 17)


class Priced(Scripted):
    """A scripted model at one dollar for a thousand tokens."""

    def usd(self, usage):  # type: ignore[no-untyped-def]
        return (usage.input_tokens + usage.output_tokens) / 1000


class Unpriced(Scripted):
    def usd(self, usage):  # type: ignore[no-untyped-def]
        return None


async def test_dollars_are_never_overspent() -> None:
    model = Priced("one two three", seconds=0.001)
    with budget(usd=0.5) as state:
        replies, refused = await all_at_once(model, [asked(f"Price of {i}?") for i in range(300)])
    assert refused
    assert sum(reply.usage.usd or 0 for reply in replies) == pytest.approx(state.usd)
    assert state.usd <= 0.5


async def test_dollars_with_an_unknown_price_are_refused_and_nothing_is_sent() -> None:
    model = Unpriced("hello")
    with budget(usd=1.0), pytest.raises(BadInput, match="known price; use a budget in tokens"):
        await model.generate(asked())
    assert model.requests == []


@pytest.mark.parametrize("limit", [{"tokens": 1000}, {"usd": 1.0}])
async def test_a_budget_without_max_tokens_is_refused_with_that_advice(limit: dict[str, int]) -> None:
    model = Scripted("hello")
    with budget(**limit), pytest.raises(BadInput, match="max_tokens"):  # type: ignore[arg-type]
        await model.generate(asked(max_tokens=None))
    assert model.requests == []


async def test_a_token_budget_refuses_images_as_their_tokens_are_unknown() -> None:
    model = Scripted("hello")
    picture = Request((Message("user", (Text("What is it?"), Image(b"png"))),), Sampling(max_tokens=5))
    with budget(tokens=1000), pytest.raises(BadInput, match="send no images"):
        await model.generate(picture)


async def test_when_the_time_is_up_calls_in_flight_end_and_what_came_back_is_kept() -> None:
    model = Scripted("fast", seconds=lambda request: 0.0 if "fast" in request.messages[0].text else 60.0)
    with budget(seconds=0.1):
        await model.generate(asked("fast"))
        with pytest.raises(BudgetExceeded, match=r"the budget seconds=0.1 is spent: the time is up") as raised:
            await model.generate(asked("slow"))
    assert [reply.text for reply in raised.value.replies] == ["fast"]
    assert model.running == 0


async def test_the_error_holds_what_had_come_back() -> None:
    model = Scripted(lambda request: f"reply to {request.messages[0].text}")
    with budget(calls=3):
        for i in range(3):
            await model.generate(asked(str(i)))
        with pytest.raises(BudgetExceeded) as raised:
            await model.generate(asked("3"))
    assert [reply.text for reply in raised.value.replies] == ["reply to 0", "reply to 1", "reply to 2"]
    assert str(raised.value) == "the budget calls=3 is spent: 3 made"


async def test_each_request_has_a_purse_of_its_own_under_concurrency() -> None:
    """Three calls fit into one request's state, and a hundred requests at once do not eat each other's."""
    model = Scripted(lambda request: f"Answer: {request.sampling.seed % 2}", seconds=0.001)
    voting = model | self_consistency(n=3, adaptive=False) | budget(calls=3)
    replies, refused = await all_at_once(voting, [asked(str(i), seed=i) for i in range(100)])
    assert (len(replies), refused) == (100, [])
    assert len(model.requests) == 300


async def test_the_inner_of_two_purses_holds_for_one_request_and_the_outer_for_all() -> None:
    model = rambling()
    with budget(tokens=3_000) as outer:
        replies, _ = await all_at_once(model | budget(tokens=150), [asked(str(i)) for i in range(300)])
    assert replies
    assert all(reply.usage.input_tokens + reply.usage.output_tokens <= 150 for reply in replies)
    assert model.tokens == outer.tokens <= 3_000


async def test_a_spent_budget_inside_a_technique_is_said_to_be_the_budget() -> None:
    """Not a fault of the technique around it, whose bound follows from the budget."""
    model = Scripted("Answer: 1") | self_consistency(n=8, adaptive=False) | budget(calls=3) | self_consistency(n=1)
    assert model.max_calls() == 3
    with pytest.raises(BudgetExceeded, match="calls=3"):
        await model.generate(asked())


async def test_a_call_that_was_cut_off_keeps_its_whole_reservation() -> None:
    model = Scripted("never", seconds=60)
    with budget(tokens=1_000) as state:
        with anyio.move_on_after(0.01):
            await model.generate(asked("x" * 100))
        most = model.max_cost(asked("x" * 100)).tokens
    assert state.tokens == most
    assert state.in_flight == 0


async def test_an_attempt_whose_cost_nobody_knows_keeps_its_reservation_and_the_retry_takes_another() -> None:
    faults = iter([AttemptFailed("connection lost", unsettled=True, after=0.0)])

    def reply(request: Request) -> str:
        for fault in faults:
            raise fault
        return "here it is"

    model = Scripted(reply)
    with budget(tokens=1_000) as state:
        answer = await model.generate(asked())
    assert answer.usage.unsettled_calls == answer.usage.retries == 1
    assert state.tokens == (model.max_cost(asked()).tokens or 0) + 2 + 3


async def test_a_failed_attempt_that_cost_nothing_gives_all_back() -> None:
    model = Scripted(lambda request: (_ for _ in ()).throw(AttemptFailed("busy", after=0.0)))
    with budget(tokens=1_000) as state, pytest.raises(EndpointGaveUp, match="gave up after 8 attempts: busy"):
        await model.generate(asked())
    assert (state.tokens, state.in_flight, state.calls) == (0, 0, 1)


def test_two_threads_with_event_loops_of_their_own_share_one_budget() -> None:
    """Both wait for what the other gives back, and together spend not one token over."""
    models = [rambling(), rambling()]
    counts: list[int] = []
    with budget(tokens=4_000) as state:

        def run(model: Scripted) -> None:
            async def main() -> None:
                with call_context.replace(budgets=(state,)):
                    replies, refused = await all_at_once(model, [asked(str(i)) for i in range(300)])
                counts.append(len(replies) + len(refused))

            anyio.run(main)

        threads = [threading.Thread(target=run, args=(model,)) for model in models]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert counts == [300, 300]
    assert sum(model.tokens for model in models) == state.tokens <= 4_000


def test_ask_from_synchronous_code_is_inside_the_block() -> None:
    model = Scripted("hello")
    with budget(calls=1):
        assert model.ask("first") == "hello"
        with pytest.raises(BudgetExceeded):
            model.ask("second")


async def test_one_release_wakes_one_waiter() -> None:
    """A thousand calls that wait for one place are woken about once each, not a thousand times each."""
    looks = 0

    class Watched(BudgetState):
        def fits(self, max_cost: CallCost) -> bool:
            nonlocal looks
            looks += 1
            return super().fits(max_cost)

    model = Scripted("x")
    most = model.max_cost(asked("1")).tokens
    assert most is not None
    watched = Watched(tokens=most + 2 * 1_000, usd=None, calls=None, seconds=None)
    with call_context.replace(budgets=(watched,)):
        await all_at_once(model, [asked("1") for _ in range(1_000)])
    assert len(model.requests) == 1_000
    assert looks < 10 * 1_000


async def test_a_waiter_that_gives_up_passes_its_wake_up_on() -> None:
    state = BudgetState(tokens=10, usd=None, calls=None, seconds=None)
    call_context.replace(budgets=(state,)).__enter__()
    await reserve(CallCost(1, 10, 0.0))
    through: list[int] = []

    async def wait(i: int) -> None:
        await reserve(CallCost(1, 5, 0.0))
        through.append(i)

    async with anyio.create_task_group() as tasks:
        first = anyio.CancelScope()

        async def fickle() -> None:
            with first:
                await wait(0)

        tasks.start_soon(fickle)
        await anyio.wait_all_tasks_blocked()
        tasks.start_soon(wait, 1)
        await anyio.wait_all_tasks_blocked()
        first.cancel()
        state.settle(CallCost(1, 10, 0.0), CallCost(1, 2, 0.0), None)  # wakes the first, who is about to leave
    assert through == [1]


async def test_an_interrupted_run_pays_again_in_its_budget_for_what_it_has(tmp_path: Path) -> None:
    """Going on after an interruption leaves as much of the budget as going on without one."""
    requests = [asked(str(i), seed=i) for i in range(10)]
    model = Scripted("one two three")
    with use_ledger(tmp_path / "ledger.db", "run"), budget(calls=12) as whole:
        for request in requests[:6]:
            await model.generate(request)
    spent = whole.tokens
    with use_ledger(tmp_path / "ledger.db", "run"), budget(calls=12) as again:
        for request in requests[:6]:
            await model.generate(request)
        assert (again.tokens, again.calls, len(again.replies)) == (spent, 6, 6)
        for request in requests[:6]:
            await model.generate(request)
        assert (again.tokens, again.calls) == (spent, 6), "a reply is paid for once"
    assert len(model.requests) == 6


async def test_a_run_goes_on_under_a_smaller_budget_only_as_far_as_that_goes(tmp_path: Path) -> None:
    model = Scripted("one two three")
    with use_ledger(tmp_path / "ledger.db", "run"):
        for i in range(3):
            await model.generate(asked(str(i), seed=i))
    with use_ledger(tmp_path / "ledger.db", "run"), budget(tokens=9) as state:
        for i in range(2):
            await model.generate(asked(str(i), seed=i))
        with pytest.raises(BudgetExceeded, match="tokens=9"):
            await model.generate(asked("2", seed=2))
    assert state.tokens == 8


def test_a_budget_needs_a_limit_and_the_limit_a_sense() -> None:
    with pytest.raises(BadInput, match=r"budget needs a limit, e\.g\. budget\(tokens=10000\); limits are tokens, usd"):
        budget()
    with pytest.raises(BadInput, match=r"budget\(usd=-1\): expected 0 or more"):
        budget(usd=-1)
    with pytest.raises(BadInput, match=r"budget\(usd=nan\): expected 0 or more"):
        budget(usd=float("nan"))
