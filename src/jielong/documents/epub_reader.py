"""EPUB → text and blocks: its chapters in the order of its spine. Runs in the process of foreign_process.py."""

from __future__ import annotations

import posixpath
from typing import Any
from urllib.parse import unquote
from zipfile import ZipFile

from .html_reader import read_xhtml
from .text_builder import TextBuilder
from .unreadable import Unread
from .zip_limits import check_zip

_FONTS = ("http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC")


def read_epub(data: bytes, into: TextBuilder) -> None:
    """Raises Unread, and what zipfile and lxml raise."""
    archive = check_zip(data)
    if "META-INF/encryption.xml" in archive.namelist():
        methods = [
            each.get("Algorithm") for each in _xml(archive, "META-INF/encryption.xml").iter("{*}EncryptionMethod")
        ]
        if any(method not in _FONTS for method in methods):
            raise Unread("encrypted", "it is protected by its publisher")
    root = next(_xml(archive, "META-INF/container.xml").iter("{*}rootfile")).get("full-path")
    package = _xml(archive, root)
    files = {item.get("id"): item.get("href") for item in package.iter("{*}item")}
    for entry in package.iter("{*}itemref"):
        if (href := files.get(entry.get("idref"))) and entry.get("linear") != "no":
            name = posixpath.normpath(posixpath.join(posixpath.dirname(root), unquote(href)))
            read_xhtml(archive.read(name), into)


def _xml(archive: ZipFile, name: str) -> Any:
    from lxml import etree

    return etree.fromstring(archive.read(name), etree.XMLParser(resolve_entities=False, no_network=True))
