"""Files and pages before the question as numbered sources: whole while they fit, else the passages nearest to it."""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import anyio.to_thread

from ..contract import Model, Reply, Request
from ..documents.chunking import chunk
from ..documents.document import Chunk, Document
from ..documents.read_document import Unreadable, files_below, read_bytes, read_folder
from ..errors import BadInput
from ..retrieval.embedders import default_embedder, embedder
from ..retrieval.embedding_endpoint import approximate_tokens
from ..retrieval.memory_index import MemoryIndex
from ..retrieval.retriever import Hit
from ..runtime.runtime import active_lifetime
from ..scope import note
from ..technique import adds_output
from .prompting import Words, require_at_least
from .retrieve import History, search_query
from .sources import Form, answer_from
from .tools.read_url import fetch
from .tools.tool import ToolFailed

MOST_PASSAGES = 200


def _max_calls(model: int, history: History, **_: object) -> int:
    return (2 if history == "rewrite" else 1) * model


@adds_output(calls=_max_calls)
async def context(
    model: Model,
    request: Request,
    *,
    files: Sequence[Path] = (),
    urls: Sequence[str] = (),
    tokens: int = 4000,
    k: int | None = None,
    passage: int = 200,
    history: History = "rewrite",
    mark: bool = False,
    attribute: bool = False,
    form: Form = "quoted",
    frame: Words = None,
    rewrite: Words = None,
) -> Reply:
    """Put files, folders and pages before the question, and check what the reply cites of them.

    While all of it fits into `tokens` (estimated), each document is a source as a whole. Otherwise, and where `k` is
    given, it is cut into passages of up to `passage` tokens, and the nearest to the question are shown, up to `k` of
    them and as many as fit; the report says so. The other options are those of `retrieve`. Files are read again when
    they change, pages once for as long as the process runs.
    """
    require_at_least(1, "context", {"tokens": tokens, "passage": passage, "k": 1 if k is None else k})
    if not files and not urls:
        raise BadInput("context needs files=[…] or urls=[…]")
    library = active_lifetime().get(Library, tuple(files), tuple(urls), passage)
    documents = await library.read()
    if k is None and sum(approximate_tokens(document.text) for document in documents) <= tokens:
        chunks = [each for document in documents for each in whole(document)]
    else:
        query = await search_query(model, request, history, rewrite)
        chunks = _fitting(await library.search(query, k or MOST_PASSAGES), tokens)
        note(f"context: shown were the passages nearest to the question, {len(chunks)} of {library.passages}")
    return await answer_from(model, request, chunks, form, frame, mark=mark, attribute=attribute)


def whole(document: Document) -> list[Chunk]:
    """All of it as one chunk, or one for each page."""
    starts = [0]
    pages = [block.page for block in document.blocks[:1]]
    for before, block in pairwise(document.blocks):
        if block.page != before.page:
            starts.append(block.start)
            pages.append(block.page)
    line = document.blocks[0].line if document.blocks else None
    spans = zip(starts, [*starts[1:], len(document.text)], pages or [None], strict=True)
    return [Chunk(document.name, start, end, document.text[start:end], page, line) for start, end, page in spans]


def _fitting(hits: Sequence[Hit], tokens: int) -> list[Chunk]:
    """As many as fit, the best first; at least one."""
    chunks: list[Chunk] = []
    for hit in hits:
        tokens -= approximate_tokens(hit.chunk.text)
        if chunks and tokens < 0:
            break
        chunks.append(hit.chunk)
    return chunks


class Library:
    """The documents behind one `context`, and the search of their passages, which is made when it is first needed."""

    def __init__(self, files: tuple[Path, ...], urls: tuple[str, ...], passage: int) -> None:
        self.files, self.urls, self.passage = files, urls, passage
        self.passages = 0
        self._pages: list[Document] = []
        self._documents: list[Document] = []
        self._state: object = None
        self._index: MemoryIndex | None = None
        self._lock = anyio.Lock()

    async def read(self) -> list[Document]:
        """Raises BadInput for what is named and cannot be read; what cannot be read in a folder is noted."""
        async with self._lock:
            if len(self._pages) < len(self.urls):
                self._pages = [await _page(url) for url in self.urls]
            state = await anyio.to_thread.run_sync(self._state_of_files)
            if state != self._state:
                self._documents = [*await anyio.to_thread.run_sync(self._read_files), *self._pages]
                self._state, self._index = state, None
        return self._documents

    async def search(self, query: str, k: int) -> Sequence[Hit]:
        async with self._lock:
            if self._index is None:
                self._index = await anyio.to_thread.run_sync(self._indexed, self._documents)
        return await self._index.search(query, k)

    def close(self) -> None:
        if self._index:
            self._index.close()

    def _indexed(self, documents: list[Document]) -> MemoryIndex:
        chunks = [each for document in documents for each in chunk(document, self.passage, approximate_tokens)]
        self.passages = len(chunks)
        name = default_embedder()
        return MemoryIndex(chunks, embedder(name) if name else None)

    def _state_of_files(self) -> object:
        found = [file for path in self.files for file in (files_below(path) if path.is_dir() else [path])]
        return [(str(file), file.stat().st_mtime_ns, file.stat().st_size) for file in found if file.exists()]

    def _read_files(self) -> list[Document]:
        documents = []
        for path in self.files:
            for document in read_folder(path):
                if not isinstance(document, Unreadable):
                    documents.append(document)
                    for words in document.notes:
                        note(f"context: {document.name}: {words}")
                elif path.is_dir():
                    note(f"context: {document.name} was set aside: {document.reason}")
                else:
                    raise BadInput(
                        f"context: {document.name} cannot be read: {document.reason} {document.detail}".rstrip()
                    )
        return documents


async def _page(url: str) -> Document:
    """A page that the recipe names may lie anywhere; where it redirects to, only on the public internet."""
    try:
        page = await fetch(url, own=url)
    except ToolFailed as failed:
        raise BadInput(f"context: {failed.words('en').removeprefix('Error: ')}") from None
    return await read_bytes(page.data, url, page.kind, page.charset)
