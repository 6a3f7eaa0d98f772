"""Numbered sources before a question, and the reply to it with its citations checked. `retrieve` and `context` find the
sources in different ways, and put them in here.

A source is a text that somebody wrote, maybe to be found here. So each of its lines bears a mark that no line of ours
has, whatever it says of where the sources end; marks of roles and turns that chat templates use are broken up; numbers
in brackets, by which a reply would cite, are taken out of it. What a source says is read by the model alone.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal, TypeAlias

import anyio.to_thread

from ..answers.not_told import not_told
from ..answers.quotation import SearchedText, units
from ..contract import Message, Model, Reply, Request, Source, Text
from ..documents.document import Chunk
from ..prompts import fill, prompt
from ..scope import note
from ..technique import final_call
from .citations import CheckedCitations, Problem, check_citations, cited_source
from .prompting import Words, before, question, with_message

Form: TypeAlias = Literal["quoted", "plain"]
LONG = 20_000  # characters of a reply
LINE_MARK = "> "
LONGEST_NAME, LONGEST_HEADINGS = 120, 300  # characters of a document's name, and of the headings, that are shown
_BREAKS = re.compile("\r\n|[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]")
_CONTROLS = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\U000e0000-\U000e007f]"
)
_NUMBER = re.compile(  # not that of an index: `arr[0]`
    r"(?:(?<![A-Za-z0-9_\])])\[|[［【〔])\s*\^?(?:[A-Za-z]{1,10}|来源|资料|文档|文献)?\s*\d{1,3}[\d\s,，、–-]*(?:†[^\]】]{0,80})?[\]］】〕]"
)
_TURN = re.compile(
    r"<(?=[|｜/]?[A-Za-z_▁|｜])|(?<=[|｜])>|\[(?=/?INST\b)|<(?=<)"
)  # <|im_start|>, </s>, [INST], <<SYS>>


def with_sources(request: Request, chunks: Sequence[Chunk], form: Form = "quoted", frame: Words = None) -> Request:
    """The request with numbered sources before its question, the last message of a user: also on the turns after it,
    such as those with results of tools, so that their numbers stay what they were."""
    index = max((i for i, message in enumerate(request.messages) if message.role == "user"), default=None)
    if index is None:
        return request
    if not chunks and form == "plain":
        return request
    if form == "plain":
        sources, words = [shown_text(chunk.text, one_line=True) for chunk in chunks], "{documents}\n\n{sources}"
    else:
        each = prompt(request, "sources", "source")
        sources = [
            fill(each, {"n": str(n), "name": shown_name(chunk), "text": shown_text(chunk.text)}).strip()
            for n, chunk in enumerate(chunks, 1)
        ]
        words = prompt(request, "sources", "frame" if chunks else "nothing")
    values = {
        "count": str(len(chunks)),
        "sources": "\n\n".join(sources),
        "documents": prompt(request, "task", "context"),
    }
    text = fill(frame if frame is not None else words, values).strip()
    return with_message(request, index, before(request.messages[index], f"{text}\n\n"))


def shown_text(text: str, *, one_line: bool = False) -> str:
    """A source as the model reads it. `one_line`: without marks, and so without any line end."""
    lines = [_CONTROLS.sub("", line) for line in _BREAKS.split(text.strip())]
    lines = [_TURN.sub(lambda match: match[0] + " ", _NUMBER.sub("", line)) for line in lines]
    if one_line:
        return " ".join(" ".join(lines).split())
    return "\n".join(f"{LINE_MARK}{line}".rstrip() for line in lines)


def shown_name(chunk: Chunk) -> str:
    """Its document, in one line, and where in it the passage stands: its page, its headings."""
    name = shown_text(chunk.document, one_line=True)[:LONGEST_NAME]
    page = [str(chunk.page)] if chunk.page is not None else []
    headings = shown_text(" › ".join(chunk.headings), one_line=True)[:LONGEST_HEADINGS]
    return ", ".join([name, *page]) + (headings and f" › {headings}")


async def answer_from(
    model: Model, request: Request, chunks: Sequence[Chunk], form: Form = "quoted", frame: Words = None, *,
    mark: bool = False, attribute: bool = False,
) -> Reply:  # fmt: skip
    """The reply to the request with these sources, and what it cites. `mark`: wrong citations are marked in the text,
    which then is not streamed. `attribute`: a reply without citations gets the source that holds its words."""
    asked = with_sources(request, chunks, form, frame)
    marked = mark and request.schema is None
    reply = await (model.generate(asked) if marked else final_call(model, asked))
    if reply.finish != "stop":
        return reply
    conversation = "\n".join(message.text for message in request.messages)
    if len(reply.text) < LONG:
        checked = check_citations(reply.text, chunks, conversation)
    else:  # a text of very many quotations takes a second
        checked = await anyio.to_thread.run_sync(
            check_citations, reply.text, chunks, conversation, abandon_on_cancel=True
        )
    if not checked.sources and attribute:
        checked = CheckedCitations(holding(reply.text, chunks, question(request)), checked.problems)
    for problem in checked.problems:
        note(described(problem, len(chunks)))
    if not_told(reply.text):
        note("citations: the reply says that the sources do not tell")
    elif chunks and not checked.sources and form == "quoted":
        note("citations: the reply cites none of the sources")
    sources = checked.sources
    if marked and checked.problems:
        reply, sources = _marked(reply, checked, prompt(request, "sources", "wrong"))
    return replace(reply, sources=sources)


def holding(reply_text: str, chunks: Sequence[Chunk], asked: str) -> tuple[Source, ...]:
    """The source that holds these words and has most in common with the question; none where no source holds them."""
    spans = {n: span for n, chunk in enumerate(chunks, 1) if (span := SearchedText(chunk.text).find(reply_text))}
    if not spans:
        return ()
    words = {unit.text for unit in units(asked)}
    n = max(spans, key=lambda n: (len(words & {unit.text for unit in units(chunks[n - 1].text)}), -n))
    return (cited_source(chunks[n - 1], n, *spans[n], ()),)


def described(problem: Problem, count: int) -> str:
    """What is wrong, for the report."""
    words = problem.words if len(problem.words) <= 100 else problem.words[:100] + "…"
    match problem.kind:
        case "no_such_source":
            return f"citations: {words} refers to none of the {count} sources"
        case "in_another_source":
            return f"citations: not in source {problem.number}, but in another one: {words}"
        case "not_in_sources":
            return f"citations: quoted, and not in the sources: {words}"
        case "unsupported":
            return f"citations: source {problem.number} does not say this: {words}"


def _marked(reply: Reply, checked: CheckedCitations, words: str) -> tuple[Reply, tuple[Source, ...]]:
    """The reply with these words behind everything that is wrong, and its sources with their new places."""
    ends = sorted({problem.end for problem in checked.problems})

    def moved(position: int) -> int:
        return position + len(words) * sum(end <= position for end in ends)

    def moved_end(position: int) -> int:
        return position + len(words) * sum(end < position for end in ends)

    text, done = "", 0
    for end in ends:
        text, done = text + reply.text[done:end] + words, end
    sources = tuple(
        replace(source, cited_at=tuple((moved(start), moved_end(end)) for start, end in source.cited_at))
        for source in checked.sources
    )
    return replace(reply, message=_with_text(reply.message, text + reply.text[done:])), sources


def _with_text(message: Message, text: str) -> Message:
    if isinstance(message.content, str):
        return replace(message, content=text)
    others = tuple(part for part in message.content if not isinstance(part, Text))
    return replace(message, content=(*others, Text(text)))
