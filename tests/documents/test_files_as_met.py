"""Files that readers of comparable projects got wrong, by kind: what must be in the text, and what must not."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from jielong.documents.chunking import chunk
from jielong.documents.document import Document
from jielong.documents.read_document import Unreadable, read_folder

from .made_files import encrypted, epub, pdf, pdf_of, said_to_be_large, word, word_with_body, zipped

LINES = ["The harbour was closed on Monday.", "Ships waited outside of the bay."]
LONG = "The harbour of the town was closed for repairs on that day, and every ship had to wait outside of the bay. " * 4


@dataclass
class Case:
    file: str
    data: bytes
    has: tuple[str, ...] = ()  # in this order
    lacks: tuple[str, ...] = ()
    reason: str = ""
    check: Callable[[Document], bool] | None = None


def page(body: str, head: str = "") -> bytes:
    return f"<!doctype html><html><head><title>T</title>{head}</head><body><p>{LONG}</p>{body}</body></html>".encode()


def kinds(document: Document, kind: str) -> list[str]:
    return [document.text[b.start : b.end] for b in document.blocks if b.kind == kind]


def later_chunks_name(header: str, first: str) -> Callable[[Document], bool]:
    def check(document: Document) -> bool:
        chunks = chunk(document, 200, len)
        rows = [each for each in chunks if first in each.text]
        return len(rows) > 2 and all(header in each.in_context for each in rows)

    return check


def w(text: str, properties: str = "") -> str:
    return f"<w:r><w:rPr>{properties}</w:rPr><w:t>{text}</w:t></w:r>"


def p(*runs: str) -> str:
    return f"<w:p>{''.join(runs)}</w:p>"


BOX = "<w:txbxContent><w:p><w:r><w:t>In a box.</w:t></w:r></w:p></w:txbxContent>"
ALTERNATE = (
    "<w:r><mc:AlternateContent><mc:Choice Requires='wps'><w:drawing><wps:txbx>" + BOX + "</wps:txbx></w:drawing>"
    "</mc:Choice><mc:Fallback><w:pict><v:textbox>"
    + BOX
    + "</v:textbox></w:pict></mc:Fallback></mc:AlternateContent></w:r>"
)
TABLE = [["name", "price"], ["apple", "3"], ["pear", "5"]]
LONG_TABLE = [["name", "price"], *([f"item {n}", str(n)] for n in range(60))]
MERGED = (
    "<w:tbl><w:tr><w:tc><w:p><w:r><w:t>city</w:t></w:r></w:p></w:tc><w:tc><w:p><w:r><w:t>year</w:t></w:r></w:p></w:tc>"
    "</w:tr><w:tr><w:tc><w:tcPr><w:vMerge w:val='restart'/></w:tcPr><w:p><w:r><w:t>Oslo</w:t></w:r></w:p></w:tc>"
    "<w:tc><w:p><w:r><w:t>1999</w:t></w:r></w:p></w:tc></w:tr><w:tr><w:tc><w:tcPr><w:vMerge/></w:tcPr><w:p/></w:tc>"
    "<w:tc><w:p><w:r><w:t>2004</w:t></w:r></w:p></w:tc></w:tr></w:tbl>"
)
LAUGHS = (
    "<!DOCTYPE a [<!ENTITY x0 'ha'>" + "".join(f"<!ENTITY x{n} '{f'&x{n - 1};' * 10}'>" for n in range(1, 12)) + "]>"
)
FILE_ENTITY = "<!DOCTYPE a [<!ENTITY e SYSTEM 'file:///etc/hostname'>]>"
SHORT_CHINESE = "编码测试"
TRADITIONAL = "臺灣的圖書館在星期一不開放，請大家到學校來看書。這是為了讓工人修理屋頂。"

PARSING = {
    "pdf": Case(
        "a.pdf",
        pdf([LINES, ["Second page."]]),
        (LINES[0], LINES[1], "Second page."),
        check=lambda d: [b.page for b in d.blocks][-1] == 2,
    ),
    "pdf of pictures": Case("a.pdf", pdf([[], []], images=(0, 1)), reason="scanned"),
    "pdf of pictures with a stamp": Case(
        "a.pdf", pdf([["Scanned by Cam", str(n)] for n in range(4)], images=range(4)), reason="scanned"
    ),
    "pdf of pictures with a long stamp": Case(
        "a.pdf",
        pdf([["Downloaded by user 12345 from the library on 3 May 2020"]] * 4, images=range(4)),
        reason="scanned",
    ),
    "pdf with some pictures": Case(
        "a.pdf", pdf([LINES, [], [], LINES], images=(1, 2)), (LINES[0],), check=lambda d: "2-3" in d.notes[0]
    ),
    "pdf without text": Case("a.pdf", pdf([[]]), reason="empty"),
    "pdf with password": Case("a.pdf", encrypted(pdf([LINES]), "secret"), reason="encrypted"),
    "pdf with owner's password": Case("a.pdf", encrypted(pdf([LINES]), ""), (LINES[0],)),
    "pdf cut off": Case("a.pdf", pdf([LINES])[:300], reason="broken"),
    "pdf with a wrong place of its table": Case(
        "a.pdf", pdf([LINES]).replace(b"startxref\n", b"startxref\n1"), (LINES[0],)
    ),
    "pdf that is a web page": Case("a.pdf", page(""), ("harbour",)),
    "pdf that is nothing": Case("a.pdf", b"hello", reason="broken"),
    "pdf under another name": Case("a.dat", pdf([LINES]), (LINES[0],)),
    "pdf with circular pages": Case(
        "a.pdf", pdf_of({1: "<</Type/Catalog/Pages 2 0 R>>", 2: "<</Type/Pages/Count 1/Kids[2 0 R]>>"}), reason="broken"
    ),
    "pdf's divided words": Case(
        "a.pdf",
        pdf([["He gave infor-", "mation to a well-", "known well-known man."]]),
        ("information", "well-known"),
        ("infor-",),
    ),
    "pdf's ligatures": Case("a.pdf", pdf([["The ﬁrst eﬀect."]]), ("The first effect.",)),
    "pdf's page numbers": Case("a.pdf", pdf([[*LINES, "- 7 -"], [*LINES, "Page 8 of 9"]]), (), ("7", "8 of")),
    "pdf's bookmarks": Case(
        "a.pdf",
        pdf([["Title of One", *LINES], LINES], outline=[("Title of One", 0)]),
        check=lambda d: d.blocks[-1].headings == ("Title of One",),
    ),
    "docx table in place": Case(
        "a.docx", word("Before.", TABLE, "After."), ("Before.", "name | price", "pear | 5", "After.")
    ),
    "docx long table": Case("a.docx", word("Prices", LONG_TABLE), check=later_chunks_name("name | price", "item")),
    "docx headings": Case(
        "a.docx",
        word(("Title", "Guide"), ("Heading 2", "Use"), "Text."),
        check=lambda d: d.blocks[-1].headings == ("Guide", "Use"),
    ),
    "docx insertion and deletion": Case(
        "a.docx",
        word_with_body(
            p(w("One "), "<w:ins>" + w("two") + "</w:ins>", "<w:del><w:r><w:delText>gone</w:delText></w:r></w:del>")
        ),
        ("One two",),
        ("gone",),
    ),
    "docx content control": Case(
        "a.docx",
        word_with_body(
            f"<w:sdt><w:sdtContent>{p(w('In a form.'))}</w:sdtContent></w:sdt>"
            f"<w:p><w:sdt><w:sdtContent>{w('Inline.')}</w:sdtContent></w:sdt></w:p>"
        ),
        ("In a form.", "Inline."),
    ),
    "docx text box once": Case(
        "a.docx",
        word_with_body(p(w("Text."), ALTERNATE)),
        ("Text.", "In a box."),
        check=lambda d: d.text.count("In a box.") == 1,
    ),
    "docx hidden text": Case(
        "a.docx",
        word_with_body(
            p(
                w("Seen."),
                w("SECRET", "<w:vanish/>"),
                w("TINY", '<w:sz w:val="2"/>'),
                w("WHITE", '<w:color w:val="FFFFFF"/>'),
            )
        ),
        ("Seen.",),
        ("SECRET", "TINY", "WHITE"),
    ),
    "docx footnote": Case(
        "a.docx",
        word_with_body(
            p(w("Claim."), '<w:r><w:footnoteReference w:id="3"/></w:r>'),
            f'<w:footnote w:id="3">{p(w("The proof."))}</w:footnote>',
        ),
        ("Claim.", "The proof."),
    ),
    "docx merged cells": Case("a.docx", word_with_body(MERGED), ("Oslo | 1999", "Oslo | 2004")),
    "docx table within a table": Case(
        "a.docx",
        word_with_body(MERGED.replace("<w:p><w:r><w:t>1999</w:t></w:r></w:p>", MERGED)),
        ("1999",),
        check=lambda d: d.text.count("1999") == 1,
    ),
    "docx as a bomb": Case(
        "a.docx", said_to_be_large(zipped({"word/document.xml": b"0" * 54_321}), 54_321), reason="too large"
    ),
    "docx with entities": Case("a.docx", zipped({"word/document.xml": LAUGHS + "<a>&x11;</a>"}), reason="broken"),
    "docx with password": Case(
        "a.docx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"), reason="encrypted"
    ),
    "docx cut off": Case("a.docx", word("Text.")[:-900], reason="broken"),
    "old Word": Case("a.doc", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 500, reason="another format"),
    "spreadsheet": Case("a.xlsx", zipped({"xl/workbook.xml": "<a/>"}), reason="another format"),
    "rtf": Case("a.rtf", b"{\\rtf1 Hello}", reason="another format"),
    "picture": Case("a.png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", reason="not a text"),
    "packed": Case("a.txt.gz", gzip.compress(b"hello" * 99), reason="not a text"),
    "empty": Case("a.txt", b"", reason="empty"),
    "only spaces": Case("a.md", b" \n\n\t", reason="empty"),
    "epub": Case(
        "a.epub",
        epub(["<h1>One</h1><p>First text.</p>", "<h1>Two</h1><p>Next text.</p>"]),
        ("One", "First text.", "Two", "Next text."),
        check=lambda d: d.blocks[-1].headings == ("Two",),
    ),
    "epub with entities": Case(
        "a.epub",
        zipped({"mimetype": "application/epub+zip", "META-INF/container.xml": LAUGHS + "<a>&x11;</a>"}),
        reason="broken",
    ),
    "epub that names a file": Case(
        "a.epub",
        epub(["<p>x</p>"], {"META-INF/container.xml": FILE_ENTITY + "<a><rootfile full-path='O/p.opf'/>&e;</a>"}),
        ("x",),
    ),
    "epub with protection": Case(
        "a.epub",
        epub(["<p>x</p>"], {"META-INF/encryption.xml": "<e><EncryptionMethod Algorithm='aes'/></e>"}),
        reason="encrypted",
    ),
    "html not displayed": Case(
        "a.html",
        page(
            '<p style="display:none">GONE1</p><p hidden>GONE2</p><p style="VISIBILITY: Hidden">GONE3</p><template>GONE4</template>'
            '<p style="font-size:0">GONE5</p><p style="opacity:0">GONE6</p><div style="position:absolute;left:-9999px">GONE7</div>'
            "<p>Seen.</p>"
        ),
        ("harbour", "Seen."),
        ("GONE",),
    ),
    "html in the colour of its background": Case(
        "a.html",
        page(
            '<p style="color:#fff;background:#FFFFFF">GONE1</p><p style="color: white">GONE2</p><font color="white">GONE3</font>'
            '<div style="background-color:rgb(0,0,0)"><p style="color:#fff">Seen on black.</p><p style="color:#000">GONE4</p></div>'
            '<p style="color:transparent">GONE5</p><p>' + LONG + "</p>"
        ),
        ("Seen on black.",),
        ("GONE",),
    ),
    "html hidden by its own style": Case(
        "a.html",
        page(
            '<p class="x">GONE1</p><p id="y">GONE2</p><div class="z"><span class="q">GONE3</span></div><p class="tab on">Seen.</p>'
            '<p class="tab">GONE4</p>',
            "<style>/* a */ .x, #y{display:none} .z .q{visibility:hidden} .tab{display:none}"
            " .tab.on{display:block} @media print {p{display:none}}</style>",
        ),
        ("harbour", "Seen."),
        ("GONE",),
    ),
    "html comment and script": Case(
        "a.html",
        page("<!-- GONE --><script>GONE</script><style>.GONE{}</style><noscript>GONE</noscript>"),
        ("harbour",),
        ("GONE",),
    ),
    "html table": Case(
        "a.html",
        page(
            "<h2>Prices</h2><table><tr><th>name</th><th>price</th></tr>"
            + "".join(f"<tr><td>item {n}</td><td>{n}</td></tr>" for n in range(60))
            + "</table><p>After.</p>"
        ),
        ("Prices", "name | price", "item 1 | 1", "item 59 | 59", "After."),
        check=later_chunks_name("name | price", "item "),
    ),
    "html spanning cells": Case(
        "a.html",
        page(
            "<table><tr><th>city</th><th>year</th></tr><tr><td rowspan=2>Oslo</td><td>1999</td>"
            "</tr><tr><td>2004</td></tr></table>"
        ),
        ("Oslo | 1999", "Oslo | 2004"),
    ),
    "html code": Case(
        "a.html",
        page("<pre><code># no heading\nx = 1\n  y</code></pre>"),
        check=lambda d: kinds(d, "code") == ["# no heading\nx = 1\n  y"],
    ),
    "html deep": Case("a.html", b"<html><body>" + b"<div>" * 20_000 + b"<p>" + LONG.encode(), reason="broken"),
    "html of little": Case("a.html", b"<html><body>Just this.</body></html>", ("Just this.",)),
    "html empty": Case("a.html", b"<html><body><script>x()</script></body></html>", reason="empty"),
    "comment in a code fence": Case(
        "a.md",
        b"# T\n\n```sh\n# comment\nrun\n```\n\n    # indented\n\nText\n",
        check=lambda d: kinds(d, "heading") == ["# T"],
    ),
    "fence within a list": Case(
        "a.md",
        b"- do:\n  ```sh\n  # comment\n  ```\n- more\n\n1. ```\n   # c\n   ```\n",
        check=lambda d: kinds(d, "heading") == [],
    ),
    "fence in a fence": Case(
        "a.md", b"````md\n```\n# no\n```\n# no\n````\n# yes\n", check=lambda d: kinds(d, "heading") == ["# yes"]
    ),
    "front matter": Case("a.md", b"---\ntitle: x\n# no\n---\nText\n", check=lambda d: kinds(d, "heading") == []),
    "markdown comment": Case(
        "a.md",
        b"Seen <!-- GONE --> too.\n\n<!--\nGONE\n-->\n\n`<!-- kept -->`\n",
        ("Seen", "too.", "kept"),
        ("GONE",),
        check=lambda d: d.blocks[-1].line == 7,
    ),
    "markdown long table": Case(
        "a.md",
        ("| name | price |\n|--|--|\n" + "".join(f"| item {n} | {n} |\n" for n in range(60))).encode(),
        check=later_chunks_name("name | price", "item"),
    ),
    "csv": Case(
        "a.csv",
        ("name,price\n" + "".join(f"item {n},{n}\n" for n in range(60))).encode(),
        check=later_chunks_name("name,price", "item"),
    ),
    "csv of many lines a row": Case(
        "a.csv", b'name,text\nx,"one\ntwo"\ny,"5"" disk"\n', check=lambda d: len(d.blocks) == 3
    ),
    "code": Case(
        "a.py",
        b"import x\n\n\nclass A:\n    # about\n    def f(self):\n        return 1\n\n    def g(self):\n        return 2\n\n\nz = 3\n",
        check=lambda d: (
            [b.headings for b in d.blocks if "return 2" in d.text[b.start : b.end]] == [("class A:", "def g(self):")]
            and d.blocks[-1].headings == ()
            and "# about" in next(t for t in kinds(d, "heading") if "def f" in t)
        ),
    ),
    "line longer than any limit": Case(
        "a.txt", b"x" * 100_000, check=lambda d: max(len(c.text) for c in chunk(d, 100, len)) <= 100
    ),
    "minified": Case("a.js", b"var a=1;" * 20_000, check=lambda d: all(len(c.text) <= 100 for c in chunk(d, 100, len))),
}

CHINESE = {
    "short GBK": Case("a.txt", SHORT_CHINESE.encode("gbk"), (SHORT_CHINESE,), check=lambda d: d.language == "zh"),
    "GBK among English": Case("a.txt", ("word " * 500 + "北京").encode("gbk"), ("北京",)),
    "GB18030 of four bytes": Case("a.txt", "𠮷野家㐀".encode("gb18030"), ("𠮷野家㐀",)),
    "damaged UTF-8": Case("a.txt", ("中文的文字" * 50).encode() + b"\xff" + "结束".encode(), ("中文的文字", "结束")),
    "UTF-8 with a mark": Case("a.txt", "标题\n".encode("utf-8-sig"), check=lambda d: d.text == "标题\n"),
    "UTF-16": Case("a.txt", "标题，文字".encode("utf-16"), ("标题，文字",)),
    "UTF-16 without a mark": Case("a.txt", ("Names of ships: 长城" + " and more" * 9).encode("utf-16-le"), ("长城",)),
    "UTF-16 CSV of Excel": Case(
        "a.tsv", "名字\t价格\n苹果\t3\n".encode("utf-16"), check=lambda d: d.blocks[1].headings == ("名字\t价格",)
    ),
    "Big5": Case("a.txt", TRADITIONAL.encode("big5"), (TRADITIONAL,)),
    "GBK of traditional characters": Case("a.txt", TRADITIONAL.encode("gbk"), (TRADITIONAL,)),
    "Latin, no Chinese": Case(
        "a.txt", "Le café à Besançon, déjà vu; naïve Bücher".encode("latin-1"), ("café", "Bücher")
    ),
    "GBK csv": Case("a.csv", "姓名,城市\n张三,北京\n".encode("gbk"), ("张三,北京",)),
    "GBK page": Case(
        "a.html",
        (
            '<html><head><meta charset="gb2312"></head><body><p>' + "图书馆今天不开门。" * 9 + "</p></body></html>"
        ).encode("gbk"),
        ("图书馆今天不开门。",),
    ),
    "GBK page without a word on it": Case(
        "a.html", "<html><body><p>天气很好</p></body></html>".encode("gbk"), ("天气很好",)
    ),
    "UTF-8 page that says GBK": Case(
        "a.html", '<html><head><meta charset="gbk"></head><body><p>天气很好</p></body></html>'.encode(), ("天气很好",)
    ),
    "no spaces": Case(
        "a.txt",
        ("今天天气很好。我们去公园吧！你来吗？" * 40).encode(),
        check=lambda d: all(c.text[-1] in "。！？" and len(c.text) <= 60 for c in chunk(d, 60, len)),
    ),
    "quoted ends": Case(
        "a.txt",
        ("他说：“我不去。”她问：“为什么？！”" * 40).encode(),
        check=lambda d: all(c.text[-1] == "”" for c in chunk(d, 60, len)),
    ),
    "no sentence ends": Case(
        "a.txt",
        ("春眠不觉晓，处处闻啼鸟，" * 40).encode(),
        check=lambda d: all(c.text[-1] == "，" for c in chunk(d, 60, len)),
    ),
    "chapters": Case(
        "a.txt",
        "第一章 起航\n船开了。\n\n第二章 归来\n船回来了。\n".encode(),
        check=lambda d: d.blocks[-1].headings == ("第二章 归来",),
    ),
    "pdf's lines": Case("a.pdf", pdf([["这是关于人工", "智能的文章。"]]), ("人工智能",)),
    "pdf's radicals": Case("a.pdf", pdf([["⼈⼯智能"]]), ("人工智能",)),
    "docx": Case("a.docx", word("正文。", [["名字", "价格"], ["苹果", "3"]]), ("正文。", "苹果 | 3")),
    "full-width": Case("a.txt", "第１２号文件。".encode(), ("第１２号文件。",)),
    "markdown heading of full width": Case(
        "a.md", "# 标题　\n\n文字。".encode(), check=lambda d: d.blocks[1].headings == ("标题",)
    ),
    "English words in Chinese": Case(
        "a.txt", "我们用 Python 写程序，用 SQLite 存数据。".encode(), check=lambda d: d.language == "zh"
    ),
    "Chinese names in English": Case(
        "a.txt", "The town of Xiamen (厦门) lies on an island.".encode(), check=lambda d: d.language == "en"
    ),
    "Japanese": Case("a.txt", "これは日本語の文章です。".encode(), check=lambda d: d.language == "ja"),
    "a name in Chinese": Case("文件 一.md", b"# T\n\nText", ("Text",), check=lambda d: d.name == "文件 一.md"),
}


@pytest.mark.parametrize("case", [*PARSING.values(), *CHINESE.values()], ids=[*PARSING, *CHINESE])
def test_file_as_met(case: Case, tmp_path: Path) -> None:
    check_case(case, tmp_path)


def check_case(case: Case, tmp_path: Path) -> None:
    (tmp_path / case.file).write_bytes(case.data)
    (result,) = read_folder(tmp_path)
    assert result.name == case.file
    if case.reason:
        assert isinstance(result, Unreadable)
        assert result.reason == case.reason, result.detail
        return
    assert isinstance(result, Document), result
    place = 0
    for text in case.has:
        assert text in result.text[place:]
        place = result.text.index(text, place)
    assert not [text for text in case.lacks if text in result.text]
    assert case.check is None or case.check(result)
