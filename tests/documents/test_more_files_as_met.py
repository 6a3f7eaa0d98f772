"""A second round of files as people have them, written after the first was read right."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from jielong.documents.chunking import chunk
from jielong.documents.document import Document
from jielong.documents.read_document import read_folder

from .made_files import pdf, word, word_with_body
from .test_files_as_met import LINES, LONG, Case, check_case, kinds, p, page, w

NOTEBOOK = {
    "cells": [
        {"cell_type": "markdown", "source": ["# Study\n", "\n", "What we did."]},
        {
            "cell_type": "code",
            "source": ["# load\n", "x = 1"],
            "outputs": [
                {"output_type": "display_data", "data": {"image/png": "iVBORw0KGgo" * 99, "text/plain": ["<Figure>"]}},
                {"output_type": "stream", "text": ["loaded 5 rows\n"]},
            ],
        },
    ],
    "nbformat": 4,
    "metadata": {},
}


def ends_well(marks: str) -> object:
    return lambda document: all(each.text[-1] in marks for each in chunk(document, 60, len))


SECOND = {
    "pre in markdown": Case(
        "a.md", b"<pre>\n# no\n</pre>\n\n# yes\n", check=lambda d: kinds(d, "heading") == ["# yes"]
    ),
    "front matter of Hugo": Case(
        "a.md", b"+++\ntitle = 1\n# no\n+++\nText\n", check=lambda d: kinds(d, "heading") == []
    ),
    "fence in a quotation": Case(
        "a.md", b"> ```\n> # no\n> ```\n\n# yes\n", check=lambda d: kinds(d, "heading") == ["# yes"]
    ),
    "fence never closed": Case(
        "a.md", b"# yes\n\n```\n# no\n\n# no\n", check=lambda d: kinds(d, "heading") == ["# yes"]
    ),
    "tab before a comment": Case("a.md", b"Text\n\n\t# no\n", check=lambda d: kinds(d, "heading") == []),
    "hash without a space": Case("a.md", b"#tag and #more\n", check=lambda d: kinds(d, "heading") == []),
    "table without outer bars": Case(
        "a.md", b"a | b\n--- | ---\n1 | 2\n\nText", check=lambda d: d.blocks[1].headings == ("a | b",)
    ),
    "html nearly white": Case(
        "a.html", page('<p style="color:#fefefe;background:#fff">GONE</p>'), ("harbour",), ("GONE",)
    ),
    "html white on an unknown ground": Case(
        "a.html", page('<div style="background:var(--dark)"><p style="color:#fff">Seen.</p></div>'), ("Seen.",)
    ),
    "html white on a named ground": Case(
        "a.html", page('<div style="background:navy"><p style="color:#fff">Seen.</p></div>'), ("Seen.",)
    ),
    "html white on a picture": Case(
        "a.html", page('<div style="background:#000 url(a.png)"><p style="color:#fff">Seen.</p></div>'), ("Seen.",)
    ),
    "html for screen readers": Case(
        "a.html",
        page('<span class="sr-only">GONE1</span><p class="visually-hidden">GONE2</p>'),
        ("harbour",),
        ("GONE",),
    ),
    "html moved away": Case(
        "a.html",
        page('<p style="margin-left:-9999px">GONE1</p><p style="transform:translateX(-9999px)">GONE2</p>'),
        ("harbour",),
        ("GONE",),
    ),
    "html tiny": Case(
        "a.html",
        page(
            '<p style="font-size:0.1px">GONE1</p><p style="font:0/0 a">GONE2</p><p style="line-height:0;font-size:1px">GONE3</p>'
        ),
        ("harbour",),
        ("GONE",),
    ),
    "html tag characters": Case("a.html", page("<p>Seen\U000e0047\U000e004f, too.</p>"), ("Seen, too.",)),
    "html narrow screens": Case(
        "a.html",
        page("<div id=m><p>Seen.</p></div>", "<style>@media (max-width:600px){#m{display:none}}</style>"),
        ("Seen.",),
    ),
    "html size in em": Case(
        "a.html", page("<div id=m><p>Seen.</p></div>", "<style>#m{font:1.0em/1.5 Arial}</style>"), ("Seen.",)
    ),
    "html with furniture": Case(
        "a.html",
        page(
            f"<h2>Part</h2><p>{LONG}</p><footer><p>Terms of use of this web site</p></footer>",
        ).replace(b"<body>", b"<body><nav><a href=/>Home</a> <a href=/b>About us</a></nav>"),
        ("Part",),
        ("About us", "Terms of use"),
    ),
    "html list": Case(
        "a.html",
        page("<ul><li>One of these<ul><li>Inner one</li></ul></li><li>Two of these</li></ul>"),
        ("- One of these", "- Inner one", "- Two of these"),
    ),
    "pdf table by rows": Case(
        "a.pdf",
        pdf([[*LINES, "name\tprice", "apple\t3", "pear\t5", *LINES]]),
        ("name | price\napple | 3\npear | 5",),
    ),
    "years in a header": Case(
        "a.csv", b"city,1960,1970\nOslo,1,2\n", check=lambda d: d.blocks[1].headings == ("city,1960,1970",)
    ),
    "pdf of two columns of prose": Case(
        "a.pdf",
        pdf(
            [
                [
                    f"The ship number {n} left the old harbour of the town\tand came back with line {n} of the catch"
                    for n in range(9)
                ]
            ]
        ),
        check=lambda d: not kinds(d, "table"),
    ),
    "pdf of like pages": Case("a.pdf", pdf([LINES] * 5), (LINES[0],)),
    "pdf with a letterhead": Case("a.pdf", pdf([["Dear Ms Smith,", *LINES]], images=[0]), ("Dear Ms Smith,",)),
    "pdf of many pages": Case(
        "a.pdf",
        pdf([[f"Page of item {n}."] for n in range(400)]),
        ("item 399.",),
        check=lambda d: d.blocks[-1].page == 400,
    ),
    "docx heading by its Chinese name": Case(
        "a.docx",
        word_with_body(
            '<w:p><w:pPr><w:outlineLvl w:val="0"/></w:pPr><w:r><w:t>总则</w:t></w:r></w:p>' + p(w("正文。"))
        ),
        check=lambda d: d.blocks[-1].headings == ("总则",),
    ),
    "docx link": Case(
        "a.docx",
        word_with_body(p(w("See "), "<w:hyperlink>" + w("the page") + "</w:hyperlink>", w("."))),
        ("See the page.",),
    ),
    "docx formula": Case(
        "a.docx",
        word_with_body(
            p(
                w("So "),
                '<m:oMath xmlns:m="http://schemas.openxmlformats.org/officeDocument/2006/math"><m:r><m:t>a=b</m:t></m:r></m:oMath>',
            )
        ),
        ("So a=b",),
    ),
    "docx list": Case("a.docx", word(("List Bullet", "one"), ("List Bullet", "two")), ("- one\n- two",)),
    "docx of nothing": Case("a.docx", word(), reason="empty"),
    "notebook": Case(
        "a.ipynb",
        json.dumps(NOTEBOOK).encode(),
        ("Study", "What we did.", "# load\nx = 1", "loaded 5 rows"),
        ("iVBOR", '"cells"'),
        check=lambda d: d.blocks[-1].headings == ("Study",),
    ),
    "notebook that is none": Case("a.ipynb", b"{", reason="broken"),
    "JSON lines with escapes": Case("a.jsonl", json.dumps({"q": "北京的天气"}).encode() + b"\n", ("北京的天气",)),
    "CSV of Excel with a sep line": Case(
        "a.csv", b"name;price\napple;3\n", check=lambda d: d.blocks[1].headings == ("name;price",)
    ),
    "CSV without a header": Case("a.csv", b"1,apple\n2,pear\n", check=lambda d: d.blocks[1].headings == ()),
    "GBK far into a file": Case("a.txt", b"word " * 20_000 + "最后是北京。".encode("gbk"), ("最后是北京。",)),
    "two characters of GBK": Case("a.txt", "你好".encode("gbk"), ("你好",)),
    "GBK with one wrong byte": Case(
        "a.txt", ("今天的天气很好，我们去公园。" * 30).encode("gbk") + b"\xff\n", ("今天的天气很好",)
    ),
    "half-width full stop": Case("a.txt", ("今天天气很好｡我们去公园｡" * 40).encode(), check=ends_well("｡")),
    "paragraphs of lines": Case(
        "a.txt",
        ("　　他说：“好。”然后走了。天黑了。\n" * 40).encode(),
        check=lambda d: all(c.text.endswith("天黑了。") for c in chunk(d, 60, len)),
    ),
    "wrapped lines are no sentences": Case(
        "a.txt",
        ("The ship left the\nharbour at noon. It was\nraining hard. " * 30).encode(),
        check=lambda d: all(c.text.endswith(".") for c in chunk(d, 100, len)),
    ),
    "ellipsis and dashes": Case("a.txt", ("他想了想……还是走了——没有回头。" * 30).encode(), check=ends_well("…。")),
    "code of another language": Case(
        "a.go",
        b"package a\n\n// Add adds.\nfunc Add(a int) int {\n\treturn a\n}\n\ntype T struct {\n\tx int\n}\n",
        check=lambda d: any(
            "return a" in d.text[b.start : b.end] and b.headings == ("func Add(a int) int {",) for b in d.blocks
        ),
    ),
    "markdown named txt": Case("a.txt", b"# Title\n\nText", ("# Title",)),
}


@pytest.mark.parametrize("case", SECOND.values(), ids=SECOND)
def test_file_as_met(case: Case, tmp_path: Path) -> None:
    check_case(case, tmp_path)


def test_documents_of_one_file_are_alike(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_bytes(page("<h2>Part</h2><p>Text.</p>"))
    first, second = (list(read_folder(tmp_path)) for _ in range(2))
    assert first == second
    assert isinstance(first[0], Document)
