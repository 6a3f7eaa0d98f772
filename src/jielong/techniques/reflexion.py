"""Learning from failed tries within one request: a signal from outside, a note in words, another try."""

from typing import Any

from ..contract import Message, Model, Reply, Request
from ..prompts import fill, prompt
from ..technique import adds_output, final_call
from .feedback import Feedback, fault, own_tests, stated_tests
from .prompting import Words, question, require_at_least, with_instruction


def _calls(model: int, rounds: int, signal: Any, **_: Any) -> int:
    once = model if signal == "own_tests" else 0
    looking = signal if isinstance(signal, int) else getattr(signal, "calls", 0)
    return (1 + 2 * rounds) * model + rounds * looking + once


@adds_output(calls=_calls)
async def reflexion(
    model: Model,
    request: Request,
    *,
    signal: Feedback,
    rounds: int = 2,
    passing: float = 0.5,
    reflect: Words = None,
    retry: Words = None,
) -> Reply:
    """Try, have a signal from outside judge, note in words what went wrong, try anew (Shinn et al. 2023).

    `signal` is a model (a verifier), `runs`, `examples` or `own_tests` (programs, in the sandbox), or an answer rule by
    name; in Python also a Scorer, of which `passing` is asked, or a function of request and reply. The first try that
    passes is the reply; after `rounds` further ones the last, which is not judged any more. Each try is a fresh one: it
    sees all notes and no earlier try. Shinn et al. keep one to three notes, and their tries are also actions in an
    environment; here a try is one reply. The words of `reflect` hold {signal}, those of `retry` {notes}.
    """
    require_at_least(0, "reflexion", {"rounds": rounds})
    notes: list[str] = []
    judged: dict[str, str | None] = {}  # equal replies are judged once
    tests = stated_tests(question(request)) if signal == "examples" else ()
    if signal == "own_tests" and rounds:
        tests = await own_tests(model, request)
    learnt, attempt = prompt(request, "reflexion", "retry", retry), request
    for trial in range(rounds):
        reply = await model.generate(attempt)
        if reply.text not in judged:
            judged[reply.text] = await fault(signal, request, reply, tests=tests, passing=passing, trial=trial)
        wrong = judged[reply.text]
        if wrong is None:
            return reply
        words = fill(prompt(request, "reflexion", "reflect", reflect), {"signal": wrong}).strip()
        thought = await model.generate(attempt.side_request(reply.message, Message("user", words)))
        notes.append(f"- {thought.text.strip()}")
        attempt = with_instruction(request, fill(learnt, {"notes": "\n".join(notes)}))
    return await final_call(model, attempt)
