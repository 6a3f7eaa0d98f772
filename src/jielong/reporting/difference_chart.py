"""How far each recipe lies from the baseline, with its interval, as a chart."""

from collections.abc import Iterable

from markupsafe import Markup

from .charts import Kind, Whisker, whiskers
from .recipe_rows import RecipeRow
from .wording import Words


def difference_chart(rows: Iterable[tuple[RecipeRow, str]], texts: Words) -> Markup:
    """Each row with its label; those that were not compared are left out."""
    lines: list[Whisker] = []
    for row, label in rows:
        if row.difference is not None and row.ci95 is not None:
            kind: Kind = "none" if row.no_effect else "better" if row.difference > 0 else "worse"
            lines.append(Whisker(label, row.difference, row.ci95, kind))
    return whiskers(lines, x=texts["column"]["difference"]) if lines else Markup("")
