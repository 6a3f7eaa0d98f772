"""What `eval` and `improve` say where a task does not tell a model what to answer with."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

LABELS = ("billing", "technical", "other")


def run(*arguments: str, home: Path, language: str = "en") -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "jielong", *arguments], capture_output=True, text=True, check=False,
        env={**os.environ, "JIELONG_HOME": str(home), "JIELONG_LANG": language},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done


def task(folder: Path) -> str:
    rows = [json.dumps({"input": f"Ticket {i}: it does not work.", "answer": LABELS[i % 3]}) for i in range(45)]
    (folder / "tickets.jsonl").write_text("\n".join(rows))
    return str(folder / "tickets.jsonl")


def script(folder: Path, *replies: dict[str, str]) -> str:
    (folder / "script.jsonl").write_text("\n".join(map(json.dumps, replies)))
    return f"scripted:{folder}/script.jsonl"


CHATTY = {"reply": "I am sorry to hear that. Have you tried to restart it?"}


def test_eval_proposes_an_instruction_from_the_labels(tmp_path: Path) -> None:
    done = run("eval", task(tmp_path), "-m", script(tmp_path, CHATTY), home=tmp_path)
    assert "answer rule label: all 45 answers are 3 labels" in done.stderr
    proposal = "Answer with exactly one of these labels and nothing else: billing, technical, other."
    assert f'--instruction "Classify the text below. {proposal}"' in done.stderr
    assert "45 of 45 replies hold no answer for the rule label. What came back:" in done.stdout
    assert "“I am sorry to hear that. Have you tried to restart it?” (expected: billing)" in done.stdout


def test_an_instruction_stands_before_each_question(tmp_path: Path) -> None:
    scripted = script(tmp_path, {"contains": "Say a label", "reply": "billing"}, CHATTY)
    done = run("eval", task(tmp_path), "-m", scripted, "--instruction", "Say a label.", "--json", home=tmp_path)
    (result,) = json.loads(done.stdout)["results"]
    assert result["mean"] == pytest.approx(1 / 3)
    assert result["failed_extraction"] == 0
    assert "--instruction" not in done.stderr
    assert "What came back" not in done.stderr


def test_a_wrong_figure_of_zero_shows_what_came_back_and_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "capitals.jsonl").write_text(
        "\n".join(json.dumps({"input": f"Capital of country {i}?", "answer": f"City {i}"}) for i in range(9))
    )
    scripted = script(tmp_path, {"reply": "Atlantis"})
    done = run("eval", str(tmp_path / "capitals.jsonl"), "-m", scripted, "--json", home=tmp_path)
    assert json.loads(done.stdout)["results"][0]["mean"] == 0
    assert "none of 9 replies is right by the rule contains. What came back:" in done.stderr
    assert "“Atlantis” (expected: City 0)" in done.stderr
    assert "choose another answer rule (--rule)" in done.stderr


def test_the_same_is_said_in_chinese(tmp_path: Path) -> None:
    done = run("eval", task(tmp_path), "-m", script(tmp_path, CHATTY), home=tmp_path, language="zh")
    assert "全部 45 个答案都是 3 种标签" in done.stderr
    assert "请告诉模型该怎么回答：--instruction" in done.stderr
    assert "45 条回复中有 45 条按规则 label 找不到答案" in done.stdout
    assert "（应为：billing）" in done.stdout


def test_improve_says_it_too(tmp_path: Path) -> None:
    done = run("improve", task(tmp_path), "-m", script(tmp_path, CHATTY), "--limit", "16", home=tmp_path)
    assert "--instruction" in done.stderr
    assert "hold no answer for the rule label. What came back:" in done.stdout
