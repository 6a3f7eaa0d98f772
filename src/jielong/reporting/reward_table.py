"""How good a reward model is, as a table: each head beside its baselines, on comparisons that were held out."""

from __future__ import annotations

from collections.abc import Mapping

from ..training.reward.reward_report import HeadResult, RewardReport
from .formatting import interval, p_value, percent, signed
from .ranking_table import TextTable
from .wording import Words


def reward_table(report: RewardReport, texts: Words) -> TextTable:
    say = texts["reward"]
    columns = tuple(say[f"column_{name}"] for name in ("head", "accuracy", "interval", "difference", "p"))
    return TextTable(say["title"], columns, [row for head in report.heads for row in _rows(head, say)])


def _rows(head: HeadResult, say: Mapping[str, str]) -> list[list[str]]:
    rows = [[head.name, percent(head.accuracy), interval(head.ci95) or "–", "", ""]]
    for each in head.baselines:
        name = f"  {say[f'baseline_{each.name}']}"
        difference = f"{signed(0 - each.difference)} {interval(each.ci95 and (-each.ci95[1], -each.ci95[0]))}"
        rows.append([name, percent(each.accuracy), "", difference, "–" if each.p is None else p_value(each.p)])
    return rows


def reward_lines(report: RewardReport, texts: Words) -> list[str]:
    """How many pairs there were, how well probabilities are calibrated, and how the model is used."""
    say = texts["reward"]
    lines = [say["pairs"].format(trained=f"{report.trained:,}", tested=f"{report.tested:,}")]
    for head in report.heads:
        if head.calibration_error is None:
            lines.append(say["untested"].format(head=head.name))
            continue
        scaled = "–" if head.scaled_calibration_error is None else percent(head.scaled_calibration_error)
        error = percent(head.calibration_error)
        lines.append(say["calibration"].format(head=head.name, error=error, scaled=scaled, slope=f"{head.slope:.2f}"))
        if head.ties:
            lines.append(say["ties"].format(head=head.name, n=f"{head.ties:,}"))
    return [*lines, say["use"].format(recipe=report.recipe)]
