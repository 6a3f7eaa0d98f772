"""Word problems of one to five steps, each with its true chain of calculations.

A problem can be asked for a direct answer, step by step, as one Python expression, with a calculator at hand, or with a
proposed answer to check. One in ten chains of calculations is held out, by hash.
"""

import json
from dataclasses import dataclass, replace

from .names import split_bucket
from .training_examples import Turn, assistant_turn, user_turn
from .vocabulary import SampleRandom, wordlists

OPERATORS = {"plus": "+", "minus": "-", "times": "*", "divided": "/"}


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
        for step, _ in self.steps[1:]:
            operator = next(i for i, character in enumerate(step) if character in "+-*/" and i > 0)
            nested = f"({nested}){step[operator:].replace('/', '//')}"
        return nested

    @property
    def held_out(self) -> bool:
        return split_bucket("chain", self.chain) == 0


def sample_problem(rng: SampleRandom, steps: int) -> Problem:
    """A problem of `steps` calculations with whole positive numbers, from this side of the split."""
    while (problem := _any_problem(rng, steps)).held_out != rng.held_out:
        pass
    return problem


def _any_problem(rng: SampleRandom, steps: int) -> Problem:
    n, m = (name.text(rng.language) for name in rng.names(2))
    words = {"n": n, "m": m, "item": rng.word("items"), "box": rng.word("boxes")}
    if rng.chance(0.5):
        a, b = rng.randint(2, 9), rng.randint(2, 20)
        sentences, chain = [rng.sentence("product", a=a, b=b, **words)], [(f"{a}*{b}", a * b)]
    else:
        a, b = rng.randint(5, 99), rng.randint(5, 99)
        sentences, chain = [rng.sentence("sum", a=a, b=b, **words)], [(f"{a}+{b}", a + b)]
    while len(chain) < steps:
        key, operand, step = _next_step(rng, chain[-1][1])
        sentences.append(rng.sentence(key, d=operand, **words))
        chain.append(step)
    sentences.append(rng.sentence("problem_question", **words))
    return Problem(wordlists(rng.language)["words"]["separator"].join(sentences), tuple(chain))


def _next_step(rng: SampleRandom, value: int) -> tuple[str, int, tuple[str, int]]:
    divisors = [d for d in range(2, 10) if value % d == 0 and value // d > 1]
    key = rng.choice(["plus", *["minus"] * 2 * (value > 6), *["times"] * (value <= 99), *["divided"] * bool(divisors)])
    largest = {"plus": 60, "minus": min(value - 1, 90), "times": 5}
    d = rng.choice(divisors) if key == "divided" else rng.randint(2, largest[key])
    result = {"plus": value + d, "minus": value - d, "times": value * d, "divided": value // d}[key]
    return key, d, (f"{value}{OPERATORS[key]}{d}", result)


def wrong_answer(rng: SampleRandom, right: int) -> int:
    change = (-10, -2, -1, 1, 2, 10, rng.randint(-30, 30))
    while (wrong := max(0, right + rng.choice(change))) == right:
        pass
    return wrong


# ---- the ways to ask, and what mini is to reply ----


def direct_turns(rng: SampleRandom, problem: Problem) -> list[Turn]:
    question = _with_instruction(rng, problem.question, rng.phrase("direct"))
    return [user_turn(question), assistant_turn(str(problem.answer))]


def step_by_step_turns(rng: SampleRandom, problem: Problem) -> list[Turn]:
    instruction = _prompt(rng, "step_by_step") if rng.chance(0.5) else rng.phrase("steps")
    question = _with_instruction(rng, problem.question, instruction)
    return [user_turn(question), assistant_turn(worked_solution(rng, problem, problem.answer))]


def expression_turns(rng: SampleRandom, problem: Problem) -> list[Turn]:
    instruction = _prompt(rng, "expression") if rng.chance(0.5) else rng.phrase("expression")
    return [user_turn(_with_instruction(rng, problem.question, instruction)), assistant_turn(problem.expression)]


def calculator_turns(rng: SampleRandom, problem: Problem) -> list[Turn]:
    """The calls around a calculator whose description is among the tools."""
    call = {"name": "calculator", "arguments": {"expression": problem.expression}}
    return [
        user_turn(problem.question),
        Turn("assistant", json.dumps(call), 1.0, call=True),
        Turn("tool", str(problem.answer), 0.0),
        assistant_turn(rng.phrase("tool_result", answer=problem.answer)),
    ]


def check_question(rng: SampleRandom, problem: Problem, proposed: int) -> str:
    """The fresh question of `self_check`."""
    answer = str(proposed) if rng.chance(0.6) else worked_solution(rng, problem, proposed)
    return _prompt(rng, "check_proposed").format(question=problem.question, answer=answer).strip()


def verification_turns(rng: SampleRandom, problem: Problem) -> list[Turn]:
    proposed = problem.answer if rng.chance(0.5) else wrong_answer(rng, problem.answer)
    verdict = assistant_turn(f"{problem.chain} {verdict_text(rng, problem.answer, proposed)}")
    if rng.chance(0.6):
        return [user_turn(check_question(rng, problem, proposed)), verdict]
    direct = rng.chance(0.5)
    instruction = rng.phrase("direct") if direct else _prompt(rng, "step_by_step")
    question = user_turn(_with_instruction(rng, problem.question, instruction))
    first_reply = Turn("assistant", str(proposed) if direct else worked_solution(rng, problem, proposed), 0.0)
    same_turn = _prompt(rng, "check") if rng.chance(0.5) else rng.phrase("check")
    return [question, first_reply, user_turn(same_turn), verdict]


def worked_solution(rng: SampleRandom, problem: Problem, answer: int) -> str:
    """The chain of calculations and the answer; another `answer` than the true one is a mistake in the last step."""
    chain = replace(problem, steps=(*problem.steps[:-1], (problem.steps[-1][0], answer))).chain
    return f"{chain} {rng.phrase('answer', answer=answer)}"


def verdict_text(rng: SampleRandom, actual: int, proposed: int) -> str:
    return rng.phrase("same" if actual == proposed else "other", found=actual, proposed=proposed)


def _prompt(rng: SampleRandom, name: str) -> str:
    return str(wordlists(rng.language)["prompts"][name])


def _with_instruction(rng: SampleRandom, question: str, instruction: str) -> str:
    if not instruction:
        return question
    return f"{question}{rng.choice(chr(10) + chr(10) + ' ')}{instruction}"
