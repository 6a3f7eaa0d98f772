"""How a race is laid out so that a budget suffices for it: fewer items and candidates, but always a final.

`SEARCH` of the budget is for the search, the other part for the final. What a candidate costs is measured on the first
few items, so that a race that cannot be paid is never begun; the purse around all calls keeps the budget in any case.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

SEARCH = 0.6
TASTE, TASTING = 2, 0.5  # items on which costs are measured, and the part of the search that this may take
FEWEST = 8  # items in the search that are paid for rather than one candidate more
FINAL = 16  # fewer final items than this, and fewer finalists are taken


@dataclass(frozen=True)
class BudgetPlan:
    """One budget: what is left of it, and what a mean item of each candidate takes."""

    left: float
    price: Mapping[str, float]

    def buys(self, names: Sequence[str]) -> int:
        """How many items all of these can be asked."""
        each = sum(self.price[name] for name in names)
        return int(self.left / each) if each > 0 else 10**9


def affordable(money: BudgetPlan, plain: str, best_first: Sequence[str]) -> list[str]:
    """Those of `best_first` that can be asked `FEWEST` items each beside the plain model, the first ones before the
    others; at least one."""
    each, names = money.price[plain], list[str]()
    for name in best_first:
        if (each + money.price[name]) * FEWEST <= money.left or not names:
            each += money.price[name]
            names.append(name)
    return names


def target(money: BudgetPlan, running: Sequence[str], seen: int, ends: Sequence[int], keep: Sequence[int]) -> int:
    """The items that a candidate shall have seen after the next round: its planned end, or less when all that is to
    come would cost more than there is. `running[0]` is the plain model; `ends` and `keep` are those still to come."""
    mean = sum(money.price[name] for name in running[1:]) / max(1, len(running) - 1)
    alive, at, cost = len(running) - 1, seen, 0.0
    for end, kept in zip(ends, keep, strict=True):
        cost += max(0, end - at) * (money.price[running[0]] + alive * mean)
        at, alive = end, min(alive, kept)
    scale = min(1.0, money.left / cost) if cost > 0 else 1.0
    return seen + int((ends[0] - seen) * scale)


def final(money: BudgetPlan, plain: str, order: Sequence[str], items: int) -> tuple[list[str], int]:
    """The finalists beside the plain model and the number of final items that can be paid: fewer finalists when all of
    them could be asked a handful of items only."""
    for most in range(len(order), 0, -1):
        names = list(order[:most])
        n = max(0, min(items, money.buys([plain, *names])))
        if n >= min(items, FINAL) or most == 1:
            return names, n
    return [], max(0, min(items, money.buys([plain])))
