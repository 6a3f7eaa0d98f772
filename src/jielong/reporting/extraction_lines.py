"""Beside each score: how often nothing was extracted, and what the score would be if replies were read otherwise."""

from ..measuring.results import ModelResult
from .formatting import percent
from .recipe_rows import short
from .wording import Words


def extraction_line(result: ModelResult, texts: Words) -> str:
    """A sentence; without the second part where the metric has no other extractors."""
    section, n = texts["extraction"], result.n
    unread = result.failed_extraction
    line = section["unread"].format(
        model=short(result.model), unread=unread, n=n, share=percent(unread / n if n else 0)
    )
    if spread := result.extraction_range:
        by = section["comma"].join(f"{each.name} {percent(each.score.mean)}" for each in result.readings)
        line += section["range"].format(low=percent(spread[0]), high=percent(spread[1]), by=by)
    return line + section["end"]
