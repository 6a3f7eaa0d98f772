"""The fenced blocks of a markdown text."""

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Block:
    language: str
    text: str
    closed: bool


_FENCE = re.compile(r"([ \t]{0,200})(?:.{0,200}?[\s:>])??(`{3,}|~{3,})[ \t]*([\w+#.-]{0,20})[^`]*$")


def fenced(text: str) -> list[Block]:
    """The fenced blocks of a markdown text, without the indentation of their fence; the last one may be unclosed."""
    blocks: list[Block] = []
    fence, language, indent = "", "", 0
    lines: list[str] = []
    for line in text.splitlines():
        bare = line.strip()
        if not fence:
            if ("```" in line or "~~~" in line) and (opening := _FENCE.match(line)):
                fence, language, indent, lines = opening[2], opening[3].lower(), len(opening[1]), []
        elif bare[: len(fence)] == fence and not bare.strip(fence[0]) and not _in_docstring(lines):
            blocks.append(Block(language, "\n".join(lines), True))
            fence = ""
        else:
            leading = len(line) - len(line.lstrip())
            lines.append(line[min(indent, leading) :])
    return [*blocks, Block(language, "\n".join(lines), False)] if fence else blocks


def _in_docstring(lines: list[str]) -> bool:
    """Whether a triple quote is open: a fence there belongs to the program."""
    if len(lines) > 2000:
        return False
    program = "\n".join(lines)
    opened = any(program.count(quotes) % 2 == 1 for quotes in ('"""', "'''"))
    return opened and re.search(r"^[ \t]*(?:def|class) ", program, re.M) is not None
