"""Check every link of the built site: `python scripts/check_site.py build/site`.

A link to a file or an anchor that does not exist is an error, and so is anything that a page would fetch from another
site. Links to other sites are not followed.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

FETCHED = {("script", "src"), ("img", "src"), ("source", "src"), ("iframe", "src")}  # without a click of the reader
FETCHED_RELATIONS = {"stylesheet", "icon", "preload", "preconnect", "dns-prefetch", "modulepreload"}


@dataclass
class Page:
    anchors: set[str] = field(default_factory=set)
    links: list[str] = field(default_factory=list)
    fetched: list[str] = field(default_factory=list)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.page = Page()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        self.page.anchors |= {attributes[name] for name in ("id", "name") if name in attributes}
        for name in ("href", "src"):
            if name in attributes:
                fetched = (tag, name) in FETCHED or (
                    tag == "link" and bool(FETCHED_RELATIONS & set(attributes.get("rel", "").split()))
                )
                (self.page.fetched if fetched else self.page.links).append(attributes[name])


def read_page(file: Path) -> Page:
    reader = _Reader()
    reader.feed(file.read_text("utf-8"))
    return reader.page


def problems(site: Path) -> list[str]:
    """Every dead link, dead anchor and outside fetch, as lines that name the page."""
    pages = {file.resolve(): read_page(file) for file in sorted(site.rglob("*.html"))}
    lines = []
    for file, page in pages.items():
        name = file.relative_to(site.resolve())
        lines += [f"{name}: fetches {link}" for link in page.fetched if urlsplit(link).netloc]
        for link in (*page.links, *page.fetched):
            address = urlsplit(link)
            if address.scheme or address.netloc:
                continue
            path = unquote(address.path)
            # 404.html is shown at any address, so its links start at the root
            start = site.resolve() if path.startswith("/") else file.parent
            target = (start / path.lstrip("/")).resolve() if path else file
            target = target / "index.html" if target.is_dir() else target
            if not target.exists():
                lines.append(f"{name}: no file {link}")
            elif address.fragment and target in pages and unquote(address.fragment) not in pages[target].anchors:
                lines.append(f"{name}: no anchor {link}")
    return lines


if __name__ == "__main__":
    found = problems(Path(sys.argv[1]))
    print(*found, sep="\n", end="\n" if found else "")
    pages = len(list(Path(sys.argv[1]).rglob("*.html")))
    print(f"{pages} pages, {len(found)} problems", file=sys.stderr)
    sys.exit(bool(found))
