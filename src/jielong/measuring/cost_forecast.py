"""What further items will cost, from what items have cost so far: so that work is begun only if it can be paid.

The budget around all calls (`runtime/budget.py`) lets none of them overshoot; a forecast decides beforehand. A run that
is resumed counts what the ledger gives back like what is paid, and so decides the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, astuple, dataclass, fields

from ..contract import Model, Request, Usage
from ..runtime.budget import budget
from ..runtime.provider import Provider
from .results import ItemResult

MARGIN = 1.5  # the budget sets the longest reply aside for each call, and bytes are an upper bound of tokens


@dataclass(frozen=True)
class ItemCost:
    """What an item takes, or several of them: an amount of each thing that a budget can limit."""

    calls: float = 0.0
    tokens: float = 0.0
    usd: float = 0.0
    seconds: float = 0.0

    def __add__(self, other: ItemCost) -> ItemCost:
        return ItemCost(*(a + b for a, b in zip(astuple(self), astuple(other), strict=True)))

    def __mul__(self, factor: float) -> ItemCost:
        return ItemCost(*(amount * factor for amount in astuple(self)))


def usage_cost(usage: Usage) -> ItemCost:
    return ItemCost(usage.calls, usage.input_tokens + usage.output_tokens, usage.usd or 0.0)


def mean_cost(results: Iterable[ItemResult]) -> ItemCost:
    """What a mean item took, its grading included. `seconds` are those of its reply."""
    spent = [usage_cost(result.usage + result.judging) + ItemCost(seconds=result.seconds) for result in results]
    return sum(spent, ItemCost()) * (1 / max(1, len(spent)))


@dataclass(frozen=True)
class BudgetLimits:
    """One budget for all calls of an experiment. None: no limit of this kind."""

    calls: int | None = None
    tokens: int | None = None
    usd: float | None = None
    seconds: float | None = None

    def given(self) -> dict[str, float]:
        return {limit.name: value for limit in fields(self) if (value := getattr(self, limit.name)) is not None}

    def around_calls(self) -> AbstractContextManager[object]:
        if not self.given():
            return nullcontext()
        return budget(calls=self.calls, tokens=self.tokens, usd=self.usd, seconds=self.seconds)


@dataclass(frozen=True)
class CostForecast:
    """`left` is what remains of each thing that is limited."""

    left: Mapping[str, float]

    def affordable(self, each: ItemCost, reserved: ItemCost = ItemCost()) -> int:
        """How many items of this cost can be paid when `reserved` is to remain."""
        kept, each_kind = asdict(reserved), asdict(each)
        counts = [(left - kept[kind]) / each_kind[kind] for kind, left in self.left.items() if each_kind[kind] > 0]
        # Nothing that is limited is needed: as many as anybody could ask.
        return max(0, int(min(counts))) if counts else 10**9

    def fraction(self, cost: ItemCost) -> float:
        """How much of something that costs this can be paid: 1.0 for all of it."""
        shares = [left / getattr(cost, kind) for kind, left in self.left.items() if getattr(cost, kind) > 0]
        return float(max(0.0, min([1.0, *shares])))

    @property
    def exhausted(self) -> bool:
        return any(left <= 0 for left in self.left.values())


def call_margin(models: Iterable[Model], requests: Iterable[Request]) -> ItemCost:
    """What the last call may leave unused: a call is made only if its longest reply could be paid."""
    requests = list(requests)
    bounds = [base.max_cost(request) for model in models if (base := provider(model)) for request in requests]
    tokens = max((bound.tokens or 0 for bound in bounds), default=0)
    return ItemCost(0, tokens, max((bound.usd or 0.0 for bound in bounds), default=0.0)) * MARGIN


def provider(model: object) -> Provider | None:
    """The provider beneath a model's techniques."""
    while model is not None and not isinstance(model, Provider):
        model = getattr(model, "model", None)
    return model
