"""What a window of load comes to: percentiles with intervals, speed, failures, price."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ..stats import Estimate, mean, quantile
from .load import LoadCall, LoadWindow
from .percentiles import Percentile, percentile
from .results import interval_json

PERCENTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
_ONE_PIECE = 0.01  # a reply that comes within these seconds was not streamed, and has no speed
SLOW = {"p50": 0.5, "p05": 0.05, "p01": 0.01}  # of speeds the low ones are the bad ones


@dataclass(frozen=True)
class LoadTarget:
    """95 % of the calls are to have their first token, or the whole reply, within so many seconds."""

    seconds: float
    first_token: bool = False

    @property
    def attribute(self) -> str:
        return "first" if self.first_token else "ended"

    def missed(self, call: LoadCall) -> bool:
        seconds: float | None = getattr(call, self.attribute)
        return call.error is not None or seconds is None or seconds > self.seconds


@dataclass(frozen=True)
class LoadResult:
    """Times are seconds from the schedule. Failed calls are in no percentile; a call that was not answered when waiting
    ended is in all of them, as slower than all others: a percentile that it decides is infinite."""

    window: LoadWindow

    @cached_property
    def answered(self) -> list[LoadCall]:
        return [call for call in self.window.calls if call.ended is not None and call.error is None]

    @property
    def unanswered(self) -> int:
        return sum(call.ended is None for call in self.window.calls)

    @property
    def failures(self) -> Counter[str]:
        return Counter(call.error for call in self.window.calls if call.error is not None)

    def latency(self) -> dict[str, Percentile]:
        return self._percentiles([call.ended for call in self._in_percentiles()])

    def first_token(self) -> dict[str, Percentile]:
        return self._percentiles([call.first for call in self._in_percentiles()])

    def met(self, target: LoadTarget) -> Percentile:
        """The time within which 95 % of the calls had what the target asks for. A failed call never had it."""
        times = [getattr(call, target.attribute) if call.error is None else None for call in self.window.calls]
        return percentile([math.inf if seconds is None else seconds for seconds in times], 0.95)

    def _in_percentiles(self) -> list[LoadCall]:
        return [call for call in self.window.calls if call.error is None]

    def _percentiles(self, times: Sequence[float | None]) -> dict[str, Percentile]:
        values = [math.inf if seconds is None else seconds for seconds in times]
        return {name: percentile(values, q) for name, q in PERCENTILES.items()} if values else {}

    def speed(self) -> dict[str, Percentile]:
        """Tokens a second of a reply after its first token; {} where the endpoint tells no tokens or streams none."""
        speeds = [
            call.after_first / (call.ended - call.first)
            for call in self.answered
            if call.after_first and call.first is not None and call.ended is not None
            if call.ended - call.first > _ONE_PIECE
        ]
        return {name: percentile(speeds, q) for name, q in SLOW.items()} if speeds else {}

    @property
    def usd_is_least(self) -> bool:
        """Whether a failed call may have cost more than is known."""
        return any(call.usage.unsettled_calls for call in self.window.calls)

    @property
    def seconds(self) -> float:
        """From the window's beginning to its end or to the last counted answer, whichever is later."""
        return max([self.window.duration, *(call.at + call.ended for call in self.answered if call.ended)])

    def tokens_per_second(self) -> float | None:
        """Of all replies together; None where the endpoint does not count them."""
        if not self.answered or any(call.usage.unsettled_calls for call in self.answered):
            return None
        return sum(call.usage.output_tokens for call in self.answered) / self.seconds

    def usd_per_1000(self) -> Estimate | None:
        """What 1,000 answered items cost, failed calls included as far as their cost is known. None where a price is
        unknown, which is not 0."""
        calls = [call.usage for call in self.window.calls]
        unknown = any(call.usage.usd is None or call.usage.unsettled_calls for call in self.answered)
        if not self.answered or unknown or any(usage.usd is None for usage in calls):
            return None
        return mean([1000 * (usage.usd or 0.0) * len(calls) / len(self.answered) for usage in calls])

    def cached_share(self) -> float | None:
        """Of the prompts' tokens, how many the server says it had in its cache."""
        read = sum(call.usage.input_tokens for call in self.answered)
        return sum(call.usage.prompt_cached_tokens for call in self.answered) / read if read else None

    def lateness(self) -> float:
        """The 99th percentile of how late this client sent a call; a part of every time above."""
        sent = [call.sent for call in self.window.calls]
        return quantile(sent, 0.99) if sent else 0.0

    @property
    def is_late(self) -> bool:
        """Whether this client's own lateness shows in the figures."""
        typical = self.latency().get("p50")
        return typical is not None and self.lateness() > max(0.005, 0.05 * typical.value)

    def to_json(self) -> dict[str, Any]:
        window, price = self.window, self.usd_per_1000()
        return {
            "rate": window.rate,
            "seconds": self.seconds,
            "calls": len(window.calls),
            "answered": len(self.answered),
            "answered_per_second": len(self.answered) / self.seconds,
            "failed": self.failures.total(),
            "failed_because": dict(self.failures),
            "unanswered": self.unanswered,
            "stopped": window.stopped,
            "hopeless": window.hopeless,
            "first_token": _json(self.first_token()),
            "latency": _json(self.latency()),
            "tokens_per_second": {"all": self.tokens_per_second(), **_json(self.speed())},
            "usd_per_1000": price and price.mean,
            "usd_is_least": self.usd_is_least,
            "usd_per_1000_ci95": interval_json(price.ci95) if price else None,
            "cached_share": self.cached_share(),
            "client": {
                "late_p99": self.lateness(),
                "most_in_flight": window.most_in_flight,
                "held_back_seconds": window.held_back,
            },
        }


def _json(percentiles: dict[str, Percentile]) -> dict[str, Any]:
    """Infinity, which JSON has not, is null."""
    figures: dict[str, Any] = {name: _finite(each.value) for name, each in percentiles.items()}
    intervals = {name: [*map(_finite, each.ci95)] if each.ci95 else None for name, each in percentiles.items()}
    return {**figures, "ci95": intervals}


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
