"""What a judge's reply says is read where it is meant, and nothing else is."""

from __future__ import annotations

import pytest

from jielong.measuring.verdicts import read_grade, read_grades, read_verdict


@pytest.mark.parametrize(
    ("words", "value"),
    [
        ("Verdict: A", 1.0),
        ("Verdict: B.", 0.0),
        ("verdict: b", 0.0),
        ("Verdict: tie", 0.5),
        ("Verdict: a tie", 0.5),
        ("**Verdict:** Reply B is better than Reply A", 0.0),
        ("Verdict: Answer (B)", 0.0),
        ('{"verdict": "B"}', 0.0),
        ("[[B]]", 0.0),
        ("[[C]]", 0.5),
        ("A", 1.0),
        ("Verdict: \\boxed{B}", 0.0),
        ("结论：A", 1.0),
        ("结论：B 更好", 0.0),
        ("结论：平局", 0.5),
        ("<think>Verdict: A</think>Verdict: B", 0.0),
        ("Verdict: A\nWait, no.\nVerdict: B", 0.0),
        ("Verdict: A or B", None),
        ("Verdict: not A", None),
        ("Verdict: A is not better", None),
        ("Verdict: Assistant", None),
        ("Verdict: both are bad", None),
        ("I like A because B is poor.", None),
        ("<think>Verdict: A", None),
        ("", None),
    ],
)
def test_a_verdict_is_read_or_it_is_none(words: str, value: float | None):
    assert read_verdict(words) == value


@pytest.mark.parametrize(
    ("words", "value"),
    [
        ("GRADE: C\ndowngrade: insufficient", None),
        ("downgrade: 3", None),
        ("Upgrade: 9", None),
        ("Grade: **8** / 10", 0.8),
        ("Grade: 8 out of 10", 0.8),
        ("分数：８分", 0.8),
        ('{"grade": "8", "why": "x"}', 0.8),
        ("Grade: 8, though it has 3 errors", 0.8),
        ("Grade: 3\nOn reflection:\nGrade: 5", 0.5),
        ("Grade: 7-8", None),
        ("Grade: 7 to 8", None),
        ("Grade: 85/100", None),
        ("Grade: 4/5", None),
        ("Grade: 80%", None),
        ("Grade: N/A", None),
        ("There are 3 errors.", None),
        ("<think>Grade: 3", None),
    ],
)
def test_a_grade_is_read_or_it_is_none(words: str, value: float | None):
    assert read_grade(words) == value


@pytest.mark.parametrize(
    ("words", "grades"),
    [
        ("[c1]: 8\n[c2]: 3", {"c1": 0.8, "c2": 0.3}),
        ('{"c1": 8, "c2": 5}', {"c1": 0.8, "c2": 0.5}),
        ("c1 Ist es höflich: 8/10\nc2 礼貌：7", {"c1": 0.8, "c2": 0.7}),
        ("- **C1** (accuracy: facts): 8", {"c1": 0.8}),
        ("c10: 4\nc1: 2", {"c1": 0.2}),
        ('{"c1": "none", "c2": 8}', {"c2": 0.8}),
        ("It is polite: 8\nIt is true: 3", {}),
    ],
)
def test_criteria_are_found_by_their_ids_alone(words: str, grades: dict[str, float]):
    assert read_grades(words, ["c1", "c2"]) == grades
