"""The architecture page names what is there: every room, every law, every path."""

from __future__ import annotations

import re

import pytest

from docs.snippets import DOCS, ROOT
from laws.laws import LAWS

PAGES = ["architecture.md", "architecture.zh.md"]
SOURCE = ROOT / "src" / "jielong"
PLANNED = (
    "documents/",
    "retrieval/",
    "explaining/",
    "agents/",
    "serving/page/",
    "cli/explain.py",
    "training/objectives/",
)
PATH = re.compile(r"`((?:[\w-]+/)+|(?:[\w-]+/)*[\w-]+\.(?:py|toml))`")


def text_of(page: str) -> str:
    return (DOCS / page).read_text("utf-8")


@pytest.mark.parametrize("page", PAGES)
def test_every_path_on_the_page_exists_or_is_planned(page: str):
    paths = {match for match in PATH.findall(text_of(page)) if match not in ("zh.toml",)}
    missing = [p for p in paths if not p.startswith(PLANNED) and not (SOURCE / p).exists() and not (ROOT / p).exists()]
    bare = [p for p in missing if "/" not in p.rstrip("/")]  # its folder stands beside it on the page
    assert [p for p in missing if p not in bare or not list(SOURCE.rglob(p.rstrip("/")))] == []
    assert len(paths) > 40


@pytest.mark.parametrize("page", PAGES)
def test_every_room_and_top_level_file_is_on_the_page(page: str):
    text = text_of(page)
    rooms = [
        f"{p.name}/" if p.is_dir() else p.name
        for p in SOURCE.iterdir()
        if p.name[0] not in "_." and p.name != "py.typed"
    ]
    assert [room for room in rooms if f"`{room}`" not in text] == []


@pytest.mark.parametrize("page", PAGES)
def test_the_laws_are_all_there(page: str):
    numbers = re.findall(r"^(\d+)\. \*\*", text_of(page), re.M)
    assert [int(number) for number in numbers] == list(range(1, len(LAWS) + 1))


@pytest.mark.parametrize("page", PAGES)
def test_every_word_of_the_glossary_has_one_entry(page: str):
    glossary = text_of(page).partition("## Glossary" if page == PAGES[0] else "## 词汇表")[2]
    words = [word for row in re.findall(r"^\| \*\*.*?\|", glossary, re.M) for word in re.findall(r"\*\*(.+?)\*\*", row)]
    assert len(words) == len(set(words)) > 50


def test_every_decision_is_listed_and_in_the_site():
    files = {file.name for file in (DOCS / "decisions").glob("0*.md")}
    listed = set(re.findall(r"\((0\d+[\w-]+\.md)\)", text_of("decisions/index.md")))
    in_site = set(re.findall(r"decisions/(0\d+[\w-]+\.md)", (ROOT / "mkdocs.yml").read_text("utf-8")))
    assert files == listed == in_site
