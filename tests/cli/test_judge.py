"""`jielong judge` from a shell: pairs, tasks, grades; another judge costs no call of the models."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

COMPARED = "Think about it briefly, then end with a line"


def lines(file: Path, rows: list[dict[str, Any]]) -> str:
    file.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    return str(file)


def pairs(folder: Path, n: int = 6, **more: Any) -> str:
    return lines(folder / "pairs.jsonl", [
        {"id": f"q{i}", "prompt": f"Question {i}?", "model_a": "one", "response_a": f"left {i}", "model_b": "two",
         "response_b": f"right {i}", **more} for i in range(n)
    ])  # fmt: skip


def judge_of(folder: Path, name: str = "judge", grade: int = 8) -> str:
    """Prefers what is left."""
    lines(folder / f"{name}.jsonl", [
        {"contains": "Reply A:\nleft", "reply": "Verdict: A"}, {"contains": "Reply A:\nright", "reply": "Verdict: B"},
        {"contains": "Verdict:", "reply": "Verdict: tie"}, {"contains": "", "reply": f"Grade: {grade}"},
    ])  # fmt: skip
    return f"scripted:{name}.jsonl"


def run(folder: Path, *arguments: str, language: str = "en") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "jielong", *arguments], cwd=folder, env=environment(folder, language), text=True,
        capture_output=True, check=False,
    )  # fmt: skip


def environment(folder: Path, language: str = "en") -> dict[str, str]:
    return {**os.environ, "JIELONG_HOME": str(folder / "home"), "JIELONG_LANG": language}


def calls(folder: Path, name: str) -> int:
    database = sqlite3.connect(folder / "home" / "ledger.db")
    return int(database.execute("select count(*) from calls where provider = ?", (name,)).fetchone()[0])


def test_pairs_are_judged_and_the_verdicts_can_be_ranked(tmp_path: Path):
    pairs(tmp_path)
    done = run(tmp_path, "judge", "pairs.jsonl", "--judge", judge_of(tmp_path), "--audit", "3", "--out", "out")
    assert done.returncode == 0, done.stderr
    assert "6 pairs, 1 judge, at most 39 calls" in done.stderr
    assert "one against two, 6 pairs" in done.stdout
    assert "100.0 [61.0, 100.0]" in done.stdout
    ranked = run(tmp_path, "rank", "out/verdicts.jsonl", "--json")
    assert json.loads(ranked.stdout)["outcomes"] == {"model_a": 6}
    document = json.loads(run(tmp_path, "judge", "pairs.jsonl", "--judge", judge_of(tmp_path), "--json").stdout)
    assert document["rows"][0]["win_rate"]["mean"] == 1.0
    chinese = run(tmp_path, "judge", "pairs.jsonl", "--judge", judge_of(tmp_path), language="zh")
    assert "one 对 two，6 对" in chinese.stdout


def test_a_task_is_asked_once_and_judged_by_anybody(tmp_path: Path):
    lines(
        tmp_path / "task.jsonl", [{"id": f"{i}", "input": f"What is {i} + 1?", "answer": f"{i + 1}"} for i in range(6)]
    )
    for name, right in (("good", True), ("bad", False)):
        rows = [{"contains": f"is {i} +", "reply": f"It is {i + right}."} for i in range(6)]
        lines(tmp_path / f"{name}.jsonl", rows)
    both = ["judge", "task.jsonl", "-m", "scripted:good.jsonl", "-m", "scripted:bad.jsonl", "--json"]
    done = run(tmp_path, *both, "--judge", judge_of(tmp_path))
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)["rows"]
    assert [(row["judge"], row["win_rate"]["mean"]) for row in rows][-1] == ("rule", 1.0)
    asked = calls(tmp_path, "scripted:good.jsonl")
    assert asked == 6
    again = run(tmp_path, *both, "--judge", judge_of(tmp_path, "other", 3), "--grade")
    graded = json.loads(again.stdout)["rows"]
    assert [(row["model"], row["mean"]["mean"], row["n"]) for row in graded] == [
        ("scripted:good.jsonl", 0.3, 6), ("scripted:bad.jsonl", 0.3, 6)]  # fmt: skip
    assert [row["beside"][0]["theirs"]["mean"] for row in graded] == [1.0, 0.0]
    assert calls(tmp_path, "scripted:good.jsonl") == asked
    assert calls(tmp_path, "scripted:other.jsonl") == 12


def test_people_and_labels_stand_beside_the_judge(tmp_path: Path):
    pairs(tmp_path, 8, label=1, answer="left")
    lines(tmp_path / "votes.jsonl", [
        {"id": f"q{i}", "model_a": "one", "model_b": "two", "winner": "model_b", "rater": "anna"} for i in range(5)
    ])  # fmt: skip
    done = run(
        tmp_path, "judge", "pairs.jsonl", "--judge", judge_of(tmp_path), "--votes", "votes.jsonl", "--rule", "contains"
    )
    assert done.returncode == 0, done.stderr
    for row in ("people", "the labels", "the rule", "the longer reply wins"):
        assert f"\n{row}" in done.stdout
    assert "corrected by people" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["pairs.jsonl"], "nobody to judge: expected at least one judge"),
        (["pairs.jsonl", "--judge", "scripted:judge.jsonl", "-m", "mini"], "holds replies that exist already"),
        (["pairs.jsonl", "--judge", "scripted:judge.jsonl", "--votes", "none.jsonl"], "none.jsonl"),
        (["pairs.jsonl", "--judge", "scripted:judge.jsonl", "--criteria", "pairs.jsonl"], "expected an id"),
        (["pairs.jsonl", "--judge", "scripted:judge.jsonl", "--rule", "exact"], "--rule needs pairs with an `answer`"),
        (["nothing.jsonl", "--judge", "scripted:judge.jsonl"], "nothing.jsonl"),
    ],
)
def test_bad_input_is_one_clear_line(tmp_path: Path, arguments: list[str], words: str):
    pairs(tmp_path)
    judge_of(tmp_path)
    done = run(tmp_path, "judge", *arguments)
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(not os.environ.get("JIELONG_FULL"), reason="takes half a minute")
def test_killed_at_any_moment_nothing_is_paid_twice(tmp_path: Path):
    pairs(tmp_path, 200)
    rows = [{"contains": "Reply A:\nleft", "reply": "Verdict: A", "seconds": 0.2}]
    lines(tmp_path / "judge.jsonl", [*rows, {"contains": "", "reply": "Verdict: B", "seconds": 0.2}])
    command = [sys.executable, "-m", "jielong", "judge", "pairs.jsonl", "--judge", "scripted:judge.jsonl", "--json"]
    for number in range(5):
        process = subprocess.Popen(command, cwd=tmp_path, env=environment(tmp_path), stdout=subprocess.DEVNULL)
        time.sleep(1 + 0.3 * number)
        process.send_signal(signal.SIGKILL)
        process.wait()
    done = run(tmp_path, *command[3:])
    assert json.loads(done.stdout)["rows"][0]["n"] == 200
    assert calls(tmp_path, "scripted:judge.jsonl") == 400
