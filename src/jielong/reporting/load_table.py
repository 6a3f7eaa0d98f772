"""A load test as a table, a row for each rate, and sentences on what limits its figures."""

from __future__ import annotations

import math
from collections.abc import Mapping

from ..measuring.highest_rate import HighestRate
from ..measuring.load_results import LoadResult
from ..measuring.load_test import LoadReport
from ..measuring.percentiles import Percentile
from ..stats import Interval
from .formatting import MOST_REASONS, count, duration
from .ranking_table import TextTable
from .wording import Words

ENOUGH_CALLS = 59  # of which the slowest is above the 95th percentile with 95 % certainty


def load_table(report: LoadReport, texts: Words) -> TextTable:
    say = texts["load"]
    rows = [row for result in report.results for row in _rows(result, texts)]
    columns = (say["column_rate"], say["column_what"], "p50", "p95", "p99")
    return TextTable(say["title"].format(model=report.model), columns, rows, left=(0, 1))


def _rows(result: LoadResult, texts: Words) -> list[list[str]]:
    say, rate = texts["load"], f"{result.window.rate:g}/s"
    rows = [
        [rate, say["first_token"], *_times(result.first_token())],
        [rate, say["latency"], *_times(result.latency())],
    ]
    # Of speeds the low ones are the bad ones, so what 95 % of the replies reach stands under p95.
    speeds = [
        f"{count(each.value)} [{count(each.ci95[0])}, {_count(each.ci95[1])}]" for each in result.speed().values()
    ]
    return [*rows, [rate, say["speed"], *speeds]] if speeds else rows


def _times(percentiles: Mapping[str, Percentile]) -> list[str]:
    return [f"{_seconds(each.value)} {_interval(each.ci95)}" for each in percentiles.values()] or ["–"] * 3


def _count(value: float) -> str:
    return "∞" if math.isinf(value) else count(value)


def _seconds(value: float) -> str:
    return "∞" if math.isinf(value) else duration(value)


def _interval(ci95: Interval) -> str:
    return f"[{_seconds(ci95[0])}, {_seconds(ci95[1])}]"


def load_lines(report: LoadReport, texts: Words) -> list[str]:
    """Failures in their own words, what the client itself was the limit of, what a cache answered."""
    say, lines = texts["load"], list[str]()
    for result in report.results:
        rate, window = f"{result.window.rate:g}/s", result.window
        lines.append(_summary(result, texts))
        for reason, times in result.failures.most_common(MOST_REASONS):
            lines.append(say["failed"].format(rate=rate, n=times, words=reason))
        if result.unanswered:
            lines.append(say["unanswered"].format(rate=rate, n=result.unanswered))
        if window.held_back:
            lines.append(say["held_back"].format(rate=rate, n=window.most_in_flight, s=duration(window.held_back)))
        if result.is_late:
            lines.append(say["late"].format(rate=rate, s=duration(result.lateness())))
        if share := result.cached_share():
            lines.append(say["cached"].format(rate=rate, share=f"{100 * share:.0f}"))
        if window.hopeless:
            lines.append(say["hopeless"].format(rate=rate))
        if window.stopped:
            lines.append(say["stopped"].format(rate=rate, words=window.stopped))
    few = [result for result in report.results if len(result.window.calls) < ENOUGH_CALLS]
    if few and report.highest_rate:
        lines.append(say["few"].format(n=len(few), calls=ENOUGH_CALLS))
    return lines + ([_highest(report.highest_rate, texts)] if report.highest_rate else [])


def _summary(result: LoadResult, texts: Words) -> str:
    price, tokens = result.usd_per_1000(), result.tokens_per_second()
    usd = "?" if price is None else f"{price.mean:.2f}" if price.mean else "0"
    if price and price.ci95 and price.mean:
        usd = f"{'≥ ' * result.usd_is_least}{usd} [{price.ci95[0]:.2f}, {price.ci95[1]:.2f}]"
    return texts["load"]["summary"].format(
        rate=f"{result.window.rate:g}/s", calls=len(result.window.calls), failed=result.failures.total(),
        tokens="?" if tokens is None else count(tokens), usd=usd,
    )  # fmt: skip


def _highest(found: HighestRate, texts: Words) -> str:
    say = texts["load"]
    values = {
        "s": duration(found.target.seconds),
        "kept": f"{found.kept or 0:.3g}",
        "missed": f"{found.missed or 0:.3g}",
    }
    values["what"] = say["first_token" if found.target.first_token else "latency"]
    if found.rate is not None and found.ci95:
        values |= {"rate": f"{found.rate:.3g}", "interval": "[" + ", ".join(f"{end:.3g}" for end in found.ci95) + "]"}
        return say["highest"].format(**values)
    kind = "between" if found.kept and found.missed else "kept_all" if found.kept else "kept_none"
    return say[kind].format(**values)
