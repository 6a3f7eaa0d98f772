"""Whatever a user gets wrong: one line that says what was found and what to do, exit status 2, no traceback."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest


def jielong(*arguments: str, home: Path, stdin: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {k: v for k, v in os.environ.items() if not k.endswith("_API_KEY")}
    return subprocess.run(
        [sys.executable, "-m", "jielong", *arguments], capture_output=True, text=True, input=stdin, check=False,
        env={**clean, "JIELONG_HOME": str(home), "JIELONG_LANG": "en", **environment},
    )  # fmt: skip


def one_line(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 2, done
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("jielong: ")
    return last


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["ask", "hi", "-m", "mini | cott"], "unknown technique 'cott'; did you mean 'cot'?"),
        (["ask", "hi", "-m", "mini | self_consistency(n=eight)"], "self_consistency(n=): expected a whole number"),
        (["ask", "hi", "-m", "mini | self_consistency(m=8)"], "unknown option of self_consistency 'm'"),
        (["ask", "hi", "-m", "mini | persona"], "persona needs role="),
        (["ask", "hi", "-m", "minni"], "did you mean 'mini'?"),
        (["ask", "hi", "-m", "mini |"], "expected the name of a technique, found the end"),
        (["ask", "hi", "-m", "openai:gpt-5"], "export OPENAI_API_KEY=…"),
        (["ask", "hi", "-m", "openai:x@http://127.0.0.1:9/v1"], "nothing answers at http://127.0.0.1:9/v1"),
        (["ask", "hi", "-m", "local:nowhere"], "no such folder"),
        (["ask", "hi", "-m", "scripted:nowhere.jsonl"], "cannot be read"),
        (["ask"], "nothing to ask"),
        (["aks", "hi"], "unknown command 'aks'; did you mean 'ask'?"),
        (["ask", "hi", "--temperature", "hot"], "'hot' is not a valid float"),
        (["eval", "nowhere.jsonl"], "no such file"),
        (["eval", "mini:word_problem"], "did you mean 'mini:word_problems'?"),
        (["eval", "mini:word_problems", "--rule", "numbr"], "did you mean 'number'?"),
        (["ledger", "cost"], "holds no calls"),
        (["techniques", "cott"], "did you mean 'cot'?"),
    ],
)
def test_bad_arguments(arguments: list[str], words: str, tmp_path: Path):
    assert words in one_line(jielong(*arguments, home=tmp_path))


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("empty.jsonl", "", "it is empty"),
        ("broken.jsonl", "not json\n{also not\n", "broken.jsonl:1: not JSON"),
        ("columns.jsonl", '{"a": 1, "b": 2}\n', "the columns are a, b; say --input COL --answer COL"),
        ("bytes.csv", b"input,answer\n\x81\x81,1\n", "neither UTF-8 nor GB18030"),
        ("table.xlsx", "x", "not an Excel file that can be read"),
        ("table.xls", "x", "unknown kind of file"),
        ("one.jsonl", '{"input": "x"}\n', "a judge is needed"),
    ],
)
def test_bad_files(name: str, content: str | bytes, words: str, tmp_path: Path):
    file = tmp_path / name
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    assert words in one_line(jielong("eval", str(file), "-m", "mini", home=tmp_path / "home"))


def test_broken_rows_are_set_aside_and_named(tmp_path: Path):
    good = [json.dumps({"input": f"What is {i}+1?", "answer": i + 1}) for i in range(5)]
    (tmp_path / "task.jsonl").write_text("\n".join([*good, "broken", '{"input": "no answer"}', "[1]"]) + "\n")
    out = tmp_path / "out"
    done = jielong("eval", str(tmp_path / "task.jsonl"), "-m", "mini", "--json", "--out", str(out), home=tmp_path / "h")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["results"][0]["n"] == 5
    assert "3 rows set aside" in done.stderr
    rejected = [json.loads(line) for line in (out / "rejects.jsonl").read_text().splitlines()]
    assert [r["line"] for r in rejected] == [6, 7, 8]
    strict = jielong("eval", str(tmp_path / "task.jsonl"), "-m", "mini", "--strict", home=tmp_path / "h")
    assert "task.jsonl:6: not JSON" in one_line(strict)


def test_a_damaged_ledger_is_told(tmp_path: Path):
    (tmp_path / "ledger.db").write_bytes(b"this is no database, it is a text that goes on for a while" * 50)
    assert "is damaged" in one_line(jielong("ask", "hi", home=tmp_path))


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="mounting a small disk needs root")
def test_a_full_disk_is_told(tmp_path: Path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)], check=False)
    if mounted.returncode:
        pytest.skip("a small disk cannot be mounted here")
    try:
        (disk / "filler").write_bytes(b"x" * 48_000)
        assert "free space" in one_line(jielong("ask", "hi", home=disk))
    finally:
        subprocess.run(["umount", str(disk)], check=True)
