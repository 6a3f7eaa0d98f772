"""Asking drafts items under one budget: who is asked what, all at once, and how many more questions can be paid.

The purse (`runtime/budget.py`) lets no call overshoot. The account decides beforehand, from what calls have cost so far,
so that the search stops in time and leaves the gate its share; a run that goes on after an interruption counts what the
ledger gives back like what is paid, and so decides the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field

import anyio

from ...contract import Model, Usage, ungrouped
from ...measuring.judge import Judge
from ...measuring.evaluate import DEFAULT_MAX_TOKENS, MAX_TOKENS, Answer, ask_item
from ...runtime.concurrency_limiter import ceiling
from ...runtime.budget import budget
from ...context import Scope
from ...tasks.task import Item, Task
from .prompt_draft import Draft, Tried

SAFETY = 1.2  # a further question may cost so much more than the questions so far
TEMPLATE = 256  # tokens of a chat template, generously


@dataclass(frozen=True)
class Limits:
    """One budget for the search and the gate. None: no limit of this kind."""

    calls: int | None = None
    tokens: int | None = None
    usd: float | None = None

    @property
    def given(self) -> bool:
        return any(limit is not None for limit in (self.calls, self.tokens, self.usd))

    def purse(self) -> AbstractContextManager[object]:
        return budget(calls=self.calls, tokens=self.tokens, usd=self.usd) if self.given else nullcontext()


@dataclass
class Asking:
    """Asks items of `task` to `model` under a draft."""

    task: Task
    model: Model
    seed: int
    concurrency: int
    judge: Judge | None = None
    _models: dict[Draft, Model] = field(default_factory=dict)

    async def ask(self, pairs: Sequence[tuple[Tried, Item]]) -> None:
        """Fill in the answers that are missing. Raises BudgetExceeded; what came back until then stays."""
        todo = iter([(tried, item) for tried, item in pairs if item.id not in tried.answers])

        async def work() -> None:
            for tried, item in todo:
                tried.answers[item.id] = await self._answer(tried.draft, item)

        token = ceiling.set(self.concurrency)
        try:
            with ungrouped():
                async with anyio.create_task_group() as workers:
                    for _ in range(min(self.concurrency, len(pairs))):
                        workers.start_soon(work)
        finally:
            ceiling.reset(token)

    async def _answer(self, draft: Draft, item: Item) -> Answer:
        if draft not in self._models:
            self._models[draft] = draft.around(self.model)
        return await ask_item(self.task, item, self._models[draft], self.seed, self.judge)

    def bound(self, tried: Tried) -> int:
        """The most calls that one question takes."""
        return tried.draft.around(self.model).bound() + (self.judge.model.bound() if self.judge else 0)

    def longest(self, items: Iterable[Item]) -> int:
        """The most tokens that a purse reserves for one call."""
        most = MAX_TOKENS.get(self.task.rule, DEFAULT_MAX_TOKENS) + TEMPLATE
        return most + max(len(m.text.encode()) for item in items for m in item.request().messages)


@dataclass(frozen=True)
class Cost:
    """What some questions take, or took."""

    calls: float = 0.0
    tokens: float = 0.0
    usd: float = 0.0

    def times(self, factor: float) -> Cost:
        return Cost(self.calls * factor, self.tokens * factor, self.usd * factor)

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.calls + other.calls, self.tokens + other.tokens, self.usd + other.usd)


def cost(usage: Usage) -> Cost:
    return Cost(usage.calls, usage.input_tokens + usage.output_tokens, usage.usd or 0.0)


def each(tried: Tried) -> Cost:
    """What a question to this draft has taken on average."""
    answers = list(tried.answers.values())
    spent = sum((cost(answer.usage) + cost(answer.judging) for answer in answers), Cost())
    return spent.times(1 / len(answers)) if answers else Cost()


@dataclass(frozen=True)
class Account:
    """`whole` counts all that was spent since the search began; `margin` is what the purse holds for one call."""

    limits: Limits
    whole: Scope
    margin: Cost

    def affordable(self, a_question: Cost, kept_back: Cost) -> int:
        """How many questions of this cost can be paid when `kept_back` is to be left."""
        spent = cost(self.whole.usage)
        room: list[float] = []
        for limit, each_takes, taken, held, most in (
            (self.limits.calls, a_question.calls, spent.calls, kept_back.calls, 0.0),
            (self.limits.tokens, a_question.tokens, spent.tokens, kept_back.tokens, self.margin.tokens),
            (self.limits.usd, a_question.usd, spent.usd, kept_back.usd, self.margin.usd),
        ):
            if limit is not None and each_takes > 0:
                room.append((limit - taken - held - most) / each_takes)
        return max(0, int(min(room))) if room else 10**9
