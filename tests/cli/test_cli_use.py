"""The commands as their user types them."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

QUESTION = "Tom has 3 bags with 4 apples each. A friend gives 5 more. How many apples are there now?"


def run(*arguments: str, home: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "jielong", *arguments], capture_output=True, text=True, check=False,
        env={**os.environ, "JIELONG_HOME": str(home), "JIELONG_LANG": "en", **environment},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done


def test_ask_prints_the_answer_alone(tmp_path: Path):
    assert run("ask", QUESTION, "-m", "mini | cot", home=tmp_path).stdout == "3*4=12. 12+5=17. Answer: 17\n"
    said = json.loads(run("ask", QUESTION, "-m", "mini | cot", "--json", home=tmp_path).stdout)
    assert (said["content"], said["usage"]["calls"]) == ("3*4=12. 12+5=17. Answer: 17", 1)
    assert (tmp_path / ".gitignore").read_text() == "*\n"


def test_show_spends_nothing(tmp_path: Path):
    done = run("ask", QUESTION, "-m", "openai:gpt-5 | cot | self_consistency(n=8)", "--show", home=tmp_path)
    assert done.stdout == f"[user]\n{QUESTION}\nLet's think step by step.\n\n"
    assert "at most 8 calls" in done.stderr
    assert not tmp_path.exists() or not list(tmp_path.glob("ledger*"))


def test_trace_shows_every_call(tmp_path: Path):
    recipe = "mini | cot | self_consistency(n=3, adaptive=false)"
    trace = run("ask", QUESTION, "-m", recipe, "--seed", "1", "--trace", home=tmp_path).stderr
    assert trace.startswith("total: 3 calls")
    assert trace.count("mini: 1 call") == 3


def test_a_seed_replays_from_the_ledger(tmp_path: Path):
    asked = ("ask", QUESTION, "-m", "mini | options(temperature=1.5) | cot", "--seed", "5", "--json")
    first, again = (json.loads(run(*asked, home=tmp_path).stdout) for _ in range(2))
    assert first["content"] == again["content"]
    assert again["usage"]["cached_calls"] == 1


def test_eval_compares_recipes(tmp_path: Path):
    done = run("eval", "mini:word_problems", "-m", "mini", "-m", "mini | program_of_thought", "--limit", "40", "--json",
               "--out", str(tmp_path / "out"), home=tmp_path)  # fmt: skip
    said = json.loads(done.stdout)
    plain, program = said["results"]
    assert program["mean"] > plain["mean"] + 0.5
    assert plain["ci95"][0] <= plain["mean"] <= plain["ci95"][1]
    assert (said["paired"][0]["a"], said["paired"][0]["b"]) == ("mini", "mini | program_of_thought")
    assert said["paired"][0]["p"] < 0.001
    assert plain["usage"]["calls"] == plain["n"] == 40
    assert json.loads((tmp_path / "out" / "report.json").read_text())["results"][0]["mean"] == plain["mean"]
    assert len((tmp_path / "out" / "items.jsonl").read_text().splitlines()) == 80


def test_improve_says_when_nothing_helped(tmp_path: Path):
    (tmp_path / "script.jsonl").write_text('{"reply": "I do not know."}\n')
    rows = [json.dumps({"input": f"question {i}", "answer": str(i)}) for i in range(40)]
    (tmp_path / "task.jsonl").write_text("\n".join(rows))
    done = run("improve", str(tmp_path / "task.jsonl"), "-m", f"scripted:{tmp_path}/script.jsonl", home=tmp_path)
    assert "Nothing helped" in done.stdout


def test_dry_run_spends_nothing(tmp_path: Path):
    voted = "mini | self_consistency(n=8)"
    done = run("eval", "mini:word_problems", "-m", voted, "--limit", "10", "--dry-run", "--json", home=tmp_path)
    assert json.loads(done.stdout)["max_calls"] == 80
    assert not (tmp_path / "ledger.db").exists()


def test_techniques_and_doctor_speak_for_themselves(tmp_path: Path):
    listed = run("techniques", home=tmp_path).stdout
    assert "self_consistency(n=8, adaptive=true" in listed
    assert "Wang et al. 2023" in run("techniques", "self_consistency", home=tmp_path).stdout
    found = {each["what"]: each["ok"] for each in json.loads(run("doctor", "--json", home=tmp_path).stdout)}
    assert found["sandbox monty"]


def test_the_ledger_can_be_read(tmp_path: Path):
    run("ask", QUESTION, home=tmp_path)
    cost = json.loads(run("ledger", "cost", "--json", home=tmp_path).stdout)
    assert (cost[0]["model"], cost[0]["calls"], cost[0]["usd"]) == ("mini", 1, 0.0)
    row = json.loads(run("ledger", "export", home=tmp_path).stdout)
    assert row["request"]["messages"][0]["content"] == QUESTION
    assert row["key"][:12] in run("ledger", "show", home=tmp_path).stdout


def test_chinese_users_are_spoken_to_in_chinese(tmp_path: Path):
    assert "命令" in run("--help", home=tmp_path, JIELONG_LANG="zh").stdout


def test_a_pipe_that_closes_early_is_no_error(tmp_path: Path):
    command = f"{sys.executable} -m jielong techniques | head -n 1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_ctrl_c_leaves_at_once(tmp_path: Path):
    (tmp_path / "script.jsonl").write_text('{"reply": "late", "seconds": 60}\n')
    process = subprocess.Popen(
        [sys.executable, "-m", "jielong", "eval", "mini:word_problems", "-m", f"scripted:{tmp_path}/script.jsonl"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "JIELONG_HOME": str(tmp_path / "h")},
    )  # fmt: skip
    assert process.stderr
    while "ledger.db" not in process.stderr.readline():
        assert process.poll() is None
    while not (tmp_path / "h" / "ledger.db-wal").exists():
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Traceback" not in said
