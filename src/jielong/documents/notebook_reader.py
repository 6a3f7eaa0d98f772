"""A Jupyter notebook as Markdown: its texts as they are, its code and what that printed as fenced code, no pictures."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from ..bounded_json import read_json
from .unreadable import Unread


def notebook_text(text: str) -> str:
    """Raises Unread."""
    try:
        return "\n\n".join(part for cell in read_json(text)["cells"] for part in _parts(cell) if part.strip())
    except (ValueError, KeyError, TypeError, AttributeError):
        raise Unread("broken", "it is named .ipynb and is no notebook") from None


def _parts(cell: dict[str, Any]) -> Iterator[str]:
    source = _joined(cell["source"])
    if cell["cell_type"] != "code":
        yield source
        return
    yield _fenced(source)
    for output in cell.get("outputs", []):
        yield _fenced(_joined(output.get("text") or output.get("data", {}).get("text/plain", "")))


def _joined(lines: str | list[str]) -> str:
    return lines if isinstance(lines, str) else "".join(lines)


def _fenced(text: str) -> str:
    if not text.strip():
        return ""
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))
    return f"{fence}\n{text.rstrip()}\n{fence}"
