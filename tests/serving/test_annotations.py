"""What a reply cites comes to the client as annotations, streamed and not; no client reads files through a recipe."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import openai
import pytest
from openai.lib.streaming.chat import ChatCompletionStreamState

from jielong.documents.document import Chunk
from jielong.models.scripted import Scripted
from jielong.retrieval.retriever import Hit
from jielong.techniques.retrieve import retrieve
from serving.served import Served

TEXT = "Marie Curie was born in Warsaw in 1867."
ASKED: list[Any] = [{"role": "user", "content": "Where was she born?"}]


class OneText:
    async def search(self, query: str, k: int) -> Sequence[Hit]:
        return [Hit(Chunk("curie.txt", 0, len(TEXT), TEXT, page=3), 1.0)]


def test_annotations_are_the_same_streamed_and_not():
    model = Scripted("In “Warsaw” [1], it says.") | retrieve(index=OneText())
    with Served(model) as served:
        client = served.client()
        whole = client.chat.completions.create(model=model.name, messages=ASKED)
        state = ChatCompletionStreamState()
        deltas = []
        for chunk in client.chat.completions.create(model=model.name, messages=ASKED, stream=True):
            state.handle_chunk(chunk)
            deltas += [choice.delta for choice in chunk.choices]
    (annotation,) = whole.choices[0].message.annotations or []
    assert annotation.url_citation.title == "curie.txt"
    text = whole.choices[0].message.content or ""
    assert text[annotation.url_citation.start_index : annotation.url_citation.end_index] == "[1]"
    assert annotation.model_dump()["source"] == {
        "number": 1, "start": 24, "end": 30, "text": "Warsaw", "page": 3, "line": None,
    }  # fmt: skip
    streamed = [found for delta in deltas for found in (delta.model_extra or {}).get("annotations", [])]
    assert streamed == [annotation.model_dump()]
    assert state.get_final_completion().choices[0].message.content == text


def test_what_is_wrong_with_citations_is_among_the_notes():
    model = Scripted("“Cracow” [1]") | retrieve(index=OneText())
    with Served(model) as served:
        reply = served.client().chat.completions.create(model=model.name, messages=ASKED)
    assert reply.choices[0].message.annotations is None
    notes = (reply.model_extra or {})["jielong"]["notes"]
    assert notes[0] == "citations: quoted, and not in the sources: Cracow"


@pytest.mark.parametrize(
    "step",
    ["context(files=[{file}])", 'context(urls=["http://127.0.0.1:1/"])', "context", "retrieve(index=notes)",
     "retrieve(index=web_search)", "few_shot(file={file})", "few_shot(file={file}, select=bm25)",
     'critique_by(model=mini | context(files=["{file}"]))'],
)  # fmt: skip
def test_a_client_reads_no_file_page_or_index_through_a_recipe(tmp_path: Path, step: str):
    (tmp_path / "secret.jsonl").write_text('{"input": "the secret", "answer": "4711"}\n')
    with Served("mini", allow=["mini"]) as served:
        name = f"mini | {step.format(file=tmp_path / 'secret.jsonl')}"
        with pytest.raises(openai.NotFoundError, match="may not use"):
            served.client().chat.completions.create(model=name, messages=ASKED)
        served.client().chat.completions.create(model="mini | few_shot(examples=[[a, b]], select=bm25)", messages=ASKED)
