"""A row of a data file with the line that it stands on, or what is wrong with it."""

from dataclasses import dataclass
from typing import Any

Fields = dict[str, Any]


@dataclass(frozen=True)
class DataRow:
    line: int
    fields: Fields


@dataclass(frozen=True)
class BadRow:
    line: int
    why: str
    text: str
