"""Files that run for ever, unpack into all of memory, lead out of their folder: named, counted, and the others read."""

import io
import os
import zlib
from contextlib import closing
from pathlib import Path

import anyio
import pytest
from pypdf import PdfReader

from jielong.documents import foreign_process, read_document
from jielong.documents.document import Document
from jielong.documents.read_document import Unreadable, UnreadableDocument, read_bytes, read_folder
from jielong.errors import BadInput, MissingExtra
from jielong.runtime.runtime import Runtime

from .made_files import pdf, pdf_of, said_to_be_large, word, zipped

HANGS = "def prepare():\n def work(*a):\n  while True: pass\n return work\n"


def reasons(folder: Path) -> dict[str, str]:
    return {each.name: each.reason if isinstance(each, Unreadable) else "" for each in read_folder(folder)}


def test_a_parser_that_hangs_is_killed_and_its_file_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "hanging_reader.py").write_text(HANGS)
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "a.pdf").write_bytes(pdf([["text"]]))
    (tmp_path / "docs" / "b.md").write_text("# Read")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(foreign_process, "READER", "hanging_reader:prepare")
    monkeypatch.setitem(foreign_process.SECONDS, "pdf", 0.3)
    with closing(Runtime().open()):
        assert reasons(tmp_path / "docs") == {"a.pdf": "too slow", "b.md": ""}


def squeezed(size: int) -> str:
    return zlib.compress(b" " * size, 9).decode("latin-1")


def pdf_with(stream: str) -> bytes:
    return pdf_of(
        {
            1: "<</Type/Catalog/Pages 2 0 R>>",
            2: "<</Type/Pages/Count 1/Kids[3 0 R]>>",
            3: "<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]/Contents 4 0 R/Resources<<>>>>",
            4: f"<</Length {len(stream)}/Filter/FlateDecode>>stream\n{stream}\nendstream",
        }
    )


def test_bombs_are_named_and_the_process_goes_on(tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(pdf_with(squeezed(100_000_000)))
    (tmp_path / "b.docx").write_bytes(said_to_be_large(zipped({"word/document.xml": b"0" * 54_321}), 54_321))
    (tmp_path / "c.docx").write_bytes(word("Read."))
    assert reasons(tmp_path) == {"a.pdf": "too large", "b.docx": "too large", "c.docx": ""}


def test_files_too_large_are_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with open(tmp_path / "a.pdf", "wb") as file:
        file.truncate(foreign_process.MOST_BYTES + 1)
    (tmp_path / "b.txt").write_bytes(b"x" * 2_000)
    monkeypatch.setattr(read_document, "MOST_TEXT_BYTES", 1_000)
    assert reasons(tmp_path) == {"a.pdf": "too large", "b.txt": "too large"}


def test_links_pipes_hidden_files_and_locks(tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("secret")
    folder = tmp_path / "docs"
    (folder / ".git").mkdir(parents=True)
    (folder / ".git" / "config.txt").write_text("x")
    (folder / "~$a.docx").write_bytes(b"\0lock")
    (folder / "b.txt").write_text("Read.")
    (folder / "inside.txt").symlink_to(folder / "b.txt")
    (folder / "outside.txt").symlink_to(tmp_path / "secret.txt")
    (folder / "gone.txt").symlink_to(folder / "nowhere")
    os.mkfifo(folder / "pipe.txt")
    assert reasons(folder) == {"b.txt": "", "inside.txt": "", "outside.txt": "link"}


def test_one_file_is_a_folder_of_one_and_nothing_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("# Title")
    (document,) = read_folder(tmp_path / "a.md")
    assert isinstance(document, Document)
    assert document.name == "a.md"
    with pytest.raises(BadInput, match="no such file or folder"):
        list(read_folder(tmp_path / "b"))


def test_a_library_that_is_missing_is_named_with_its_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(foreign_process.LIBRARIES, "pdf", "no_such_library")
    (tmp_path / "a.pdf").write_bytes(pdf([["text"]]))
    with pytest.raises(MissingExtra, match="rag"):
        read_document.read_document(tmp_path / "a.pdf")
    (unread,) = read_folder(tmp_path)
    assert isinstance(unread, Unreadable)
    assert unread.reason == "not installed"
    assert "rag" in unread.detail


def test_bytes_of_a_server_are_read_by_what_it_says_of_them() -> None:
    async def read() -> None:
        page = "<p>天气很好，我们去公园。</p>".encode("gbk")
        assert (await read_bytes(page, "https://a.b/c", "text/html", "")).text == "天气很好，我们去公园。"
        latin = "<p>Ein Bär im Büro</p>".encode("latin-1")
        assert (await read_bytes(latin, "u", "text/html", "iso-8859-1")).text == "Ein Bär im Büro"
        assert (await read_bytes(b"<p>as it is</p>", "u", "text/plain", "")).text == "<p>as it is</p>"
        assert (await read_bytes(pdf([["In a PDF."]]), "u", "application/pdf", "")).text == "In a PDF."
        japanese = "日本語".encode("iso2022_jp")
        assert (await read_bytes(japanese, "u", "text/plain", "iso-2022-jp")).text == "日本語"
        with pytest.raises(UnreadableDocument, match="u: empty"):
            await read_bytes(b"  ", "u", "text/plain", "")

    anyio.run(read)


def test_made_pdfs_are_valid() -> None:
    assert len(PdfReader(io.BytesIO(pdf([["a"], ["b"]])), strict=True).pages) == 2


def test_a_text_about_the_mark_of_another_format_is_a_text(tmp_path: Path) -> None:
    (tmp_path / "notes.md").write_text("# Formats\n\nA PDF begins with %PDF-1.7.\n")
    document = read_document.read_document(tmp_path / "notes.md", "notes.md")
    assert "begins with" in document.text
