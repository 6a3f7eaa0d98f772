"""Passages of an index, or of a web search, put before the question as numbered sources (RAG: Lewis et al. 2020)."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal, TypeAlias

import anyio.to_thread

from ..answers.thoughts import answer_text
from ..contract import Model, Reply, Request
from ..documents.document import Chunk
from ..errors import SampleError
from ..prompts import prompt
from ..retrieval.index import Index
from ..retrieval.retriever import Hit, Retriever
from ..runtime.runtime import active_lifetime
from ..technique import adds_output
from .prompting import Words, question, require_at_least, with_question
from .sources import Form, answer_from
from .web_retriever import WebSearch

History: TypeAlias = Literal["rewrite", "join", "ignore"]
LONGEST_QUERY = 2_000  # characters that are searched for
LONGEST_REWRITTEN = 500  # a rewritten question that is longer is none
WEB_SEARCH = "web_search"


def _max_calls(model: int, history: History, **_: object) -> int:
    return (2 if history == "rewrite" else 1) * model + 1  # the last one embeds the question, or searches the web


@adds_output(calls=_max_calls)
async def retrieve(
    model: Model,
    request: Request,
    *,
    index: str | Retriever,
    k: int = 5,
    history: History = "rewrite",
    mark: bool = False,
    attribute: bool = False,
    form: Form = "quoted",
    frame: Words = None,
    rewrite: Words = None,
) -> Reply:
    """Put the `k` nearest passages of an index before the question, and check what the reply cites of them.

    `index` is the name of one that `jielong index build` made, or `web_search`. On a later turn the question is
    searched for as the model rewrites it with one more call (`history=rewrite`), together with the turn before it
    (`join`), or alone (`ignore`). The reply's `sources` are what it cites rightly. Quotations that no source has are
    reported, and with `mark` marked in the text, which then is not streamed. `attribute` names the source that holds
    the words of a reply without citations. `form=plain` shows bare texts, for small models, and asks for no citations.
    Lewis et al. train retriever and model together and sum over the passages; here neither is trained, and all
    passages are read at once.
    """
    require_at_least(1, "retrieve", {"k": k})
    query = await search_query(model, request, history, rewrite)
    hits = await (await retriever(index, request)).search(query, k) if query.strip() else ()
    return await answer_from(model, request, distinct(hits), form, frame, mark=mark, attribute=attribute)


def distinct(hits: Sequence[Hit]) -> tuple[Chunk, ...]:
    """Their chunks, those of one text once."""
    return tuple({hit.chunk.text: hit.chunk for hit in reversed(hits)}.values())[::-1]


async def search_query(model: Model, request: Request, history: History, words: Words = None) -> str:
    """What to look for: the question, on a later turn so that it can be understood without the turns before it."""
    last = max((i for i, message in enumerate(request.messages) if message.role == "user"), default=-1)
    asked = question(request)[:LONGEST_QUERY]
    earlier = [m.text for m in request.messages[: max(last, 0)] if m.role == "user" and m.text.strip()]
    if not earlier or history == "ignore":
        return asked
    if history == "rewrite":
        talk = replace(request, messages=request.messages[: last + 1]).side_request()
        rewritten = await _rewritten(model, with_question(talk, prompt(request, "retrieve", "rewrite", words)))
        if rewritten:
            return rewritten
    return f"{earlier[-1]}\n{asked}"[-LONGEST_QUERY:]


async def _rewritten(model: Model, request: Request) -> str | None:
    try:
        reply = await model.generate(request)
    except SampleError:
        return None  # the turns are joined instead
    text = answer_text(reply.text) or ""
    return text if len(text) <= LONGEST_REWRITTEN else None


async def retriever(index: str | Retriever, request: Request) -> Retriever:
    """What `index` names. Raises BadInput, DamagedFile."""
    if not isinstance(index, str):
        return index
    if index == WEB_SEARCH:
        return WebSearch(request.sampling.seed)
    return await anyio.to_thread.run_sync(active_lifetime().get, Index, index)
