"""A reader and a chunker of plain texts, paragraph by paragraph, so that these tests are about the index alone."""

import re
from pathlib import Path

from jielong.documents.document import Block, Chunk, Document
from jielong.errors import BadInput


def read_text(path: Path) -> Document:
    try:
        text = path.read_text("utf-8")
    except UnicodeDecodeError:
        raise BadInput("no text") from None
    blocks = tuple(Block(match.start(), match.end()) for match in re.finditer(r"(?s)\S.*?(?=\n\s*\n|\Z)", text))
    return Document(path.name, text, blocks, "zh" if re.search("[一-鿿]", text) else "en")


def paragraphs(document: Document, most_tokens: int = 0, count_tokens: object = None) -> tuple[Chunk, ...]:
    return tuple(
        Chunk(document.name, b.start, b.end, document.text[b.start : b.end], language=document.language)
        for b in document.blocks
    )


def chunks_of(*texts: str) -> list[Chunk]:
    """Each text as a document of its own: 0.txt, 1.txt, …"""
    return [
        Chunk(f"{n}.txt", 0, len(text), text, language="zh" if re.search("[一-鿿]", text) else "en")
        for n, text in enumerate(texts)
    ]
