"""The limiter finds what an endpoint can take, keeps to its Retry-After, and gives up in its words."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest

from endpoint import Answer, Endpoint
from jielong import call_context
from jielong.contract import Message, Reply, Request
from jielong.errors import EndpointGaveUp
from jielong.models.scripted import Scripted
from jielong.recipe import load
from jielong.runtime import concurrency_limiter as limits
from jielong.runtime.concurrency_limiter import ConcurrencyLimiter, limiter_of, retry_delay
from jielong.runtime.provider import AttemptFailed

pytestmark = pytest.mark.anyio

HELLO = Request((Message("user", "hello"),))


@asynccontextmanager
async def slot(limiter: ConcurrencyLimiter) -> AsyncIterator[int]:
    halvings = await limiter.acquire()
    try:
        yield halvings
    finally:
        limiter.release()


class Overloadable(Scripted):
    """A model behind an endpoint that takes `capacity` calls at once and refuses the others."""

    def __init__(self, where: str, capacity: int, *, after: float = 0.01, seconds: float = 0.005) -> None:
        super().__init__("hello", seconds=seconds)
        self.where, self.capacity, self.after = where, capacity, after
        self.refused = self.most = 0

    def endpoint(self) -> str:
        return self.where

    async def send(self, request: Request, attempt: str) -> Reply:
        if self.running >= self.capacity:
            self.refused += 1
            raise AttemptFailed("too many at once", overloaded=True, after=self.after)
        self.most = max(self.most, self.running + 1)
        return await super().send(request, attempt)


async def many(model: Any, count: int) -> None:
    async with anyio.create_task_group() as tasks:
        for _ in range(count):
            tasks.start_soon(model.generate, HELLO)


async def test_an_endpoint_that_takes_few_at_once_answers_all() -> None:
    model = Overloadable("few", capacity=10)
    await many(model, 500)
    assert model.finished == 500
    assert model.most <= 10
    assert limiter_of("few").limit < 32, "it did not come down"
    assert model.refused < 150, "it kept knocking"


async def test_an_endpoint_that_takes_many_gets_many_and_not_more_than_the_user_wants() -> None:
    model = Overloadable("many", capacity=10_000)
    with call_context.replace(max_concurrency=100):
        await many(model, 2_000)
    assert model.most == 100
    assert model.refused == 0


async def test_the_limit_does_not_grow_on_answers_that_never_tried_it() -> None:
    model = Overloadable("idle", capacity=100, seconds=0.0)
    for _ in range(500):
        await model.generate(HELLO)
    assert limiter_of("idle").limit == 32


async def test_over_a_real_connection_a_429_above_the_capacity_costs_no_item() -> None:
    def behave(body: dict[str, Any], n: int) -> Answer:
        if stub.stats.in_flight > 8:
            return Answer(status=429, headers={"Retry-After": "0.02"}, body='{"error": {"message": "slow down"}}')
        return Answer("hello", seconds=0.01)

    with Endpoint(behave) as stub:
        await many(load(f"openai:stub@{stub.url}"), 300)
        assert stub.stats.finished == 300
        assert stub.stats.statuses[429] < 150
        assert stub.stats.in_flight == 0


async def test_retry_after_holds_all_calls_to_the_endpoint_back() -> None:
    sent: list[float] = []

    class Once(Overloadable):
        async def send(self, request: Request, attempt: str) -> Reply:
            sent.append(anyio.current_time())
            if len(sent) == 1:
                raise AttemptFailed("come back later", overloaded=True, after=0.3)
            return Reply(Message("assistant", "hello"))

    model = Once("later", capacity=1)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(model.generate, HELLO)
        await anyio.wait_all_tasks_blocked()
        for _ in range(100):
            tasks.start_soon(model.generate, HELLO)
    assert len(sent) == 102
    assert min(sent[1:]) - sent[0] >= 0.3


async def test_it_gives_up_with_the_endpoints_own_words() -> None:
    refusal = '{"error": {"message": "the model is asleep until spring"}}'
    with Endpoint(lambda body, n: Answer(status=503, headers={"Retry-After": "0"}, body=refusal)) as stub:
        with pytest.raises(EndpointGaveUp, match=r"gave up after 8 attempts: .* 503: the model is asleep until spring"):
            await load(f"openai:stub@{stub.url}").generate(HELLO)
        assert stub.stats.requests == 8


def test_pauses_are_what_the_endpoint_says_or_grow_with_jitter() -> None:
    assert retry_delay(1, 0.25) == 0.25
    assert retry_delay(1, 86_400.0) == limits.MAX_WAIT, "a day is not waited for"
    for attempt, most in ((1, 1.0), (3, 4.0), (7, 30.0), (20, 30.0)):
        pauses = [retry_delay(attempt, None) for _ in range(200)]
        assert 0 <= min(pauses) < most / 10
        assert most * 0.9 < max(pauses) <= most


async def test_two_models_of_one_endpoint_share_its_limit() -> None:
    one, other = Overloadable("shared", capacity=100), Overloadable("shared", capacity=100)
    at_once = 0

    async def watched(model: Overloadable) -> None:
        nonlocal at_once
        await model.generate(HELLO)
        at_once = max(at_once, one.running + other.running)

    async with anyio.create_task_group() as tasks:
        for _ in range(32):
            tasks.start_soon(watched, one)
            tasks.start_soon(watched, other)
        await anyio.wait_all_tasks_blocked()
        assert one.running + other.running == 32
    assert limiter_of("shared").in_flight == 0


async def test_five_thousand_waiters_are_not_woken_for_the_sake_of_one(monkeypatch: pytest.MonkeyPatch) -> None:
    waits = 0
    limiter = ConcurrencyLimiter()
    after: Callable[[int], Any] = limiter._notifier.wait_for_change

    async def counted(rings: int) -> None:
        nonlocal waits
        waits += 1
        await after(rings)

    monkeypatch.setattr(limiter._notifier, "wait_for_change", counted)

    async def one() -> None:
        async with slot(limiter):
            await anyio.lowlevel.checkpoint()

    async with anyio.create_task_group() as tasks:
        for _ in range(5_000):
            tasks.start_soon(one)
    assert limiter.in_flight == 0
    assert waits < 2 * 5_000


async def test_one_who_leaves_while_the_endpoint_is_closed_passes_its_wake_up_on() -> None:
    """Else the others would sleep for ever: nobody is in flight who could wake them."""
    limiter = ConcurrencyLimiter()
    limiter.limit = 1.0
    through: list[str] = []

    async def one(name: str, scope: anyio.CancelScope) -> None:
        with scope:
            async with slot(limiter):
                through.append(name)

    fickle = anyio.CancelScope()
    with anyio.fail_after(10):
        async with anyio.create_task_group() as tasks:
            async with slot(limiter) as taken:
                tasks.start_soon(one, "fickle", fickle)
                await anyio.wait_all_tasks_blocked()
                tasks.start_soon(one, "patient", anyio.CancelScope())
                await anyio.wait_all_tasks_blocked()
                limiter.overloaded(0.05, taken)
            await anyio.wait_all_tasks_blocked()  # the fickle one was woken, and waits for the endpoint to open
            fickle.cancel()
    assert through == ["patient"]
