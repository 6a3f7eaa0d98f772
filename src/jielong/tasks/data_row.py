"""A row of a data file with the line that it stands on, or what is wrong with it."""

from collections.abc import Iterator, Mapping
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


class WatchedRow(Mapping[str, Any]):
    """A row that adds to `used` each of its columns that is asked for: the others can then be named."""

    def __init__(self, fields: Mapping[str, Any], used: set[str]) -> None:
        self._fields, self._used = fields, used

    def __getitem__(self, column: str) -> Any:
        cell = self._fields[column]
        self._used.add(column)
        return cell

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)
