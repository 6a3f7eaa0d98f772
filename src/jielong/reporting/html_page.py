"""One HTML file that holds everything it shows: no request to anywhere, light and dark, wide and narrow."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from ..atomic_write import write_whole
from .formatting import Cell
from .wording import Language, code_markup


@dataclass
class HtmlPage:
    """A title and sections; `add` appends one. `above` and `lead` stand around the heading, which is the title unless
    given; `style` is CSS of this page's own."""

    title: str
    language: Language
    lead: Markup | str = ""
    above: str = ""
    heading: Markup | str = ""
    style: str = ""
    _sections: list[dict[str, Any]] = field(default_factory=list)

    def add(self, heading: str, *parts: Markup | str) -> None:
        """A section: plain texts become paragraphs, markup stays as it is."""
        blocks = [part if isinstance(part, Markup) else Markup("<p>{}</p>").format(part) for part in parts if part]
        self._sections.append({"heading": heading, "parts": blocks})

    def write(self, file: Path) -> None:
        """Put the whole page in its place at once."""
        write_whole(file, self.html())

    def html(self) -> str:
        texts = {name: getattr(self, name) for name in ("title", "above", "heading", "lead", "language")}
        return str(fill_template("page.html", texts | {"style": Markup(self.style), "sections": self._sections}))


def table(columns: Sequence[str], rows: Sequence[Sequence[Cell | str]], *, kinds: Sequence[str] = ()) -> Markup:
    """The first column is text, the others are figures unless their heading is empty. `kinds` are CSS classes of rows.
    On a phone each row is a block in which every figure has its column's name."""
    cells = [[_html(cell) for cell in row] for row in rows]
    return fill_template("table.html", {"columns": columns, "rows": cells, "kinds": kinds or [""] * len(rows)})


def _html(cell: Cell | str) -> dict[str, Any]:
    cell = cell if isinstance(cell, Cell) else Cell(cell)
    return {"text": code_markup(cell.text), "note": code_markup(cell.note), "prose": cell.prose}


def fill_template(name: str, values: Mapping[str, Any]) -> Markup:
    """The file `name` of the folder templates, filled in. Texts are escaped, markup is not."""
    return Markup(_template(name).render(values))


def read_template(name: str) -> str:
    return files(__package__).joinpath(f"templates/{name}").read_text("utf-8")


@cache
def _template(name: str) -> Any:
    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined)
    return environment.from_string(read_template(name))
