"""The report of an evaluation, in files and in a browser: every answer, found again, exported, and nothing run."""

import csv
import gzip
import io
import json
import random
import subprocess
import sys
from pathlib import Path

import pytest

from browser import Browser, browser
from jielong import evaluate
from jielong.contract import Usage
from jielong.measuring.results import EvalReport, ItemResult, ModelResult
from jielong.reporting.evaluation_page import evaluation_page, write_evaluation_page
from jielong.reporting.transcript_data import MAX_TEXT
from jielong.tasks.item import Item
from jielong.tasks.load_task import load_task

HOSTILE = "</script><script>document.title = 'taken'</script><img src=x onerror=\"document.title='taken'\">"
COUNTED = "return document.getElementById('matches').textContent"
SHOWN = "return [...document.querySelectorAll('#rows .row .line')].map(each => each.textContent)"
# Saved files are kept instead of downloaded.
KEEP = """window.saved = []; URL.createObjectURL = blob => { blob.text().then(t => window.saved.push(t)); return '#' };
HTMLAnchorElement.prototype.click = () => {}"""


def run_command(*arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "jielong", *arguments], check=True, capture_output=True)


def report(models: int, items: int, text: str = "") -> EvalReport:
    rng = random.Random(0)
    words = [f"word{i}" for i in range(2000)]
    questions = tuple(
        Item(f"item-{i}", f"Question {i}: {' '.join(rng.choices(words, k=30))}", (str(i),)) for i in range(items)
    )
    task = load_task("mini:word_problems", limit=2)
    results = []
    for m in range(models):
        answers = [
            ItemResult(
                q.id, float(rng.random() < 0.6), str(i), text or " ".join(rng.choices(words, k=60)), None, Usage(), 1.0
            )
            for i, q in enumerate(questions)
        ]
        results.append(ModelResult(f"model-{m}", tuple(answers), None, Usage(), ()))
    from dataclasses import replace

    return EvalReport(replace(task, items=questions), 0, None, tuple(results))


def texts_of(report: EvalReport) -> bytes:
    questions = [item.request().messages[-1].text for item in report.task.items]
    return "\n".join([*questions, *(a.text for result in report.results for a in result.answers)]).encode()


def test_five_models_on_a_thousand_items_are_a_small_page():
    made = report(5, 1000)
    size = len(evaluation_page(made, "en").html().encode())
    assert size < 2_000_000
    assert size <= 1.4 * len(gzip.compress(texts_of(made), 9)) + 300_000


def test_a_text_of_megabytes_is_cut_and_said():
    page = evaluation_page(report(1, 2, "x" * 20_000_000), "en").html()
    assert len(page) < 200_000


def open_report(opened: Browser, made: EvalReport, folder: Path) -> None:
    write_evaluation_page(made, folder / "report.html", "en")
    opened.open(folder / "report.html")
    for _ in range(100):
        if opened.run(COUNTED):
            return
        opened.run("return new Promise(done => setTimeout(done, 50))")
    pytest.fail("the transcripts were not shown")


def test_ten_thousand_transcripts_scroll_and_filter_on_differences(tmp_path: Path):
    made = report(2, 10_000)
    scores = list(zip(*(result.scores for result in made.results), strict=True))
    differing = [i for i, (a, b) in enumerate(scores) if a != b]
    with browser(tmp_path / "profile") as opened:
        open_report(opened, made, tmp_path)
        assert opened.run(COUNTED) == "10,000 / 10,000"
        opened.run("document.getElementById('list').scrollTop = 1e9; return 0")
        opened.run("return new Promise(done => setTimeout(done, 100))")
        shown = opened.run(SHOWN)
        assert shown[-1].startswith("Question 9999:")
        assert len(shown) < 60  # only what is seen is drawn
        opened.run(
            "const s = document.getElementById('show'); s.value = 'differ'; s.dispatchEvent(new Event('change'))"
        )
        assert opened.run(COUNTED) == f"{len(differing):,} / 10,000"
        assert opened.run(SHOWN)[0].startswith(f"Question {differing[0]}:")
        opened.run(
            "const f = document.getElementById('find'); f.value = 'question 77'; f.dispatchEvent(new Event('input'))"
        )
        wanted = [i for i in differing if str(i).startswith("77")]
        assert opened.run(COUNTED) == f"{len(wanted):,} / 10,000"
        assert opened.complaints() == []
        assert opened.asked() == [(tmp_path / "report.html").as_uri()]


def test_what_a_model_wrote_is_shown_and_never_run_and_no_cell_is_a_formula(tmp_path: Path):
    made = report(1, 3, HOSTILE)
    formula = made.results[0].answers[0].__class__("item-0", 1.0, "=1+1", "=HYPERLINK(1)", None, Usage(), 1.0)
    answers = (formula, *made.results[0].answers[1:])
    made = EvalReport(made.task, 0, None, (ModelResult("=cmd", answers, None, Usage(), ()),))
    with browser(tmp_path / "profile") as opened:
        open_report(opened, made, tmp_path)
        opened.run("document.querySelectorAll('.row')[1].click()")
        assert opened.run("return document.querySelector('#detail .answer pre').textContent") == HOSTILE
        assert opened.run("return document.title") != "taken"
        opened.run(KEEP)
        opened.run("document.getElementById('csv').click(); document.getElementById('json').click()")
        saved = opened.run("return new Promise(done => setTimeout(() => done(window.saved), 200))")
    rows = list(csv.reader(io.StringIO(saved[0].removeprefix("\ufeff"))))
    assert rows[1][3:7] == ["'=cmd", "1", "'=HYPERLINK(1)", "'=1+1"]
    assert json.loads(saved[1])[1]["text"] == HOSTILE[:MAX_TEXT]
    assert len(rows) == 4


def test_front_contamination_and_judges_stand_on_the_page(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("JIELONG_HOME", str(tmp_path / "home"))
    (tmp_path / "task.jsonl").write_text(
        "".join(
            json.dumps({"input": f"How much is {i} and {i + 1}, please?", "answer": 2 * i + 1}) + "\n"
            for i in range(40)
        )
    )
    (tmp_path / "corpus.txt").write_text("How much is 3 and 4, please? 7\n" * 2)
    for name, reply in {"seven": "7", "wordy": "Let me think. It is 7.", "judge": "Verdict: A"}.items():
        (tmp_path / f"{name}.jsonl").write_text(json.dumps({"contains": "", "reply": reply}))
    run_command("contamination", "task.jsonl", "--corpus", "corpus.txt")
    models = ["-m", "scripted:seven.jsonl", "-m", "scripted:wordy.jsonl"]
    run_command("eval", "task.jsonl", *models, "--out", "scores")
    run_command("judge", "task.jsonl", *models, "--judge", "scripted:judge.jsonl", "--out", "judged")
    scores, judged = ((tmp_path / name / "report.html").read_text() for name in ("scores", "judged"))
    for expected in ("corpus.txt", "median latency"):
        assert expected in scores
    assert "corpus.txt" in repr(evaluate("task.jsonl", "scripted:seven.jsonl"))
    for expected in ("scripted:judge.jsonl", "share won by the first", "corpus.txt"):
        assert expected in judged


def test_a_task_without_a_rule_has_judges_and_no_scores(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("JIELONG_HOME", str(tmp_path / "home"))
    (tmp_path / "task.jsonl").write_text(json.dumps({"input": "Write a poem."}) + "\n")
    (tmp_path / "poet.jsonl").write_text(json.dumps({"contains": "", "reply": "Roses are red."}))
    (tmp_path / "judge.jsonl").write_text(json.dumps({"contains": "", "reply": "Grade: 8"}))
    run_command(
        "judge",
        "task.jsonl",
        "-m",
        "scripted:poet.jsonl",
        "--grade",
        "--judge",
        "scripted:judge.jsonl",
        "--out",
        "judged",
    )
    page = (tmp_path / "judged" / "report.html").read_text()
    assert "80.0" in page
    assert "Scores" not in page
