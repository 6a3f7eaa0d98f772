"""What became of each candidate of the search, in words; and which of them had no effect."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ...improving.improve_result import ImproveResult
from .results_table import RecipeRow
from .wording import recipe_label


def became(outcome: ImproveResult, row: RecipeRow, met: Mapping[str, RecipeRow], said: Mapping[str, str]) -> str:
    """`row` is one of the search, `met` are those of the final by recipe."""
    if row.recipe == outcome.models[0]:
        return said["plain"]
    if row.dropped is None:
        if row.recipe in met:
            return said[_in_the_final(outcome, row.recipe)]
        return said[f"{'running' if row.n else 'waiting'}_{outcome.stopped}"]
    dropped = row.dropped
    if dropped.why in ("worse", "dearer"):
        if dropped.by is None:
            return said[f"{dropped.why}_alone"].format(round=dropped.round)
        return said[dropped.why].format(round=dropped.round, by=f"`{recipe_label(dropped.by, outcome)}`")
    return said[dropped.why].format(round=dropped.round, words=dropped.words)


def _in_the_final(outcome: ImproveResult, recipe: str) -> str:
    if outcome.verdict.kind == "improved" and recipe == outcome.verdict.recipe:
        return "chosen"
    if outcome.finalists[1].model != recipe:
        return "finalist"
    return "chosen_interrupted" if unfinished(outcome) else "chosen_unconfirmed"


def unfinished(outcome: ImproveResult) -> bool:
    """Whether it was stopped before a verdict, so that nothing it says is the last word."""
    return outcome.verdict.kind in ("interrupted", "budget spent")


def without_effect(search: Sequence[RecipeRow], met: Mapping[str, RecipeRow]) -> list[RecipeRow]:
    """Those whose interval holds 0: that of the final where there is one, else that of the search."""
    return [row for row in search if (met.get(row.recipe) or row).no_effect]


def left_at(search: Sequence[RecipeRow]) -> list[int]:
    """After how many questions candidates left the race; a budget can end its rounds before their plan."""
    return sorted({row.n for row in search if row.dropped and row.dropped.why in ("worse", "dearer", "halved")})
