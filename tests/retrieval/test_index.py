"""An index over a folder: what it holds after files came, changed and went."""

from pathlib import Path

import pytest

from jielong.errors import BadInput
from jielong.retrieval.build_index import BuildResult, build_index
from jielong.retrieval.index import Index
from jielong.sync import run_sync


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JIELONG_HOME", str(tmp_path / "home"))


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    folder = tmp_path / "notes"
    (folder / "old").mkdir(parents=True)
    (folder / "tea.md").write_text("Green tea is brewed at eighty degrees.\n\nBlack tea takes boiling water.")
    (folder / "old" / "bread.txt").write_text("Rye bread needs a sourdough starter.")
    return folder


def build(*places: Path, embedder: str = "none") -> BuildResult:
    return run_sync(build_index, "notes", places, embedder)


def found(query: str, k: int = 5) -> list[str]:
    async def search() -> list[str]:
        index = await Index.open("notes")
        try:
            return [hit.chunk.document for hit in await index.search(query, k)]
        finally:
            index.close()

    return run_sync(search)


def test_only_what_changed_is_read_again(notes: Path):
    assert build(notes) == BuildResult(added=2)
    assert build(notes) == BuildResult(unchanged=2)
    (notes / "tea.md").write_text("Oolong is brewed at ninety degrees.")
    assert build(notes) == BuildResult(changed=1, unchanged=1)
    assert found("oolong") == ["tea.md"]
    assert found("black") == []


def test_a_removed_folder_no_longer_answers_and_can_be_added_again(notes: Path):
    build(notes)
    (notes / "old" / "bread.txt").rename(notes.parent / "bread.txt")
    (notes / "old").rmdir()
    assert build(notes).removed == 1
    assert found("sourdough") == []
    (notes / "old").mkdir()
    (notes.parent / "bread.txt").rename(notes / "old" / "bread.txt")
    assert build(notes).added == 1
    assert found("sourdough") == ["old/bread.txt"]


def test_of_two_files_of_equal_content_one_may_go(notes: Path):
    (notes / "copy.txt").write_text((notes / "old" / "bread.txt").read_text())
    build(notes)
    assert len(found("sourdough")) == 1
    (notes / "copy.txt").unlink()
    build(notes)
    assert found("sourdough") == ["old/bread.txt"]


def test_an_index_over_nothing_answers_nothing(tmp_path: Path):
    (tmp_path / "empty").mkdir()
    assert build(tmp_path / "empty") == BuildResult()
    assert found("anything") == []


@pytest.mark.parametrize("name", ["../notes", "a/b", "", ".hidden", "x" * 200])
def test_a_name_is_never_a_path(name: str, notes: Path):
    with pytest.raises(BadInput, match="no name for an index"):
        run_sync(build_index, name, [notes], "none")
