"""Plain texts → blocks: paragraphs, which blank lines part."""

from __future__ import annotations

import re
from collections.abc import Iterator

from .document import Block

_CHAPTER = re.compile(
    r"\s*(?:第[一二三四五六七八九十百千零〇两\d]{1,9}[章回卷篇部编](?:\s.{0,40}|[^。，；]{0,30})"
    r"|CHAPTER [\dIVXLC]{1,7}\b.{0,60})"
)


def text_blocks(text: str) -> Iterator[Block]:
    """With a chapter's title as heading where a line is one: 第三章 …, CHAPTER IV."""
    headings: tuple[str, ...] = ()
    for start, end, line in paragraphs(text):
        first = text[start:end].partition("\n")[0]
        if _CHAPTER.fullmatch(first):
            yield Block(start, start + len(first), "heading", line=line)
            headings = (first.strip(),)
            start, line = start + len(first) + 1, line + 1
        if start < end:
            yield Block(start, end, line=line, headings=headings)


def paragraphs(text: str) -> Iterator[tuple[int, int, int]]:
    """Where each stretch without a blank line begins and ends, and in which line."""
    place, began, began_line = 0, -1, 0
    for number, line in enumerate(text.split("\n"), 1):
        if line and not line.isspace():
            if began < 0:
                began, began_line = place, number
            end = place + len(line)
        elif began >= 0:
            yield began, end, began_line
            began = -1
        place += len(line) + 1
    if began >= 0:
        yield began, end, began_line
