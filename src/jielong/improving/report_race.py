"""What became of each candidate of the search, in words; and which of them had no effect."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .outcome import Outcome
from .report_rows import Row
from .report_words import called


def became(outcome: Outcome, row: Row, met: Mapping[str, Row], said: Mapping[str, str]) -> str:
    """`row` is one of the search, `met` are those of the final by recipe."""
    if row.recipe == outcome.models[0]:
        return said["plain"]
    if row.dropped is None:
        if row.recipe == outcome.verdict.recipe and row.recipe in met:
            return said["chosen"]
        if outcome.finalists[1:2] and outcome.finalists[1].model == row.recipe:
            return said["chosen_unconfirmed"]
        return said["finalist" if row.recipe in met else "stayed"]
    dropped = row.dropped
    if dropped.why in ("worse", "dearer"):
        if dropped.by is None:
            return said[f"{dropped.why}_alone"].format(round=dropped.round)
        return said[dropped.why].format(round=dropped.round, by=f"`{called(dropped.by, outcome)}`")
    return said[dropped.why].format(round=dropped.round, words=dropped.words)


def without_effect(search: Sequence[Row], met: Mapping[str, Row]) -> list[Row]:
    """Those whose interval holds 0: that of the final where there is one, else that of the search."""
    return [row for row in search if (met.get(row.recipe) or row).no_effect]
