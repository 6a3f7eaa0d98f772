"""An answer is looked at again: checked by its model, or criticised, by it or by another, and rewritten."""

from typing import Literal, TypeAlias

from ..answers import RULES
from ..contract import Message, Model, Reply, Request, Text
from ..prompts import fill, prompt
from ..technique import FailedSample, adds_output, ballot, final_call, gather, with_sampling_temperature
from .prompting import Words, last_user_message, question, require_at_least, with_message

Mode: TypeAlias = Literal["same_turn", "fresh"]


@adds_output(calls=lambda model, rounds, **_: 2 * (1 + rounds) * model)
async def self_check(
    model: Model, request: Request, *, mode: Mode = "fresh", rounds: int = 1, question: Words = None
) -> Reply:
    """Keep the first answer that the model itself finds correct; draw up to `rounds` further ones (Weng et al. 2023).

    `same_turn` asks below the answer, in the same conversation; `fresh` shows question and answer to a model that does
    not know who wrote it, by the words of `question` ({question} and {answer} stand for them). When no answer passes,
    the first one is kept. Models often approve of their own mistakes (Huang et al. 2024): measure it.
    """
    require_at_least(0, "self_check", {"rounds": rounds})
    request = with_sampling_temperature(request, 1 + rounds)
    first = await model.generate(request)
    if await _passes(model, request, first, mode, question, 0):
        return first
    for i in range(1, 1 + rounds):
        another = (await gather(model, [request], first=1 + rounds + i))[0]
        if isinstance(another, FailedSample):
            continue
        if another.finish == "tool_calls" or await _passes(model, request, another, mode, question, i):
            return another
    return first


async def _passes(model: Model, request: Request, draft: Reply, mode: Mode, question: Words, i: int) -> bool:
    verdict = (await gather(model, [verdict_question(request, draft, mode, question)], first=i))[0]
    return ballot(verdict, RULES["yes_no"]) == "yes"


def verdict_question(request: Request, draft: Reply, mode: Mode, question: Words = None) -> Request:
    """The request that asks whether a draft is right; on a turn that began before, it is always asked below it."""
    index = last_user_message(request) if mode == "fresh" else None
    words = prompt(request, "self_check", "same_turn" if index is None else "fresh", question)
    if index is None:
        return request.side_request(draft.message, Message("user", words))
    return with_message(request.side_request(), index, _with_question_and_answer(request.messages[index], draft, words))


def _with_question_and_answer(message: Message, draft: Reply, words: str) -> Message:
    """The words with question and answer in them, below the question's pictures."""
    text = fill(words, {"question": message.text, "answer": draft.text})
    pictures = () if isinstance(message.content, str) else tuple(p for p in message.content if not isinstance(p, Text))
    return Message("user", (*pictures, Text(text)) if pictures else text)


@adds_output(calls=lambda model, rounds, **_: (1 + 2 * rounds) * model)
async def self_refine(
    model: Model, request: Request, *, rounds: int = 1, critique: Words = None, rewrite: Words = None
) -> Reply:
    """Draft, criticise, rewrite, until the critic says OK or `rounds` are over (Madaan et al. 2023).

    Drafts and critiques stay in the conversation, so a later round sees the earlier ones.
    """
    require_at_least(0, "self_refine", {"rounds": rounds})
    reply = await model.generate(request)
    conversation = request
    for _ in range(rounds):
        question = Message("user", prompt(request, "self_refine", "critique", critique))
        criticism = await model.generate(conversation.side_request(reply.message, question))
        if _nothing_is_wrong(criticism):
            break
        rewrite_words = prompt(request, "self_refine", "rewrite", rewrite)
        conversation = conversation.follow_up(reply.message, Message("user", f"{criticism.text}\n\n{rewrite_words}"))
        reply = await model.generate(conversation)
    return reply


@adds_output(calls=lambda writer, model, rounds, **_: (1 + rounds) * writer + rounds * model)
async def critique_by(
    writer: Model, request: Request, *, model: Model, rounds: int = 1, critique: Words = None, rewrite: Words = None
) -> Reply:
    """Draft, have `model` criticise, rewrite, until it says OK or `rounds` are over (Paul et al. 2024, REFINER).

    The critic sees question and answer as someone else's, and no earlier critique; the writer sees drafts and critiques
    in one conversation. REFINER trains the critic, on structured faults; here it is any model, in its own words.
    """
    require_at_least(1, "critique_by", {"rounds": rounds})
    draft = await writer.generate(request)
    conversation = request
    drafts: list[str] = []
    for remaining in reversed(range(rounds)):
        drafts.append(draft.text)
        words = prompt(request, "critique_by", "critique", critique)
        criticism = await model.generate(_critique_request(request, draft, words))
        if _nothing_is_wrong(criticism):
            break
        rewrite_words = prompt(request, "critique_by", "rewrite", rewrite)
        conversation = conversation.follow_up(draft.message, Message("user", f"{criticism.text}\n\n{rewrite_words}"))
        if not remaining:
            return await final_call(writer, conversation)
        draft = await writer.generate(conversation)
        if draft.text in drafts:
            break  # the critic would say what it has said
    return draft


def _critique_request(request: Request, draft: Reply, words: str) -> Request:
    index = last_user_message(request)
    if index is None:
        text = fill(words, {"question": question(request), "answer": draft.text})
        return request.side_request(Message("user", text.strip()))
    return with_message(request.side_request(), index, _with_question_and_answer(request.messages[index], draft, words))


def _nothing_is_wrong(critique: Reply) -> bool:
    return critique.text.strip().rstrip(".!。！").upper() == "OK"
