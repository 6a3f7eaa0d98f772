"""How a result shows itself in a notebook and at the prompt: as the table that its report has.

Results belong to rooms below reporting/ and know nothing of tables, so the way there is by name.
"""

from __future__ import annotations

from importlib import import_module


class NotebookDisplay:
    """A result with a table: `_repr_html_` is what notebooks call, `repr` the same in plain text."""

    def _repr_html_(self) -> str:
        return self._shown("as_html")

    def __repr__(self) -> str:
        return self._shown("as_text")

    def _shown(self, form: str) -> str:
        return str(getattr(import_module(f"{__package__}.reporting.displays"), form)(self))
