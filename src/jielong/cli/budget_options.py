"""The options that limit what a command may spend."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import click

from ..measuring.cost_forecast import BudgetLimits
from . import options
from .messages import localized

_budget = options.in_order(
    click.option("--budget-calls", type=click.IntRange(1), help=localized("option.most_calls")),
    click.option("--budget-tokens", type=click.IntRange(1), help=localized("option.budget_tokens")),
    click.option("--budget-usd", type=click.FloatRange(0, min_open=True), help=localized("option.budget_usd")),
    click.option("--budget-seconds", type=click.FloatRange(0, min_open=True), help=localized("option.budget_seconds")),
)


def budget_limits(command: Callable[..., Any]) -> Any:
    """All four limits; the command gets them as `limits`."""

    @wraps(command)
    def _with_limits(**given: Any) -> Any:
        limits = {name: given.pop(f"budget_{name}") for name in ("calls", "tokens", "usd", "seconds")}
        return command(limits=BudgetLimits(**limits), **given)

    return _budget(_with_limits)
