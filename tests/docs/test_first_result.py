"""The page of the first ten minutes, typed as it stands, with a scripted endpoint where the real one would be."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest

from docs.tutor import found_in, rows, tutor
from endpoint import Endpoint
from jielong.techniques.prompting import Spell

DOCS = Path(__file__).parents[2] / "docs"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.M | re.S)


def typed(command: str, folder: Path, endpoint: Endpoint, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-c", command], capture_output=True, text=True, check=False, cwd=folder,
        env={
            **os.environ, "OPENAI_API_KEY": "key", "OPENAI_BASE_URL": endpoint.url, "JIELONG_LANG": "en",
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}", **environment,
        },
    )  # fmt: skip


@pytest.mark.parametrize(
    ("page", "guide"), [("first_result.md", "improve.md"), ("first_result.zh.md", "improve.zh.md")]
)
def test_the_page_leads_from_a_csv_to_a_report(page: str, guide: str, tmp_path: Path):
    blocks = BLOCK.findall((DOCS / page).read_text("utf-8"))
    header = next(text for kind, text in blocks if kind == "csv").splitlines()[1]
    (tmp_path / "questions.csv").write_text(rows(header), "utf-8")
    (tmp_path / "prompts.csv").write_text(rows(header.partition(",")[0], answers=False), "utf-8")
    commands = [line for kind, text in blocks if kind == "sh" for line in text.splitlines()]
    commands += [f"python - <<'END'\n{text}END" for kind, text in BLOCK.findall((DOCS / guide).read_text("utf-8"))
                 if kind == "python"]  # fmt: skip
    with Endpoint(tutor) as endpoint:
        for command in commands:
            done = typed(command.replace("deepseek:", "openai:"), tmp_path, endpoint)
            assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    assert "improved " in done.stdout
    with_answers, graded = found_in(tmp_path / "first-look"), found_in(tmp_path / "graded")
    for found in (with_answers, graded):
        assert found["verdict"]["kind"] == "improved"
        assert "cot" in found["verdict"]["recipe"]
        assert found["verdict"]["comparison"]["ci95"][0] > 0
    assert (with_answers["rule"], graded["rule"]) == ("number", "judge")
    assert graded["judging_usage"]["calls"] > 0


def block_of(page: str, language: str) -> str:
    return next(text for kind, text in BLOCK.findall((DOCS / page).read_text("utf-8")) if kind == language)


def first_commands(page: str, file: str) -> list[str]:
    """What the page has its reader type once the questions are in a file: the look at the costs, then `improve`."""
    blocks = [text for kind, text in BLOCK.findall((DOCS / page).read_text("utf-8")) if kind == "sh"]
    improve = [line for text in blocks for line in text.splitlines() if line.startswith("jielong improve questions")]
    assert len(improve) == 2
    assert "--dry-run" in improve[0]
    return [command.replace("questions.csv", file).replace("deepseek:", "openai:") for command in improve]


@pytest.mark.parametrize("page", ["first_result.md", "first_result.zh.md"])
def test_the_file_on_the_page_can_be_typed_as_it_stands(page: str, tmp_path: Path):
    """With its first line, which names the file, and nothing else in it."""
    (tmp_path / "questions.csv").write_text(block_of(page, "csv"), "utf-8")
    with Endpoint(tutor) as endpoint:
        done = typed("jielong eval questions.csv -m openai:gpt-5-mini --dry-run", tmp_path, endpoint)
    assert done.returncode == 0, done.stderr
    assert "2 items; answer rule number" in done.stderr


def written(rows: list[list[str]], kind: str, folder: Path) -> str:
    """A file of these rows as people save them; its name."""
    if kind == "xlsx":
        openpyxl = pytest.importorskip("openpyxl")
        pytest.importorskip("python_calamine")
        book = openpyxl.Workbook()
        for row in rows:
            book.active.append([int(cell) if cell.isdecimal() else cell for cell in row])
        book.save(folder / "questions.xlsx")
        return "questions.xlsx"
    separator = ";" if kind == "semicolons" else ","
    text = "".join(separator.join(row) + "\n" for row in rows)
    (folder / "questions.csv").write_bytes(text.encode("gbk" if kind == "GBK" else "utf-8"))
    return "questions.csv"


SUBJECTS = {
    "billing": "I paid twice for 苹果",
    "technical": "The page of 香蕉 crashes",
    "other": "Where do you sell 梨子",
}
CONTENTS: dict[str, tuple[list[list[str]], str]] = {
    "labels": ([["text", "label"], *([f"{SUBJECTS[k]}, order {i}?".replace(",", " -"), k]
                                     for i in range(40) for k in SUBJECTS)], "label"),
    "numbers": ([["问题", "答案"], *([f"What is {2 + i % 9} * {3 + i % 7} + {i}?", str((2 + i % 9) * (3 + i % 7) + i)]
                                 for i in range(100))], "number"),
    "free text with gold": ([["question", "answer"],
                            *([f"Name the capital of 国家 {i}?", f"Capital {i}"] for i in range(100))],
                            "contains"),
    "free text without gold": ([["问题"], *([f"写一首关于第 {i} 个春天的诗？"] for i in range(100))], "judge"),
}  # fmt: skip


@pytest.mark.parametrize("kind", ["UTF-8", "GBK", "xlsx", "semicolons"])
@pytest.mark.parametrize("content", CONTENTS)
def test_the_first_steps_lead_from_any_usual_file_to_a_plan(content: str, kind: str, tmp_path: Path):
    """Every command of the page up to the one that spends, with the file as it comes out of a spreadsheet."""
    rows, rule = CONTENTS[content]
    file = written(rows, kind, tmp_path)
    plan, improve = first_commands("first_result.md", file)
    judge = " --judge openai:gpt-5" if rule == "judge" else ""
    with Endpoint(tutor) as endpoint:
        done = typed(f"{plan}{judge}", tmp_path, endpoint)
        assert done.returncode == 0, done.stderr
        assert f"{len(rows) - 1} items; answer rule {rule}" in done.stderr
        assert ("read as GB18030" in done.stderr) == (kind == "GBK")
        assert "not used" not in done.stderr
        assert endpoint.stats.requests == 0
        if kind == "xlsx" and content == "numbers":  # one of them to its end; the others differ in their file alone
            done = typed(improve, tmp_path, endpoint)
            assert done.returncode == 0, done.stderr
            assert found_in(tmp_path / "first-look")["verdict"]["kind"] == "improved"


def test_columns_with_names_of_their_own_are_asked_for(tmp_path: Path):
    """Each error says what to type, and what it says works."""
    (tmp_path / "own.csv").write_text(rows("Aufgabe,Loesung"), "utf-8")
    with Endpoint(tutor) as endpoint:
        improve = "jielong improve own.csv -m openai:gpt-5-mini --dry-run"
        done = typed(improve, tmp_path, endpoint)
        assert done.returncode == 2
        assert "the columns are Aufgabe, Loesung; say --input COL --answer COL" in done.stderr
        done = typed(f"{improve} --input Aufgabe", tmp_path, endpoint)
        assert done.returncode == 2
        assert done.stderr.strip().endswith(
            "own.csv: no column of answers was found among Aufgabe, Loesung (--answer COL names one), "
            "so a judge is needed: --judge RECIPE"
        )
        done = typed(f"{improve} --input Aufgabe --answer Loesung", tmp_path, endpoint)
        assert done.returncode == 0, done.stderr
        assert "spells" not in done.stderr  # calls of a model on this machine cost nothing
    assert endpoint.stats.requests == 0


def test_where_calls_cost_what_spells_take_is_said_before_any_is_made(tmp_path: Path):
    (tmp_path / "own.csv").write_text(rows("question,answer"), "utf-8")
    command = ["improve", "own.csv", "-m", "openai:gpt-5-mini", "--dry-run"]
    done = subprocess.run(
        [sys.executable, "-m", "jielong", *command], capture_output=True, text=True, check=True, cwd=tmp_path,
        env={**os.environ, "OPENAI_API_KEY": "key", "JIELONG_LANG": "en", "JIELONG_HOME": str(tmp_path)},
    )  # fmt: skip
    found = re.search(r"(\d+) candidates are spells, with (\d+) of the first round's ([\d,]+) calls", done.stderr)
    assert found, done.stderr
    spells, taken, all_of_them = (int(figure.replace(",", "")) for figure in found.groups())
    assert spells == len(get_args(Spell))
    assert taken % spells == 0
    assert taken < all_of_them / 2
