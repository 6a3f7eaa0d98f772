"""Chunks: within the limit whatever counts, nothing lost, natural borders."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jielong.documents.chunking import chunk
from jielong.documents.code_reader import code_blocks
from jielong.documents.document import Chunk, Document
from jielong.documents.markdown_reader import markdown_blocks, without_comments
from jielong.documents.read_document import document_of
from jielong.documents.table_reader import table_blocks
from jielong.documents.text_reader import text_blocks
from jielong.errors import BadInput

COUNTERS: dict[str, Callable[[str], int]] = {
    "characters": len,
    "bytes": lambda text: len(text.encode()),
    "words": lambda text: len(text.split()),
    "pairs, fewer where they fall well": lambda text: len(text) - text.count("ab") - text.count("的是") + 2,
}
PIECES = [
    "# T\n",
    "## 节\n",
    "\n\n",
    "| a | b |\n",
    "|---|---|\n",
    "| 1 | 2 |\n",
    "```\n",
    "- x\n",
    "<!-- ",
    "-->",
    "ab",
]
PIECES += [
    "他说：“好。”",
    "的是",
    "A sentence. ",
    "word ",
    "\n",
    "===\n",
    "x" * 30,
    "字" * 30,
    " ",
    "\u3000",
    "\t# c\n",
    "😀",
]
PIECES += ["def f():\n", "    class A:\n", "}\n", 'a,"b\nc"\n', "1;2\n", "<pre>\n", "</pre>\n", "---\n", "@x\n"]
texts = st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=8)), max_size=40).map("".join)


def markdown(text: str) -> Document:
    text = without_comments(text)
    return document_of("a.md", text, markdown_blocks(text))


def plain(text: str) -> Document:
    return document_of("a.txt", text, text_blocks(text))


def code(text: str) -> Document:
    return document_of("a.py", text, code_blocks(text))


def table(text: str) -> Document:
    return document_of("a.csv", text, table_blocks(text))


def check(document: Document, chunks: tuple[Chunk, ...], most: int, count: Callable[[str], int]) -> None:
    covered = [False] * len(document.text)
    for each in chunks:
        assert each.text == document.text[each.start : each.end] == each.text.strip() != ""
        assert count(each.in_context) <= most
        for place in range(each.start, each.end):
            assert not covered[place]
            covered[place] = True
    assert not "".join(c for c, is_in in zip(document.text, covered, strict=True) if not is_in).strip()


@settings(max_examples=150, deadline=None)
@given(texts, st.integers(10, 60), st.sampled_from(sorted(COUNTERS)), st.sampled_from([markdown, plain, code, table]))
def test_chunks_keep_the_limit_and_lose_nothing(
    text: str, most: int, counter: str, reader: Callable[[str], Document]
) -> None:
    document = reader(text)
    check(document, chunk(document, most, COUNTERS[counter]), most, COUNTERS[counter])


@settings(max_examples=150, deadline=None)
@given(texts, st.sampled_from([markdown, plain, code, table]))
def test_blocks_are_in_order_and_cover_all(text: str, reader: Callable[[str], Document]) -> None:
    document = reader(text)
    end = 0
    for block in document.blocks:
        assert block.start >= end
        assert not document.text[end : block.start].strip()
        assert document.text[block.start : block.end].strip()
        assert block.line == document.text.count("\n", 0, block.start) + 1
        end = block.end
    assert not document.text[end:].strip()


def test_sections_are_not_mixed_and_each_chunk_is_told_its_headings() -> None:
    text = "# Guide\n\nHello there.\n\n## Install\n\n" + "Run the script now. " * 12 + "\n\n## Use\n\nCall it."
    chunks = chunk(markdown(text), 25, COUNTERS["words"])
    assert [c.headings for c in chunks if "Run" in c.text][1:] == [("Guide", "Install")] * 2
    assert chunks[-1].headings == ("Guide",)
    assert chunks[-1].text == "## Use\n\nCall it."


def test_a_long_table_keeps_its_header() -> None:
    rows = "".join(f"| item {number} | {number * 7} |\n" for number in range(50))
    chunks = chunk(markdown(f"# Prices\n\n| name | price |\n|---|---|\n{rows}\nThe end."), 40, COUNTERS["words"])
    assert len(chunks) > 5
    for each in chunks[1:-1]:
        assert each.in_context.startswith("Prices\n| name | price |\n| item")
    assert chunks[-1].headings == ("Prices",)


def test_chinese_without_spaces_is_cut_after_sentences() -> None:
    text = "今天天气很好。我们去公园！你来吗？" * 20
    chunks = chunk(plain(text), 40, len)
    assert len(chunks) >= 9
    assert all(each.text[-1] in "。！？" for each in chunks)


def test_a_character_beyond_the_limit_is_an_error() -> None:
    with pytest.raises(BadInput, match="alone has more than 2 tokens"):
        chunk(plain("ab 字"), 2, COUNTERS["bytes"])


def test_a_comment_in_code_is_no_heading() -> None:
    text = "# Title\n\n```python\n# not a heading\nx = 1\n```\n\n~~~\n## neither\n```\n~~~\n\nText."
    document = markdown(text)
    assert [document.text[b.start : b.end] for b in document.blocks if b.kind == "heading"] == ["# Title"]
    assert [b.kind for b in document.blocks] == ["heading", "code", "code", "paragraph"]
