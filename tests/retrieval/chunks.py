"""Chunks for tests of searches."""

from jielong.documents.document import Chunk
from jielong.documents.language import language_of


def chunks_of(*texts: str) -> list[Chunk]:
    """Each text as a document of its own: 0.txt, 1.txt, …"""
    return [Chunk(f"{n}.txt", 0, len(text), text, language=language_of(text)) for n, text in enumerate(texts)]
