"""The model writes a program and the sandbox computes the answer."""

from dataclasses import replace

from ..answers import RULES
from ..contract import Message, Model, Reply, Request
from ..errors import NoAnswer, Unsupported
from ..prompts import fill, prompt
from ..sandbox import ProgramResult, evaluate_expression, run_program
from ..technique import adds_output
from .prompting import Words, with_question


@adds_output(calls=lambda model, **_: model)
async def program_of_thought(model: Model, request: Request, *, question: Words = None) -> Reply:
    """The model writes code, a sandbox runs it, and what it gives is the answer (Chen et al. 2023; Gao et al. 2023).

    The default question asks for one Python expression; a reply with a whole program counts with what it prints. A
    program that fails gives no answer. Nothing runs outside the sandbox.
    """
    if request.schema is not None or request.sampling.logprobs is not None:
        raise Unsupported("program_of_thought: the answer comes from a program, so a JSON schema or log-probabilities "
                          "cannot hold for it; leave them out")  # fmt: skip
    words = prompt(request, "program_of_thought", "question", question)
    program_reply = await model.generate(with_question(request, words))
    code = RULES["code"](program_reply.text) or program_reply.text.strip()
    outcome = await (evaluate_expression(code) if _is_expression(code) else run_program(code))
    answer = fill(prompt(request, "program_of_thought", "answer"), {"answer": _result(outcome)})
    return replace(program_reply, message=Message("assistant", f"{code}\n{answer}"), logprobs=None)


def _is_expression(code: str) -> bool:
    try:
        compile(code, "<reply>", "eval")
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return False
    return True


def _result(outcome: ProgramResult) -> str:
    result = outcome.stdout.strip() if outcome.value is None else outcome.value
    if outcome.status != "ok" or not result:
        why = outcome.last_error_line or "it printed nothing"
        raise NoAnswer(f"the program that the model wrote gave no answer ({outcome.status}: {why[:200]})")
    return result
