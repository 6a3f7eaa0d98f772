"""The sources of a reply as annotations of its message, as the protocol has them for citations of web pages."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import ConfigDict, Field, with_config
from typing_extensions import TypedDict

from ..contract import Reply, Source

Count: TypeAlias = Annotated[int, Field(ge=0)]


@with_config(ConfigDict(extra="forbid"))
class UrlCitation(TypedDict):
    """`url` is the name of the document where it has none."""

    start_index: Count
    end_index: Count
    url: str
    title: str


@with_config(ConfigDict(extra="forbid"))
class CitedSource(TypedDict):
    """Ours alone: the characters of the document that are cited, and the page or line of the passage around them."""

    number: Count | None
    start: Count
    end: Count
    text: str
    page: Count | None
    line: Count | None


@with_config(ConfigDict(extra="forbid"))
class Annotation(TypedDict):
    type: Literal["url_citation"]
    url_citation: UrlCitation
    source: CitedSource


def source_annotations(reply: Reply) -> list[Annotation]:
    """One for each place where the reply cites a source. One that it rests on without citing it is at its end."""
    length = len(reply.text)
    placed = [(*place, source) for source in reply.sources for place in source.cited_at or ((length, length),)]
    return [_annotation(start, end, source) for start, end, source in sorted(placed, key=lambda each: each[:2])]


def _annotation(start: int, end: int, source: Source) -> Annotation:
    return {
        "type": "url_citation",
        "url_citation": {
            "start_index": start,
            "end_index": end,
            "url": source.document,
            "title": source.document,
        },
        "source": {
            "number": source.number,
            "start": source.start,
            "end": source.end,
            "text": source.text,
            "page": source.page,
            "line": source.line,
        },
    }
