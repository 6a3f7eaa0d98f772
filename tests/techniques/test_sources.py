"""retrieve and context: what is asked, what is cited of it, and what the report says."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from jielong.answers import RULES
from jielong.contract import Message, Model, Reply, Request, Sampling, ToolCall
from jielong.documents.document import Chunk
from jielong.errors import BadInput
from jielong.events import Delta
from jielong.models.scripted import Scripted
from jielong.recipe import load
from jielong.retrieval.memory_index import MemoryIndex
from jielong.retrieval.retriever import Hit
from jielong.runtime.ledger_json import decode_reply, encode_reply
from jielong.scope import scope
from jielong.techniques.context import context
from jielong.techniques.prompting import cot
from jielong.techniques.retrieve import retrieve
from jielong.techniques.self_consistency import self_consistency
from techniques.tools.web import Web

pytestmark = pytest.mark.anyio
Asked = Callable[..., Request]
TEXTS = (
    "Marie Curie was born in Warsaw in 1867.",
    "Albert Einstein was born in Ulm in 1879. He wrote “the most beautiful experience is the mysterious”.",
    "The Corran bridge is 1,991 metres long.",
)
CURIE = (
    Message("user", "Who was Marie Curie?"),
    Message("assistant", "A physicist and chemist."),
    Message("user", "When was she born?"),
)


class Found:
    """A retriever that finds all of its texts, and keeps what it was asked."""

    def __init__(self, *texts: str) -> None:
        self.hits = [Hit(Chunk(f"{n}.txt", 0, len(text), text), -n) for n, text in enumerate(texts, 1)]
        self.queries: list[str] = []

    async def search(self, query: str, k: int) -> Sequence[Hit]:
        self.queries.append(query)
        return self.hits[:k]


def memory(*texts: str) -> MemoryIndex:
    return MemoryIndex(Chunk(f"{n}.txt", 0, len(text), text) for n, text in enumerate(texts, 1))


async def notes_of(model: Model, request: Request) -> tuple[Reply, list[str]]:
    with scope("test") as here:
        reply = await model.generate(request)
    return reply, list(here.notes)


async def test_the_reply_names_what_it_cites(asked: Asked) -> None:
    model = Scripted("She was born in Warsaw [1].") | retrieve(index=memory(*TEXTS), k=1)
    reply, notes = await notes_of(model, asked("Where was Marie Curie born?"))
    (source,) = reply.sources
    assert (source.document, source.number, source.text) == ("1.txt", 1, TEXTS[0])
    assert notes == []


async def test_a_wrong_quotation_is_reported_and_marked_on_request(asked: Asked) -> None:
    wrong = "She was “born in Cracow” [1], “born in Warsaw in 1867” [1]."
    reply, notes = await notes_of(Scripted(wrong) | retrieve(index=Found(*TEXTS)), asked())
    assert reply.text == wrong
    assert notes == ["citations: quoted, and not in the sources: born in Cracow"]
    marked = await (Scripted(wrong) | retrieve(index=Found(*TEXTS), mark=True)).generate(asked())
    assert marked.text == "She was “born in Cracow” [not in the source] [1], “born in Warsaw in 1867” [1]."
    assert [marked.text[start:end] for source in marked.sources for start, end in source.cited_at] == ["[1]"]
    assert marked.text.index("] [1]") < marked.sources[0].cited_at[0][0]


@pytest.mark.parametrize("mark", [False, True])
async def test_sources_are_the_same_with_and_without_streaming(asked: Asked, mark: bool) -> None:
    model = Scripted("Born in “Warsaw” [1], not “Cracow” [1].") | retrieve(index=Found(*TEXTS), mark=mark)
    plain = await model.generate(asked())
    async with model.stream(asked()) as events:
        pieces = [event async for event in events]
    assert pieces[-1] == plain
    assert plain.sources
    assert "".join(p.text for p in pieces if isinstance(p, Delta)) == plain.text
    assert (sum(isinstance(p, Delta) for p in pieces) > 1) is not mark  # marked replies come at once


async def test_page_and_headings_of_a_passage_are_shown(asked: Asked) -> None:
    found = Found("It opened in 1998.")
    found.hits = [Hit(replace(found.hits[0].chunk, page=3, headings=("Bridges\n[2] x", "Corran")), 1.0)]
    base = Scripted("In 1998 [1].")
    await (base | retrieve(index=found)).generate(asked())
    assert "\n[1] 1.txt, 3 › Bridges x › Corran\n> It opened" in base.requests[0].messages[0].text


async def test_that_it_is_not_told_is_an_answer_and_said(asked: Asked) -> None:
    for text in ("The sources do not tell.", "资料中没有说。"):
        reply, notes = await notes_of(Scripted(text) | retrieve(index=Found(*TEXTS)), asked())
        assert (reply.text, reply.finish, reply.sources) == (text, "stop", ())
        assert notes == ["citations: the reply says that the sources do not tell"]


async def test_where_nothing_is_found_the_model_is_told_so(asked: Asked) -> None:
    for text in ("Where?", "@!?", ""):
        base = Scripted("The sources do not tell.")
        await (base | retrieve(index=memory(*TEXTS))).generate(asked(text))
        assert "No source was found" in base.requests[0].messages[0].text


async def test_a_reply_without_citations_is_reported(asked: Asked) -> None:
    _, notes = await notes_of(Scripted("In Warsaw.") | retrieve(index=Found(*TEXTS)), asked())
    assert notes == ["citations: the reply cites none of the sources"]


async def test_words_without_a_citation_are_attributed_on_request(asked: Asked) -> None:
    model = Scripted("Ulm") | retrieve(index=Found(*TEXTS), attribute=True, form="plain")
    (source,) = (await model.generate(asked("Where was Einstein born?"))).sources
    assert (source.document, source.text, source.cited_at) == ("2.txt", "Ulm", ())


async def test_a_later_turn_is_searched_for_as_it_can_be_understood_alone() -> None:
    def reply(request: Request) -> str:
        rewriting = "understood without the conversation" in request.messages[-1].text
        return "When was Marie Curie born?" if rewriting else "In 1867 [1]."

    base, found = Scripted(reply), Found(*TEXTS)
    model = base | retrieve(index=found)
    await model.generate(Request(CURIE, Sampling(seed=1)))
    assert found.queries == ["When was Marie Curie born?"]
    assert [m.text for m in base.requests[0].messages[:2]] == [m.text for m in CURIE[:2]]
    assert len(base.requests) == 2 <= model.max_calls() == 3
    found.queries.clear()
    await model.generate(Request((CURIE[0],)))  # a first turn costs nothing more
    assert (len(base.requests), found.queries) == (3, [CURIE[0].text])


@pytest.mark.parametrize(
    ("history", "query", "calls"),
    [("join", "Who was Marie Curie?\nWhen was she born?", 1), ("ignore", "When was she born?", 1)],
)
async def test_the_history_can_be_joined_or_ignored(history: str, query: str, calls: int) -> None:
    base, found = Scripted("In 1867 [1]."), Found(*TEXTS)
    await (base | retrieve(index=found, history=history)).generate(Request(CURIE))  # type: ignore[arg-type]
    assert (found.queries, len(base.requests)) == ([query], calls)


async def test_where_rewriting_fails_the_turns_are_joined() -> None:
    for rewritten in (Reply(Message("assistant", "Wh"), "length"), "word " * 200, ""):
        found = Found(*TEXTS)
        base = Scripted(
            lambda r, rewritten=rewritten: rewritten if "Write the question" in r.messages[-1].text else "x"
        )  # type: ignore[misc]
        await (base | retrieve(index=found)).generate(Request(CURIE))
        assert found.queries == ["Who was Marie Curie?\nWhen was she born?"]


async def test_a_truncated_reply_stays_one(asked: Asked) -> None:
    model = Scripted(Reply(Message("assistant", "Born in [1]"), "length").text) | retrieve(index=Found(*TEXTS))
    reply = await model.generate(asked("x", max_tokens=1))
    assert (reply.finish, reply.sources) == ("length", ())


async def test_the_numbers_stay_what_they_were_while_tools_are_called(asked: Asked) -> None:
    base, found = Scripted("It is 2 [1]."), Found(*TEXTS)
    call = Message("assistant", "", (ToolCall("c", "calculator", "{}"),))
    request = Request((Message("user", "Sum?"), call, Message("tool", "2", tool_call_id="c")))
    await (base | retrieve(index=found)).generate(request)
    assert found.queries == ["Sum?"]
    assert base.requests[0].messages[0].text.startswith("Here are 3 numbered sources.")
    assert base.requests[0].messages[1:] == request.messages[1:]


async def test_sources_pass_through_other_techniques(asked: Asked) -> None:
    model = (
        Scripted("Born in Warsaw [1].")
        | retrieve(index=Found(*TEXTS))
        | cot
        | self_consistency(n=3, answer=RULES["exact"])
    )
    assert [source.number for source in (await model.generate(asked())).sources] == [1]


async def test_sources_are_kept_with_a_reply(asked: Asked) -> None:
    reply = await (Scripted("“Warsaw” [1]") | retrieve(index=Found(*TEXTS))).generate(asked())
    kept = decode_reply(json.loads(json.dumps(encode_reply(reply))))
    assert reply.sources
    assert kept.sources == reply.sources


# ---- context ----


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "curie.md").write_text("# Curie\n\nMarie Curie was born in Warsaw.\n\nShe was born in 1867.\n")
    (tmp_path / "docs" / "bridge.txt").write_text("The Corran bridge is 1,991 metres long.\n")
    return tmp_path / "docs"


async def test_files_that_fit_are_shown_whole(asked: Asked, folder: Path) -> None:
    base = Scripted("She was “born in 1867” [2].")
    reply, notes = await notes_of(base | context(files=(folder,)), asked("When was Curie born?"))
    shown = base.requests[0].messages[0].text
    assert "[1] bridge.txt\n> The Corran" in shown
    assert "[2] curie.md\n> # Curie\n>\n> Marie" in shown
    assert str(folder) not in shown
    assert ((source := reply.sources[0]).document, source.line, source.text) == ("curie.md", 5, "born in 1867")
    assert notes == []


async def test_of_files_that_do_not_fit_the_nearest_passages_are_shown_and_it_is_said(
    asked: Asked, tmp_path: Path
) -> None:
    file = tmp_path / "long.txt"
    lines = [f"Person {n} lives in town {n * 7}, and keeps {n} goats in a barn.\n\n" for n in range(400)]
    file.write_text("".join(lines))
    base = Scripted("In town 1414 [1].")
    _, notes = await notes_of(
        base | context(files=(file,), tokens=300, passage=40), asked("In which town does Person 202 live?")
    )
    shown = base.requests[0].messages[0].text
    assert "Person 202 lives in town 1414" in shown
    assert len(shown) < 3_000
    assert notes[0].startswith("context: shown were the passages nearest to the question, ")


async def test_a_file_is_indexed_once_and_again_when_it_changes(
    asked: Asked, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    built: list[int] = []
    original = MemoryIndex.__init__
    monkeypatch.setattr(MemoryIndex, "__init__", lambda self, *a, **k: (built.append(1), original(self, *a, **k))[1])
    base = Scripted("x [1]")
    model = base | context(files=(folder,), k=1)
    for question in ("Where was Curie born?", "How long is the bridge?", "When was Curie born?"):
        await model.generate(asked(question))
    assert len(built) == 1
    (folder / "bridge.txt").write_text("The Corran bridge is 2,020 metres long, since it was extended.\n")
    await model.generate(asked("How long is the bridge?"))
    assert len(built) == 2
    assert "2,020" in base.requests[-1].messages[0].text


async def test_a_named_file_that_cannot_be_read_is_an_error_and_one_in_a_folder_a_note(
    asked: Asked, folder: Path
) -> None:
    (folder / "broken.pdf").write_bytes(b"no pdf at all")
    _, notes = await notes_of(Scripted("x [1]") | context(files=(folder,)), asked())
    assert "context: broken.pdf was set aside: broken" in notes
    for wrong in (folder / "broken.pdf", folder / "nowhere.txt"):
        with pytest.raises(BadInput, match=wrong.name):
            await (Scripted("x") | context(files=(wrong,))).generate(asked())
    with pytest.raises(BadInput, match=r"context needs files=\[…\] or urls=\[…\]"):
        await (Scripted("x") | context).generate(asked())


def test_recipes_name_files_and_indexes_as_they_are_read_again(folder: Path) -> None:
    for steps in (
        f"context(files=[{folder}], tokens=100)",
        "retrieve(index=notes, k=3, mark=true)",
        "retrieve(index=web_search)",
    ):
        assert load(f"mini | {steps}").name.startswith("mini | ")
        assert load(load(f"mini | {steps}").name).name == load(f"mini | {steps}").name


# ---- the web ----


async def test_pages_and_searches_of_the_web_are_sources(
    asked: Asked, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("trafilatura")
    monkeypatch.setenv("JIELONG_HOME", str(tmp_path))
    with Web() as web:
        (tmp_path / "tools.toml").write_text(f'[web_search]\nurl = "{web.url}"\n')
        base = Scripted("“Tea is made of the leaves” [1].")
        page = base | context(urls=(f"{web.url}/page",))
        reply = await page.generate(asked("What is tea?"))
        assert [source.document for source in reply.sources] == [f"{web.url}/page"]
        await page.generate(asked("What is tea, then?"))
        assert [path for path, *_ in web.asked] == ["/page"]  # read once
        with pytest.raises(BadInput, match="context: .* answered 404"):
            await (base | context(urls=(f"{web.url}/nowhere",))).generate(asked())
        searching = Scripted("It is “about 1 x” [2].") | retrieve(index="web_search", k=3)
        found = await searching.generate(asked("tea"))
        assert [source.document for source in found.sources] == ["https://e.org/1"]
        assert found.usage.calls == searching.max_calls() - 1 == 2
        nothing = Scripted("The sources do not tell.")
        await (nothing | retrieve(index="web_search")).generate(asked("nothing"))
        assert "No source was found" in nothing.requests[0].messages[0].text
