"""The laws of the answer rules. What they find in particular texts: tasks/hard_answers.toml."""

import json
import subprocess
import sys
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jielong.answers import RULES, final_answer
from jielong.answers.number_formats import read_number
from jielong.answers.quantities import canonical

PIECES = st.sampled_from(
    [
        *(
            "the answer is ",
            "Answer: ",
            "答案是",
            "\\boxed{",
            "}",
            "####",
            "**",
            "$",
            "5",
            "-",
            "1,234",
            "3/4",
            "%",
            "= ",
        ),
        *(
            "(B)",
            "B. ",
            "A train",
            "yes",
            "no",
            "not ",
            "but ",
            "是",
            "不对",
            "<think>",
            "</think>",
            "```python\n",
            "```",
        ),
        *(
            '{"a": 1}',
            "[1, 2)",
            "\n",
            ". ",
            " or ",
            "\\frac{1}{2}",
            "\\text{x}",
            "三百二十一",
            "twenty-one",
            "½",
            "７",
            "√3",
        ),
        "\ud800",
    ]
)
TEXTS = st.one_of(st.text(max_size=80), st.lists(PIECES, max_size=14).map("".join))


@given(TEXTS)
@settings(max_examples=400)
def test_no_text_makes_a_rule_fail_and_an_answer_is_never_empty(text: str) -> None:
    for rule in RULES.values():
        answer = rule(text)
        assert answer is None or answer.strip()


@given(TEXTS, st.text(max_size=40).filter(lambda thought: "think" not in thought))
def test_thoughts_change_no_answer(text: str, thought: str) -> None:
    if "think>" in text:
        return
    for rule in RULES.values():
        assert rule(f"<think>{thought}</think>{text}") == rule(text)


@given(TEXTS)
def test_a_thought_that_was_cut_off_holds_no_answer(text: str) -> None:
    if "think>" in text:
        return
    for rule in RULES.values():
        assert rule(f"Answer: 5 <think>{text}") is None


FRACTIONS = st.builds(
    lambda top, twos, fives: Fraction(top, 2**twos * 5**fives),
    st.integers(-(10**15), 10**15),
    st.integers(0, 6),
    st.integers(0, 6),
)


@given(FRACTIONS)
def test_a_decimal_is_found_exactly_in_every_dress(number: Fraction) -> None:
    written = canonical(number)
    assert Fraction(written) == number
    whole, _, decimals = written.lstrip("-").partition(".")
    sign = "-" if number < 0 else ""
    grouped = f"{sign}{int(whole):,}" + (f".{decimals}" if decimals else "")
    latex = grouped.replace(",", "{,}")
    wide = grouped.translate({ord(c): chr(ord(c) + 0xFEE0) for c in "0123456789.,"})
    minus = grouped.replace("-", "−")
    for dress in (
        f"The answer is {written}.",
        f"Answer: {grouped} km",
        f"**{grouped}**",
        f"#### {grouped}",
        f"\\boxed{{{latex}}}",
        f"答案是{wide}。",
        f"First 17, then 4. Final answer: {minus}",
        f"$x = {latex}$",
    ):
        assert RULES["number"](dress) == written, dress


@given(st.integers(-(10**6), 10**6), st.integers(1, 10**6))
def test_a_fraction_is_found_exactly(top: int, bottom: int) -> None:
    expected = canonical(Fraction(top, bottom))
    assert RULES["number"](f"The answer is {top}/{bottom}.") == expected
    assert RULES["number"](f"\\boxed{{\\frac{{{top}}}{{{bottom}}}}}") == expected
    assert RULES["number"](f"The answer is {expected}.") == expected


def in_chinese(n: int) -> str:
    """Numbers below 10^8 as a Chinese schoolbook writes them; the oracle."""
    if n >= 10_000:
        rest = n % 10_000
        return in_chinese(n // 10_000) + "万" + ("" if not rest else ("零" if rest < 1000 else "") + in_chinese(rest))
    said, gap = "", False
    for unit, name in ((1000, "千"), (100, "百"), (10, "十"), (1, "")):
        digit, n = divmod(n, unit)
        if digit:
            said += ("零" if gap and said else "") + "零一二三四五六七八九"[digit] + name
        gap = not digit
    return said or "零"


def in_english(n: int) -> str:
    small = (
        "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
        "seventeen eighteen nineteen"
    ).split()
    tens = "twenty thirty forty fifty sixty seventy eighty ninety".split()
    if n < 20:
        return small[n]
    if n < 100:
        return tens[n // 10 - 2] + (f"-{small[n % 10]}" if n % 10 else "")
    for size, name in ((10**6, "million"), (1000, "thousand"), (100, "hundred")):
        if n >= size:
            rest = n % size
            return f"{in_english(n // size)} {name}" + (f" {in_english(rest)}" if rest else "")
    raise AssertionError


@given(st.integers(0, 10**8 - 1))
def test_numbers_in_words_are_read_as_they_are_written(n: int) -> None:
    assert RULES["number"](f"答案是{in_chinese(n)}。") == str(n)
    assert RULES["number"](f"The answer is {in_english(n)}.") == str(n)
    found = read_number(in_english(n))
    assert found
    assert found.value == n


@given(
    st.sampled_from("ABCDEFGHIJ"), st.sampled_from(["({})", "{}.", "**{}**", "{}", "{}) 21", "option {}", "**({})**"])
)
def test_a_marked_letter_is_found_in_every_dress(letter: str, dress: str) -> None:
    marked = dress.format(letter)
    other = "B" if letter != "B" else "C"
    for text in (f"The answer is {marked}", f"Is it ({other})? No.\n\nAnswer: {marked}", f"答案：{marked}"):
        assert RULES["choice"](text) == letter


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(JSON, st.sampled_from(["{}", "```json\n{}\n```", "  {}\n"]), st.sampled_from([None, 2]))
def test_json_is_found_whole_and_canonical(value: object, dress: str, indent: int | None) -> None:
    found = RULES["json"](dress.replace("{}", json.dumps(value, indent=indent)))
    assert found is not None
    assert json.loads(found) == value
    assert RULES["json"](found) == found


@given(st.dictionaries(st.text(max_size=5), JSON, min_size=1, max_size=3))
def test_json_is_found_in_prose(value: dict[str, object]) -> None:
    found = RULES["json"](f"Here you are {json.dumps(value)} as it was asked.")
    assert found is not None
    assert json.loads(found) == value


@given(
    st.lists(
        st.sampled_from(["x = 1", "    return x", "if x:", "", "# note", 'print("```no")'.replace("```", "``")]),
        min_size=1,
    )
)
def test_a_fenced_program_comes_back_as_it_was_written(lines: list[str]) -> None:
    program = "\n".join(lines).strip("\n")
    if program.strip():
        assert RULES["code"](f"Sure:\n\n```python\n{program}\n```\n\nDone.") == program.rstrip()


LARGE = 1_000_000
FLOODS = {
    "digits": "9" * LARGE,
    "groups": "1,234" * (LARGE // 5),
    "spaces after a mark": "the answer" + " " * LARGE + "is 5",
    "marks": "the answer is " * (LARGE // 14),
    "negated marks": "The answer is not " * (LARGE // 18),
    "braces": "{" * LARGE,
    "brackets": "[" * LARGE,
    "open boxes": "\\boxed{" * (LARGE // 7),
    "thoughts": "<think>" * (LARGE // 7),
    "fences": "```\n" * (LARGE // 4),
    "stars": "**1" * (LARGE // 3),
    "lines": "1\n" * (LARGE // 2),
    "Chinese digits": "三百" * (LARGE // 2),
    "words": "twenty one " * (LARGE // 11),
    "open JSON": '{"a":' * (LARGE // 5),
    "open JSON text": '{"a": "' + "x" * LARGE,
    "fractions": "\\frac{1}{2}" * (LARGE // 11),
    "ligatures": "ﷺ" * (LARGE // 10),
    "sums": "Answer: " + "1 + " * (LARGE // 4),
    "options": "A) 5\n" * (LARGE // 5),
    "backslashes": "\\" * LARGE,
}


@pytest.mark.parametrize("flood", FLOODS)
def test_a_megabyte_of_anything_is_read_to_the_end(flood: str) -> None:
    for rule in RULES.values():
        answer = rule(FLOODS[flood])
        assert answer is None or answer.strip()


def test_a_box_in_ten_thousand_braces_is_read_or_given_up() -> None:
    assert RULES["boxed"]("\\boxed{" + "{" * 4000 + "5" + "}" * 4000 + "}") == "{" * 4000 + "5" + "}" * 4000
    assert RULES["boxed"]("\\boxed{" + "{" * 10_000 + "5" + "}" * 10_000 + "}") is None


def test_the_end_of_a_long_reply_decides() -> None:
    assert final_answer("The answer is 4.\n" + "Let me think again. " * 5000 + "The answer is 5.") == "5"


def test_the_rules_have_the_names_that_recipes_use() -> None:
    assert set(RULES) == {"number", "choice", "exact", "contains", "json", "code", "yes_no", "final_answer", "boxed"}
    assert all(rule.__name__ == name for name, rule in RULES.items())


def test_the_rules_load_without_sympy() -> None:
    program = (
        "import sys, jielong.answers, jielong.tasks.answer_equality; print({'sympy', 'math_verify'} & {*sys.modules})"
    )
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert said.strip() == "set()"
