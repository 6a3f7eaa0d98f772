"""The model looks at its own answer: checks it, or criticises and rewrites it."""

from __future__ import annotations

from typing import Literal

from ..answers import RULES
from ..contract import Message, Model, Reply, Request
from ..errors import BadInput
from ..prompts import fill, prompt
from ..technique import adds_output, ballot, gather, several
from .prompting import last_from_user, with_message


@adds_output(calls=lambda model, rounds, **_: 2 * (1 + rounds) * model)
async def self_check(
    model: Model, request: Request, *, mode: Literal["same_turn", "fresh"] = "fresh", rounds: int = 1
) -> Reply:
    """Keep the first answer that the model itself finds correct; draw up to `rounds` further ones (Weng et al. 2023).

    `same_turn` asks below the answer, in the same conversation; `fresh` shows question and answer to a model that does
    not know who wrote it. When no answer passes, the first one is kept. Models often approve of their own mistakes
    (Huang et al. 2024): measure it.
    """
    if rounds < 0:
        raise BadInput(f"self_check: rounds={rounds}; expected 0 or more")
    first: Reply | None = None
    for i in range(1 + rounds):
        draft = await model.generate(request) if i == 0 else await _another(model, request, rounds, i)
        if draft is None:
            continue
        if draft.finish == "tool_calls":
            return draft
        first = first or draft
        verdict = (await gather(model, [_question(request, draft, mode)], first=i))[0]
        if ballot(verdict, RULES["yes_no"]) == "yes":
            return draft
    assert first is not None
    return first


async def _another(model: Model, request: Request, rounds: int, i: int) -> Reply | None:
    sample = (await gather(model, [several(request, 1 + rounds)], first=1 + rounds + i))[0]
    return sample if isinstance(sample, Reply) else None


def _question(request: Request, draft: Reply, mode: Literal["same_turn", "fresh"]) -> Request:
    at = last_from_user(request)
    if mode == "same_turn" or at is None:
        return request.aside(draft.message, Message("user", prompt(request, "self_check", "same_turn")))
    values = {"question": request.messages[at].text, "answer": draft.text}
    asked = fill(prompt(request, "self_check", "fresh"), values)
    return with_message(request.aside(), at, Message("user", asked))


@adds_output(calls=lambda model, rounds, **_: (1 + 2 * rounds) * model)
async def self_refine(
    model: Model, request: Request, *, rounds: int = 1, critique: str | None = None, rewrite: str | None = None
) -> Reply:
    """Draft, criticise, rewrite, until the critic says OK or `rounds` are over (Madaan et al. 2023).

    Drafts and critiques stay in the conversation, so a later round sees the earlier ones.
    """
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
