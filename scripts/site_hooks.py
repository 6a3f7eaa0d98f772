"""What mkdocs does to a page of docs/ beyond rendering it, so that the sources read well on a code host, too.

- The line that leads to the other language is dropped: the site has a switch of its own.
- A page that exists in one language only says so.
- Chinese lines are joined without the space that Markdown puts at a line's end.
- `not_run="…"` on a fence (see tests/docs/snippets.py) is not shown.
- A link to a file outside docs/ leads to a copy of that file with its syntax highlighted, below source/.
"""

from __future__ import annotations

import logging
import re
from html import escape
from pathlib import Path
from typing import Any

from mkdocs.utils import get_relative_url
from pygments import highlight
from pygments.formatters.html import HtmlFormatter
from pygments.lexers import get_lexer_for_filename
from pygments.lexers.special import TextLexer
from pygments.util import ClassNotFound

log = logging.getLogger("mkdocs.hooks.site")
ROOT = Path(__file__).parents[1]
SWITCH = re.compile(r"^\[(?:中文|English)\]\([\w./-]+\)\n+", re.M)
FENCE = re.compile(r"(^```.*?^```$)", re.M | re.S)
FENCE_ATTRIBUTE = re.compile(r'^(```\w+) not_run="[^"\n]*"$', re.M)
LINK = re.compile(r"\[([^\]]+)\]\(((?:\.\./)+[^)\s#]+)\)")
CHINESE_LINE_END = re.compile(r"(?<=[\u3000-\u303f\u4e00-\u9fff\uff00-\uffef])\n(?=[\u4e00-\u9fff“（《])")
ONE_LANGUAGE = {
    "en": '!!! note ""\n    This page is in English only.\n\n',
    "zh": '!!! note ""\n    本页目前只有英文。\n\n',
}

_linked: set[str] = set()


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:
    markdown = FENCE_ATTRIBUTE.sub(r"\1", SWITCH.sub("", markdown, count=1))
    parts = FENCE.split(markdown)
    markdown = "".join(part if i % 2 else CHINESE_LINE_END.sub("", part) for i, part in enumerate(parts))
    source = Path(page.file.abs_src_path)
    if not page.file.src_uri.endswith(".zh.md") and not source.with_suffix(".zh.md").exists():
        markdown = re.sub(r"\A(# .+\n+)?", lambda m: m[0] + ONE_LANGUAGE[page.file.locale_alternate_of], markdown)
    return LINK.sub(lambda match: _to_source(match, source, page.url), markdown)


def on_post_build(config: Any) -> None:
    for name in sorted(_linked):
        page = Path(config.site_dir, "source", f"{name}.html")
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(_highlighted(ROOT / name), "utf-8")


def _to_source(match: re.Match[str], source: Path, url: str) -> str:
    file = (source.parent / match[2]).resolve()
    if file.is_relative_to(ROOT / "docs"):
        return match[0]
    if not file.is_file():
        log.warning("%s links to %s, which does not exist", source.name, match[2])  # --strict makes it an error
        return match[1]
    name = file.relative_to(ROOT).as_posix()
    _linked.add(name)
    return f'<a href="{get_relative_url(f"source/{name}.html", url)}">{match[1]}</a>'


def _highlighted(file: Path) -> str:
    try:
        lexer = get_lexer_for_filename(file.name)
    except ClassNotFound:
        lexer = TextLexer()
    formatter = HtmlFormatter(full=True, linenos=True, lineanchors="L", title=escape(file.name))
    return str(highlight(file.read_text("utf-8"), lexer, formatter))
