"""Word problems of one to five steps, each with its true chain of calculations.

A problem can be asked for a direct answer, step by step, as one Python expression, with a calculator at hand, or with a
proposed answer to check. One in ten chains of calculations is held out, by hash.
"""

import json
import re
from dataclasses import dataclass, replace

from .draws import first_fitting
from .names import split_bucket
from .problem_plots import tell_story
from .problem_texts import problem_text
from .training_examples import Turn, assistant_turn, user_turn
from .vocabulary import SampleRandom, wordlists

_STEP = re.compile(r"(\d+)([-+*/])(\d+)")


@dataclass(frozen=True)
class Problem:
    """`steps` are (expression, value): the value of each is an operand of the next, most often the first."""

    question: str
    steps: tuple[tuple[str, int], ...]
    told: tuple[tuple[str, str], ...] = ()  # the rule and the words of each sentence, in order, the question last

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
        nested, value = self.steps[0][0].replace("/", "//"), self.steps[0][1]
        for step, result in self.steps[1:]:
            first, sign, second = _STEP.findall(step)[0]
            sign = sign.replace("/", "//")
            nested = f"({nested}){sign}{second}" if int(first) == value else f"{first}{sign}({nested})"
            value = result
        return nested

    @property
    def held_out(self) -> bool:
        return split_bucket("chain", self.chain) == 0


def sample_problem(rng: SampleRandom, steps: int) -> Problem:
    """A problem of `steps` calculations with whole positive numbers, from this side of the split."""
    return first_fitting(
        lambda: _any_problem(rng, steps),
        lambda problem: problem.held_out == rng.held_out,
        f"a problem of {steps} steps on this side of the split",
    )


def _any_problem(rng: SampleRandom, steps: int) -> Problem:
    story = tell_story(rng, steps)
    told = (*story.clauses, (story.question_rule, story.question))
    return Problem(problem_text(rng, story), tuple(story.chain), told)


def wrong_answer(rng: SampleRandom, right: int) -> int:
    change = (-10, -2, -1, 1, 2, 10, rng.randint(-30, 30))
    while (wrong := max(0, right + rng.choice(change))) == right:
        pass
    return wrong


# ---- the ways to ask, and what mini is to reply ----


def direct_turns(rng: SampleRandom, problem: Problem) -> list[Turn]:
    instruction = "" if rng.chance(0.4) else _instruction(rng, "direct")
    question = _with_instruction(rng, problem.question, instruction)
    return [user_turn(question), assistant_turn(str(problem.answer))]


def step_by_step_turns(rng: SampleRandom, problem: Problem) -> list[Turn]:
    instruction = _prompt(rng, "step_by_step") if rng.chance(0.4) else _instruction(rng, "steps")
    question = _with_instruction(rng, problem.question, instruction)
    return [user_turn(question), assistant_turn(worked_solution(rng, problem, problem.answer))]


def expression_turns(rng: SampleRandom, problem: Problem) -> list[Turn]:
    instruction = _prompt(rng, "expression") if rng.chance(0.4) else _instruction(rng, "expression")
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
    instruction = (_instruction(rng, "direct") if rng.chance(0.5) else "") if direct else _prompt(rng, "step_by_step")
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


def _instruction(rng: SampleRandom, kind: str) -> str:
    """A short wording from the first edition, or one of the grammar's many."""
    return rng.phrase(kind) if rng.chance(0.2) else rng.sentence(f"ask_{kind}")


def _with_instruction(rng: SampleRandom, question: str, instruction: str) -> str:
    """The question and how to answer it: after it, or now and then before."""
    if not instruction:
        return question
    between = rng.choice(("\n", "\n\n", wordlists(rng.language)["words"]["separator"] or "\n"))
    return between.join((question, instruction) if rng.chance(0.85) else (instruction, question))
