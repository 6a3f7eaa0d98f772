# ruff: noqa: E501, PT017
"""Pages, and lists of MCP servers, that take for ever: what reads them is stopped, and says so to the model."""

import re
import time
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import anyio
import pytest

from jielong.documents import foreign_process
from jielong.errors import BadInput, JielongError
from jielong.runtime.runtime import Runtime
from jielong.techniques.tools import mcp_servers
from jielong.techniques.tools.mcp_servers import McpServer
from jielong.techniques.tools.read_url import Page, text_of
from jielong.techniques.tools.tool import ToolFailed

SLOW_CHARSETS = {
    "punycode, which is quadratic": ("punycode", b"a-" + b"9" * 60_000),
    "IDNA": ("idna", b"a." * 60_000),
    "escapes of Python": ("unicode_escape", b"\\N{DIGIT ONE}" * 5_000),
    "raw escapes": ("raw_unicode_escape", b"\\ud800"),
    "UTF-7": ("utf-7", b"+2AA-"),
    "a compression that is no encoding": ("zlib", b"x"),
    "an encoding that always fails": ("undefined", b"x"),
    "a name with a NUL": ("utf-8\0", b"x"),
    "a name of 10,000 letters": ("a" * 10_000, b"x"),
    "a codec of the operating system": ("mbcs", b"x"),
}


@pytest.mark.parametrize("name", SLOW_CHARSETS)
def test_only_encodings_of_linear_time_are_decoded_with(name: str) -> None:
    charset, data = SLOW_CHARSETS[name]
    started = time.process_time()
    try:
        naive = data.decode(charset, errors="replace")
        naive.encode()
        broke = time.process_time() - started > 0.2 or "\ufffd" in naive or "1" in naive or "\ud800" in naive
    except (LookupError, ValueError):
        broke = True
    assert broke or charset in ("utf-7", "idna")
    started = time.process_time()
    anyio.run(text_of, Page("text/plain", charset, data)).encode()
    assert time.process_time() - started < 1


PAGES: dict[str, Callable[[], bytes]] = {
    "elements nested 100,000 deep": lambda: b"<div>" * 100_000 + b"text " * 100,
    "tables nested 3,000 deep": lambda: b"<table><tr><td>" * 3_000 + b"x",
    "lists nested 3,000 deep": lambda: b"<ul><li>" * 3_000 + b"text of an item",
    "an attribute of two megabytes": lambda: b'<p title="' + b"x" * 2_000_000 + b'">text</p>',
    "200,000 attributes": lambda: b"<p " + b" ".join(b"a%d=1" % n for n in range(200_000)) + b">text</p>",
    "entities that make each other": lambda: b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">' + b"".join(b'<!ENTITY a%d "%s">' % (n, b"&a%d;" % (n - 1) * 10 if n else b"&a;" * 10) for n in range(12)) + b"]><html><body><p>&a11;</p></body></html>",
    "an external entity": lambda: b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><html><body><p>&a; some text</p></body></html>',
    "100,000 formatting elements that are never closed": lambda: b"<b><i><a href=x>" * 30_000 + b"text",
    "comments that nothing closes": lambda: b"<!--" * 200_000,
    "bytes that are no text": lambda: bytes(range(256)) * 2_000,
}  # fmt: skip


LONGEST = 400_000  # characters that are too many for a model


class NaiveTree(HTMLParser):
    """Elements as lists within lists."""

    def __init__(self) -> None:
        super().__init__()
        self.root: list[Any] = []
        self.open = [self.root]

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.open[-1].append(element := [])
        self.open.append(element)

    def handle_data(self, data: str) -> None:
        self.open[-1].append(data)

    def text(self, element: Any) -> str:
        return element if isinstance(element, str) else " ".join(map(self.text, element))


def naive(data: bytes) -> None:
    """`response.text`, its entities, a tree of it, and all of it to the model."""
    text = data.decode()
    entities = dict(re.findall(r'<!ENTITY (\w+) "([^"]*)">', text))
    for name, file in re.findall(r'<!ENTITY (\w+) SYSTEM "file://([^"]*)">', text):
        entities[name] = Path(file).read_text()
    text = text.rpartition("]>")[2]
    while entities and (found := re.search(r"&(\w+);", text)):
        text = text.replace(found[0], entities[found[1]])
        assert len(text) < LONGEST
    tree = NaiveTree()
    tree.feed(text[:30_000])
    tree.text(tree.root)
    assert len(text) < LONGEST
    assert "root:" not in text


TEA = b"<html><body><article><p>Tea is made of the leaves of the tea plant.</p></article></body></html>"


@pytest.fixture(scope="module")
def texts() -> dict[str, str]:
    """What one process made of each page, or why not, and of an honest page at the end."""

    async def all_of_them() -> dict[str, str]:
        texts = {}
        async with Runtime():
            for name, data in {**PAGES, "tea": lambda: TEA}.items():
                try:
                    texts[name] = await text_of(Page("text/html", "utf-8", data()))
                except ToolFailed as failed:
                    assert failed.kind in ("unread_page", "empty_page")
                    texts[name] = failed.kind
        return texts

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(foreign_process.SECONDS, "html", 2.0)
        return anyio.run(all_of_them)


@pytest.mark.parametrize("name", PAGES)
def test_a_hostile_page_is_a_text_or_an_error_and_the_next_page_is_read(name: str, texts: dict[str, str]) -> None:
    with pytest.raises((AssertionError, RecursionError, UnicodeDecodeError)):
        naive(PAGES[name]())
    naive(TEA)
    assert "root:" not in texts[name]
    assert len(texts[name]) < LONGEST
    assert "leaves" in texts["tea"]


def test_what_would_run_for_ever_is_killed_also_when_it_is_cancelled(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    (tmp_path / "slow_extractor.py").write_text("def prepare():\n def work(*page):\n  while page: pass\n return work\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(foreign_process, "PAGE_READER", "slow_extractor:prepare")
    monkeypatch.setitem(foreign_process.SECONDS, "html", 0.3)

    async def read() -> None:
        async with Runtime():
            with pytest.raises(ToolFailed) as failed:
                await text_of(Page("text/html", "utf-8", b"x"))
            assert "it took over 0.3 s" in failed.value.words("en")
            with anyio.move_on_after(0.1) as left:
                await text_of(Page("text/html", "utf-8", b"x"))
            assert left.cancelled_caught

    anyio.run(read)


class Listing:
    """A client whose server lists pages of tools as `page` says."""

    def __init__(self, page: Callable[[int], dict[str, Any]]) -> None:
        self.page, self.asked = page, 0

    async def list_tools(self, cursor: str | None = None) -> Any:
        from mcp.types import ListToolsResult

        self.asked += 1
        assert self.asked < 1_000, "the list has no end"
        return ListToolsResult.model_validate(self.page(self.asked))


def tool(name: str, schema: Any = None, **more: Any) -> dict[str, Any]:
    return {"name": name, "inputSchema": {"type": "object"} if schema is None else schema, **more}


def choices_within_choices(depth: int) -> Any:
    return {"anyOf": [choices_within_choices(depth - 1)] * 2} if depth else {"type": "string"}


LISTS: dict[str, Callable[[int], dict[str, Any]]] = {
    "pages without end": lambda n: {"tools": [tool(f"t{n}")], "nextCursor": str(n)},
    "the same page again and again": lambda n: {"tools": [tool("t")], "nextCursor": "x"},
    "5,000 tools a page, without end": lambda n: {
        "tools": [tool(f"t{n}_{i}") for i in range(5_000)],
        "nextCursor": str(n),
    },
    "properties that are a number": lambda n: {"tools": [tool("wanted", {"type": "object", "properties": 7})]},
    "required that is a number": lambda n: {"tools": [tool("wanted", {"type": "object", "required": 7})]},
    "a schema of a megabyte": lambda n: {"tools": [tool("wanted", {"type": "object", "description": "x" * 1_000_000})]},
    "names with escapes of a terminal": lambda n: {"tools": [tool("\x1b[2J\x07evil")]},
    "20,000 names to show in an error": lambda n: {"tools": [tool(f"t{i}" + "x" * 200) for i in range(8_000)]},
}


@pytest.mark.parametrize("name", LISTS)
def test_a_list_of_tools_comes_to_an_end_in_one_line(name: str) -> None:
    async def naive() -> None:
        client, cursor = Listing(LISTS[name]), ""
        names: list[str] = []
        while cursor is not None:
            page = await client.list_tools(cursor)
            names += [t.name for t in page.tools]
            [
                list(t.input_schema.get("required", ())) + list(t.input_schema.get("properties", {}).items())
                for t in page.tools
            ]
            cursor = page.next_cursor
            assert len(names) < 50_000
        assert "".join(names).isprintable()
        assert len(str(names)) < 100_000
        assert "wanted" not in names

    with pytest.raises((AssertionError, TypeError, AttributeError)):
        anyio.run(naive)
    with pytest.raises(BadInput) as error:
        anyio.run(mcp_servers._allowed, McpServer("s", ("x",), allow=("wanted",)), Listing(LISTS[name]))
    assert str(error.value).isprintable()
    assert len(str(error.value)) < 3_000


def test_choices_within_choices_are_not_multiplied_out() -> None:
    schema = {"type": "object", "properties": {"a": {"allOf": [choices_within_choices(3)] * 12}}}
    started = time.process_time()
    tools = anyio.run(
        mcp_servers._allowed, McpServer("s", ("x",), allow=("t",)), Listing(lambda n: {"tools": [tool("t", schema)]})
    )
    assert "a" in tools[0].signature
    assert time.process_time() - started < 3, "2 to the power of 36 forms"
    assert issubclass(BadInput, JielongError)
