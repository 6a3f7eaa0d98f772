"""Source code → blocks, each beneath the definitions around it, so that a piece from the middle of a long function
still names the function and its class. Lines tell definitions, whatever the language; nothing is parsed."""

from __future__ import annotations

import re
from collections.abc import Iterator

from .document import Block
from .text_reader import paragraphs

_DEFINITION = re.compile(
    r"(?:(?:export|default|public|private|protected|internal|static|final|abstract|sealed|partial|async|pub|unsafe"
    r"|extern|inline|override|open|data|suspend)\s+|pub\([^)]{1,30}\)\s+)*"
    r"(?:def|class|func|function|fn|impl|trait|interface|struct|enum|module|namespace|object|record|protocol"
    r"|extension|CREATE (?:TABLE|VIEW|FUNCTION))\b[ (*]",
)
_ABOVE = ("@", "#", "//", "/*", "*", '"""', "--", "[")  # decorators and comments belong to what they stand above
_LONGEST = 400  # characters of a line that can be a definition
_TAB = 4


def code_blocks(text: str) -> Iterator[Block]:
    """A definition's first line, with what stands above it, is a heading; what follows is in pieces that blank lines
    part."""
    lines = text.split("\n")
    open_definitions: list[tuple[int, str]] = []  # with their indentation
    place = first = begin = 0  # of the line, and where the piece begins that has not been handed out
    for number, line in enumerate(lines):
        stripped = line.strip() if len(line) < _LONGEST else ""
        if _DEFINITION.match(stripped):
            above = number
            while above > first and lines[above - 1].lstrip().startswith(_ABOVE):
                above -= 1
            top = place - sum(len(each) + 1 for each in lines[above:number])
            yield from _pieces(text, begin, top, first, open_definitions)
            depth = _indentation(line)
            while open_definitions and open_definitions[-1][0] >= depth:
                open_definitions.pop()
            yield Block(top, place + len(line), "heading", line=above + 1, headings=_titles(open_definitions))
            open_definitions.append((depth, stripped))
            first, begin = number + 1, place + len(line) + 1
        elif stripped and open_definitions and _leaves(line, open_definitions[-1][0]):
            yield from _pieces(text, begin, place, first, open_definitions)
            while open_definitions and _leaves(line, open_definitions[-1][0]):
                open_definitions.pop()
            first, begin = number, place
        place += len(line) + 1
    yield from _pieces(text, begin, len(text), first, open_definitions)


def _leaves(line: str, depth: int) -> bool:
    """Whether the line stands outside of a definition of that depth; its closing bracket does not."""
    return _indentation(line) <= depth and not line.lstrip().startswith(("}", ")", "]", "{", "end"))


def _indentation(line: str) -> int:
    return len(line.expandtabs(_TAB)) - len(line.lstrip().expandtabs(_TAB))


def _titles(definitions: list[tuple[int, str]]) -> tuple[str, ...]:
    return tuple(title for _, title in definitions)


def _pieces(text: str, start: int, end: int, line: int, above: list[tuple[int, str]]) -> Iterator[Block]:
    """`line` counts from 0."""
    for begin, stop, number in paragraphs(text[start:end]):
        yield Block(start + begin, start + stop, "code", line=line + number, headings=_titles(above))
