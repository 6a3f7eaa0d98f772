"""Expressions that make a number: the ways in which they are written, and what is none."""

import pytest

from jielong.tasks.expression_check import makes_target


@pytest.mark.parametrize(
    "text",
    [
        "Answer: (10-4)*4",
        "10 - 4 = 6 (left: 4 6)\n6 * 4 = 24 (left: 24)\nAnswer: (10 - 4) * 4 = 24",
        r"So \boxed{(10-4) \times 4}.",
        r"**Answer:** $(10-4) \times 4 = 24$",
        r"Answer: \( \left(10-4\right) \cdot 4 \)",
        r"\[ (10-4)\times 4=24 \]" + "\n" + r"**Answer: (10 - 4) \* 4**",
        "Answer: `(10 − 4) × 4`",
        "Answer: 4 x (10 - 4)",
        "Answer: [10-4]·4",
        "答案：（10-4）*4",
    ],
)
def test_mathematics_as_it_is_written(text: str):
    assert makes_target(text, (4, 4, 10), 24).value == 1.0


@pytest.mark.parametrize(
    "text",
    [
        "Answer: (10-4)*4*1",
        "Answer: 24",
        "Answer: 10*4-4 = 24",
        "Answer: (10-4)**4",
        "Answer: (10-4)//4",
        "Answer: 4/(4-4)*10",
        "Answer: -4+4*10",
        "Answer: abs(10-4)*4",
        "Answer: 0x4*(10-4)",
        "Answer: ((((10-4)*4",
        "Answer: " + "(" * 300 + "10-4" + ")" * 300 + "*4",
        "I do not know.",
        "",
    ],
)
def test_what_does_not_make_it(text: str):
    assert makes_target(text, (4, 4, 10), 24).value == 0.0
