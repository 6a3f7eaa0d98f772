"""What every reader makes of a file: one text, and what each stretch of it is and where it stood."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Kind: TypeAlias = Literal["paragraph", "heading", "table", "code", "list"]


@dataclass(frozen=True, slots=True)
class Block:
    """The characters from `start` to `end` of the document's text. `page` and `line` count from 1."""

    start: int
    end: int
    kind: Kind = "paragraph"
    page: int | None = None  # where the file has pages
    line: int | None = None  # where the file is a text with lines
    headings: tuple[str, ...] = ()  # under which it stands, the outermost first


@dataclass(frozen=True, slots=True)
class Document:
    name: str  # its path below the folder that was read, or its URL
    text: str
    blocks: tuple[Block, ...]  # in order, not overlapping
    language: str = ""  # "en", "zh"; "" where it cannot be told
    notes: tuple[str, ...] = ()  # what of the file could not be read


@dataclass(frozen=True, slots=True)
class Chunk:
    """A stretch of a document that is found and shown as a whole: `text == document.text[start:end]`."""

    document: str
    start: int
    end: int
    text: str
    page: int | None = None
    line: int | None = None
    headings: tuple[str, ...] = ()
    language: str = ""

    @property
    def in_context(self) -> str:
        """Below its headings: what is indexed, embedded and counted against a limit of tokens."""
        return "\n".join((*self.headings, self.text))
