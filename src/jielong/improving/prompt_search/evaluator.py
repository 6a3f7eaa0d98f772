"""Asking drafts items under one budget: who is asked what, all at once, and how many more questions can be paid.

The budget (`runtime/budget.py`) lets no call overshoot. The account decides beforehand, from what calls have cost so
far, so that the search stops in time and leaves the holdout test its share; a resumed run counts replies of the ledger
as if they were paid, and so decides the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field

import anyio

from ... import context
from ...contract import Model, Usage
from ...measuring.evaluate import DEFAULT_MAX_TOKENS, MAX_TOKENS, ItemResult, ask_item
from ...measuring.judge import Judge
from ...runtime.budget import budget
from ...scope import Scope
from ...sync import unwrap_exception_group
from ...tasks.task import Item, Task
from .prompt_draft import PromptDraft, ScoredDraft

SAFETY = 1.2  # a further question may cost so much more than the questions so far
TEMPLATE = 256  # tokens of a chat template, generously


@dataclass(frozen=True)
class BudgetLimits:
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
class Evaluator:
    """Asks items of `task` to `model` under a draft."""

    task: Task
    model: Model
    seed: int
    concurrency: int
    judge: Judge | None = None
    _models: dict[PromptDraft, Model] = field(default_factory=dict)

    async def ask(self, pairs: Sequence[tuple[ScoredDraft, Item]]) -> None:
        """Fill in the answers that are missing. Raises BudgetExceeded; what came back until then stays."""
        todo = iter([(tried, item) for tried, item in pairs if item.id not in tried.answers])

        async def work() -> None:
            for tried, item in todo:
                tried.answers[item.id] = await self._answer(tried.draft, item)

        with context.replace(max_concurrency=self.concurrency):
            with unwrap_exception_group():
                async with anyio.create_task_group() as workers:
                    for _ in range(min(self.concurrency, len(pairs))):
                        workers.start_soon(work)

    async def _answer(self, draft: PromptDraft, item: Item) -> ItemResult:
        if draft not in self._models:
            self._models[draft] = draft.around(self.model)
        return await ask_item(self.task, item, self._models[draft], self.seed, self.judge)

    def bound(self, tried: ScoredDraft) -> int:
        """The most calls that one question takes."""
        return tried.draft.around(self.model).max_calls() + (self.judge.model.max_calls() if self.judge else 0)

    def longest(self, items: Iterable[Item]) -> int:
        """The most tokens that a purse reserves for one call."""
        most = MAX_TOKENS.get(self.task.rule, DEFAULT_MAX_TOKENS) + TEMPLATE
        return most + max(len(m.text.encode()) for item in items for m in item.request().messages)


@dataclass(frozen=True)
class QuestionCost:
    """What some questions take, or took."""

    calls: float = 0.0
    tokens: float = 0.0
    usd: float = 0.0

    def times(self, factor: float) -> QuestionCost:
        return QuestionCost(self.calls * factor, self.tokens * factor, self.usd * factor)

    def __add__(self, other: QuestionCost) -> QuestionCost:
        return QuestionCost(self.calls + other.calls, self.tokens + other.tokens, self.usd + other.usd)


def cost(usage: Usage) -> QuestionCost:
    return QuestionCost(usage.calls, usage.input_tokens + usage.output_tokens, usage.usd or 0.0)


def mean_cost(tried: ScoredDraft) -> QuestionCost:
    """What a question to this draft has taken on average."""
    answers = list(tried.answers.values())
    spent = sum((cost(answer.usage) + cost(answer.judging) for answer in answers), QuestionCost())
    return spent.times(1 / len(answers)) if answers else QuestionCost()


@dataclass(frozen=True)
class BudgetAccount:
    """`whole` counts all that was spent since the search began; `margin` is what the purse holds for one call."""

    limits: BudgetLimits
    whole: Scope
    margin: QuestionCost

    def affordable(self, a_question: QuestionCost, kept_back: QuestionCost) -> int:
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
