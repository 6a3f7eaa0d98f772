"""The file that uses every public name, through mypy --strict and pyright."""

import ast
import shutil
from pathlib import Path

import pytest

import jielong
from docs.type_checking import mypy_problems, pyright_problems

FILE = Path(__file__).with_name("every_public_name.py")


def test_it_uses_every_public_name():
    tree = ast.parse(FILE.read_text("utf-8"))
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    assert set(jielong.__all__) - {"__version__"} <= used


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copy(FILE, tmp_path)
    return tmp_path


def test_mypy_strict_passes(folder: Path, tmp_path_factory: pytest.TempPathFactory):
    assert mypy_problems(folder, tmp_path_factory.mktemp("cache")) == ""


def test_pyright_passes(folder: Path):
    assert pyright_problems(folder) == ""
