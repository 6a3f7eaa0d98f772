"""What a file is: by the mark at its beginning where its format has one, else by its name."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Literal, TypeAlias

from .unreadable import Unread

Kind: TypeAlias = Literal["pdf", "docx", "epub", "html", "markdown", "notebook", "table", "code", "text"]

_BY_SUFFIX: dict[Kind, str] = {
    "html": ".html .htm .xhtml",
    "markdown": ".md .markdown .mdx .mkd .qmd .rmd",
    "notebook": ".ipynb",
    "table": ".csv .tsv .tab",
    "code": ".py .pyi .js .jsx .mjs .cjs .ts .tsx .java .kt .kts .scala .groovy .go .rs .c .h .cc .cpp .cxx .hpp .hh"
    " .cs .swift .m .mm .rb .php .pl .pm .lua .r .jl .sh .bash .zsh .fish .ps1 .bat .cmd .sql .hs .ml .ex .exs .erl"
    " .clj .dart .vue .svelte .css .scss .less .json .jsonl .ndjson .yaml .yml .toml .ini .cfg .conf .xml .proto"
    " .graphql .tf .gradle .cmake .mk .vim .el .lisp .scm .zig .nim .v .sv .vhd .asm .s .cu .tex .bib",
}
_KINDS = {suffix: kind for kind, suffixes in _BY_SUFFIX.items() for suffix in suffixes.split()}
_ENCRYPTED_OFFICE = "EncryptedPackage".encode("utf-16-le")


def file_kind(name: str, data: bytes, media_type: str = "") -> Kind:
    """`data`: all of it, or, of what is no zip and no old Office file, its beginning. `media_type`: what a server says.
    Raises Unread for formats that are known not to be read here."""
    head = data[:1024]
    suffix = PurePosixPath(name).suffix.lower()
    # Some bytes may come before the mark, and a text may be about it: then the name decides.
    if head.startswith(b"%PDF-") or (b"%PDF-" in head and (suffix == ".pdf" or media_type == "application/pdf")):
        return "pdf"
    if head.startswith(b"PK\x03\x04"):
        if b"mimetypeapplication/epub+zip" in head:
            return "epub"
        if b"word/document" in data:  # names of a zip's files are not compressed
            return "docx"
        raise Unread("another format", "a zip file, or one of Excel, PowerPoint or LibreOffice")
    if head.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
        if _ENCRYPTED_OFFICE in data:
            raise Unread("encrypted", "it needs a password")
        raise Unread("another format", "an old Office file; save it as .docx or PDF")
    if head.startswith(b"{\\rtf"):
        raise Unread("another format", "RTF; save it as .docx or PDF")
    if suffix in (".pdf", ".docx", ".epub") and not _begins_as_html(head):
        raise Unread("broken", f"it is named {suffix} and is no such file")
    if media_type in ("text/html", "application/xhtml+xml"):
        return "html"
    known = None if media_type.startswith("text/plain") else _KINDS.get(suffix)
    return known or ("html" if _begins_as_html(head) and not media_type.startswith("text/plain") else "text")


def _begins_as_html(head: bytes) -> bool:
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()[:15].lower()
    return start.startswith((b"<!doctype html", b"<html"))
