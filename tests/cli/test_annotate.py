"""`jielong data annotate` as an annotator uses it: blind, resumable, with undo; and what comes of it."""

import io
import json
from pathlib import Path

import pytest

from jielong.cli.data import data
from jielong.errors import BadInput

QUESTIONS = [
    {"question": "How do I boil an egg?", "answer": "Boil it for eight minutes."},
    {"question": "怎样煮鸡蛋？"},
    {"question": "How do I boil an egg?"},
    {"question": "What is that?"},
]


def annotate(
    folder: Path, keys: str, *more: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> str:
    file = folder / "q.jsonl"
    if not file.exists():
        file.write_text("".join(json.dumps(each, ensure_ascii=False) + "\n" for each in QUESTIONS))
    monkeypatch.setattr("sys.stdin", io.StringIO(keys))
    data.main(["annotate", str(file), "--annotator", "Anna", "--json", *more], standalone_mode=False)
    out, error = capsys.readouterr()
    return error + out


def export(folder: Path, **fixtures: object) -> list[dict[str, object]]:
    annotate(folder, "", "--export", str(folder / "rows.jsonl"), **fixtures)  # type: ignore[arg-type]
    return [json.loads(line) for line in (folder / "rows.jsonl").read_text().splitlines()]


@pytest.fixture
def fixtures(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    return {"capsys": capsys, "monkeypatch": monkeypatch}


def test_the_models_answer_is_hidden_until_it_is_asked_for(tmp_path: Path, fixtures: dict[str, object]):
    shown = annotate(tmp_path, "In water.\n.\n:q\n", **fixtures)
    assert "eight minutes" not in shown
    (row,) = export(tmp_path, **fixtures)
    assert row["messages"][1]["content"] == "In water."  # type: ignore[index]
    assert row["origin"]["saw_model"] is False  # type: ignore[index]


def test_who_has_looked_has_seen_it_also_after_undo_and_another_day(tmp_path: Path, fixtures: dict[str, object]):
    assert "eight minutes" in annotate(tmp_path, ":m\n:q\n", **fixtures)
    annotate(tmp_path, "In water.\n.\n:q\n", **fixtures)
    assert [row["origin"]["saw_model"] for row in export(tmp_path, **fixtures)] == [True]  # type: ignore[index]


def test_an_answer_of_several_lines_undo_and_resuming(tmp_path: Path, fixtures: dict[str, object]):
    annotate(tmp_path, "Wrong.\n.\n:u\nTake water.\n\nBoil it.\n.\nHalf an answ", **fixtures)
    rows = export(tmp_path, **fixtures)
    assert [row["messages"][1]["content"] for row in rows] == ["Take water.\n\nBoil it."]  # type: ignore[index]
    shown = annotate(tmp_path, "用水煮。\n。\n:x\n", **fixtures)
    assert "boil an egg" not in shown
    assert json.loads(shown.splitlines()[-1])["left"] == 0
    assert [row["language"] for row in export(tmp_path, **fixtures)] == ["en", "zh"]


def test_a_question_for_later_comes_at_the_end(tmp_path: Path, fixtures: dict[str, object]):
    annotate(tmp_path, ":l\n水煮。\n.\n:x\nIn water.\n.\n", **fixtures)
    assert len(export(tmp_path, **fixtures)) == 2


def test_questions_of_others_are_not_asked_again_unless_wanted(tmp_path: Path, fixtures: dict[str, object]):
    annotate(tmp_path, "In water.\n.\n:q\n", **fixtures)
    assert "boil an egg" not in annotate(tmp_path, ":q\n", "--annotator", "ben", **fixtures)
    assert "boil an egg" in annotate(tmp_path, ":q\n", "--annotator", "ben", "--again", **fixtures)


def test_a_model_is_asked_only_for_who_wants_to_see_it(tmp_path: Path, fixtures: dict[str, object]):
    (tmp_path / "script.jsonl").write_text('{"reply": "煮十分钟。"}\n')
    model = f"scripted:{tmp_path}/script.jsonl"
    fixtures["monkeypatch"].setenv("JIELONG_HOME", str(tmp_path / "home"))  # type: ignore[attr-defined]
    shown = annotate(tmp_path, ":l\n:m\n:a\n:q\n", "-m", model, **fixtures)
    assert "煮十分钟" in shown
    (row,) = export(tmp_path, **fixtures)
    assert row["origin"] == {"annotator": "Anna", "did": "accepted", "saw_model": True}


def test_a_damaged_file_of_answers_is_one_line(tmp_path: Path, fixtures: dict[str, object]):
    (tmp_path / "q.answers.jsonl").write_text('{"id": 5}\n')
    with pytest.raises(BadInput, match=r"q\.answers\.jsonl:1: no text in id, question"):
        annotate(tmp_path, "", **fixtures)
