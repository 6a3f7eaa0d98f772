"""The game of 24 as a search: a position is the numbers that are left, and the rules check each step.

The question is one that names four (or three) whole numbers and 24. Every step must be true arithmetic on two numbers
that are there, with a whole result; what is left after it is computed, not believed.
"""

import re
from collections.abc import Sequence

from ...contract import Message, Reply, Request, Scores
from ...prompts import fill, prompt
from ...tasks.expression_check import makes_target
from ..prompting import Words, last_user_message, with_message
from .games import Thought

TARGET = 24
Numbers = tuple[int, ...]

_STEP = re.compile(r"(?<![\d.])(-?\d{1,6})\s*([-+*/×÷xX−])\s*(-?\d{1,6})\s*=\s*(-?\d{1,7})(?![\d.])")
_SIGNS = {"×": "*", "x": "*", "X": "*", "÷": "/", "−": "-"}
_HOPELESS = re.compile(r"impossible|unlikely|\bcannot\b|\bno\b|不能|不可能|无法", re.I)
_LIKELY = re.compile(r"likely|maybe|perhaps|可能|也许", re.I)
_SURE = re.compile(r"sure|certain|\byes\b|能|可以", re.I)


class Game24:
    """Yao et al. 2023, with whole numbers only: they lose the few puzzles that need a fraction."""

    goes_on = False

    def begin(self, request: Request) -> Thought | None:
        index = last_user_message(request)
        numbers = [] if index is None else [int(n) for n in re.findall(r"\d{1,3}", request.messages[index].text)]
        if TARGET not in numbers:
            return None
        numbers.remove(TARGET)
        whole = len(numbers) in (3, 4) and all(1 <= n <= 99 for n in numbers)
        return Thought((), tuple(sorted(numbers))) if whole else None

    def propose(self, request: Request, thought: Thought, n: int, words: Words) -> Request:
        return _about(request, thought, prompt(request, "game24", "propose", words), n)

    def follow(self, thought: Thought, line: str) -> Thought | None:
        match = _STEP.search(line)
        if not match:
            return None
        a, b, result = int(match[1]), int(match[3]), int(match[4])
        op = _SIGNS.get(match[2], match[2])
        left = list(numbers_of(thought))
        if a not in left:
            return None
        left.remove(a)
        if b not in left or _result(a, op, b) != result:
            return None
        left.remove(b)
        return Thought((*thought.steps, f"{a}{op}{b}={result}"), tuple(sorted((*left, result))))

    def judge(self, request: Request, thought: Thought, words: Words) -> Request:
        return _about(request, thought, prompt(request, "game24", "value", words), 0)

    def verdict(self, text: str) -> float | None:
        words = ((_HOPELESS, 0.0), (_LIKELY, 0.5), (_SURE, 1.0))
        return next((value for word, value in words if word.search(text)), None)

    def ended(self, thought: Thought) -> bool:
        return len(numbers_of(thought)) == 1

    def solution(self, request: Request, thought: Thought) -> str | None:
        if numbers_of(thought) != (TARGET,):
            return None
        answer = fill(prompt(request, "game24", "answer"), {"expression": expression(thought.steps)})
        return "\n".join([*thought.steps, answer])


class Game24Scorer:
    """Grades whole answers by the rules: 1 if one makes 24 of the question's numbers, else 0; None if the question is
    none of this game."""

    calls = 0

    async def score(self, request: Request, replies: Sequence[Reply]) -> Scores:
        start = Game24().begin(request)
        if start is None:
            return Scores((None,) * len(replies))
        return Scores(tuple(makes_target(reply.text, numbers_of(start), TARGET).value for reply in replies))


def numbers_of(thought: Thought) -> Numbers:
    assert isinstance(thought.position, tuple)
    return thought.position


def _about(request: Request, thought: Thought, words: str, n: int) -> Request:
    """The words about a position, in the place of the caller's question."""
    numbers = prompt(request, "game24", "join").join(map(str, numbers_of(thought)))
    question = Message("user", fill(words, {"numbers": numbers, "n": str(n)}))
    return with_message(request, len(request.messages) - 1, question).side_request()


def _result(a: int, op: str, b: int) -> int | None:
    if op == "/":
        return a // b if b and a % b == 0 else None
    return {"+": a + b, "-": a - b, "*": a * b}[op]


def expression(steps: tuple[str, ...]) -> str:
    """The steps as one expression, e.g. ("4*5=20", "20+4=24") as (4*5)+4."""
    partial: list[tuple[int, str]] = []
    combined = ""
    for step in steps:
        match = _STEP.match(step)
        assert match
        parts = []
        for digits in (match[1], match[3]):
            part = next((pair for pair in reversed(partial) if pair[0] == int(digits)), None)
            if part:
                partial.remove(part)
            parts.append(f"({part[1]})" if part else digits)
        combined = f"{parts[0]}{match[2]}{parts[1]}"
        partial.append((int(match[4]), combined))
    return combined
