"""Results as a notebook's cell and the prompt show them."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from improving.asked import HOSTILE, asked, task
from jielong import Scripted, cot, evaluate, load
from jielong.improving.prompt_search.search_prompts import PromptSearchSummary


@pytest.fixture(autouse=True)
def english(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("JIELONG_LANG", "en")
    monkeypatch.setenv("JIELONG_HOME", str(tmp_path))


def self_contained(html: str) -> bool:
    return not re.search(r"<script|https?:|src=|href=", html)


def test_a_model_shows_its_recipe():
    assert repr(load("mini | cot")) == "<Model mini | cot>"
    assert repr(Scripted("3") | cot()) == "<Model scripted:test | cot>"


def test_an_evaluation_is_a_table():
    report = evaluate(task(12), Scripted("The answer is 4"), Scripted("The answer is 5", name="scripted:five"))
    text, html = repr(report), report._repr_html_()
    assert text.splitlines()[0] == "numbers.csv, 12 items, rule number"
    assert re.search(r"^scripted:five +8\.3 \[1\.5, 35\.4\] +\+0\.0 \[", text, re.MULTILINE)
    assert html.count("<tr>") == 3
    assert "<code>scripted:five</code>" in html
    assert self_contained(html)
    assert repr(report.results[1]).splitlines()[1].startswith("scripted:five")


@pytest.mark.parametrize(("language", "words"), [("en", "points over baseline"), ("zh", "比基线高（百分点）")])
@pytest.mark.anyio
async def test_an_improvement_is_its_verdict_and_its_final(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, language: str, words: str
):
    monkeypatch.setenv("JIELONG_LANG", language)
    result = await asked(tmp_path)
    html = result._repr_html_()
    assert "<code>cot</code>" in html
    assert words in html
    assert words in repr(result)
    assert self_contained(html)
    assert HOSTILE not in html
    stopped = replace(result, finalists=(), comparisons=(), stopped="interrupted")
    assert "self_refine" in repr(stopped)


def test_a_prompt_search_is_both_prompts_on_new_items():
    test = {"n": 50, "start": {"mean": 0.4, "ci95": [0.3, 0.5]}, "best": {"mean": 0.8, "ci95": [0.7, 0.9]},
            "difference": 0.4, "ci95": [0.2, 0.6], "p": 0.0001}  # fmt: skip
    summary = PromptSearchSummary(
        verdict="improved", recipe='mini | instruct("Think.")', start={"text": ""}, holdout_test=test,
        best_of_search={"text": "Think.\n<b>"},
    )  # fmt: skip
    assert "Think. &lt;b&gt;" in summary._repr_html_()
    assert re.search(
        r"best prompt found +Think\. <b> +80\.0 \[70\.0, 90\.0\] +\+40\.0 \[20\.0, 60\.0\] +<\.001", repr(summary)
    )
    nothing = PromptSearchSummary(summary, verdict="nothing helped", holdout_test=None)
    assert "No prompt was shown to beat" in repr(nothing)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
