"""Arithmetic as people type it: `17 * 23`, "half of 46", 120除以8; the number, the steps, or a call of a calculator.

One operation that a small model can do at once is answered by the number alone; everything else goes by steps that are
each that easy, as `17*20=340. 17*3=51. 340+51=391.` One in ten chains of calculations is held out, by hash.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from . import tool_choice
from .draws import first_fitting
from .grammar import grammar
from .names import split_bucket
from .noise import all_numbers_as_words
from .training_examples import Document, Turn, assistant_turn, decisive_turn, user_turn
from .vocabulary import SampleRandom, wordlists

LARGEST_TERM, LARGEST_FACTOR = 999, 99
KINDS = {
    "plus": 5, "minus": 5, "times": 6, "divided": 5, "long_plus": 1, "long_minus": 1, "long_times": 4,
    "long_divided": 2, "half": 1, "double": 1, "sum": 2, "two": 4, "brackets": 2,
}  # fmt: skip
EASY = ("plus", "minus", "times", "divided", "half", "double")


@dataclass(frozen=True)
class Calculation:
    """`question` is what somebody types, `steps` are (expression, value); the last value is the answer."""

    question: str
    expression: str
    steps: tuple[tuple[str, int], ...]
    easy: bool

    @property
    def answer(self) -> int:
        return self.steps[-1][1]

    @property
    def chain(self) -> str:
        return " ".join(f"{expression}={value}." for expression, value in self.steps)

    @property
    def held_out(self) -> bool:
        return split_bucket("chain", self.chain) == 0


def sample_calculation(rng: SampleRandom, kind: str = "") -> Calculation:
    """A calculation from this side of the split, of any kind where `kind` is ""."""
    return first_fitting(
        lambda: _any_calculation(rng, kind or rng.choices(list(KINDS), list(KINDS.values()))[0]),
        lambda calculation: calculation.held_out == rng.held_out,
        f"a calculation on this side of the split {kind}".strip(),
    )


def _any_calculation(rng: SampleRandom, kind: str) -> Calculation:
    if kind == "sum":
        return _sum_of_several(rng)
    if kind in ("two", "brackets"):
        return _two_operations(rng, kind == "brackets")
    if kind in ("half", "double"):
        return _multiple_or_part(rng)
    operator, a, b = _operands(rng, kind)
    expression = f"{a}{operator}{b}"
    rule = {"+": "plus", "-": "minus", "*": "times", "/": "divided"}[operator]
    if rng.chance(0.5) or (operator == "-" and a < b):
        question = rng.sentence("arithmetic_signs", e=typed_expression(rng, expression))
    else:
        question = rng.sentence(f"arithmetic_{rule}", a=a, b=b, larger=max(a, b), smaller=min(a, b))
    if rng.chance(0.12):
        question = all_numbers_as_words(question, rng.language, rng.choice("--- "))
    return Calculation(question, expression, tuple(steps_of(operator, a, b)), _is_easy(operator, a, b))


def _operands(rng: SampleRandom, kind: str) -> tuple[str, int, int]:
    largest = rng.choice((20, 99, LARGEST_TERM))
    if kind == "plus":
        return "+", rng.randint(1, largest), rng.randint(1, rng.choice((20, 99, LARGEST_TERM)))
    if kind == "minus":
        a, b = rng.randint(1, largest), rng.randint(1, largest)
        if a < b and not (b <= 99 and rng.chance(0.1)):
            a, b = b, a
        return "-", a, b
    if kind == "times":
        digit, factor = rng.randint(2, 9), rng.randint(2, rng.choice((12, LARGEST_FACTOR)))
        if rng.chance(0.1):
            factor = rng.choice((10, 100)) * rng.randint(1, 9)
        return ("*", digit, factor) if rng.chance(0.5) else ("*", factor, digit)
    if kind == "divided":
        b = rng.randint(2, 9)
        return "/", b * rng.randint(2, rng.choice((12, LARGEST_FACTOR))), b
    if kind == "long_plus":
        return "+", rng.randint(100, 9999), rng.randint(1000, 9999)
    if kind == "long_minus":
        a, b = rng.randint(1000, 9999), rng.randint(100, 9999)
        return "-", max(a, b), min(a, b)
    if kind == "long_times":
        two_digits = rng.randint(11, 99)
        other = rng.randint(11, rng.choice((99, 99, 999)))
        return ("*", two_digits, other) if rng.chance(0.5) else ("*", other, two_digits)
    b = rng.randint(11, 99) if rng.chance(0.6) else rng.randint(2, 9)
    return "/", b * (rng.randint(11, 99) if b > 9 else rng.randint(100, 999)), b


def _multiple_or_part(rng: SampleRandom) -> Calculation:
    """Half, double, and the like: a word that says the operation and its number."""
    name, operator, b = rng.choice(_WORDS_FOR_ONE_NUMBER)
    b = b or rng.randint(2, 9)
    n = rng.randint(2, LARGEST_FACTOR if b > 2 or rng.chance(0.6) else 450)
    a = n * b if operator == "/" else n
    question = rng.sentence(f"arithmetic_{name}", a=a, b=b)
    return Calculation(question, f"{a}{operator}{b}", tuple(steps_of(operator, a, b)), _is_easy(operator, a, b))


_WORDS_FOR_ONE_NUMBER = (
    *[("half", "/", 2)] * 2, *[("double", "*", 2)] * 2, ("third", "/", 3), ("triple", "*", 3), ("quarter", "/", 4),
    ("fold", "*", 0),
)  # fmt: skip


def _sum_of_several(rng: SampleRandom) -> Calculation:
    largest = rng.choice((20, 99, 99, LARGEST_TERM))
    terms = [rng.randint(1, largest) for _ in range(rng.choice((3, 3, 3, 4, 4, 5)))]
    steps, total = [], terms[0]
    for term in terms[1:]:
        steps.append((f"{total}+{term}", total + term))
        total += term
    expression = "+".join(map(str, terms))
    if rng.chance(0.35):
        question = rng.sentence("arithmetic_signs", e=typed_expression(rng, expression))
    elif rng.chance(0.15):
        between, last = rng.choice(grammar(rng.language)["sum_chain"]).split(";")
        question = rng.sentence("arithmetic_signs", e=between.join(map(str, terms[:-1])) + last + str(terms[-1]))
    else:
        words = grammar(rng.language)
        listed = (
            rng.choice(words["list_comma"]).join(map(str, terms[:-1])) + rng.choice(words["list_and"]) + str(terms[-1])
        )
        question = rng.sentence("arithmetic_sum", listed=listed)
    return Calculation(question, expression, tuple(steps), False)


def _two_operations(rng: SampleRandom, brackets: bool) -> Calculation:
    """a+b*c, a*b-c, (a+b)*c, …: multiplication and division first, then from the left."""
    while True:
        first, second = rng.choice("+-" if brackets else "+-*/"), rng.choice("*/" if brackets else "+-*/")
        a, b, c = (rng.randint(2, rng.choice((9, 20, 99))) for _ in range(3))
        text = f"({a}{first}{b}){second}{c}" if brackets else f"{a}{first}{b}{second}{c}"
        if brackets or not (first in "+-" and second in "*/"):
            turned = brackets and second == "*" and rng.chance(0.5)  # c*(a+b)
            text = f"{c}*({a}{first}{b})" if turned else text
            steps = _two_steps((first, a, b), second, c, turned)
        else:
            steps = _two_steps((second, b, c), first, a, value_last=True)
        if steps and len(steps) <= 7 and steps[-1][1] <= 9999:
            question = rng.sentence("arithmetic_signs", e=typed_expression(rng, text, words=not brackets))
            return Calculation(question, text, tuple(steps), False)


def _two_steps(first: tuple[str, int, int], operator: str, other: int, value_last: bool) -> list[tuple[str, int]]:
    """The steps of an operation, and of one of its value with `other`; none where a value is negative or not whole."""
    value = value_of(*first)
    if value is None or value < 2:
        return []
    a, b = (other, value) if value_last else (value, other)
    return [] if value_of(operator, a, b) is None else [*steps_of(*first), *steps_of(operator, a, b)]


def value_of(operator: str, a: int, b: int) -> int | None:
    """The value of `a operator b`; None where it is negative or not whole."""
    if operator == "/":
        return a // b if b and a % b == 0 else None
    value = a + b if operator == "+" else a - b if operator == "-" else a * b
    return value if value >= 0 else None


def _is_easy(operator: str, a: int, b: int) -> bool:
    if operator in "+-":
        return max(a, b) <= LARGEST_TERM
    if operator == "/":
        return b <= 9 and a // b <= LARGEST_FACTOR
    small, large = sorted((_without_zeros(a), _without_zeros(b)))
    return small <= 9 and large <= LARGEST_FACTOR


def _without_zeros(n: int) -> int:
    return int(str(n).rstrip("0") or 0)


def steps_of(operator: str, a: int, b: int) -> list[tuple[str, int]]:
    """`a operator b` in steps that are each easy: one where it is easy itself."""
    if _is_easy(operator, a, b):
        value = {"+": a + b, "-": a - b, "*": a * b, "/": a // (b or 1)}[operator]
        return [(f"{a}{operator}{b}", value)]
    if operator == "*":
        return _long_multiplication(a, b)
    if operator == "/":
        return _long_division(a, b)
    steps, value = [], a
    for part in _places(b):
        expression = f"{value}{operator}{part}"
        value = value + part if operator == "+" else value - part
        steps.append((expression, value))
    return steps


def _places(n: int) -> list[int]:
    """345 -> [300, 40, 5]"""
    return [int(digit) * 10**power for power, digit in enumerate(str(n)[::-1]) if digit != "0"][::-1]


def _long_multiplication(a: int, b: int) -> list[tuple[str, int]]:
    """The longer factor by its places, the second of two that are as long."""
    split_first = len(str(_without_zeros(a))) > len(str(_without_zeros(b)))
    parts = _places(a if split_first else b)
    steps = [(f"{part}*{b}", part * b) if split_first else (f"{a}*{part}", a * part) for part in parts]
    return [*steps, *_added([value for _, value in steps])]


def _long_division(a: int, b: int) -> list[tuple[str, int]]:
    """By the places of the result: 391/17 is 17*20=340. 391-340=51. 17*3=51. 20+3=23, and 80/20 is 20*4=80. 80/20=4."""
    steps, rest, parts = [], a, _places(a // b)
    for part in parts:
        steps.append((f"{b}*{part}", b * part))
        if rest != b * part:
            steps.append((f"{rest}-{b * part}", rest - b * part))
        rest -= b * part
    return [*steps, *_added(parts)] if len(parts) > 1 else [*steps, (f"{a}/{b}", a // b)]


def _added(values: list[int]) -> list[tuple[str, int]]:
    steps, total = [], values[0]
    for value in values[1:]:
        steps.append((f"{total}+{value}", total + value))
        total += value
    return steps


def typed_expression(rng: SampleRandom, expression: str, words: bool = True) -> str:
    """An expression with the signs or words that somebody uses, all of one kind."""
    table = grammar(rng.language)
    kind = rng.choice(("typed", "typed", "typed", "signs", "signs", *["words"] * 3 * words))
    spelling = dict(zip("+-*/", rng.choice(table[f"operators_{kind}"]).split(";"), strict=True))
    spaced = rng.chance(0.5) or (rng.language == "en" and kind == "words")
    space = " " if spaced and not (rng.language == "zh" and kind == "words" and rng.chance(0.9)) else ""
    return "".join(f"{space}{spelling[sign]}{space}" if sign in spelling else sign for sign in expression)


# ---- the ways to ask, and what mini is to reply ----


def arithmetic_turns(rng: SampleRandom, calculation: Calculation, by_steps: bool = False) -> list[Turn]:
    """The number alone where that is easy and steps are not asked for."""
    question = calculation.question
    if by_steps:
        question = with_steps_asked(rng, question)
    if calculation.easy and not by_steps:
        return [user_turn(question), decisive_turn(str(calculation.answer))]
    return [user_turn(question), assistant_turn(worked(rng, calculation))]


def with_steps_asked(rng: SampleRandom, question: str) -> str:
    prompt = str(wordlists(rng.language)["prompts"]["step_by_step"]) if rng.chance(0.4) else rng.phrase("steps")
    return f"{question}{rng.choice((' ', chr(10), chr(10) * 2))}{prompt}"


def worked(rng: SampleRandom, calculation: Calculation) -> str:
    return f"{calculation.chain} {rng.phrase('answer', answer=calculation.answer)}"


def arithmetic_document(rng: SampleRandom) -> Document:
    """A calculation, now and then two in a row; sometimes beside tools that do not calculate."""
    turns: list[Turn] = []
    if not rng.short and rng.chance(0.12):
        turns.append(tool_choice.tools_turn(rng, _other_tools(rng)))
    for _ in range(1 if rng.short else rng.choice((1, 1, 1, 2))):
        turns += arithmetic_turns(rng, sample_calculation(rng), rng.chance(0.2))
    return Document("arithmetic", tuple(turns))


def arithmetic_by_calculator_document(rng: SampleRandom) -> Document:
    """With a calculator among the tools every calculation is a call, also one that is too hard for mini itself."""
    tools = (tool_choice.calculator_tool(rng), *(_other_tools(rng)[:2] if rng.chance(0.5) else ()))
    if rng.chance(0.4):
        question, expression, result = hard_calculation(rng)
    else:
        calculation = sample_calculation(rng)
        question, expression, result = calculation.question, calculation.expression, str(calculation.answer)
    if rng.chance(0.1):
        question = with_steps_asked(rng, question)
    call = json.dumps({"name": tool_choice.CALCULATOR, "arguments": {"expression": expression}})
    return Document(
        "arithmetic_by_calculator",
        (
            tool_choice.tools_turn(rng, tools),
            user_turn(question, 0.02),
            Turn("assistant", call, 1.0, call=True),
            Turn("tool", result, 0.0),
            assistant_turn(rng.phrase("tool_result", answer=result)),
        ),
    )


def _other_tools(rng: SampleRandom) -> tuple[tool_choice.ToolDescription, ...]:
    return tool_choice.sample_tool_choice(rng, fits=True).tools


def hard_calculation(rng: SampleRandom) -> tuple[str, str, str]:
    """Large numbers and decimals: a question, its expression, and what the built-in calculator makes of it."""
    while True:
        operator = rng.choice("+-*/")
        a, b = _hard_number(rng), _hard_number(rng)
        expression = f"{a}{operator}{b}"
        if (split_bucket("chain", expression) == 0) == rng.held_out:
            value = {"+": a + b, "-": a - b, "*": a * b, "/": a / b}[operator]
            result = str(value) if isinstance(value, int) else f"{value:.12g}"
            return rng.sentence("arithmetic_signs", e=typed_expression(rng, expression)), expression, result


def _hard_number(rng: SampleRandom) -> int | float:
    if rng.chance(0.25):
        return rng.randint(1, 999) / 10
    return rng.randint(2, int(10 ** rng.randint(1, 5)))
