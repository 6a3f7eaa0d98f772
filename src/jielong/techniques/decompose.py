"""A problem is taken apart: a plan within one reply, simpler questions one after the other, a long text by sections."""

import re
from dataclasses import replace
from textwrap import dedent
from typing import Literal

from ..contract import Message, Model, Reply, Request
from ..errors import Unsupported
from ..prompts import fill, prompt
from ..scope import note
from ..technique import FailedSample, adds_input, adds_output, final_call, gather
from .prompting import Words, require_at_least, with_instruction, with_question


@adds_input
def plan_and_solve(request: Request, *, kind: Literal["ps", "ps_plus"] = "ps_plus", spell: Words = None) -> Request:
    """Ask for a plan and then for its steps, within one reply (Wang et al. 2023: PS, and PS+ with more detail).

    Wang et al. take the answer out with a second call; here the answer rule finds it in the same reply.
    """
    return with_question(request, prompt(request, "plan_and_solve", kind, spell))


@adds_output(calls=lambda model, n, **_: (2 + n) * model)
async def least_to_most(
    model: Model, request: Request, *, n: int = 6, decompose: Words = None, solve: Words = None
) -> Reply:
    """Ask which simpler questions come first, answer up to `n` of them in turn, then the question (Zhou et al. 2023).

    Each is asked as a further turn of one conversation, so that it sees the answers before it. Zhou et al. show solved
    examples of both stages; here are words alone, which `few_shot` can add to. The caller's tools may be called while
    the list is made: what has to be looked up is looked up first.
    """
    listing = prompt(request, "least_to_most", "decompose", decompose)
    conversation, subquestions = await _ask_for_list(model, request, listing, n, "least_to_most")
    if not subquestions:
        return await final_call(model, request)
    for question in subquestions:
        conversation = (*conversation, Message("user", question))
        reply = await model.generate(replace(request.side_request(), messages=conversation))
        conversation = (*conversation, reply.message)
    words = prompt(request, "least_to_most", "solve", solve)
    return await final_call(model, replace(request.follow_up(), messages=(*conversation, Message("user", words))))


@adds_output(calls=lambda model, n, **_: (1 + n) * model)
async def outline(
    model: Model,
    request: Request,
    *,
    n: int = 8,
    order: Literal["parallel", "in_turn"] = "parallel",
    plan: Words = None,
    section: Words = None,
) -> Reply:
    """Plan a long text, write its up to `n` sections, join them (Ning et al. 2023, Skeleton-of-Thought).

    `parallel` writes all sections at once, each from the plan alone: the time of one; `in_turn` lets each see those
    before it. Ning et al. expand every point to one or two sentences; here a section is written in full, so max_tokens
    and stop texts hold for each section. Tools may be called while planning. The words of `plan` hold {n}, those of
    `section` {number}, {count} and {section}.
    """
    if request.schema is not None or request.sampling.logprobs is not None:
        raise Unsupported("outline: the reply is joined from several, so a JSON schema or log-probabilities cannot "
                          "hold for it; leave them out")  # fmt: skip
    planning = prompt(request, "outline", "plan", plan)
    conversation, sections = await _ask_for_list(model, request, planning, n, "outline")
    if not sections:
        return await final_call(model, request)
    words, count = prompt(request, "outline", "section", section).strip(), str(len(sections))
    numbered = ({"number": str(i), "count": count, "section": title} for i, title in enumerate(sections, 1))
    section_messages = [Message("user", fill(words, values)) for values in numbered]
    replies: list[Reply] = []
    if order == "in_turn":
        for message in section_messages:
            conversation = (*conversation, message)
            replies.append(await model.generate(replace(request.follow_up(), messages=conversation)))
            conversation = (*conversation, replies[-1].message)
    else:
        requests = [replace(request.follow_up(), messages=(*conversation, message)) for message in section_messages]
        for sample in await gather(model, requests, first=1):
            if isinstance(sample, FailedSample):
                raise sample.error
            if sample.finish == "tool_calls":
                return sample
            replies.append(sample)
    return Reply(Message("assistant", "\n\n".join(reply.text.strip() for reply in replies)))


async def _ask_for_list(
    model: Model, request: Request, words: str, n: int, technique: str
) -> tuple[tuple[Message, ...], list[str]]:
    """The conversation up to the list that the model made, and its first `n` lines."""
    require_at_least(1, technique, {"n": n})
    side_request = replace(request.side_request(), tools=request.tools, tool_choice=request.tool_choice)
    list_request = with_instruction(side_request, fill(words, {"n": str(n)}))
    list_reply = await model.generate(list_request)
    lines = entries(list_reply.text)
    if len(lines) > n:
        note(f"{technique}: the model listed {len(lines)} and n={n}; the others were left out")
    return (*list_request.messages, list_reply.message), lines[:n]


_NUMBER = re.compile(
    r"(?:(?:[-*•#]+(?=\s)|\(?\d{1,2}[.)、:：](?!\d)|\(\d{1,2}\)|第[一二三四五六七八九十\d]{1,3}[节步章]?[、.:：]?)\s*)+"
)


def entries(text: str) -> list[str]:
    """The entries of a list, without numbers and bullets; indented lines belong to the entry above them.

    A line that only announces the list, or begins or ends a fence, is none.
    """
    items: list[str] = []
    for line in dedent(text.expandtabs()).splitlines():
        bare = line.strip()
        item = _NUMBER.sub("", bare, count=1) if _NUMBER.match(bare) else bare
        if not bare or bare.startswith("```") or (item == bare and bare.endswith((":", "："))):
            continue
        item = item.replace("**", "").strip().rstrip(":：")
        if line[0] == " " and items:
            items[-1] += f"; {item}"
        elif item:
            items.append(item)
    return items
