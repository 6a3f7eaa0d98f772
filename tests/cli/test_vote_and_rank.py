"""`jielong vote` in a real terminal and from a pipe, and `jielong rank` on what it wrote."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from jielong.measuring.vote_pairs import in_order_for, read_pairs
from jielong.measuring.votes import read_votes
from terminal import Terminal

N = 6


def environment(home: Path, language: str = "en") -> dict[str, str]:
    return {**os.environ, "JIELONG_HOME": str(home), "JIELONG_LANG": language, "USER": "somebody"}


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "jielong", *arguments]


def pairs_file(folder: Path) -> Path:
    file = folder / "pairs.jsonl"
    rows = [
        {"id": f"q{i}", "prompt": f"Question {i}?", "model_a": "secret-one", "response_a": f"left {i}",
         "model_b": "secret-two", "response_b": f"right {i}"}
        for i in range(N)
    ]  # fmt: skip
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


def run(home: Path, *arguments: str, keys: str = "", language: str = "en") -> subprocess.CompletedProcess[str]:
    env = environment(home, language)
    return subprocess.run(command(*arguments), capture_output=True, text=True, check=False, input=keys, env=env)


def vote(folder: Path, keys: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return run(folder, "vote", str(pairs_file(folder)), "--rater", "anna", *arguments, keys=keys)


def log(folder: Path) -> Path:
    return folder / "pairs.votes.jsonl"


def test_keys_mean_what_the_screen_shows_and_no_model_is_named(tmp_path: Path):
    done = vote(tmp_path, "12 0 b ? 1")
    assert done.returncode == 0, done.stderr
    assert "secret" not in done.stdout + done.stderr
    order = in_order_for("anna", read_pairs(pairs_file(tmp_path)))
    winners = {each.id: each.winner for each in read_votes([log(tmp_path)]).votes}
    sides = [("model_a", "model_b") if pair.shows_a_first("anna") else ("model_b", "model_a") for pair in order]
    expected = [sides[0][0], sides[1][1], "tie", "both_bad", "cannot_tell", sides[5][0]]
    assert [winners[pair.id] for pair in order] == expected
    first = done.stderr.index("left" if order[0].shows_a_first("anna") else "right")
    assert first < done.stderr.index("right" if order[0].shows_a_first("anna") else "left")


def test_it_resumes_where_the_rater_stopped_and_each_has_their_own(tmp_path: Path):
    assert "2 of 6 pairs judged" in vote(tmp_path, "11q").stdout
    again = vote(tmp_path, "1111", "--json")
    assert json.loads(again.stdout) == {"votes": str(log(tmp_path)), "rater": "anna", "judged": 6, "left": 0}
    assert "Pair 3 of 6" in again.stderr
    assert "Pair 1 of 6" not in again.stderr
    other = run(tmp_path, "vote", str(pairs_file(tmp_path)), "--rater", "bo", "--json", keys="0")
    assert json.loads(other.stdout)["judged"] == 1
    assert len(read_votes([log(tmp_path)]).votes) == 7


def test_undo_goes_back_also_to_an_earlier_session(tmp_path: Path):
    vote(tmp_path, "11q")
    vote(tmp_path, "uu00q")
    order = in_order_for("anna", read_pairs(pairs_file(tmp_path)))
    votes = read_votes([log(tmp_path)])
    assert {each.id: each.winner for each in votes.votes} == {order[0].id: "tie", order[1].id: "tie"}
    assert votes.replaced == 2
    assert len(log(tmp_path).read_text().splitlines()) == 6  # nothing is rewritten


def test_in_a_terminal_single_keys_vote_and_a_kill_loses_nothing(tmp_path: Path):
    arguments = command("vote", str(pairs_file(tmp_path)), "--rater", "anna")
    with Terminal(arguments, environment(tmp_path)) as terminal:
        terminal.wait_for("Pair 1 of 6")
        terminal.press("1x\x1b[A0")  # other keys mean nothing
        terminal.wait_for("Pair 3 of 6")
        terminal.process.send_signal(signal.SIGKILL)
    assert len(read_votes([log(tmp_path)]).votes) == 2
    with Terminal(arguments, environment(tmp_path)) as terminal:
        terminal.wait_for("Pair 3 of 6")
        terminal.press("１？bb")
        terminal.wait_for("All pairs are judged")
        terminal.press("q")
        assert terminal.end() == 0
        assert "secret" not in terminal.text
    assert len(read_votes([log(tmp_path)]).votes) == 6


@pytest.mark.parametrize(
    ("arguments", "english", "chinese"),
    [
        (("rank", "nowhere.jsonl"), "nowhere.jsonl: cannot be read", "nowhere.jsonl"),
        (("vote", "nowhere.jsonl"), "nowhere.jsonl: cannot be read", "nowhere.jsonl"),
        (("rank", "VOTES", "--style", "lenght"), "unknown style term 'lenght'; did you mean 'length'?", "文风项"),
        (("rank", "VOTES", "--style", ""), "--style names no term; known: all, length", "--style 没有写出文风项"),
        (("rank", "VOTES", "--cluster", "topic"), "no column 'topic'", "没有一票能读取"),
        (("vote", "PAIRS", "--votes", "PAIRS"), "votes go into a file of their own", "投票要写入另一个文件"),
        (("vote", "PAIRS", "--rater", " "), "votes need the name of their rater: --rater NAME", "投票需要评分者的名字"),
    ],
)
def test_what_cannot_be_used_is_one_line(tmp_path: Path, arguments: tuple[str, ...], english: str, chinese: str):
    vote(tmp_path, "1111")
    files = {"VOTES": str(log(tmp_path)), "PAIRS": str(pairs_file(tmp_path))}
    for language, words in (("en", english), ("zh", chinese)):
        done = run(tmp_path, *(files.get(word, word) for word in arguments), language=language)
        assert done.returncode == 2
        assert words in done.stderr
        assert done.stderr.count("\n") == 1, done.stderr


def ranking_file(folder: Path) -> Path:
    file = folder / "votes.jsonl"
    winners = ("model_a", "model_a", "model_b", "tie", "both_bad")
    rows = [
        {"id": f"q{i // 2}", "model_a": "x", "model_b": "y", "winner": winners[i // 2 % 5], "rater": "ab"[i % 2],
         "response_a": "word " * (i % 7), "response_b": "word " * (i % 5)}
        for i in range(100)
    ]  # fmt: skip
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", ["Ranking", "95% interval", "both bad", "Cohen's kappa: 1.00", "What style is worth", "Prompts: 40"]),
        ("zh", ["排名", "95% 区间", "都不好", "Cohen κ：1.00", "文风的分量", "提示：40 个"]),
    ],
)
def test_the_ranking_is_printed(tmp_path: Path, language: str, words: list[str]):
    done = run(tmp_path, "rank", str(ranking_file(tmp_path)), "--style", "length", language=language)
    assert done.returncode == 0, done.stderr
    for word in words:
        assert word in done.stdout


def test_the_ranking_as_json(tmp_path: Path):
    done = run(tmp_path, "rank", str(ranking_file(tmp_path)), "--json")
    document = json.loads(done.stdout)
    (group,) = document["groups"]
    x, y = group["models"]
    assert (x["model"], x["wins"], x["ties"], x["losses"]) == ("x", 40, 20, 20)
    assert x["elo"] - 1000 == pytest.approx(1000 - y["elo"])
    assert x["ci95"][0] < x["rating"] < x["ci95"][1]
    assert group["pairs"][0]["p"] == pytest.approx(group["pairs"][0]["p_holm"])
    assert document["outcomes"]["both_bad"] == 20
    assert {each["statistic"] for each in document["agreement"]} == {"cohen", "krippendorff"}
