"""`jielong contamination` from the shell, and what `eval` says of a task afterwards."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

LEAKED = "A train leaves at noon with 48 people and picks up half as many at the bridge. How many ride on?"
OTHER = "Nora packs 12 eggs in each of 7 boxes and drops one box on the stairs. How many eggs are whole?"


def run(folder: Path, *arguments: str, language: str = "en") -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "JIELONG_HOME": str(folder / "home"), "JIELONG_LANG": language}
    command = [sys.executable, "-m", "jielong", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=env, cwd=folder)


def test_a_finding_is_shown_by_eval_with_the_score_on_the_clean_part(tmp_path: Path):
    rows = [{"input": LEAKED, "answer": "72"}, {"input": OTHER, "answer": "72"}]
    (tmp_path / "task.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "corpus.txt").write_text(f"Once somebody asked:\n{LEAKED}\nThe answer was 72.\n")
    found = run(tmp_path, "contamination", "task.jsonl", "--corpus", "corpus.txt", "--json")
    corpus = json.loads(found.stdout)["corpus"]
    assert (corpus["found"], corpus["n"], corpus["with_answer"], corpus["items"][0]["line"]) == (1, 2, 1, 2)
    shown = run(tmp_path, "eval", "task.jsonl", "-m", "mini")
    assert "of 2 questions searched in corpus.txt" in shown.stdout, shown.stderr
    assert "on the 1 others" in shown.stdout
    (finding,) = json.loads(run(tmp_path, "eval", "task.jsonl", "-m", "mini", "--json").stdout)["contamination"]
    assert finding["items"] == {"whole": 1, "part": 0, "clean": 1, "unjudged": 0}
    assert finding["scores"][0]["clean"]["n"] == 1
    assert (
        "语料中有 2 道题里的 1 道"
        in run(tmp_path, "contamination", "task.jsonl", "--corpus", "corpus.txt", language="zh").stdout
    )


def test_bad_input_is_one_line(tmp_path: Path):
    (tmp_path / "task.jsonl").write_text(json.dumps({"input": OTHER, "answer": "72"}) + "\n")
    for arguments in ((), ("--corpus", "nowhere"), ("--corpus", "task.jsonl"), ("-m", "mini")):
        done = run(tmp_path, "contamination", "task.jsonl", *arguments)
        assert done.returncode == 2, arguments
        assert len(done.stderr.strip().splitlines()) == 1, done.stderr
        assert not done.stdout
