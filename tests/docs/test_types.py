"""mypy --strict and pyright pass over the examples, every Python snippet, and a file that uses every public name."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import pytest

import jielong
from docs.snippets import ROOT, pages, snippets
from docs.type_checking import mypy_problems, pyright_problems

INSIDE = ("src/", "tests/")  # snippets that are files of the package itself, or of its tests


LANGUAGES = ["en", "zh"] if os.environ.get("JIELONG_FULL") == "1" else ["en"]  # they differ in texts and comments


@pytest.fixture(scope="module", params=LANGUAGES)
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The snippets of the pages of one language, under the names that they have, and for English the examples."""
    folder = tmp_path_factory.mktemp(request.param)
    for page in pages():
        if (".zh" in page.name) != (request.param == "zh"):
            continue
        for snippet in snippets(page):
            first_line = snippet.text.partition("\n")[0]
            if (
                snippet.language != "python"
                or "add to" in first_line
                or first_line.startswith(tuple(f"# {i}" for i in INSIDE))
            ):
                continue
            name = f"{snippet.page}_{snippet.line}".replace("/", "_").replace(".", "_")
            (folder / (snippet.file_name or f"{name}.py")).write_text(snippet.text, "utf-8")
    if request.param == "en":
        for example in (ROOT / "examples").glob("*.py"):
            shutil.copy(example, folder)
        shutil.copy(ROOT / "tests" / "docs" / "every_public_name.py", folder)
    return folder


def test_a_user_file_uses_every_public_name():
    text = (ROOT / "tests" / "docs" / "every_public_name.py").read_text("utf-8")
    names = set(re.findall(r"\w+", text))
    assert [name for name in jielong.__all__ if name not in names and not name.startswith("__")] == []


def test_pyright_passes(folder: Path):
    assert pyright_problems(folder) == ""


def test_mypy_strict_passes(folder: Path):
    assert mypy_problems(folder) == ""
