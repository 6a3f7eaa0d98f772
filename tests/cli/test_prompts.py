"""`jielong prompts search` as its user types it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest


def run(*arguments: str, home: Path, language: str = "en") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "jielong", "prompts", "search", *arguments], capture_output=True, text=True, check=False,
        env={**os.environ, "JIELONG_HOME": str(home), "JIELONG_LANG": language},
    )  # fmt: skip


BAD = (
    "mini:word_problems",
    "-m",
    "mini",
    "--start",
    "Reply with the number only.",
    "--place",
    "after",
    "--limit",
    "80",
)


def test_mini_is_taught_to_go_step_by_step_without_a_second_model(tmp_path: Path):
    done = run(*BAD, "--proposer", "edits", "--json", "--out", str(tmp_path / "out"), home=tmp_path)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["verdict"] == "improved"
    assert said["holdout_test"]["ci95"][0] > 0.4
    assert said["holdout_test"]["n"] == len(said["splits"]["final"]) == 40
    assert said["recipe"].startswith("mini | instruct(text=")
    lines = [json.loads(line) for line in (tmp_path / "out" / "tried.jsonl").read_text("utf-8").splitlines()]
    assert len(lines) == said["search"]["tried"]
    asked = subprocess.run(
        [sys.executable, "-m", "jielong", "ask", "Mia has 3 bags with 4 pens each. How many?", "--show", "-m",
         (tmp_path / "out" / "recipe.txt").read_text("utf-8").strip()],
        capture_output=True, text=True, check=True, env={**os.environ, "JIELONG_HOME": str(tmp_path)},
    )  # fmt: skip
    assert said["prompt"]["text"] in asked.stdout


def test_the_table_shows_the_start_and_the_holdout_test(tmp_path: Path):
    (tmp_path / "script.jsonl").write_text('{"reply": "I do not know."}\n')
    (tmp_path / "task.jsonl").write_text(
        "\n".join(json.dumps({"input": f"q {i}", "answer": str(i)}) for i in range(40))
    )
    task = (str(tmp_path / "task.jsonl"), "-m", f"scripted:{tmp_path}/script.jsonl", "--budget-calls", "100")
    done = run(*task, "--start", "Be quick.", home=tmp_path)
    assert "Nothing helped" in done.stdout
    assert "Be quick." in done.stdout
    chinese = run(*task, "--start", "快。", home=tmp_path, language="zh")
    assert "保留起始提示" in chinese.stdout


def test_dry_run_spends_nothing(tmp_path: Path):
    done = run(*BAD, "--budget-calls", "500", "--dry-run", "--json", home=tmp_path)
    assert json.loads(done.stdout) == {"model": "mini", "max_calls": 500}
    assert "40 items for the search, 40 held out for the final test" in done.stderr
    assert not (tmp_path / "ledger.db").exists()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--proposer", "edit"), "unknown proposer 'edit'; did you mean 'edits'?"),
        (("--proposer", "reflect"), "reflect needs a model that writes prompts: --writer RECIPE"),
        (("--max-words", "2"), "the starting prompt has 5 words, more than --max-words 2"),
        (("--budget-calls", "20"), "too small to find out anything: expected at least 34 calls"),
        (("--limit", "3"), "3 items are too few"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(options: tuple[str, ...], words: str, tmp_path: Path):
    done = run(*BAD, *options, home=tmp_path)
    assert done.returncode == 2
    assert words in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
