"""What a person gets from `jielong improve` on mini: a table, a verdict, and a report whose recipe keeps its word."""

import json
import os
import re
import subprocess
import sys
from html import unescape
from pathlib import Path

import pytest

from browser import browser
from jielong.improving.improve_result import ImproveResult


def command(*arguments: str, home: Path) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, check=False,
        env={**os.environ, "JIELONG_HOME": str(home), "JIELONG_LANG": "en"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done


@pytest.fixture(scope="module")
def improved(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ImproveResult, str]:
    """The result folder of one run, what is in it, and what was printed."""
    folder = tmp_path_factory.mktemp("improved")
    arguments = ("-m", "jielong", "improve", "mini:word_problems", "-m", "mini", "--limit", "60", "--out", str(folder))
    output = command(*arguments, home=folder / "home").stdout
    return folder, ImproveResult.from_json(json.loads((folder / "outcome.json").read_text("utf-8"))), output


def test_the_terminal_has_the_table_the_verdict_and_the_cost(improved: tuple[Path, ImproveResult, str]):
    folder, outcome, output = improved
    spent = outcome.search_usage
    assert f"Use: {outcome.verdict.recipe}\n" in output
    assert f"The search took {spent.input_tokens + spent.output_tokens:,} tokens in {spent.calls:,} calls" in output
    assert output.rstrip().endswith(f"Report: {folder / 'report.html'}")
    plain = outcome.candidates[0]
    for candidate in outcome.candidates[1:]:
        ci95 = candidate.against(plain).ci95 if candidate.scores else None
        met = any(result.model == candidate.recipe for result in outcome.finalists)
        if ci95 and not met and "spell" in candidate.steps:
            none = re.search(r"Candidates with no effect \(\d+\): .* contains 0\. (.*)", output)
            assert (candidate.steps in (none[1] if none else "")) == (ci95[0] <= 0 <= ci95[1]), candidate.steps


def test_the_recipe_gives_on_fresh_items_what_the_report_claims(improved: tuple[Path, ImproveResult, str]):
    folder, outcome, _ = improved
    assert outcome.verdict.kind == "improved"
    assert outcome.chosen
    fresh = (
        "-m",
        "jielong",
        "eval",
        "mini:word_problems",
        "-m",
        outcome.verdict.recipe,
        "--limit",
        "60",
        "--seed",
        "7",
    )
    again = json.loads(command(*fresh, "--json", home=folder / "home").stdout)["results"][0]
    low, high = outcome.chosen.accuracy.ci95 or (1, 0)
    assert again["usage"]["cached_calls"] == 0
    assert low <= again["mean"] <= high


def test_python_and_messages_on_the_page_are_those_that_run(improved: tuple[Path, ImproveResult, str], tmp_path: Path):
    folder, outcome, _ = improved
    page = (folder / "report.html").read_text("utf-8")
    recipe, ask, python, body, *_ = (
        unescape(text) for text in re.findall(r'<pre class="copy">(.*?)</pre>', page, re.S)
    )
    assert recipe == outcome.verdict.recipe
    (tmp_path / "use.py").write_text(python, "utf-8")
    assert command(str(tmp_path / "use.py"), home=tmp_path).stdout.strip()
    question = json.loads(re.search(r'model\.ask\((".*")\)', python)[1])  # type: ignore[index]
    shown = command("-m", "jielong", "ask", question, "-m", recipe, "--show", "--json", home=tmp_path).stdout
    assert json.loads(shown)["messages"] == json.loads(body)["messages"]
    ask = ask.replace("jielong", f"{sys.executable} -m jielong", 1)
    own = {**os.environ, "JIELONG_HOME": str(tmp_path)}
    done = subprocess.run(["bash", "-c", ask], check=False, capture_output=True, text=True, env=own)
    assert done.returncode == 0, done.stderr


def test_the_page_of_a_real_run_is_quiet_in_a_browser(improved: tuple[Path, ImproveResult, str], tmp_path: Path):
    folder, _, _ = improved
    with browser(tmp_path / "profile") as opened:
        opened.open(folder / "report.html", width=390)
        assert opened.complaints() == []
        assert [url for url in opened.asked() if not url.startswith(("file:", "data:"))] == []
        assert opened.run("return document.documentElement.scrollWidth") <= 390


def test_the_same_command_replays_the_run(improved: tuple[Path, ImproveResult, str]):
    """An ended run is not paid for again: every call comes from the ledger, with the same verdict."""
    folder, outcome, _ = improved
    arguments = ("-m", "jielong", "improve", "mini:word_problems", "-m", "mini", "--limit", "60", "--json")
    again = json.loads(command(*arguments, home=folder / "home").stdout)
    assert (again["recipe"], again["difference"]) == (
        outcome.verdict.recipe, outcome.verdict.comparison and outcome.verdict.comparison.difference
    )  # fmt: skip
    assert again["verdict"] == "improved"
    assert "program_of_thought" in again["recipe"] or "cot" in again["recipe"]
    assert again["ci95"][0] > 0.25
    assert again["search_usage"]["cached_calls"] == again["search_usage"]["calls"] == outcome.search_usage.calls
