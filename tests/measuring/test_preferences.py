"""Pairs of replies as preferences: by votes of whom some guess, by a judge with principles, by a rule."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from jielong.cli.data_preferences import preferences
from jielong.errors import BadInput
from jielong.measuring.preferences import read_constitution


def pairs(tmp_path: Path, count: int = 6) -> Path:
    file = tmp_path / "pairs.jsonl"
    rows = [
        {"id": f"q{i}", "prompt": f"{i} + 1?", "model_a": "y", "model_b": "x", "response_a": f"It is {i + 1}.",
         "response_b": f"It is {i + 7}.", "answer": str(i + 1)}
        for i in range(count)
    ]  # fmt: skip
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


def run(*arguments: object) -> dict[str, object]:
    result = CliRunner().invoke(preferences, [*map(str, arguments), "--json"])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return dict(json.loads(result.stdout))


def rows_in(file: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in file.read_text().splitlines()]


def test_votes_become_preferences_whichever_way_round_they_were_given(tmp_path: Path):
    votes = tmp_path / "votes.jsonl"
    said = [
        ("q0", "x", "y", "model_b"),
        ("q1", "y", "x", "model_b"),
        ("q2", "x", "y", "tie"),
        ("q3", "y", "x", "cannot_tell"),
    ]
    votes.write_text(
        "".join(
            json.dumps({"id": name, "model_a": a, "model_b": b, "winner": winner, "rater": rater}) + "\n"
            for name, a, b, winner in said
            for rater in ("anna", "ben")
        )
    )
    report = run(pairs(tmp_path), "--votes", votes, "--out", tmp_path / "out.jsonl")
    assert {name: report[name] for name in ("rows", "ties", "left_out")} == {"rows": 4, "ties": 2, "left_out": 2}
    first, second, third, fourth = rows_in(tmp_path / "out.jsonl")
    assert (first["chosen"], second["chosen"]) == ("It is 1.", "It is 8.")
    assert first["preference"] > 0.8
    assert third["preference"] == fourth["preference"] == 0.5
    assert [each["rater"] for each in report["raters"]] == ["anna", "ben"]


def test_a_judge_that_contradicts_itself_makes_ties_and_is_shown_the_principles(tmp_path: Path):
    replies, constitution = tmp_path / "judge.jsonl", tmp_path / "constitution.md"
    constitution.write_text("# Ours\n\n- Be right.\n2. Be kind.\n")
    assert dict(read_constitution(constitution)) == {"1": "Be right.", "2": "Be kind."}
    replies.write_text(json.dumps({"reply": "Verdict: A"}) + "\n")
    recipe = f"scripted:{replies}"
    report = run(pairs(tmp_path, 2), "--judge", recipe, "--constitution", constitution, "--out", tmp_path / "out.jsonl")
    assert (report["rows"], report["ties"]) == (2, 2)


def test_a_rule_prefers_the_reply_that_is_right(tmp_path: Path):
    run(pairs(tmp_path), "--rule", "number", "--out", tmp_path / "out.jsonl")
    assert [row["chosen"] for row in rows_in(tmp_path / "out.jsonl")] == [f"It is {i + 1}." for i in range(6)]


def test_what_cannot_be_is_said_in_one_line(tmp_path: Path):
    file, out, empty = pairs(tmp_path), tmp_path / "out.jsonl", tmp_path / "empty.txt"
    empty.write_text("# nothing\n")
    for arguments, words in (
        ((), "expected one of"),
        (("--rule", "number", "--judge", "mini"), "expected one of"),
        (("--rule", "number", "--constitution", empty), "expected --judge"),
        (("--judge", "mini", "--constitution", empty), "0 principles"),
        (("--votes", tmp_path / "missing.jsonl"), "missing.jsonl"),
    ):
        with pytest.raises(BadInput, match=words) as refusal:
            run(file, *arguments, "--out", out)
        assert "\n" not in str(refusal.value)
