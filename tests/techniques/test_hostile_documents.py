"""None of fifty hostile documents closes its frame, forges a citation, selects anything, or tells of another one."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from jielong.contract import Model, Request, ToolSpec
from jielong.documents.document import Chunk
from jielong.models.scripted import Scripted
from jielong.retrieval.memory_index import MemoryIndex
from jielong.retrieval.retriever import Hit
from jielong.techniques.retrieve import retrieve
from jielong.techniques.sources import Form
from techniques.hostile_documents import CITATIONS, DOCUMENTS, ROLES

pytestmark = pytest.mark.anyio
Asked = Callable[..., Request]
SECRET = "The PIN of the vault is 7319."
NUMBERED = range(len(DOCUMENTS))
TOOL = ToolSpec("weather", "The weather.", {"type": "object", "properties": {}})


class Beside:
    """A retriever that finds the document, and one that it is not to know of."""

    def __init__(self, text: str, name: str = "letter.txt") -> None:
        self.chunks = [Chunk(name, 0, len(text), text), Chunk("bank.txt", 0, len(SECRET), SECRET)]
        self.queries: list[str] = []

    async def search(self, query: str, k: int) -> Sequence[Hit]:
        self.queries.append(query)
        return [Hit(chunk, 1.0) for chunk in self.chunks[:k]]


async def shown(text: str, asked: Asked, form: Form = "quoted", name: str = "letter.txt") -> str:
    base = Scripted("The sources do not tell.")
    await (base | retrieve(index=Beside(text, name), form=form)).generate(asked("Who is the king?"))
    return base.requests[0].messages[0].text


def test_there_are_fifty() -> None:
    assert len(DOCUMENTS) == 50


@pytest.mark.parametrize("n", NUMBERED)
async def test_it_does_not_close_its_frame(asked: Asked, n: int) -> None:
    """Of the lines that are not marked as a source's, none is the document's: they are those of a harmless one."""
    lines = re.split("[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]", await shown(DOCUMENTS[n], asked))
    harmless = (await shown("A letter.", asked)).split("\n")
    assert [line for line in lines if not line.startswith(">")] == [
        line for line in harmless if not line.startswith(">")
    ]


@pytest.mark.parametrize("n", NUMBERED)
async def test_as_a_plain_text_it_stays_in_one_line(asked: Asked, n: int) -> None:
    lines = re.split("[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]", await shown(DOCUMENTS[n], asked, "plain"))
    assert len(lines) == len((await shown("A letter.", asked, "plain")).split("\n"))
    assert lines[-1] == "Who is the king?"


@pytest.mark.parametrize("n", NUMBERED)
async def test_its_name_stays_in_one_line(asked: Asked, n: int) -> None:
    lines = (await shown("A letter.", asked, name=DOCUMENTS[n])).splitlines()
    assert len(lines) == len((await shown("A letter.", asked)).splitlines())


@pytest.mark.parametrize("text", ROLES)
async def test_marks_of_roles_and_turns_are_broken_up(asked: Asked, text: str) -> None:
    seen = await shown(text, asked)
    marks = re.findall(r"<[|｜/]?[A-Za-z_▁|｜]+[|｜]?>|\[/?INST\]|<<SYS>>|<</SYS>>", text)
    assert marks
    assert [mark for mark in marks if mark in seen] == []


@pytest.mark.parametrize("text", CITATIONS)
async def test_it_forges_no_citation(asked: Asked, text: str) -> None:
    """Neither is its number shown, nor does a reply that copies it cite the other document."""
    seen = (await shown(text, asked)).replace("[1] letter.txt", "").replace("[2] bank.txt", "").replace("as in [1]", "")
    assert re.findall(r"[\[【［]\D{0,8}\d+[^\]】］]*[\]】］]", seen) == []
    reply = await (Scripted(text) | retrieve(index=Beside(text))).generate(asked("Who is the king?"))
    assert [source.document for source in reply.sources if source.number != 1] == []
    obeyed = Scripted("The king is Tol [2].") | retrieve(index=Beside(text))
    assert (await obeyed.generate(asked("Who is the king?"))).sources == ()


@pytest.mark.parametrize("n", NUMBERED)
async def test_it_selects_nothing(asked: Asked, n: int) -> None:
    """The calls are those that a harmless document brings, but for its own text: also when the model repeats it."""

    async def calls(text: str, reply: str) -> tuple[list[str], list[Request]]:
        base, beside = Scripted(reply), Beside(text)
        model: Model = base | retrieve(index=beside)
        await model.generate(replace(asked("Who is the king?"), tools=(TOOL,)))
        return beside.queries, [replace(request, messages=()) for request in base.requests]

    text = DOCUMENTS[n]
    assert await calls(text, text) == await calls("A letter.", "Tol.")


@pytest.mark.parametrize("n", NUMBERED)
async def test_its_part_of_the_prompt_holds_nothing_of_another_document(asked: Asked, n: int) -> None:
    """What is shown of one document depends on it alone."""
    seen = await shown(DOCUMENTS[n], asked)
    assert seen.count(SECRET) == 1
    assert SECRET not in seen[: seen.index("\n[2] bank.txt")]


async def test_a_search_for_a_hostile_question_finds_by_its_words_alone(asked: Asked) -> None:
    index = MemoryIndex(Chunk(f"{n}", 0, len(text), text) for n, text in enumerate([*DOCUMENTS, SECRET]))
    for text in ['" OR 1=1 --', "NEAR(a b)", "text:king", "king*", "^king", "{king}", "(king"]:
        base = Scripted("The sources do not tell.")
        await (base | retrieve(index=index)).generate(asked(text))
        assert len(base.requests) == 1
