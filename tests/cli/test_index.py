"""`jielong index`, as somebody uses it who has a folder of notes."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from jielong.cli.index import index
from jielong.errors import BadInput, RecipeError


@pytest.fixture
def notes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("JIELONG_HOME", str(tmp_path / "home"))
    folder = tmp_path / "notes"
    (folder / "old").mkdir(parents=True)
    (folder / "tea.md").write_text("# Tea\n\nGreen tea is brewed at eighty degrees.\n")
    (folder / "old" / "手机.txt").write_text("苹果发布了新的手机，价格很高。")
    (folder / "empty.txt").write_text(" ")
    return folder


def run(*arguments: str) -> Result:
    return CliRunner().invoke(index, arguments, catch_exceptions=False)


def document(*arguments: str) -> Any:
    return json.loads(run(*arguments, "--json").stdout)


def test_from_a_folder_to_an_answer(notes: Path):
    built = document("build", str(notes), "--out", "n", "--embedder", "none")
    assert (built["files"], built["chunks"], built["complete"]) == (2, 2, True)
    assert built["build"]["added"] == 3
    assert built["unreadable"] == {"empty.txt": "empty"}
    (hit,) = document("search", "n", "手机", "-k", "1")
    assert hit["document"] == "old/手机.txt"
    text = (notes / "old" / "手机.txt").read_text()
    assert text[hit["start"] : hit["end"]] == hit["text"]
    assert document("search", "n", "eighty", "--path", "old") == []
    assert document("show")[0]["languages"] == {"en": 1, "zh": 1}
    shown = run("search", "n", "how", "hot", "is", "green", "tea").stdout
    assert "tea.md  line 1" in shown
    assert "empty.txt: empty" in run("show", "n").stdout


def test_bad_input_is_said_and_an_index_without_a_folder_is_none(notes: Path):
    for arguments in (
        ("search", "nope", "x"),
        ("show", "../n"),
        ("build", str(notes / "missing"), "--out", "n"),
        ("build", str(notes), "--out", "a/b"),
    ):
        with pytest.raises(BadInput):
            run(*arguments)
    with pytest.raises(RecipeError, match="unknown embedder"):
        run("build", str(notes), "--out", "n", "--embedder", "wordlama")
    assert document("show") == []


def test_a_link_out_of_the_folder_is_not_followed(notes: Path, tmp_path: Path):
    (tmp_path / "secret.txt").write_text("The password is swordfish.")
    (notes / "link.txt").symlink_to(tmp_path / "secret.txt")
    (notes / "folder").symlink_to(tmp_path)
    document("build", str(notes), "--out", "n", "--embedder", "none")
    assert document("search", "n", "swordfish") == []


def test_an_index_that_came_with_files_does_not_choose_where_questions_go(
    notes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    from jielong.retrieval.index import Index

    document("build", str(notes), "--out", "n", "--embedder", "none")
    opened = Index("n")
    opened.store.set("embedder", "openai:x@http://127.0.0.1:9/v1?key=HOME")
    opened.store.rows("insert into embedders values(1, 'openai:x@http://127.0.0.1:9/v1?key=HOME', 4, 1)")
    opened.close()
    monkeypatch.chdir(tmp_path)
    (tmp_path / "home").rename(tmp_path / ".jielong")
    monkeypatch.delenv("JIELONG_HOME")
    with pytest.raises(BadInput, match="may have come with somebody's files"):
        run("search", "n", "tea")
