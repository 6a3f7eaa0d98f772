"""Budgets. A call reserves the most it can cost before it is made and settles what it did cost: no overshoot, ever.

`with budget(tokens=…):` is one purse for the block. `model | budget(tokens=…)` is a fresh purse for each request. A
call takes from all purses around it or from none; a reply that the run paid for before it was interrupted takes what it
cost then.
"""

from __future__ import annotations

import inspect
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, get_type_hints

from .. import context
from ..contract import Model, Reply, Request, TokenLogprob
from ..errors import BadInput, BudgetExceeded
from ..recipe import show_step
from .notifier import Notifier

_lock = threading.Lock()  # one for all purses, as a call takes from several in one step


@dataclass(frozen=True, slots=True)
class CallCost:
    """What a call takes from a purse. `tokens` or `usd` is None when it has no upper bound."""

    calls: int = 0
    tokens: int | None = 0
    usd: float | None = 0.0


class BudgetState:
    """The state of one budget; shared by threads and event loops."""

    def __init__(self, tokens: int | None, usd: float | None, calls: int | None, seconds: float | None) -> None:
        self.max_tokens, self.max_usd, self.max_calls = tokens, usd, calls
        self.deadline = None if seconds is None else time.monotonic() + seconds
        self.seconds = seconds
        self.tokens, self.usd, self.calls = 0, 0.0, 0
        self.held_tokens, self.held_usd, self.in_flight = 0, 0.0, 0
        self.replies: list[Reply] = []
        self.notifier = Notifier()

    def has(self, most: CallCost) -> bool:
        """True: it fits. False: not now, but calls in flight may give back. Raises BudgetExceeded when none can."""
        if self.deadline is not None and time.monotonic() >= self.deadline:
            raise self.out_of_time()
        if self.max_calls is not None and self.calls + most.calls > self.max_calls:
            raise self._spent(f"calls={self.max_calls}", f"{self.calls} made")
        tokens, usd = self._bounded(most)
        over_tokens = self.max_tokens is not None and self.tokens + self.held_tokens + tokens > self.max_tokens
        over_usd = self.max_usd is not None and self.usd + self.held_usd + usd > self.max_usd
        if not over_tokens and not over_usd:
            return True
        if self.in_flight and not self._never(tokens, usd):
            return False
        if over_tokens:
            reason = f"{self.tokens:,} spent and the next call may take {tokens:,}"
            raise self._spent(f"tokens={self.max_tokens}", reason)
        raise self._spent(f"usd={self.max_usd}", f"{self.usd:.4f} spent and the next call may take {usd:.4f}")

    def hold(self, most: CallCost) -> None:
        self.held_tokens += most.tokens or 0
        self.held_usd += most.usd or 0.0
        self.calls += most.calls
        self.in_flight += 1

    def _never(self, tokens: int, usd: float) -> bool:
        tokens_never = self.max_tokens is not None and self.tokens + tokens > self.max_tokens
        return tokens_never or (self.max_usd is not None and self.usd + usd > self.max_usd)

    def _bounded(self, most: CallCost) -> tuple[int, float]:
        if self.max_tokens is not None and most.tokens is None:
            raise BadInput("a token budget needs an upper bound for each call: set max_tokens, and send no images")
        if self.max_usd is not None and most.usd is None:
            raise BadInput("a budget in dollars needs max_tokens and a known price; use a budget in tokens instead")
        return most.tokens or 0, most.usd or 0.0

    def out_of_time(self) -> BudgetExceeded:
        return self._spent(f"seconds={self.seconds}", "the time is up")

    def _spent(self, limit: str, why: str) -> BudgetExceeded:
        return BudgetExceeded(f"the budget {limit} is spent: {why}", self.replies)

    def release(self, most: CallCost, spent: CallCost, reply: Reply | None) -> None:
        """Give a reservation back and take what was spent."""
        with _lock:
            self.in_flight -= 1
            self.held_tokens -= most.tokens or 0
            self.held_usd -= most.usd or 0.0
            self.tokens += spent.tokens or 0
            self.usd += spent.usd or 0.0
            if reply:
                self.replies.append(reply)
        self.notifier.notify(1)


async def reserve(most: CallCost) -> tuple[BudgetState, ...]:
    """Reserve in all purses around this call, or wait until it is possible. Raises BudgetExceeded, BadInput."""
    around = context.current().budgets
    woken_by: BudgetState | None = None
    while True:
        short: BudgetState | None = None
        try:
            with _lock:
                for purse in around:
                    seen = purse.notifier.notifications
                    if not purse.has(most):
                        short = purse
                        break
                else:
                    for purse in around:
                        purse.hold(most)
                    return around
        finally:
            # A release wakes one waiter. One that no longer waits there passes it on, so that none is left asleep while
            # it could go on, and a thousand are not woken for the sake of one.
            if woken_by and woken_by is not short:
                woken_by.notifier.notify(1)
        await short.notifier.wait_for_change(seen)
        woken_by = short


class budget:
    """Stop before more than this is spent: tokens (input and output), US dollars, calls or seconds.

    A call that could overshoot waits while calls in flight may give back, then BudgetExceeded is raised with the
    replies that had come back. A budget in tokens or dollars needs max_tokens; one in dollars a known price.
    """

    parameters: Mapping[str, inspect.Parameter]
    hints: Mapping[str, Any]

    def __init__(
        self,
        *,
        tokens: int | None = None,
        usd: float | None = None,
        calls: int | None = None,
        seconds: float | None = None,
    ) -> None:
        self.tokens, self.usd, self.calls, self.seconds = tokens, usd, calls, seconds
        given = {"tokens": tokens, "usd": usd, "calls": calls, "seconds": seconds}
        self.options = {name: value for name, value in given.items() if value is not None}
        if not self.options:
            raise BadInput("budget needs a limit, e.g. budget(tokens=10000); limits are tokens, usd, calls, seconds")
        for name, value in self.options.items():
            if not value >= 0:
                raise BadInput(f"budget({name}={value}): expected 0 or more")
        self._blocks: list[context.replace] = []

    def purse(self) -> BudgetState:
        return BudgetState(self.tokens, self.usd, self.calls, self.seconds)

    def __enter__(self) -> BudgetState:
        purse = self.purse()
        self._blocks.append(_around(purse))
        self._blocks[-1].__enter__()
        return purse

    def __exit__(self, kind: type[BaseException] | None, e: BaseException | None, tb: TracebackType | None) -> None:
        self._blocks.pop().__exit__(kind, e, tb)

    def wrap(self, model: Model, /) -> Model:
        return _Budgeted(model, self)

    def __str__(self) -> str:
        return show_step("budget", self.parameters, self.options)


budget.parameters = {n: p for n, p in inspect.signature(budget.__init__).parameters.items() if n != "self"}
budget.hints = {n: hint for n, hint in get_type_hints(budget.__init__).items() if n != "return"}


def _around(budget: BudgetState) -> context.replace:
    return context.replace(budgets=(*context.current().budgets, budget))


@dataclass(frozen=True)
class _Budgeted(Model):
    model: Model
    limits: budget

    @property
    def name(self) -> str:
        return f"{self.model.name} | {self.limits}"

    @property
    def base(self) -> Model:
        return self.model.base

    def max_calls(self) -> int:
        most = self.model.max_calls()
        return most if self.limits.calls is None else min(self.limits.calls, most)

    async def generate(self, request: Request) -> Reply:
        with _around(self.limits.purse()):
            return await self.model.generate(request)

    async def logprobs(self, request: Request, continuation: str) -> tuple[TokenLogprob, ...]:
        return await self.model.logprobs(request, continuation)
