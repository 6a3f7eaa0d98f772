"""What the command line says of a task file before a token is spent."""

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from jielong.errors import BadInput
from jielong.tasks.load_task import load_task


def dry_run(file: Path, language: str, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "jielong", "eval", str(file), "-m", "mini", "--dry-run", *options],
        capture_output=True, text=True, check=False, cwd=file.parent,
        env={**os.environ, "JIELONG_HOME": str(file.parent), "JIELONG_LANG": language},
    )  # fmt: skip


def test_columns_and_questions_that_should_be_looked_at_are_named_in_both_languages(tmp_path: Path):
    file = tmp_path / "own.csv"
    file.write_bytes("问题,答案,备注\n三加四？,7,易\n三加四？,8,难\n".encode("gbk"))
    english, chinese = (dry_run(file, language).stderr for language in ("en", "zh"))
    assert f"{file}: read as GB18030" in english
    assert f"{file}: columns that are not used: 备注" in english
    assert (
        f"{file}: questions that occur with different answers: 1; the first: lines 2 and 3: '三加四？' (7; 8)"
        in english
    )
    assert f"{file}：按 GB18030 读取" in chinese
    assert f"{file}：没有用到的列：备注" in chinese
    assert "同一个问题却有不同答案的有 1 处，第一处是第 2 行和第 3 行：'三加四？' (7; 8)" in chinese


def test_a_limit_is_proposed_for_a_great_many_items(tmp_path: Path):
    file = tmp_path / "many.csv"
    file.write_text("question,answer\n" + "".join(f"What is {i} + 1?,{i + 1}\n" for i in range(6_000)))
    assert "6,000 items take long and cost much: --limit 1000 already detects differences of about" in (
        dry_run(file, "en").stderr
    )
    assert "--limit 1000" in dry_run(file, "zh").stderr
    assert "take long" not in dry_run(file, "en", "--limit", "5000").stderr


def workbook(**sheets: list[list[object]]) -> bytes:
    openpyxl = pytest.importorskip("openpyxl")
    pytest.importorskip("python_calamine")
    book, stream = openpyxl.Workbook(), io.BytesIO()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    book.save(stream)
    return stream.getvalue()


def test_an_excel_file_is_read_as_it_is_shown(tmp_path: Path):
    file = tmp_path / "a.xlsx"
    rows: list[list[object]] = [
        ["Our questions", None, None], [], ["问题", "答案", "来源"], ["三加四？", 7, "书"], [],
        ["一半？", 0.5, None], ["缺？", None, None],
        ["错？", "#DIV/0!", None],
    ]  # fmt: skip
    file.write_bytes(workbook(Empty=[], Fragen=rows, Old=[["x"]]))
    task = load_task(str(file))
    assert [(item.input, item.accepted) for item in task.items] == [("三加四？", ("7",)), ("一半？", ("0.5",))]
    assert task.metric.name == "number"
    assert [problem.rpartition(":")[0].rpartition(":")[2] for problem in task.rejected] == ["7", "8"]
    assert task.notes == (
        f"{file}: the sheet 'Fragen' is read, not 'Old'",
        f"{file}: columns that are not used: 来源",
    )


def test_a_cell_beyond_the_header_of_an_excel_file_is_not_dropped(tmp_path: Path):
    file = tmp_path / "a.xlsx"
    file.write_bytes(workbook(A=[["question", "answer"], ["What is 3 + 4?", 7], ["What is 9?", 9, "or nine"]]))
    task = load_task(str(file))
    assert len(task.items) == 1
    assert task.rejected[0].endswith(":3: expected 2 cells, found 3")


@pytest.mark.parametrize(("name", "content"), [("a.xlsx", b"question,answer\n"), ("a.csv", b"PK\3\4 and more")])
def test_an_excel_file_under_another_name_is_said(name: str, content: bytes, tmp_path: Path):
    if name.endswith("xlsx"):
        pytest.importorskip("python_calamine")
    (tmp_path / name).write_bytes(content)
    with pytest.raises(BadInput, match="Excel file"):
        load_task(str(tmp_path / name))
