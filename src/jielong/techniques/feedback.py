"""What tells `reflexion` whether a reply is right: something outside the model that wrote it.

    a model (`signal=openai:gpt-5`)      a verifier: asked whether the answer is right; its words are the signal
    `runs`                               the reply's program runs in the sandbox without an exception
    `examples`                           the examples in the question (assert lines, >>> lines) hold for the program
    `own_tests`                          up to six assert lines that the model itself wrote beforehand hold for it; a
                                         wrong one fails a right program
    an answer rule (`signal=number`)     the reply holds an answer of that kind
    a Scorer, in Python                  a reward model: at least `passing` is needed
    a Check, in Python                   a function of request and reply that says what is wrong, or None

Where a question has no examples, or no test could be read, it is enough that the program runs.
"""

import ast
import re
from collections.abc import Callable, Sequence
from typing import Literal, Protocol, TypeAlias, cast

from ..answers import RULES
from ..contract import AnswerRule, Model, Reply, Request, Scorer
from ..prompts import fill, prompt
from ..sandbox import run_tests
from ..technique import FailedSample, ballot, gather
from .prompting import with_question
from .self_check import verdict_question

Program: TypeAlias = Literal["runs", "examples", "own_tests"]
MAX_TESTS = 6
_LIMITS = {"timeout": "TimeoutError", "memory": "MemoryError", "output": "OverflowError: output"}


class Check(Protocol):
    def __call__(self, request: Request, reply: Reply, /) -> str | None: ...


Feedback: TypeAlias = Model | Program | AnswerRule | Scorer | Check


async def own_tests(model: Model, request: Request) -> tuple[str, ...]:
    """The assert lines that the model writes for the question before it has answered it."""
    reply = await model.generate(with_question(request.side_request(), prompt(request, "reflexion", "tests")))
    return asserts(reply.text)[:MAX_TESTS]


async def fault(
    signal: Feedback, request: Request, reply: Reply, *, tests: Sequence[str], passing: float, trial: int
) -> str | None:
    """What the signal finds wrong with a reply; "" if it is wrong and no word was said, None if it passes."""
    if isinstance(signal, Model) and not isinstance(signal, Scorer):
        verdict = (await gather(signal, [verdict_question(request, reply, "fresh")], first=trial))[0]
        if ballot(verdict, RULES["yes_no"]) == "yes":
            return None
        return "" if isinstance(verdict, FailedSample) else verdict.text.strip()
    if isinstance(signal, str):
        return await _program_fault(reply, tests)
    if (rule := next((rule for rule in RULES.values() if rule is signal), None)) is not None:
        return None if rule(reply.text) is not None else prompt(request, "reflexion", "no_answer")
    if hasattr(signal, "score"):
        grade = (await cast(Scorer, signal).score(request, [reply])).values[0]
        if grade is None:
            return ""
        words = fill(prompt(request, "reflexion", "grade"), {"grade": f"{grade:g}", "passing": f"{passing:g}"})
        return None if grade >= passing else words
    return cast(Check, signal)(request, reply)


async def _program_fault(reply: Reply, tests: Sequence[str]) -> str | None:
    code = RULES["code"](reply.text) or reply.text.strip()
    outcome = await run_tests(code, "\n".join(tests))
    if outcome.status == "ok":
        return None
    return _LIMITS.get(outcome.status, (outcome.last_error_line or "Exception")[:300])


def stated_tests(question: str) -> tuple[str, ...]:
    """The tests that a question shows: its assert lines, and `>>> call` with the value on the next line."""
    examples = re.findall(r"^[ \t]*>>>[ \t]*(.+)\n(?![ \t]*>>>)[ \t]*(\S.*)$", question, re.MULTILINE)
    literal = ((call.strip(), v.strip()) for call, v in examples if _is_python(v.strip(), ast.literal_eval))
    doctests = [f"assert ({call}) == ({value})" for call, value in literal]
    return (*asserts(question), *(test for test in doctests if _is_python(test)))


def asserts(text: str) -> tuple[str, ...]:
    lines = (line.strip() for line in text.splitlines())
    return tuple(dict.fromkeys(line for line in lines if line.startswith("assert ") and _is_python(line)))


def _is_python(text: str, parse: Callable[[str], object] = ast.parse) -> bool:
    try:
        parse(text)
    except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError):
        return False
    return True
