"""The model looks at its own answer: checks it, or criticises and rewrites it."""

from __future__ import annotations

from typing import Literal

from ..answers import RULES
from ..contract import Message, Model, Reply, Request, Text
from ..errors import BadInput
from ..prompts import fill, prompt
from ..technique import Failed, adds_output, ballot, gather, several
from .prompting import last_from_user, with_message


@adds_output(calls=lambda model, rounds, **_: 2 * (1 + rounds) * model)
async def self_check(
    model: Model,
    request: Request,
    *,
    mode: Literal["same_turn", "fresh"] = "fresh",
    rounds: int = 1,
    question: str | None = None,
) -> Reply:
    """Keep the first answer that the model itself finds correct; draw up to `rounds` further ones (Weng et al. 2023).

    `same_turn` asks below the answer, in the same conversation; `fresh` shows question and answer to a model that does
    not know who wrote it, by the words of `question` ({question} and {answer} stand for them). When no answer passes,
    the first one is kept. Models often approve of their own mistakes (Huang et al. 2024): measure it.
    """
    if rounds < 0:
        raise BadInput(f"self_check: rounds={rounds}; expected 0 or more")
    request = several(request, 1 + rounds)
    first = await model.generate(request)
    if await _passes(model, request, first, mode, question, 0):
        return first
    for i in range(1, 1 + rounds):
        another = (await gather(model, [request], first=1 + rounds + i))[0]
        if isinstance(another, Failed):
            continue
        if another.finish == "tool_calls" or await _passes(model, request, another, mode, question, i):
            return another
    return first


async def _passes(
    model: Model, request: Request, draft: Reply, mode: Literal["same_turn", "fresh"], question: str | None, i: int
) -> bool:
    at = last_from_user(request) if mode == "fresh" else None
    words = prompt(request, "self_check", "same_turn" if at is None else "fresh") if question is None else question
    if at is None:
        asked = request.aside(draft.message, Message("user", words))
    else:
        asked = with_message(request.aside(), at, _shown(request.messages[at], draft, words))
    verdict = (await gather(model, [asked], first=i))[0]
    return ballot(verdict, RULES["yes_no"]) == "yes"


def _shown(asked: Message, draft: Reply, words: str) -> Message:
    """The words with question and answer in them, below the question's pictures."""
    said = fill(words, {"question": asked.text, "answer": draft.text})
    seen = () if isinstance(asked.content, str) else tuple(p for p in asked.content if not isinstance(p, Text))
    return Message("user", (*seen, Text(said)) if seen else said)


@adds_output(calls=lambda model, rounds, **_: (1 + 2 * rounds) * model)
async def self_refine(
    model: Model, request: Request, *, rounds: int = 1, critique: str | None = None, rewrite: str | None = None
) -> Reply:
    """Draft, criticise, rewrite, until the critic says OK or `rounds` are over (Madaan et al. 2023).

    Drafts and critiques stay in the conversation, so a later round sees the earlier ones.
    """
    if rounds < 0:
        raise BadInput(f"self_refine: rounds={rounds}; expected 0 or more")
    reply = await model.generate(request)
    talk = request
    for _ in range(rounds):
        words = prompt(request, "self_refine", "critique") if critique is None else critique
        found = await model.generate(talk.aside(reply.message, Message("user", words)))
        if found.text.strip().rstrip(".!。！").upper() == "OK":
            break
        again = prompt(request, "self_refine", "rewrite") if rewrite is None else rewrite
        talk = talk.then(reply.message, Message("user", f"{found.text}\n\n{again}"))
        reply = await model.generate(talk)
    return reply
