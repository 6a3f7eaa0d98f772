"""Word problems of one to five steps, each with its true chain of calculations.

A problem can be asked for a direct answer, step by step, as one Python expression, with a calculator at hand, or with a
proposed answer to check. One in ten chains of calculations is held out, by hash.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from ..prompts import catalogue, fill
from .training_examples import Turn, assistant, call, user
from .vocabulary import SampleRandom, bucket, data


@dataclass(frozen=True)
class Problem:
    """`steps` are (expression, value): the value of each is the first operand of the next."""

    question: str
    steps: tuple[tuple[str, int], ...]

    @property
    def answer(self) -> int:
        return self.steps[-1][1]

    @property
    def chain(self) -> str:
        """The calculations of a reply that goes step by step."""
        return " ".join(f"{expression}={value}." for expression, value in self.steps)

    @property
    def expression(self) -> str:
        """The whole calculation as one Python expression."""
        nested = self.steps[0][0]
        for written, _ in self.steps[1:]:
            at = next(i for i, mark in enumerate(written) if mark in "+-*/" and i > 0)
            nested = f"({nested}){written[at:].replace('/', '//')}"
        return nested

    @property
    def held_out(self) -> bool:
        return bucket("chain", self.chain) == 0


def problem(draw: SampleRandom, steps: int) -> Problem:
    """A problem of `steps` calculations with whole positive numbers, from the draw's side of the split."""
    while (drawn := _problem(draw, steps)).held_out != draw.held_out:
        pass
    return drawn


def _problem(draw: SampleRandom, steps: int) -> Problem:
    rng = draw.rng
    n, m = (name.text(draw.language) for name in draw.names(2))
    words = {"n": n, "m": m, "item": draw.word("items"), "box": draw.word("boxes")}
    if draw.chance(0.5):
        a, b = rng.randint(2, 9), rng.randint(2, 20)
        sentences, chain = [draw.form("product", a=a, b=b, **words)], [(f"{a}*{b}", a * b)]
    else:
        a, b = rng.randint(5, 99), rng.randint(5, 99)
        sentences, chain = [draw.form("sum", a=a, b=b, **words)], [(f"{a}+{b}", a + b)]
    while len(chain) < steps:
        key, operand, step = _next_step(draw, chain[-1][1])
        sentences.append(draw.form(key, d=operand, **words))
        chain.append(step)
    sentences.append(draw.form("problem_question", **words))
    return Problem(data(draw.language)["words"]["separator"].join(sentences), tuple(chain))


def _next_step(draw: SampleRandom, value: int) -> tuple[str, int, tuple[str, int]]:
    rng = draw.rng
    divisors = [d for d in range(2, 10) if value % d == 0 and value // d > 1]
    keys = [
        "plus",
        *(["minus", "minus"] if value > 6 else []),
        *(["times"] if value <= 99 else []),
        *(["divided"] if divisors else []),
    ]
    key = rng.choice(keys)
    if key == "plus":
        d = rng.randint(2, 60)
        return key, d, (f"{value}+{d}", value + d)
    if key == "minus":
        d = rng.randint(2, min(value - 1, 90))
        return key, d, (f"{value}-{d}", value - d)
    if key == "times":
        d = rng.randint(2, 5)
        return key, d, (f"{value}*{d}", value * d)
    d = rng.choice(divisors)
    return key, d, (f"{value}/{d}", value // d)


def wrong_answer(draw: SampleRandom, right: int) -> int:
    change = (-10, -2, -1, 1, 2, 10, draw.rng.randint(-30, 30))
    while (wrong := max(0, right + draw.rng.choice(change))) == right:
        pass
    return wrong


# ---- the ways to ask, and what mini is to reply ----


def direct(draw: SampleRandom, asked: Problem) -> list[Turn]:
    return [user(_with(draw, asked.question, draw.ask("direct"))), assistant(str(asked.answer))]


def step_by_step(draw: SampleRandom, asked: Problem) -> list[Turn]:
    spell = catalogue(draw.language)["cot"]["spell"] if draw.chance(0.5) else draw.ask("steps")
    return [user(_with(draw, asked.question, spell)), assistant(solution(draw, asked, asked.answer))]


def expression(draw: SampleRandom, asked: Problem) -> list[Turn]:
    told = catalogue(draw.language)["program_of_thought"]["question"] if draw.chance(0.5) else draw.ask("expression")
    return [user(_with(draw, asked.question, told)), assistant(asked.expression)]


def calculator(draw: SampleRandom, asked: Problem) -> list[Turn]:
    """The calls around a calculator whose description is among the tools."""
    return [
        user(_with(draw, asked.question, "")),
        call(json.dumps({"name": "calculator", "arguments": {"expression": asked.expression}})),
        Turn("tool", str(asked.answer), 0.0),
        assistant(draw.ask("tool_result", answer=asked.answer)),
    ]


def check_question(draw: SampleRandom, asked: Problem, proposed: int) -> str:
    """The fresh question of `self_check`."""
    answer = str(proposed) if draw.chance(0.6) else solution(draw, asked, proposed)
    return fill(catalogue(draw.language)["self_check"]["fresh"], {"question": asked.question, "answer": answer}).strip()


def checked(draw: SampleRandom, asked: Problem) -> list[Turn]:
    proposed = asked.answer if draw.chance(0.5) else wrong_answer(draw, asked.answer)
    verdict = assistant(f"{asked.chain} {verdict_on(draw, asked.answer, proposed)}")
    if draw.chance(0.6):
        return [user(check_question(draw, asked, proposed)), verdict]
    if draw.chance(0.5):
        question = _with(draw, asked.question, draw.ask("direct"))
        first = Turn("assistant", str(proposed), 0.0)
    else:
        question = _with(draw, asked.question, catalogue(draw.language)["cot"]["spell"])
        first = Turn("assistant", solution(draw, asked, proposed), 0.0)
    same_turn = catalogue(draw.language)["self_check"]["same_turn"] if draw.chance(0.5) else draw.ask("check")
    return [user(question), first, user(same_turn), verdict]


def solution(draw: SampleRandom, asked: Problem, answer: int) -> str:
    """The chain of calculations and the answer; another `answer` than the true one is a slip in the last step."""
    last, _ = asked.steps[-1]
    chain = " ".join([*(f"{e}={v}." for e, v in asked.steps[:-1]), f"{last}={answer}."])
    return f"{chain} {draw.ask('answer', answer=answer)}"


def verdict_on(draw: SampleRandom, found: int, proposed: int) -> str:
    return draw.ask("same" if found == proposed else "other", found=found, proposed=proposed)


def _with(draw: SampleRandom, question: str, told: str) -> str:
    if not told:
        return question
    return f"{question}{draw.rng.choice(chr(10) + chr(10) + ' ')}{told}"
