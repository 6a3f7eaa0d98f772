"""How a result shows itself in a notebook and at the prompt: as the table that its report has.

Results belong to rooms below reporting/ and know nothing of tables, so the way there is by name.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any


class NotebookDisplay:
    """A result with a table: `_repr_html_` is what notebooks call, `repr` the same in plain text."""

    def _repr_html_(self) -> str:
        return str(_displays().as_html(self))

    def __repr__(self) -> str:
        return str(_displays().as_text(self))


def _displays() -> Any:
    return import_module(f"{__package__}.reporting.displays")
