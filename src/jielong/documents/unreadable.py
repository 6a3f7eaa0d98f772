"""Why nothing of a file could be read: few words, by which such files are counted."""

from __future__ import annotations

from typing import Literal, TypeAlias

from ..errors import BadInput

Reason: TypeAlias = Literal[
    "broken",
    "empty",
    "encrypted",
    "scanned",
    "too large",
    "too slow",
    "not a text",
    "another format",
    "not installed",
    "link",
]


class Unread(Exception):
    """Raised by a reader, in whatever process it runs."""

    def __init__(self, reason: Reason, detail: str = "") -> None:
        super().__init__(reason, detail)
        self.reason, self.detail = reason, detail


class UnreadableDocument(BadInput):
    """A file of which nothing could be read."""

    def __init__(self, name: str, reason: Reason, detail: str = "") -> None:
        super().__init__(f"{name}: {reason}{detail and f' ({detail})'}")
        self.name, self.reason, self.detail = name, reason, detail
