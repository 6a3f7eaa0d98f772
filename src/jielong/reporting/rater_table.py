"""Raters and how far they can be trusted, as a table."""

from __future__ import annotations

from ..measuring.rater_reliability import RaterModel
from .formatting import interval, percent
from .ranking_table import TextTable
from .wording import Words


def rater_table(raters: RaterModel, texts: Words) -> TextTable:
    say = texts["raters"]
    columns = tuple(say[f"column_{name}"] for name in ("rater", "votes", "reliability", "interval", "consensus"))
    rows = [
        [
            each.rater,
            f"{each.votes:,}",
            percent(each.reliability),
            interval(each.ci95) or "–",
            percent(each.with_consensus),
        ]
        for each in raters.raters
    ]
    return TextTable(say["title"], columns, rows)


def rater_lines(raters: RaterModel, texts: Words) -> list[str]:
    """What the table rests on."""
    say = texts["raters"]
    if not raters.shared:
        return [say["nothing_shared"]]
    return [say["shared"].format(n=f"{raters.shared:,}", all=f"{len(raters.preferences):,}")]
