"""Judges compare pairs in both orders, at temperature 0; what is lost is no verdict; what the verdicts amount to."""

from __future__ import annotations

import re
import sqlite3
from dataclasses import replace
from functools import partial
from pathlib import Path

import anyio
import pytest

from jielong import Request, Scripted
from jielong.contract import Usage
from jielong.errors import EndpointUnfit
from jielong.measuring.grade_judge import beside, grade_replies
from jielong.measuring.judge_audit import audit_judge
from jielong.measuring.judge_report import pair_report
from jielong.measuring.judgements import read_judgements
from jielong.measuring.pair_figures import LONGER, Reference, figures, labels_of, people
from jielong.measuring.pair_judge import JudgedPairs, PairVerdict, judge_pairs
from jielong.measuring.results import ItemResult, ModelResult
from jielong.measuring.vote_pairs import Pair
from jielong.measuring.votes import Vote
from jielong.tasks.item import Item
from jielong.tasks.metric import find_metric
from jielong.tasks.task import Task

MEMORY = Path(":memory:")
SHOWN = re.compile(r"Reply A:\n(.*?)\n\nReply B:\n(.*?)\n\nThink", re.S)


def some_pairs(n: int = 8) -> list[Pair]:
    """In the even ones a's reply is the good one; b's are longer."""
    return [
        Pair(f"q{i}", f"q{i}", f"Question {i}?", "one", "two", f"{'good' if i % 2 == 0 else 'bad'} {i}",
             f"{'bad' if i % 2 == 0 else 'good'} {i} and more words")
        for i in range(n)
    ]  # fmt: skip


def preferring(judge) -> Scripted:  # type: ignore[no-untyped-def]
    """`judge(first, second)` gives A, B, tie or whatever it likes."""

    def reply(request: Request) -> str:
        match = SHOWN.search(request.messages[-1].text)
        return f"Verdict: {judge(*match.groups())}" if match else "not asked to compare"

    return Scripted(reply, identity="judge of a test")


def judged(model: Scripted, pairs: list[Pair], **settings) -> JudgedPairs:  # type: ignore[no-untyped-def]
    (only,) = anyio.run(partial(judge_pairs, pairs, [model], ledger=MEMORY, **settings))
    return only


HONEST = preferring(lambda first, second: "A" if "good" in first else "B")


def test_each_pair_is_asked_in_both_orders_at_temperature_0():
    model = preferring(lambda first, second: "A" if "good" in first else "B")
    found = judged(model, some_pairs(2))
    shown = [SHOWN.search(request.messages[-1].text).groups() for request in model.requests]  # type: ignore[union-attr]
    assert sorted(shown) == sorted(
        [pair for first, second in shown[::2] for pair in ((first, second), (second, first))]
    )
    assert {request.sampling.temperature for request in model.requests} == {0.0}
    assert [each.score for each in found.verdicts] == [1.0, 0.0]


def test_one_order_lost_is_no_verdict_and_not_the_worst_score():
    model = preferring(lambda first, second: "A" if first == "good 0" else "no idea" if "0" in first else "B")
    found = judged(model, some_pairs(2))
    assert found.verdicts[0].score is None
    assert (found.unread, found.lost) == (1, 0)
    (row,) = figures(found)
    assert (row.pairs, row.win_rate.n) == (2, 1)


def test_place_is_found_and_does_not_move_the_win_rate():
    (row,) = figures(judged(preferring(lambda first, second: "A"), some_pairs(12)))
    assert (row.win_rate.mean, row.swap.mean, row.first.share.mean) == (0.5, 0.0, 1.0)
    assert row.first.p is not None
    assert row.first.p < 0.01
    (row,) = figures(judged(HONEST, some_pairs(12)))
    assert (row.win_rate.mean, row.swap.mean, row.first.share.n) == (0.5, 1.0, 0)


def test_repeats_show_a_judge_that_changes_its_mind():
    answers = iter("ABABAABB" * 9)
    found = judged(Scripted(lambda request: f"Verdict: {next(answers)}", identity="fickle"), some_pairs(3), repeats=4)
    (row,) = figures(found)
    assert row.unstable
    assert row.unstable.mean > 0.5
    (row,) = figures(judged(HONEST, some_pairs(3), repeats=2))
    assert row.unstable
    assert row.unstable.mean == 0.0


def test_a_judge_that_cannot_be_read_is_said_at_once():
    with pytest.raises(EndpointUnfit, match="gave no verdict that can be read"):
        judged(preferring(lambda first, second: "hm"), some_pairs(10))


def test_labels_and_people_are_beside_the_judge_and_correct_it():
    pairs = [replace(pair, label="model_a") for pair in some_pairs(40)]
    labels = labels_of(pairs)
    assert labels
    few = Reference("label", dict(list(labels.scores.items())[:20]))
    (row,) = figures(judged(HONEST, pairs), [few])
    agreement = row.agreements[0]
    assert (agreement.accuracy.mean, agreement.accuracy.n, agreement.both.mean) == (0.5, 20, 0.5)
    assert row.corrected
    assert row.corrected.mean == 1.0
    vote = Vote("q0", "q0", "one", "two", "model_b", "anna")
    by_people = people(
        [vote, replace(vote, rater="bo", winner="tie"), replace(vote, rater="c", winner="both_bad")], pairs
    )
    assert by_people == Reference("people", {"q0": 0.25})
    turned = [replace(pairs[0], model_a="two", model_b="one")]
    assert people([vote], turned) == Reference("people", {"q0": 1.0})


def test_a_report_has_everybody_on_the_same_items():
    pairs = some_pairs(10)
    rule = Reference("rule", {f"q{i}": 1.0 for i in range(4)})
    second = preferring(lambda first, second: "tie")
    both = anyio.run(partial(judge_pairs, pairs, [HONEST, second], ledger=MEMORY))
    report = pair_report(both, [rule])
    rows = {row.judge: row for row in report.rows}
    assert len(report.rows) == 5
    assert {row.common.n for row in report.rows if row.common} == {4}
    assert rows["panel"].win_rate.mean == 0.5
    assert rows[LONGER].win_rate.mean == 0.0
    document = report.to_json()
    assert [row["n"] for row in document["rows"]] == [10, 10, 10, 10, 4]


def test_a_panel_needs_all_of_its_judges():
    pairs = some_pairs(2)
    silent = JudgedPairs("x", tuple(PairVerdict(pair, ((None, 1.0),)) for pair in pairs))
    report = pair_report([judged(HONEST, pairs), silent])
    assert {row.judge: row.win_rate.n for row in report.rows}["panel"] == 0


def test_an_audit_finds_what_a_judge_likes_for_its_form():
    longer = preferring(
        lambda first, second: "A" if len(first) > len(second) else "B" if len(first) < len(second) else "A"
    )
    audit = anyio.run(partial(audit_judge, some_pairs(30), longer, planted=20, ledger=MEMORY))
    assert [audit.tendencies[kind].share.mean for kind in ("position", "length", "style")] == [1.0, 1.0, 1.0]
    assert audit.tendencies["length"].p is not None
    assert audit.tendencies["length"].p < 0.001
    assert audit.doubt == pytest.approx(0.5)
    fair = anyio.run(partial(audit_judge, some_pairs(30), preferring(lambda a, b: "tie"), planted=20, ledger=MEMORY))
    assert all(found.p is None or found.p == 1 for found in fair.tendencies.values())


def test_equal_content_is_planted_whatever_the_judge_thinks_of_length():
    lengths: list[tuple[str, str]] = []
    model = preferring(lambda first, second: lengths.append((first, second)) or "tie")
    anyio.run(partial(audit_judge, some_pairs(3), model, planted=3, ledger=MEMORY))
    assert any(first == second for first, second in lengths)
    assert any(first.count("good") == 2 * second.count("good") > 0 for first, second in lengths)


def graded(judge: Scripted, replies: list[str], **settings):  # type: ignore[no-untyped-def]
    items = tuple(Item(f"{i}", f"Question {i}?", ("7",)) for i in range(len(replies)))
    task = Task("t", items, find_metric("number"), "why", "source")
    answers = tuple(ItemResult(f"{i}", 1.0, reply, reply, None, Usage(), 0.0) for i, reply in enumerate(replies))
    result = ModelResult("m", answers, None, Usage(), ())
    (only,) = anyio.run(partial(grade_replies, task, [result], [judge], ledger=MEMORY, **settings))
    return only, task


def test_grades_that_cannot_be_read_are_left_out_and_counted():
    judge = Scripted(lambda request: "GRADE: C" if "bad" in request.messages[-1].text else "Grade: 8")
    found, task = graded(judge, ["fine", "bad", "fine"])
    assert (found.asked, found.mean.n, found.mean.mean, found.unread) == (3, 2, 0.8, 1)
    other = beside(found, "rule", {"0": 1.0, "1": 0.0, "2": 0.0}, task)
    assert other
    assert (other.theirs.mean, other.judged.n) == (0.5, 2)


def test_criteria_are_graded_by_id_and_all_of_them_or_none():
    criteria = {"c1": "It is polite", "c2": "It is true"}
    judge = Scripted(lambda request: "c1 (Höflichkeit): 4" + ("" if "bad" in request.messages[-1].text else "\nc2: 8"))
    found, _ = graded(judge, ["fine", "bad"], criteria=criteria)
    assert "c1: It is polite" in judge.requests[0].messages[-1].text
    assert found.grades == pytest.approx({"0": 0.6})
    assert {name: part.mean for name, part in found.parts.items()} == pytest.approx({"c1": 0.4, "c2": 0.8})
    assert found.unread == 1


def test_a_grade_that_changes_from_one_time_to_the_next_is_seen():
    grades = iter([4, 10, 4, 4])
    judge = Scripted(lambda request: f"Grade: {next(grades)}", identity="fickle")
    found, _ = graded(judge, ["one", "two"], repeats=2)
    assert found.unstable
    assert found.unstable.mean == 0.5
    assert {request.sampling.temperature for request in judge.requests} == {0.0}


def test_a_new_judge_is_asked_and_what_was_judged_is_not_paid_again(tmp_path: Path):
    ledger = tmp_path / "ledger.db"

    def calls(judge: Scripted) -> int:
        anyio.run(partial(judge_pairs, some_pairs(3), [judge], ledger=ledger))
        return len(judge.requests)

    first = preferring(lambda a, b: "A")
    other = Scripted("Verdict: B", identity="another judge")
    assert (calls(first), calls(first), calls(other)) == (6, 6, 6)
    assert sqlite3.connect(ledger).execute("select count(*) from calls").fetchone()[0] == 12


LLMBAR = """[{"input": "i", "output_1": "x", "output_2": "y", "label": 1, "results": [
    {"swap = False": {"winner": "1"}, "swap = True": {"winner": "1"}}]},
 {"input": "j", "output_1": "x", "output_2": "y", "label": 2, "results": [
    {"swap = False": {"winner": "1"}, "swap = True": {"winner": "2"}}]},
 {"input": "k", "output_1": "x", "output_2": "y", "label": 2, "results": [
    {"swap = False": {"winner": null}, "swap = True": {"winner": "2"}}]}]"""


def test_judgements_of_llmbar_are_read_with_their_accuracy(tmp_path: Path):
    (tmp_path / "result.json").write_text(LLMBAR)
    (found,) = read_judgements(tmp_path / "result.json")
    assert [each.score for each in found.verdicts] == [1.0, 0.5, None]
    labels = labels_of([each.pair for each in found.verdicts])
    assert labels
    (row,) = figures(found, [labels])
    assert row.agreements[0].accuracy.mean == 0.75
    assert row.agreements[0].of_all == pytest.approx(4 / 6)
    assert found.unread == 1


def test_annotations_of_alpaca_eval_are_read(tmp_path: Path):
    row = '{"instruction": "i", "output_1": "base", "output_2": "new", "generator_1": "g1", "generator_2": "g2", '
    (tmp_path / "annotations.json").write_text(
        f'[{row}"preference": 1.75, "annotator": "x"}}, {row}"preference": null, "annotator": "x"}}]'
    )
    (found,) = read_judgements(tmp_path / "annotations.json")
    assert (found.judge, [each.score for each in found.verdicts]) == ("x", [0.75, None])
    assert (found.verdicts[0].pair.model_a, found.verdicts[0].pair.response_a) == ("g2", "new")
