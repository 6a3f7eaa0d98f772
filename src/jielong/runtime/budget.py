"""Budgets. A call reserves the most it can cost before it is made and settles what it did cost: no overshoot, ever.

`with budget(tokens=…):` is one budget for the block. `model | budget(tokens=…)` is a fresh one for each request. A call
reserves in all budgets around it or in none; a reply that the run paid for before it was interrupted takes what it cost
then.
"""

from __future__ import annotations

import inspect
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, get_type_hints

from .. import call_context
from ..contract import Model, Reply, Request, TokenLogprob
from ..errors import BadInput, BudgetExceeded
from ..recipe import show_step
from .notifier import Notifier


@dataclass(frozen=True, slots=True)
class CallCost:
    """What a call takes from a budget. `tokens` or `usd` is None when it has no upper bound."""

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
        self.reserved_tokens, self.reserved_usd, self.in_flight = 0, 0.0, 0
        self.replies: list[Reply] = []
        self.lock = threading.Lock()
        self.notifier = Notifier()

    def fits(self, max_cost: CallCost) -> bool:
        """False: not now, but calls in flight may give back. Raises BudgetExceeded when they cannot give enough."""
        if self.deadline is not None and time.monotonic() >= self.deadline:
            raise self.out_of_time()
        if self.max_calls is not None and self.calls + max_cost.calls > self.max_calls:
            raise self._exceeded(f"calls={self.max_calls}", f"{self.calls} made")
        tokens, usd = self._bounded(max_cost)
        over_tokens = self.max_tokens is not None and self.tokens + self.reserved_tokens + tokens > self.max_tokens
        over_usd = self.max_usd is not None and self.usd + self.reserved_usd + usd > self.max_usd
        if not over_tokens and not over_usd:
            return True
        if self.in_flight and not self._never_fits(tokens, usd):
            return False
        if over_tokens:
            reason = f"{self.tokens:,} spent and the next call may take {tokens:,}"
            raise self._exceeded(f"tokens={self.max_tokens}", reason)
        raise self._exceeded(f"usd={self.max_usd}", f"{self.usd:.4f} spent and the next call may take {usd:.4f}")

    def reserve(self, max_cost: CallCost) -> None:
        self.reserved_tokens += max_cost.tokens or 0
        self.reserved_usd += max_cost.usd or 0.0
        self.calls += max_cost.calls
        self.in_flight += 1

    def _never_fits(self, tokens: int, usd: float) -> bool:
        over_tokens = self.max_tokens is not None and self.tokens + tokens > self.max_tokens
        return over_tokens or (self.max_usd is not None and self.usd + usd > self.max_usd)

    def _bounded(self, max_cost: CallCost) -> tuple[int, float]:
        if self.max_tokens is not None and max_cost.tokens is None:
            raise BadInput("a token budget needs an upper bound for each call: set max_tokens, and send no images")
        if self.max_usd is not None and max_cost.usd is None:
            raise BadInput("a budget in dollars needs max_tokens and a known price; use a budget in tokens instead")
        return max_cost.tokens or 0, max_cost.usd or 0.0

    def out_of_time(self) -> BudgetExceeded:
        return self._exceeded(f"seconds={self.seconds}", "the time is up")

    def used_up(self) -> BudgetExceeded:
        limits = {"tokens": self.max_tokens, "usd": self.max_usd}
        given = ", ".join(f"{name}={limit}" for name, limit in limits.items() if limit is not None)
        return self._exceeded(given, "the calls in flight may take the rest of it")

    def _exceeded(self, limit: str, reason: str) -> BudgetExceeded:
        return BudgetExceeded(f"the budget {limit} is spent: {reason}", self.replies)

    def settle(self, max_cost: CallCost, cost: CallCost, reply: Reply | None) -> None:
        """Give a reservation back and take what was spent."""
        with self.lock:
            self.in_flight -= 1
            self.reserved_tokens -= max_cost.tokens or 0
            self.reserved_usd -= max_cost.usd or 0.0
            self.tokens += cost.tokens or 0
            self.usd += cost.usd or 0.0
            if reply:
                self.replies.append(reply)
        self.notifier.notify(1)


async def reserve(max_cost: CallCost) -> tuple[BudgetState, ...]:
    """Reserve in all budgets around this call, or wait until it is possible. Raises BudgetExceeded, BadInput."""
    budgets = call_context.current().budgets
    woken_by: BudgetState | None = None
    while True:
        full: BudgetState | None = None
        try:
            with _locked(budgets):
                for budget in budgets:
                    seen = budget.notifier.notifications
                    if not budget.fits(max_cost):
                        full = budget
                        break
                else:
                    for budget in budgets:
                        budget.reserve(max_cost)
                    return budgets
        finally:
            # A settled call wakes one waiter. One that no longer waits there passes it on, so that none is left asleep
            # while it could go on, and a thousand are not woken for the sake of one.
            if woken_by and woken_by is not full:
                woken_by.notifier.notify(1)
        if call_context.current().open_loop:
            raise full.used_up()
        await full.notifier.wait_for_change(seen)
        woken_by = full


def _locked(budgets: Sequence[BudgetState]) -> ExitStack:
    """All of them at once; always in one order, or two threads could wait for each other."""
    locks = ExitStack()
    for budget in sorted(budgets, key=id):
        locks.enter_context(budget.lock)
    return locks


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
        options = {"tokens": tokens, "usd": usd, "calls": calls, "seconds": seconds}
        self.options = {name: value for name, value in options.items() if value is not None}
        if not self.options:
            raise BadInput("budget needs a limit, e.g. budget(tokens=10000); limits are tokens, usd, calls, seconds")
        for name, value in self.options.items():
            if not value >= 0:
                raise BadInput(f"budget({name}={value}): expected 0 or more")
        self._blocks: list[call_context.replace] = []

    def start(self) -> BudgetState:
        """A fresh budget of these limits, of which nothing is spent yet."""
        return BudgetState(self.tokens, self.usd, self.calls, self.seconds)

    def __enter__(self) -> BudgetState:
        state = self.start()
        self._blocks.append(_around(state))
        self._blocks[-1].__enter__()
        return state

    def __exit__(self, *error: object) -> None:
        self._blocks.pop().__exit__(*error)

    def wrap(self, model: Model, /) -> Model:
        return _Budgeted(model, self)

    def __str__(self) -> str:
        return show_step("budget", self.parameters, self.options)


budget.parameters = {n: p for n, p in inspect.signature(budget.__init__).parameters.items() if n != "self"}
budget.hints = {n: hint for n, hint in get_type_hints(budget.__init__).items() if n != "return"}


def _around(budget: BudgetState) -> call_context.replace:
    return call_context.replace(budgets=(*call_context.current().budgets, budget))


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
        calls = self.model.max_calls()
        return calls if self.limits.calls is None else min(self.limits.calls, calls)

    async def generate(self, request: Request) -> Reply:
        with _around(self.limits.start()):
            return await self.model.generate(request)

    async def logprobs(self, request: Request, continuation: str) -> tuple[TokenLogprob, ...]:
        with _around(self.limits.start()):
            return await self.model.logprobs(request, continuation)
