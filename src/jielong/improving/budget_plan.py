"""How a search is laid out so that a budget suffices for it: fewer items and candidates, but always a final.

`SEARCH` of the budget is for the search, the other part for the final. What a candidate costs is measured on the first
few items, so that nothing is begun that cannot be paid; the budget around all calls is kept in any case.
"""

from collections.abc import Mapping, Sequence

from ..measuring.cost_forecast import CostForecast, ItemCost

SEARCH = 0.6
ESTIMATE_ITEMS, ESTIMATE = 2, 0.5  # items on which costs are measured, and the part of the search that this may take
FEWEST = 8  # items in the search that are paid for rather than one candidate more
FINAL = 16  # fewer final items than this, and fewer finalists are taken

Costs = Mapping[str, ItemCost]  # of a mean item, by candidate


def affordable(forecast: CostForecast, costs: Costs, plain: str, best_first: Sequence[str]) -> list[str]:
    """Those of `best_first` that can be asked `FEWEST` items each beside the plain model, the first ones before the
    others; at least one."""
    total, names = costs[plain], list[str]()
    for name in best_first:
        if forecast.affordable(total + costs[name]) >= FEWEST or not names:
            total += costs[name]
            names.append(name)
    return names


def round_end(
    forecast: CostForecast, costs: Costs, running: Sequence[str], seen: int, ends: Sequence[int], keep: Sequence[int]
) -> int:
    """The items that a candidate shall have seen after the next round: its planned end, or less when all that is to
    come would cost more than there is. `running[0]` is the plain model; `ends` and `keep` are those still to come."""
    others = running[1:]
    # Who will be left is not known yet, so all candidates are taken to cost their mean.
    mean = sum((costs[name] for name in others), ItemCost()) * (1 / max(1, len(others)))
    alive, done, total = len(others), seen, ItemCost()
    for end, limit in zip(ends, keep, strict=True):
        total += (costs[running[0]] + mean * alive) * max(0, end - done)
        done, alive = end, min(alive, limit)
    return seen + int((ends[0] - seen) * forecast.fraction(total))


def final(forecast: CostForecast, costs: Costs, plain: str, order: Sequence[str], items: int) -> tuple[list[str], int]:
    """The finalists beside the plain model and the number of final items that can be paid: fewer finalists when all of
    them could be asked a handful of items only."""
    for count in range(len(order), -1, -1):
        names = list(order[:count])
        n = min(items, forecast.affordable(sum((costs[name] for name in [plain, *names]), ItemCost())))
        if n >= min(items, FINAL) or count <= 1:
            break
    return names, n
