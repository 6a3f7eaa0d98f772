"""Open-loop load: calls go out when a Poisson process says so, however many are still unanswered.

A call's time counts from its place in the schedule, not from when it was sent: what waits behind a stall, or in a
client that is late itself, has waited (Tene's "coordinated omission"). Calls before and after the window keep the load
steady and count for nothing. No call is tried again, waits for a turn, or is answered from the ledger.
"""

from __future__ import annotations

import gc
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import anyio
from anyio.abc import TaskGroup
from anyio.lowlevel import checkpoint

from .. import call_context
from ..contract import Model, Reply, Request, Thinking, Usage
from ..errors import BudgetExceeded, EndpointUnfit, JielongError, SampleError
from ..events import Delta, Event
from ..faults import fault
from ..scope import Scope, scope
from ..sync import unwrap_exception_group

TIMER = 0.002  # seconds by which the loop's timers may be late; so long before its time a call is waited for awake


@dataclass(frozen=True)
class LoadPlan:
    """Seconds of the window and of the load before it; how long unanswered calls are waited for after it; how many
    calls may be in flight before this client holds the next one back."""

    duration: float = 30.0
    warmup: float = 5.0
    patience: float = 60.0
    concurrency: int = 512
    seed: int = 0


@dataclass(frozen=True)
class LoadCall:
    """One call that counts. Times are seconds since its place in the schedule, `at` is that place in the window."""

    at: float
    sent: float
    first: float | None  # the first token, be it of a thought; None: none came
    ended: float | None  # None: not answered when waiting ended
    error: str | None  # why it failed
    usage: Usage
    after_first: int | None  # tokens that came after the first one, where the endpoint tells and they were streamed


@dataclass
class LoadWindow:
    """What one rate gave."""

    rate: float  # calls a second
    duration: float
    calls: list[LoadCall] = field(default_factory=list)  # in the order of the schedule
    usage: Usage = field(default_factory=Usage)  # of all calls, those outside the window too
    most_in_flight: int = 0
    held_back: float = 0.0  # seconds for which this client could send no further call
    stopped: str | None = None  # why the window ended before its time: a budget, an account
    hopeless: bool = False  # it ended before its time because so many calls had missed the target


def schedule(rate: float, seed: int, begin: float) -> Iterator[float]:
    """Arrivals of a Poisson process, in seconds, from `begin` on without end."""
    drawn, at = random.Random(f"{seed} {rate}"), begin
    while True:
        at += drawn.expovariate(rate)
        yield at


async def send_load(
    model: Model,
    requests: Iterator[Request],
    rate: float,
    plan: LoadPlan,
    *,
    on_answer: Callable[[], None] | None = None,
    hopeless: Callable[[LoadCall], bool] | None = None,
) -> LoadWindow:
    """One window at `rate`. It ends early when a budget is spent, or when `hopeless` says of a call that came back that
    the rest need not be waited for. Raises what the first call meets if no reply ever came."""
    window = LoadWindow(rate, plan.duration)
    sender = _Sender(model, requests, window, plan, on_answer, hopeless)
    with (
        _short_collections(),
        scope(f"{rate:g}/s", kind="load") as spent,
        call_context.replace(open_loop=True, max_concurrency=plan.concurrency),
        unwrap_exception_group(),
    ):
        await sender.run()
    window.calls.sort(key=lambda call: call.at)
    window.usage = spent.usage
    return window


@contextmanager
def _short_collections() -> Iterator[None]:
    """The collector looks at what a window makes alone: all that was imported takes it some 30 ms, in which nothing is
    sent or heard."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


class _Sender:
    def __init__(
        self,
        model: Model,
        requests: Iterator[Request],
        window: LoadWindow,
        plan: LoadPlan,
        on_answer: Callable[[], None] | None,
        hopeless: Callable[[LoadCall], bool] | None,
    ) -> None:
        self.model, self.requests, self.window, self.plan = model, requests, window, plan
        self.on_answer, self.hopeless = on_answer, hopeless
        self.in_flight = self.counted = 0
        self.answered = False
        self.back = anyio.Event()  # replaced at each call that comes back
        self.opens = 0.0  # when the window does, by the loop's clock

    async def run(self) -> None:
        plan = self.plan
        self.opens = anyio.current_time() + plan.warmup
        async with anyio.create_task_group() as calls:
            for at in schedule(self.window.rate, plan.seed, -plan.warmup):
                request = next(self.requests)  # drawn before its time has come
                if at > plan.duration + plan.warmup or not await self._wait_until(at):
                    break
                await self._have_room()
                self._begin(calls, at, request)
            with anyio.move_on_after(plan.patience):
                while self.counted and not self.window.hopeless:
                    await self.back.wait()
            calls.cancel_scope.cancel()

    async def _wait_until(self, at: float) -> bool:
        """False: no further call is needed."""
        if at <= self.plan.duration:
            due = self.opens + at
            while not self.ends and anyio.current_time() < due - TIMER:
                with anyio.move_on_at(due - TIMER):
                    await self.back.wait()
            while not self.ends and anyio.current_time() < due:
                await checkpoint()
            return not self.ends
        with anyio.move_on_at(self.opens + at):
            while self.counted and not self.ends:
                await self.back.wait()
        return self.counted > 0 and not self.ends

    @property
    def ends(self) -> bool:
        return self.window.hopeless or self.window.stopped is not None

    async def _have_room(self) -> None:
        while self.in_flight >= self.plan.concurrency:
            began = time.monotonic()
            await self.back.wait()
            self.window.held_back += time.monotonic() - began

    def _begin(self, calls: TaskGroup, at: float, request: Request) -> None:
        self.in_flight += 1
        self.counted += self._counts(at)
        self.window.most_in_flight = max(self.window.most_in_flight, self.in_flight)
        calls.start_soon(self._call, at, request)

    def _counts(self, at: float) -> bool:
        return 0 <= at <= self.plan.duration

    async def _call(self, at: float, request: Request) -> None:
        due, sent, heard = self.opens + at, time.monotonic(), list[float]()
        reply: Reply | None = None
        error, ended, was_sent = None, None, True

        async def listen(event: Event) -> None:
            if isinstance(event, Delta) and event.text:
                heard.append(time.monotonic())

        with scope("call", kind="item") as asking:
            asking.turns = []
            try:
                with call_context.replace(listener=listen):
                    reply = await self.model.generate(request)
                ended, error = _ended(asking, reply), _what_is_wrong(reply)
                self.answered = True
            except SampleError as failure:
                ended, error = time.monotonic(), f"{type(failure).__name__}: {failure}"
            except JielongError as failure:
                if not (isinstance(failure, BudgetExceeded) or (isinstance(failure, EndpointUnfit) and self.answered)):
                    raise
                self.window.stopped = str(failure)
                was_sent = asking.usage.calls > 0
            except Exception as unexpected:
                ended, error = time.monotonic(), f"Fault: {fault(unexpected)}"
            finally:
                self.in_flight -= 1
                self.counted -= self._counts(at)
                if self._counts(at) and was_sent:
                    first = min([*heard[:1], *filter(None, (asking.first_token,))], default=None)
                    self._keep(
                        LoadCall(
                            at, sent - due, first and first - due, ended and ended - due, error, asking.usage,
                            _tokens_after_first(asking, reply) if len(heard) > 1 else None,  # one piece has no speed
                        )
                    )  # fmt: skip
                self.back.set()
                self.back = anyio.Event()

    def _keep(self, call: LoadCall) -> None:
        self.window.calls.append(call)
        if self.on_answer:
            self.on_answer()
        if self.hopeless and self.hopeless(call):
            self.window.hopeless = True


def _ended(asking: Scope, reply: Reply) -> float:
    """When the reply had come. Of a single call that is before it was written to the ledger."""
    turns = asking.turns or []
    return turns[0].ended if len(turns) == 1 and reply.usage.calls == 1 else time.monotonic()


def _what_is_wrong(reply: Reply) -> str | None:
    if reply.finish == "refused":
        return "the model declined to answer"
    thought = any(isinstance(part, Thinking) and part.text for part in _parts(reply))
    return None if reply.text or thought or reply.message.tool_calls else "the reply is empty"


def _parts(reply: Reply) -> tuple[object, ...]:
    return reply.message.content if isinstance(reply.message.content, tuple) else ()


def _tokens_after_first(asking: Scope, reply: Reply | None) -> int | None:
    """Tokens as the endpoint counts them, never pieces of the stream. Thoughts that it counts and does not send came
    before the first token that was seen."""
    usage = asking.usage
    if reply is None or usage.calls != 1 or usage.unsettled_calls or not usage.output_tokens:
        return None
    sent = any(isinstance(part, Thinking) and part.text for part in _parts(reply))
    return max(0, usage.output_tokens - 1 - (0 if sent else usage.reasoning_tokens))
